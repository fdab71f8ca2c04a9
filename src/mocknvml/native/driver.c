/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from a driver version. The CUDA versions are those that nvidia-smi prints for each branch (captures of real
 * boards, and the table of the CUDA release notes, "CUDA Toolkit and Corresponding Driver Versions").
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node.h"

static const struct {
    unsigned branch;
    unsigned cuda;
} cuda_versions[] = {
    {450, 11000}, {455, 11010}, {460, 11020}, {465, 11030}, {470, 11040}, {495, 11050}, {510, 11060}, {515, 11070},
    {520, 11080}, {525, 12000}, {530, 12010}, {535, 12020}, {545, 12030}, {550, 12040}, {555, 12050}, {560, 12060},
    {565, 12070}, {570, 12080}, {575, 12090}, {580, 13000}, {590, 13010}, {595, 13020}, {610, 13030},
};

/* Whether this is a driver version that we simulate: `550.54.15`, `595.80`; from branch 450 on. */
bool mock_driver_known(const char *version)
{
    char *end;
    unsigned long branch = strtoul(version, &end, 10);

    if (end - version != 3 || branch < cuda_versions[0].branch)
        return false;
    for (unsigned part = 0; *end != '\0'; part++) {
        const char *digits = end + 1;
        if (part == 2 || *end != '.' || *digits < '0' || *digits > '9')
            return false;
        strtoul(digits, &end, 10);
        if (end - digits > 3)
            return false;
    }
    return strchr(version, '.') != NULL;
}

static void set_number(mock_word *state, uint32_t at, uint64_t value)
{
    mock_word_put(state, at, MOCK_HEAD_SUCCESS);
    mock_word_put(state, at + 1, value);
}

static void set_text(mock_word *state, uint32_t at, const char *text)
{
    size_t length = strlen(text);

    mock_word_put(state, at, MOCK_HEAD_SUCCESS | (uint64_t)length << MOCK_LENGTH_SHIFT);
    for (size_t word = 0; word * 8 < length; word++) {
        uint64_t eight = 0;
        memcpy(&eight, &text[word * 8], length - word * 8 < 8 ? length - word * 8 : 8);
        mock_word_put(state, at + 1 + word, eight);
    }
}

/* Of a version that is known: it begins with three digits, a dot, and at most three more. */
static unsigned branch_of(const char *driver)
{
    return (unsigned)((driver[0] - '0') * 100 + (driver[1] - '0') * 10 + driver[2] - '0');
}

static unsigned minor_of(const char *driver)
{
    return (unsigned)strtoul(&driver[4], NULL, 10);
}

/*
 * Whether the driver tells of every GPU from Ampere on that it be drained and reset. nvidia-smi -q has "N/A" of A10, L20
 * and RTX 4090 with 535, of RTX 3070, 3080, 3090 and 4060 Ti with 550.54, and of L4 with 555.42; "No" of A10, L4, L40S,
 * RTX 4090 and others with 550.90 and 550.127, and of RTX 3090 with 560.35.
 */
static bool tells_drain_of_all(const char *driver)
{
    unsigned branch = branch_of(driver);

    return branch == 550 ? minor_of(driver) >= 90 : branch > 555;
}

/* Fill the node's own block: what the driver is, and a clock that starts at 0 now. */
void mock_node_make(struct mock_block *block, const char *driver, uint64_t now)
{
    mock_word *state = block->words;
    unsigned branch = branch_of(driver), cuda = 0;
    char text[3 + MOCK_DRIVER_MAX];
    struct timespec wall;

    for (size_t i = 0; i < sizeof cuda_versions / sizeof *cuda_versions && cuda_versions[i].branch <= branch; i++)
        cuda = cuda_versions[i].cuda;
    set_text(state, MOCK_AT_NODE(driver.version), driver);
    /* differs: the suffix of a real branch string (r550_76) is a build branch that no public source lists. */
    memcpy(text, "r000_00", 8);
    memcpy(&text[1], driver, 3);
    set_text(state, MOCK_AT_NODE(driver.branch), text);
    /* "12.535.261.03" on the real 535 (CUDA 12.2): the CUDA major version, then the driver's. */
    text[0] = (char)('0' + cuda / 10000);
    text[1] = (char)('0' + cuda / 1000 % 10);
    text[2] = '.';
    size_t length = strnlen(driver, MOCK_DRIVER_MAX - 1);
    memcpy(&text[3], driver, length);
    text[3 + length] = '\0';
    set_text(state, MOCK_AT_NODE(driver.nvml_version), text);
    set_number(state, MOCK_AT_NODE(driver.cuda_version), cuda);
    set_number(state, MOCK_AT_NODE(affinity.cpus), 0);
    set_number(state, MOCK_AT_NODE(time.host), now);
    set_number(state, MOCK_AT_NODE(time.node), 0);
    set_number(state, MOCK_AT_NODE(time.rate), 1000000000);
    clock_gettime(CLOCK_REALTIME, &wall);
    set_number(state, MOCK_AT_NODE(time.epoch), (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000);
    set_number(state, MOCK_AT_NODE(clock.waits), 0);
    set_number(state, MOCK_AT_NODE(access.privileges), MOCK_PRIVILEGES_ROOT);
    /* nvidia-smi conf-compute -f of an A100 of Google's cloud, of GeForce of Ampere and of H20: off. */
    set_number(state, MOCK_AT_NODE(conf_compute_system.environment), NVML_CC_SYSTEM_ENVIRONMENT_UNAVAILABLE);
    set_number(state, MOCK_AT_NODE(conf_compute_system.feature), NVML_CC_SYSTEM_FEATURE_DISABLED);
    set_number(state, MOCK_AT_NODE(conf_compute_system.developer_tools), NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF);
    mock_word_put(&block->settled, 0, MOCK_SEQUENCE_MADE);
    atomic_store_explicit(&block->sequence, MOCK_SEQUENCE_MADE, memory_order_release);
}

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 30;
    hash *= 0xBF58476D1CE4E5B9u;
    hash ^= hash >> 27;
    hash *= 0x94D049BB133111EBu;
    return hash ^ hash >> 31;
}

