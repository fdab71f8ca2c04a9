/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetDriverModel(nvmlDevice_t device, unsigned int *current, unsigned int *pending)
{
    struct mock_node *node_ = mock_attached();
    struct mock_block *gpu_;
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if ((gpu_ = mock_gpu(node_, device)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)device, (uint64_t)current, (uint64_t)pending, MOCK_CALL_nvmlDeviceGetDriverModel, refused_);
    if (mock_armed(gpu_)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)device, (uint64_t)current, (uint64_t)pending, MOCK_CALL_nvmlDeviceGetDriverModel, (mock_function *)nvmlDeviceGetDriverModel);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
    nvmlReturn_t gpu_state = mock_gpu_state(gpu_);
    if (gpu_state != NVML_SUCCESS)
        return gpu_state;
    return NVML_ERROR_NOT_SUPPORTED;
}
