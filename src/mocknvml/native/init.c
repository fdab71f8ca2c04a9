/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching to a node: reference-counted init and shutdown, the environment, the private node. The environment is read when
 * the count rises from 0. Memory of a node stays mapped when the process detaches: a thread may still be reading it.
 *
 * Which node: that of MOCK_NVML_NODE; else, if the environment describes one, a private node of those; else the node at a
 * default path, if there is one; else a private node of the defaults.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "runtime.h"

enum {
    STATIC_GPUS = 8, /* a node of this size fits into static_memory */
    NODES = 16,      /* nodes that a process can come back to; the oldest is given up for a new one */
    LARGEST_PAGE = 65536,
};

MOCK_TOUCHED _Atomic(struct mock_node *) mock_current;
MOCK_TOUCHED _Atomic(struct mock_node *) mock_latest;
MOCK_TOUCHED _Atomic uint64_t mock_initialised_at;
MOCK_TOUCHED static uint32_t init_count; /* under the lock, as all of the following */
MOCK_TOUCHED static bool static_used;    /* once: its GPUs stay made */
MOCK_TOUCHED static bool hidden;         /* by mocknvml.testing, while no test has a node */
MOCK_TOUCHED static _Atomic(struct mock_node *) newest; /* of all nodes that the process has attached to */
static struct mock_node first_node;
struct mock_device mock_devices[MOCK_MAX_GPUS];
/* The first node of the process stands here, where dlclose releases it; a file is mapped over it, which takes the
 * alignment of the largest page. */
static _Alignas(LARGEST_PAGE) char static_memory[2 * LARGEST_PAGE + MOCK_NODE_STRIDE + MOCK_SHARED_STRIDE + STATIC_GPUS * (size_t)MOCK_GPU_STRIDE];
static const uint64_t zeroes[MOCK_GPU_STRIDE / 8];
const struct mock_block *const mock_no_gpu = (const struct mock_block *)zeroes;

/* What tells this library from NVIDIA's: `readelf -n` shows it. */
static const struct {
    uint32_t name_size, text_size, type;
    char name[12], text[12];
} note __attribute__((section(".note.mocknvml"), aligned(4), used)) = {9, 12, 1, "mocknvml", "simulated"};

struct config {
    const char *node;
    char default_node[PATH_MAX];
    const char *driver;
    const struct mock_profile *profile;
    uint32_t gpu_count;
};

uint64_t mock_now(void)
{
    return mock_reading_time(mock_node()).node;
}

const struct mock_node *mock_node_of(const struct mock_block *block)
{
    const struct mock_node *node = atomic_load_explicit(&newest, memory_order_acquire);

    while (node != NULL && !mock_node_holds(node, block))
        node = node->older;
    return node;
}

static const char *environment(const char *name)
{
    const char *value = secure_getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* Of a profile that is not built in: say what there is, or how to come by a node of a file. */
static void tell_unknown_profile(const char *name)
{
    const char *dot = strrchr(name, '.');

    if (strchr(name, '/') != NULL || (dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0)))
        dprintf(STDERR_FILENO,
                "mocknvml: MOCK_NVML_PROFILE=%.100s: the library reads no files; start the program with "
                "`mocknvml run --profile FILE -- COMMAND`, or make a node of the file and set MOCK_NVML_NODE to it\n", name);
    else
        dprintf(STDERR_FILENO, "mocknvml: MOCK_NVML_PROFILE=%.100s: no such profile; built in are: %s\n", name,
                mock_profile_names);
}

/* Whether a file, or its folder, belongs to root or the caller and nobody else can write to it. Its group may: that has to
 * be granted. */
static bool is_trusted(const struct stat *status)
{
    return (status->st_uid == 0 || status->st_uid == geteuid()) && (status->st_mode & S_IWOTH) == 0;
}

/* Whether there is a node at a default path. One that is there but not safe to use fails the init, as one that can't be
 * read does: other GPUs than those that were set up would be worse. */
