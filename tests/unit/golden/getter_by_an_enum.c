/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock)
{
    struct mock_node *node_ = mock_attached();
    struct mock_block *gpu_;
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if ((gpu_ = mock_gpu(node_, device)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if (clock == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)device, (uint64_t)type, (uint64_t)clock, MOCK_CALL_nvmlDeviceGetClockInfo, refused_);
    if (mock_armed(gpu_)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)device, (uint64_t)type, (uint64_t)clock, MOCK_CALL_nvmlDeviceGetClockInfo, (mock_function *)nvmlDeviceGetClockInfo);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
    if ((uint32_t)type >= 2)
        return NVML_ERROR_INVALID_ARGUMENT;
    const mock_word *state_;
    nvmlReturn_t status_ = NVML_SUCCESS;
    uint64_t v0_;
    MOCK_LATCH(state_, gpu_, MOCK_GPU_WORDS) {
        status_ = mock_device_state(state_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 15 + (uint32_t)type * 2, &v0_);
    }
    if (status_ != NVML_SUCCESS)
        return status_;
    *clock = (unsigned int)v0_;
    return NVML_SUCCESS;
}
