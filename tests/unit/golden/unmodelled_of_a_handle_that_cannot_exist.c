/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlGpuInstanceDestroy(nvmlGpuInstance_t gpuInstance)
{
    struct mock_node *node_ = mock_attached();
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if (true /* no nvmlGpuInstance_t exists, so none is valid */)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    return mock_refuse_3((uint64_t)gpuInstance, 0, 0, MOCK_CALL_nvmlGpuInstanceDestroy, refused_);
}
