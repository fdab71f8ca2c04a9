/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *cudaDriverVersion)
{
    struct mock_node *node_ = mock_attached();
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if (cudaDriverVersion == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)cudaDriverVersion, 0, 0, MOCK_CALL_nvmlSystemGetCudaDriverVersion, refused_);
    if (mock_armed(node_->block)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)cudaDriverVersion, 0, 0, MOCK_CALL_nvmlSystemGetCudaDriverVersion, (mock_function *)nvmlSystemGetCudaDriverVersion);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
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
