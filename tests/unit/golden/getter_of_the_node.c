/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *cudaDriverVersion)
{
    struct mock_node *node_ = mock_attached();
    if (node_ == NULL)
        return NVML_ERROR_UNINITIALIZED;
    if (cudaDriverVersion == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    const mock_word *state_;
    nvmlReturn_t status_ = NVML_SUCCESS;
    uint64_t v0_;
    MOCK_LATCH(state_, node_->block, MOCK_NODE_WORDS) {
        status_ = mock_number(state_, MOCK_NODE_SIGNALS, 0, &v0_);
    }
    if (status_ != NVML_SUCCESS)
        return status_;
    *cudaDriverVersion = (int)v0_;
    return NVML_SUCCESS;
}
