/* src/mocknvml/nvml/subject.py:1 */
nvmlReturn_t native_nvmlDeviceOnSameBoard(nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard);
MOCK_EXPORT nvmlReturn_t nvmlDeviceOnSameBoard(nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard)
{
    struct mock_node *node_ = mock_attached();
    struct mock_block *gpu_, *gpu1_;
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if ((gpu_ = mock_gpu(node_, device1)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if ((gpu1_ = mock_gpu(node_, device2)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if (onSameBoard == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)device1, (uint64_t)device2, (uint64_t)onSameBoard, MOCK_CALL_nvmlDeviceOnSameBoard, refused_);
    if (mock_armed(gpu_) || mock_armed(gpu1_)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)device1, (uint64_t)device2, (uint64_t)onSameBoard, MOCK_CALL_nvmlDeviceOnSameBoard, (mock_function *)nvmlDeviceOnSameBoard);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
    nvmlReturn_t gpu_state = mock_gpu_state(gpu_);
    if (gpu_state != NVML_SUCCESS)
        return gpu_state;
    nvmlReturn_t gpu1_state = mock_gpu_state(gpu1_);
    if (gpu1_state != NVML_SUCCESS)
        return gpu1_state;
    return native_nvmlDeviceOnSameBoard(device1, device2, onSameBoard);
}
