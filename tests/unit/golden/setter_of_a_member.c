/* src/mocknvml/nvml/subject.py:1 */
MOCK_EXPORT nvmlReturn_t nvmlDeviceSetClockOffsets(nvmlDevice_t device, nvmlClockOffset_t *info)
{
    struct mock_node *node_ = mock_attached();
    struct mock_block *gpu_;
    nvmlReturn_t refused_ = NVML_SUCCESS;
    if (node_ == NULL)
        refused_ = NVML_ERROR_UNINITIALIZED;
    else if ((gpu_ = mock_gpu(node_, device)) == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if (info == NULL)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    else if (info->version != nvmlClockOffset_v1)
        refused_ = NVML_ERROR_INVALID_ARGUMENT;
    if (refused_ != NVML_SUCCESS)
        return mock_refuse_3((uint64_t)device, (uint64_t)info, 0, MOCK_CALL_nvmlDeviceSetClockOffsets, refused_);
    if (mock_armed(gpu_)) {
        nvmlReturn_t answer_ = mock_call_3((uint64_t)device, (uint64_t)info, 0, MOCK_CALL_nvmlDeviceSetClockOffsets, (mock_function *)nvmlDeviceSetClockOffsets);
        if (answer_ != MOCK_GO_ON)
            return answer_;
    }
    if ((uint32_t)info->type >= 2)
        return NVML_ERROR_INVALID_ARGUMENT;
    const mock_word *state_;
    nvmlReturn_t status_ = NVML_SUCCESS;
    uint64_t v0_;
    uint64_t v1_;
    uint64_t v2_;
    uint64_t v3_;
    MOCK_LATCH(state_, gpu_, MOCK_GPU_WORDS) {
        status_ = mock_device_state(state_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 36 + (uint32_t)info->type * 2, &v0_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 40 + (uint32_t)info->type * 2, &v1_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number(state_, MOCK_GPU_SIGNALS, 44 + (uint32_t)info->type * 2, &v2_);
        if (status_ == NVML_SUCCESS)
            status_ = mock_number_or_zero(state_, MOCK_GPU_SIGNALS, 48, &v3_);
    }
    if (status_ != NVML_SUCCESS)
        return status_;
    if (v3_ != 0 && !mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if ((int64_t)info->clockOffsetMHz < (int64_t)v1_ || (int64_t)info->clockOffsetMHz > (int64_t)v2_)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_set_number(node_, gpu_, 36 + (uint32_t)info->type * 2, (uint64_t)(int64_t)info->clockOffsetMHz);
}
