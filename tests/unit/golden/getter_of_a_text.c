/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned int length)
{
    struct mock_node *node_ = mock_attached();
    if (node_ == NULL)
        return NVML_ERROR_UNINITIALIZED;
    struct mock_block *gpu_ = mock_gpu(node_, device);
    if (gpu_ == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (serial == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    const mock_word *state_;
    nvmlReturn_t status_ = NVML_SUCCESS;
    struct mock_text v0_;
    MOCK_LATCH(state_, gpu_, MOCK_GPU_WORDS) {
        status_ = mock_device_state(state_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_text(state_, 2, 32, &v0_);
    }
    if (status_ != NVML_SUCCESS)
        return status_;
    return mock_put_text(&v0_, serial, length);
}