static nvmlReturn_t find_default(const char *folder, struct config *config)
{
    static const char rest[] = "/mocknvml/node";
    size_t length = strlen(folder);
    struct stat status;

    if (length + sizeof rest > sizeof config->default_node)
        return NVML_SUCCESS;
    memcpy(config->default_node, folder, length); /* no printf, for the pages that it touches */
    memcpy(config->default_node + length, rest, sizeof rest);
    if (stat(config->default_node, &status) != 0)
        return NVML_SUCCESS;
    config->node = config->default_node;
    char *name = strrchr(config->default_node, '/');
    bool trusted = is_trusted(&status);
    *name = '\0';
    trusted = trusted && stat(config->default_node, &status) == 0 && is_trusted(&status);
    *name = '/';
    if (trusted)
        return NVML_SUCCESS;
    dprintf(STDERR_FILENO,
            "mocknvml: %s: not used, because it or its folder belongs to another user or can be written by all; change that, "
            "or set MOCK_NVML_NODE to it\n", config->default_node);
    return NVML_ERROR_NO_PERMISSION;
}

/* What the environment asks for. A bad value is told on stderr and fails the init. */
static nvmlReturn_t read_environment(struct config *config)
{
    const char *count = environment("MOCK_NVML_NUM_DEVICES");
    const char *profile = environment("MOCK_NVML_PROFILE");
    const char *driver = environment("MOCK_NVML_DRIVER_VERSION");

    config->node = environment("MOCK_NVML_NODE");
    if (config->node != NULL) /* which has its GPUs: the others are not asked */
        return NVML_SUCCESS;
    if (count == NULL && profile == NULL && driver == NULL) {
        const char *folder = environment("XDG_RUNTIME_DIR");
        nvmlReturn_t result = find_default("/run", config);
        /* Root's is /run, whoever's environment it has. */
        if (result == NVML_SUCCESS && config->node == NULL && folder != NULL && *folder == '/' && geteuid() != 0)
            result = find_default(folder, config);
        if (config->node != NULL)
            return result;
    }
    config->driver = MOCK_DEFAULT_DRIVER;
    config->profile = mock_profile_named(MOCK_DEFAULT_PROFILE);
    if (profile != NULL && (config->profile = mock_profile_named(profile)) == NULL) {
        tell_unknown_profile(profile);
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    config->gpu_count = config->profile->default_count;
    if (count != NULL) {
        char *end;
        errno = 0;
        unsigned long value = strtoul(count, &end, 10);
        if (errno != 0 || *end != '\0' || *count < '0' || *count > '9' || value > MOCK_MAX_GPUS) {
            dprintf(STDERR_FILENO, "mocknvml: MOCK_NVML_NUM_DEVICES=%.100s: give a number of GPUs from 0 to %d\n", count,
                    MOCK_MAX_GPUS);
            return NVML_ERROR_INVALID_ARGUMENT;
        }
        config->gpu_count = (uint32_t)value;
    }
    if (driver != NULL) {
        if (!mock_driver_known(driver)) {
            dprintf(STDERR_FILENO,
                    "mocknvml: MOCK_NVML_DRIVER_VERSION=%.100s: give a driver version from 450 on, such as " MOCK_DEFAULT_DRIVER
                    "\n", driver);
            return NVML_ERROR_INVALID_ARGUMENT;
        }
        config->driver = driver;
    }
    return NVML_SUCCESS;
}

/* Keep a node for good, or return NULL. A call that a shutdown overtakes may read it at any later time, so that it never
 * changes again; only the memory of the oldest one is given up, and not its addresses. Whatever moment a fork copies, the
 * list holds whole nodes. */
static struct mock_node *keep(const struct mock_node *node)
{
    size_t size = offsetof(struct mock_node, path) + strlen(node->path) + 1;
    struct mock_node *kept = newest == NULL ? &first_node : malloc(size);

    if (kept == NULL)
        return NULL;
    memcpy(kept, node, size);
    kept->older = newest;
    atomic_store_explicit(&newest, kept, memory_order_release);
    const struct mock_node *oldest = kept;
    for (uint32_t i = 0; i < NODES && oldest != NULL; i++)
        oldest = oldest->older;
    if (oldest != NULL)
        mock_node_empty(oldest);
    return kept;
}

/* The static memory, once and if it is large enough for whole pages; else NULL, for memory of its own. */
static char *take_static(size_t size)
{
    if (static_used || (size + LARGEST_PAGE - 1) / LARGEST_PAGE * LARGEST_PAGE > sizeof static_memory)
        return NULL;
    static_used = true;
    return static_memory;
}

/* A private node lives on between shutdown and init, as a driver does, for when the environment asks for it again. */
static nvmlReturn_t private_attach(const struct config *config, struct mock_node **attached)
{
    size_t size = mock_node_memory(config->gpu_count);

    struct mock_node *node = newest;
    for (uint32_t i = 0; i < NODES && node != NULL; i++, node = node->older) {
        if (node->profile == config->profile && node->gpu_count == config->gpu_count
            && strcmp(node->driver, config->driver) == 0) {
            *attached = node;
            return NVML_SUCCESS;
        }
    }
    char *base = take_static(size);
    if (base == NULL) {
        base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED)
            return NVML_ERROR_MEMORY;
        madvise(base, size, MADV_NOHUGEPAGE); /* which would fill the memory between the few pages that are read */
    }
    struct mock_node made = {
        .gpu_count = config->gpu_count,
        .profile = config->profile,
        .writable = true,
        .base = base,
        .size = size,
    };
    mock_node_lay_out(&made, base);
    strcpy(made.driver, config->driver);
    mock_node_make(made.block, config->driver, mock_monotonic());
    *attached = keep(&made);
    return *attached != NULL ? NVML_SUCCESS : NVML_ERROR_MEMORY;
}