static bool is_absent(const mock_word *state, uint32_t at)
{
    return mock_head_status(mock_word_at(state, at)) != NVML_SUCCESS;
}

/* Whether a text is to be filled in: the profile has it, but empty, or gives it to another GPU too. */
static bool is_open(const mock_word *state, uint32_t at, bool given_twice)
{
    return !is_absent(state, at) && (given_twice || mock_word_at(state, at) >> MOCK_LENGTH_SHIFT == 0);
}

static void put_image(mock_word *state, const struct mock_image *image)
{
    if (image->base != NULL)
        put_image(state, image->base);
    for (uint32_t i = 0; i < image->count; i++) {
        uint32_t at = image->offsets[i] & ~MOCK_IMAGE_HEAD;
        if (at != image->offsets[i])
            mock_word_put(state, at++, MOCK_HEAD_SUCCESS);
        mock_word_put(state, at, image->values[i]);
    }
}

/* Fill a GPU's block from its profile. Identifiers that it leaves open follow from the profile's name and the index. */
void mock_gpu_make(struct mock_block *block, const struct mock_profile *profile, uint32_t index, const char *driver)
{
    mock_word *state = block->words;
    uint64_t name = 0xCBF29CE484222325u;
    char text[64];

    for (const char *c = profile->name; *c != '\0'; c++)
        name = (name ^ (unsigned char)*c) * 0x100000001B3u;
    uint64_t high = mix(name + index), low = mix(high ^ name);

    const struct mock_image *image = &profile->gpus[index % profile->gpu_count];
    bool again = index >= profile->gpu_count;
    put_image(state, image);

    if (is_absent(state, MOCK_AT(identity.uuid)) || is_open(state, MOCK_AT(identity.uuid), again)) {
        snprintf(text, sizeof text, "GPU-%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32), (unsigned)(high >> 16) & 0xFFFF,
                 (unsigned)high & 0xFFFF, (unsigned)(low >> 48), (unsigned long long)(low & 0xFFFFFFFFFFFF));
        set_text(state, MOCK_AT(identity.uuid), text);
    }
    /* Boards without a serial (GeForce) have none here either; the profile says so. */
    if (is_open(state, MOCK_AT(identity.serial), again)) {
        snprintf(text, sizeof text, "165%04u%06u", (unsigned)(name % 10000), index + 1);
        set_text(state, MOCK_AT(identity.serial), text);
    }
    /* The firmware comes with the driver and has its version (nvidia-smi -q of boards that have it). Only data-centre boards
     * have it with older drivers: N/A of all GeForce and RTX boards with 525 to 550, not of any with 560 or newer. */
    if (branch_of(driver) < 555 && mock_word_at(state, MOCK_AT(identity.brand.value)) != NVML_BRAND_NVIDIA) {
        mock_word_put(state, MOCK_AT(gsp.version), 0);
        mock_word_put(state, MOCK_AT(gsp.enabled), 0);
        mock_word_put(state, MOCK_AT(gsp.default_mode), 0);
    }
    if (is_open(state, MOCK_AT(gsp.version), false))
        set_text(state, MOCK_AT(gsp.version), driver);
    /* nvidia-smi -q: "Requested functionality has been deprecated" from driver 570 on. */
    bool deprecated = branch_of(driver) >= 570;
    if (deprecated)
        mock_word_put(state, MOCK_AT(recovery.reset_required), 0);
    /* nvidia-smi -q of an A100: 881 mV with driver 510, 706 mV with 555, N/A with 570; and N/A of RTX 5090. 580 lacks it. */
    if (branch_of(driver) >= 570)
        mock_word_put(state, MOCK_AT(power.voltage), 0);
    /* Of A100 and H100, the GPUs with MIG, drivers 535.54 and 550.54 tell it already. */
    if (deprecated || (!tells_drain_of_all(driver) && is_absent(state, MOCK_AT(modes.mig))))
        mock_word_put(state, MOCK_AT(recovery.drain_and_reset), 0);
    if (is_absent(state, MOCK_AT(health.present)))
        set_number(state, MOCK_AT(health.present), 1);
    set_number(state, MOCK_AT(identity.index), index);
    if (again || is_absent(state, MOCK_AT(identity.minor_number)))
        set_number(state, MOCK_AT(identity.minor_number), index);

    /* More GPUs than the machine has slots: another such machine, in the next PCI domain, with what its NVLinks lead to. */
    uint64_t machine = index / profile->gpu_count;
    set_number(state, MOCK_AT(topology.machine), machine);
    for (uint32_t link = 0; link < NVML_NVLINK_MAX_LINKS; link++) {
        uint32_t at = MOCK_AT(nvlink.remote_domain) + 2 * link;
        if (mock_word_at(state, at) == MOCK_HEAD_SUCCESS && mock_word_at(state, at + 1) != UINT32_MAX)
            mock_word_put(state, at + 1, mock_word_at(state, at + 1) + machine);
    }
    set_number(state, MOCK_AT(pci.domain), (image->address >> 16) + machine);
    set_number(state, MOCK_AT(pci.bus), image->address >> 8 & 0xFF);
    set_number(state, MOCK_AT(pci.device), image->address & 0xFF);
    mock_word_put(&block->settled, 0, MOCK_SEQUENCE_MADE);
    atomic_store_explicit(&block->sequence, MOCK_SEQUENCE_MADE, memory_order_release);
}
