/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *power)
{
    struct mock_node *node_ = mock_attached();
    if (node_ == NULL)
        return NVML_ERROR_UNINITIALIZED;
    struct mock_block *gpu_ = mock_gpu(node_, device);
    if (gpu_ == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (power == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    const mock_word *state_;
    nvmlReturn_t status_ = NVML_SUCCESS;
    uint64_t v0_;
    MOCK_LATCH(state_, gpu_, MOCK_GPU_WORDS) {
        status_ = mock_device_state(state_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 7, &v0_);
    }
    if (status_ != NVML_SUCCESS)
        return status_;
    *power = (unsigned int)v0_;
    return NVML_SUCCESS;
}
