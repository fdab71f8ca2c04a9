/*
 * Structs as old callers of NVML were compiled with them.
 *
 * Under NVML_NO_UNVERSIONED_FUNC_DEFS nvml.h gives some old symbols today's structs. Their callers own less memory than
 * that, so an implementation that fills today's struct writes over what stands behind it. The process lists need
 * nothing here: nvml.h has nvmlProcessInfo_v1_t and nvmlProcessInfo_v2_t.
 *
 * Lengths are written out and not taken from nvml.h's macros: a macro may grow, an old caller does not.
 */
#ifndef MOCKNVML_LEGACY_H
#define MOCKNVML_LEGACY_H

#include <nvml.h>

/* nvmlDeviceGetPciInfo. Inferred: nvml.h marks pciSubSystemId as added in API 2.285, the one that brought _v2, so
 * that callers of the unversioned symbol end here. No header that old was found; nvidia-ml-py 10.418.84 lumps v1 with
 * v2. The shorter reading cannot overrun either. */
typedef struct {
    char busId[16];
    unsigned int domain;
    unsigned int bus;
    unsigned int device;
    unsigned int pciDeviceId;
} mock_legacy_pci_info_v1_t;
_Static_assert(sizeof(mock_legacy_pci_info_v1_t) == 32, "layout of NVML 1");

/* nvmlDeviceGetPciInfo_v2, nvmlDeviceGetNvLinkRemotePciInfo, nvmlDeviceRemoveGpu. Sources: nvidia-ml-py3 7.352.0 and
 * py3nvml 0.2.7 (nvmlPciInfo_t), nvidia-ml-py 10.418.84 (nvmlPciInfo_v2_t), nvml.h of CUDA 8. NCCL, in its nvmlwrap.h,
 * calls the NVLink one with this layout to this day. */
typedef struct {
    char busId[16];
    unsigned int domain;
    unsigned int bus;
    unsigned int device;
    unsigned int pciDeviceId;
    unsigned int pciSubSystemId;
    unsigned int reserved[4];
} mock_legacy_pci_info_v2_t;
_Static_assert(sizeof(mock_legacy_pci_info_v2_t) == 52, "layout of NVML 2 to 8");

/* nvmlEventSetWait. Sources: nvidia-ml-py3 7.352.0, py3nvml 0.2.7, nvidia-ml-py 10.418.84 (c_nvmlEventData_t). */
typedef struct {
    nvmlDevice_t device;
    unsigned long long eventType;
    unsigned long long eventData;
} mock_legacy_event_data_v1_t;
_Static_assert(sizeof(mock_legacy_event_data_v1_t) == 24, "layout before driver 450");

/* nvmlDeviceGetAttributes. Not proven: no NVIDIA header or binding with it was found. A third party's copy has it
 * (nvml-subset.h of tkestack/vcuda-controller), and today's struct continues it with the members of MIG. */
typedef struct {
    unsigned int multiprocessorCount;
    unsigned int sharedCopyEngineCount;
    unsigned int sharedDecoderCount;
    unsigned int sharedEncoderCount;
    unsigned int sharedJpegCount;
    unsigned int sharedOfaCount;
} mock_legacy_device_attributes_v1_t;
_Static_assert(sizeof(mock_legacy_device_attributes_v1_t) == 24, "layout before driver 450");

/* nvmlComputeInstanceGetInfo. Sources: nvml.h in go-nvml v0.11.1-0, nvidia-ml-py 11.450.51. */
typedef struct {
    nvmlDevice_t device;
    nvmlGpuInstance_t gpuInstance;
    unsigned int id;
    unsigned int profileId;
} mock_legacy_compute_instance_info_v1_t;
_Static_assert(sizeof(mock_legacy_compute_instance_info_v1_t) == 24, "layout of driver 450");

/* nvmlDeviceGetGridLicensableFeatures. Sources: nvml.h of CUDA 8, nvidia-ml-py 10.418.84. */
typedef struct {
    int isGridLicenseSupported;
    unsigned int licensableFeaturesCount;
    struct {
        nvmlGridLicenseFeatureCode_t featureCode;
        unsigned int featureState;
        char licenseInfo[128];
    } gridLicensableFeatures[3];
} mock_legacy_grid_licensable_features_v1_t;
_Static_assert(sizeof(mock_legacy_grid_licensable_features_v1_t) == 416, "layout of driver 375");

/* nvmlDeviceGetGridLicensableFeatures_v2. Source: nvidia-ml-py 10.418.84. */
typedef struct {
    int isGridLicenseSupported;
    unsigned int licensableFeaturesCount;
    struct {
        nvmlGridLicenseFeatureCode_t featureCode;
        unsigned int featureState;
        char licenseInfo[128];
        char productName[128];
    } gridLicensableFeatures[3];
} mock_legacy_grid_licensable_features_v2_t;
_Static_assert(sizeof(mock_legacy_grid_licensable_features_v2_t) == 800, "layout of driver 418");

/* nvmlDeviceGetGridLicensableFeatures_v3. Sources: nvml.h in go-nvml v0.11.1-0, nvidia-ml-py 11.450.51. */
typedef struct {
    int isGridLicenseSupported;
    unsigned int licensableFeaturesCount;
    struct {
        nvmlGridLicenseFeatureCode_t featureCode;
        unsigned int featureState;
        char licenseInfo[128];
        char productName[128];
        unsigned int featureEnabled;
    } gridLicensableFeatures[3];
} mock_legacy_grid_licensable_features_v3_t;
_Static_assert(sizeof(mock_legacy_grid_licensable_features_v3_t) == 812, "layout of driver 450");

/* nvmlVgpuInstanceGetLicenseInfo. Source: nvidia-ml-py 11.495.46 (c_nvmlVgpuLicenseInfo_t). */
typedef struct {
    unsigned char isLicensed;
    nvmlVgpuLicenseExpiry_t licenseExpiry;
} mock_legacy_vgpu_license_info_v1_t;
_Static_assert(sizeof(mock_legacy_vgpu_license_info_v1_t) == 20, "layout of driver 495");

#endif
