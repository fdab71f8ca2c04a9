/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceGetDriverModel(nvmlDevice_t device, unsigned int *current, unsigned int *pending)
{
    struct mock_node *node_ = mock_attached();
    if (node_ == NULL)
        return NVML_ERROR_UNINITIALIZED;
    struct mock_block *gpu_ = mock_gpu(node_, device);
    if (gpu_ == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t gpu_state = mock_gpu_state(gpu_);
    if (gpu_state != NVML_SUCCESS)
        return gpu_state;
    return NVML_ERROR_NOT_SUPPORTED;
}
