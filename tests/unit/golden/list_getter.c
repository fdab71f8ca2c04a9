/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_t *infos)
{
    struct mock_node *node_ = mock_attached();
    struct mock_block *gpu_;
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if ((gpu_ = mock_gpu(node_, device)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if (infoCount == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)device, (uint64_t)infoCount, (uint64_t)infos, MOCK_CALL_nvmlDeviceGetComputeRunningProcesses_v3, refused_);
    if (mock_armed(gpu_)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)device, (uint64_t)infoCount, (uint64_t)infos, MOCK_CALL_nvmlDeviceGetComputeRunningProcesses_v3, (mock_function *)nvmlDeviceGetComputeRunningProcesses_v3);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
    const mock_word *state_;
    nvmlReturn_t status_ = NVML_SUCCESS;
    uint32_t found_ = 0, room_ = infos != NULL ? *infoCount : 0;
    MOCK_LATCH(state_, gpu_, MOCK_GPU_WORDS) {
        uint64_t head_ = mock_word_at(state_, 19);
        status_ = mock_device_state(state_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_head_status(head_);
        uint32_t listed_ = status_ == NVML_SUCCESS ? mock_head_length(head_, 4) : 0;
        found_ = 0;
        for (uint32_t i_ = 0; i_ < listed_; i_++) {
            const mock_word *record_ = &state_[20 + i_ * 3];
            if ((mock_word_at(record_, 1) & 1) == 0)
                continue;
            if (found_ < room_) {
                infos[found_] = (nvmlProcessInfo_t){0};
                infos[found_].pid = (__typeof__(((nvmlProcessInfo_t *)0)->pid))mock_word_at(record_, 0);
                infos[found_].usedGpuMemory = (__typeof__(((nvmlProcessInfo_t *)0)->usedGpuMemory))mock_word_at(record_, 2);
            }
            found_++;
        }
    }
    if (status_ != NVML_SUCCESS)
        return status_;
    *infoCount = found_;
    return found_ > room_ ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}
