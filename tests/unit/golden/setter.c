/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceSetPowerManagementLimit(nvmlDevice_t device, unsigned int limit)
{
    struct mock_node *node_ = mock_attached();
    struct mock_block *gpu_;
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if ((gpu_ = mock_gpu(node_, device)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)device, (uint64_t)limit, 0, MOCK_CALL_nvmlDeviceSetPowerManagementLimit, refused_);
    if (mock_armed(gpu_)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)device, (uint64_t)limit, 0, MOCK_CALL_nvmlDeviceSetPowerManagementLimit, (mock_function *)nvmlDeviceSetPowerManagementLimit);
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
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 9, &v0_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 11, &v1_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 13, &v2_);
    }
    if (status_ != NVML_SUCCESS)
        return status_;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if ((uint32_t)limit < (uint32_t)v1_ || (uint32_t)limit > (uint32_t)v2_)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_set_number(node_, gpu_, 9, (uint64_t)(uint32_t)limit);
}
