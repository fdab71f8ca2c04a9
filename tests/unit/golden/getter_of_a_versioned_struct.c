/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    struct mock_node *node_ = mock_attached();
    struct mock_block *gpu_;
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if ((gpu_ = mock_gpu(node_, device)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if (memory == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if (memory->version != nvmlMemory_v1 && memory->version != nvmlMemory_v2)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)device, (uint64_t)memory, 0, MOCK_CALL_nvmlDeviceGetMemoryInfo_v2, refused_);
    if (mock_armed(gpu_)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)device, (uint64_t)memory, 0, MOCK_CALL_nvmlDeviceGetMemoryInfo_v2, (mock_function *)nvmlDeviceGetMemoryInfo_v2);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
    const mock_word *state_;
    nvmlReturn_t status_ = NVML_SUCCESS;
    uint64_t v0_;
    uint64_t v1_;
    uint64_t v2_;
    MOCK_LATCH(state_, gpu_, MOCK_GPU_WORDS) {
        status_ = mock_device_state(state_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 32, &v0_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 34, &v1_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_records_total(state_, 19, 4, 3, 2, &v2_);
    }
    if (status_ != NVML_SUCCESS)
        return status_;
    memory->total = (unsigned long long)v0_;
    memory->free = (unsigned long long)minus(minus(v0_, v1_), v2_);
    if (memory->version == nvmlMemory_v2)
        ((nvmlMemory_v2_t *)memory)->used = (unsigned long long)v2_;
    return NVML_SUCCESS;
}
