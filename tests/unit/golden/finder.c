/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *device)
{
    struct mock_node *node_ = mock_attached();
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if (serial == NULL || device == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)serial, (uint64_t)device, 0, MOCK_CALL_nvmlDeviceGetHandleBySerial, refused_);
    if (mock_armed(node_->block)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)serial, (uint64_t)device, 0, MOCK_CALL_nvmlDeviceGetHandleBySerial, (mock_function *)nvmlDeviceGetHandleBySerial);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
    return mock_find_text(node_, 2, 32, serial, device);
}
