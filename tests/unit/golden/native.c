/* src/mocknvml/nvml/subject.py:1 */
nvmlReturn_t native_nvmlDeviceOnSameBoard(nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard);
MOCK_EXPORT nvmlReturn_t nvmlDeviceOnSameBoard(nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard)
{
    struct mock_node *node_ = mock_attached();
    if (node_ == NULL)
        return NVML_ERROR_UNINITIALIZED;
    struct mock_block *gpu_ = mock_gpu(node_, device1);
    if (gpu_ == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    struct mock_block *gpu1_ = mock_gpu(node_, device2);
    if (gpu1_ == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (onSameBoard == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t gpu_state = mock_gpu_state(gpu_);
    if (gpu_state != NVML_SUCCESS)
        return gpu_state;
    nvmlReturn_t gpu1_state = mock_gpu_state(gpu1_);
    if (gpu1_state != NVML_SUCCESS)
        return gpu1_state;
    return native_nvmlDeviceOnSameBoard(device1, device2, onSameBoard);
}
