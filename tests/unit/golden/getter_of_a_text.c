/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned int length)
{
    struct mock_node *node_ = mock_attached();
    struct mock_block *gpu_;
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if ((gpu_ = mock_gpu(node_, device)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if (serial == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)device, (uint64_t)serial, (uint64_t)length, MOCK_CALL_nvmlDeviceGetSerial, refused_);
    if (mock_armed(gpu_)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)device, (uint64_t)serial, (uint64_t)length, MOCK_CALL_nvmlDeviceGetSerial, (mock_function *)nvmlDeviceGetSerial);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
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
