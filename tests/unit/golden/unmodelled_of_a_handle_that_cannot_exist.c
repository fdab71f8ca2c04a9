/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlGpuInstanceDestroy(nvmlGpuInstance_t gpuInstance)
{
    struct mock_node *node_ = mock_attached();
    if (node_ == NULL)
        return NVML_ERROR_UNINITIALIZED;
    (void)gpuInstance; /* no nvmlGpuInstance_t exists, so none is valid */
    return NVML_ERROR_INVALID_ARGUMENT;
}
