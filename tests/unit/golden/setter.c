/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceSetPowerManagementLimit(nvmlDevice_t device, unsigned int limit)
{
    struct mock_node *node_ = mock_attached();
    if (node_ == NULL)
        return NVML_ERROR_UNINITIALIZED;
    struct mock_block *gpu_ = mock_gpu(node_, device);
    if (gpu_ == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
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