/* Where a GPU of a private node is used first. */
void mock_gpu_make_now(const struct mock_node *node, uint32_t index)
{
    struct mock_block *gpu = mock_node_gpu(node, index);

    if (node->profile == NULL) /* a file that came with an unmade block reads as zeroes: nothing is supported */
        return;
    mock_lock();
    if (atomic_load_explicit(&gpu->sequence, memory_order_relaxed) == 0)
        mock_gpu_make(gpu, node->profile, index, node->driver);
    mock_unlock();
}

static nvmlReturn_t file_attach(const char *path, bool named, struct mock_node **attached)
{
    char error[MOCK_ERROR_MAX];
    struct mock_node opened;

    nvmlReturn_t result = mock_node_open(&opened, path, take_static, error);
    if (result != NVML_SUCCESS) {
        dprintf(STDERR_FILENO, "mocknvml: %s%s\n", named ? "MOCK_NVML_NODE=" : "", error);
        return result;
    }
    struct mock_node *node = newest;
    for (uint32_t i = 0; i < NODES && node != NULL; i++, node = node->older) {
        if (node->device == opened.device && node->inode == opened.inode && node->writable == opened.writable
            && strcmp(node->path, opened.path) == 0) {
            mock_node_close(&opened);
            *attached = node;
            return NVML_SUCCESS;
        }
    }
    *attached = keep(&opened);
    return *attached != NULL ? NVML_SUCCESS : NVML_ERROR_MEMORY;
}

static nvmlReturn_t attach(struct mock_node **node)
{
    struct config config;

    if (hidden)
        return NVML_ERROR_LIBRARY_NOT_FOUND;
    nvmlReturn_t result = read_environment(&config);
    if (result != NVML_SUCCESS)
        return result;
    if (config.node == NULL)
        return private_attach(&config, node);
    return file_attach(config.node, config.node != config.default_node, node);
}

static void attach_to(struct mock_node *node)
{
    atomic_store_explicit(&mock_initialised_at, mock_node_time(node), memory_order_relaxed);
    atomic_store_explicit(&mock_latest, node, memory_order_release);
    atomic_store_explicit(&mock_current, node, memory_order_release);
}

/* The node that is attached already, or the one to attach to; under the lock. */
static nvmlReturn_t find_node(struct mock_node **node)
{
    *node = mock_attached();
    return *node != NULL ? NVML_SUCCESS : attach(node);
}

static nvmlReturn_t init(uint32_t function, unsigned int flags)
{
    struct mock_node *node;
    nvmlReturn_t result;
    uint64_t start = mock_monotonic();

    /* NO_GPUS and NO_ATTACH ask for what holds anyway: an init without GPUs succeeds (nvidia-smi, which passes 0, gets as
     * far as "No devices were found"), and no GPU is touched before its first use. The real library checks no flags. */
    mock_lock();
    result = find_node(&node);
    if (result == NVML_SUCCESS && mock_armed(node->block)) {
        mock_unlock(); /* a rule may let it wait */
        result = mock_call_init(node, function, flags, start);
        mock_lock();
    }
    /* A fork may copy any state between two of these stores; the child takes the pointer for the truth. */
    if (mock_attached() == NULL)
        init_count = 0;
    if (result == NVML_SUCCESS) {
        if (mock_attached() == NULL)
            attach_to(node);
        init_count++;
    }
    mock_unlock();
    return result;
}

nvmlReturn_t native_nvmlInitWithFlags(unsigned int flags)
{
    return init(MOCK_CALL_nvmlInitWithFlags, flags);
}

nvmlReturn_t native_nvmlInit(void)
{
    return init(MOCK_CALL_nvmlInit, 0);
}

nvmlReturn_t native_nvmlInit_v2(void)
{
    return init(MOCK_CALL_nvmlInit_v2, 0);
}

/* Under the lock; mock_event_sets_wake follows without it. */
static void detach(void)
{
    if (mock_attached() != NULL) {
        atomic_store_explicit(&mock_current, NULL, memory_order_release);
        mock_event_sets_end();
    }
}

nvmlReturn_t native_nvmlShutdown(void)
{
    mock_lock();
    if (init_count > 1)
        init_count--;
    else
        detach();
    mock_unlock();
    mock_event_sets_wake();
    /* One shutdown too many is no error: nvml.h, "for backwards compatibility"; the real library answers so. */
    return NVML_SUCCESS;
}

/* End all inits, and choose whether later ones answer as where there is no library. Answers what held before. */
static bool hide(bool hiding)
{
    mock_lock();
    bool before = hidden;
    hidden = hiding;
    detach();
    mock_unlock();
    mock_event_sets_wake();
    return before;
}

static struct {
    size_t size;
    bool (*hide)(bool hiding);
} testing;

bool mock_testing_table(const void *guid, const void **table)
{
    static const unsigned char ours[16] = {
        0x6D, 0x6F, 0x63, 0x6B, 0x6E, 0x76, 0x6D, 0x6C, 0x8E, 0x1B, 0x4F, 0x27, 0x9A, 0x53, 0xD0, 0x01,
    };

    if (memcmp(guid, ours, sizeof ours) != 0)
        return false;
    mock_lock();
    testing.size = sizeof testing;
    testing.hide = hide;
    mock_unlock();
    *table = &testing;
    return true;
}

/* Answers without an init: then for the node that an init would attach to. */
nvmlReturn_t native_nvmlSystemGetNVMLVersion(char *version, unsigned int length)
{
    const mock_word *state;
    struct mock_text text;
    nvmlReturn_t result = NVML_SUCCESS;

    struct mock_node *node = mock_attached();
    if (node == NULL) {
        mock_lock();
        result = attach(&node);
        mock_unlock();
        if (result != NVML_SUCCESS)
            return result;
    }
    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        result = mock_text(state, MOCK_AT_NODE(driver.nvml_version), MOCK_SIZE_NODE(driver.nvml_version), &text);
    }
    return result != NVML_SUCCESS ? result : mock_put_text(&text, version, length);
}

bool mock_privileged(void)
{
    const mock_word *state;
    uint64_t privileges = MOCK_PRIVILEGES_ROOT;

    if (geteuid() == 0)
        return true;
    MOCK_LATCH(state, mock_node()->block, MOCK_NODE_WORDS) {
        mock_number_or_zero(state, MOCK_NODE_SIGNALS, MOCK_AT_NODE(access.privileges), &privileges);
    }
    return privileges == MOCK_PRIVILEGES_ANY;
}

nvmlReturn_t mock_set_number(struct mock_node *node, struct mock_block *block, uint32_t at, uint64_t value)
{
    uint32_t offset = at + 1;

    return mock_node_write(node, block, (struct mock_change){1, &offset, &value});
}
