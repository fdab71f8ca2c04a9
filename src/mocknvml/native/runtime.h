/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry checks, in the order of the real library:
 *   1. initialised          UNINITIALIZED; seen on NVIDIA's 535 without a driver: before any look at the arguments
 *   2. handle               INVALID_ARGUMENT; nvml.h: "if device is invalid"
 *   3. NULL outputs         INVALID_ARGUMENT
 *   4. struct version       what nvml.h lists for the function
 *   5. rules                what a rule says (rules.h)
 *   6. selection            INVALID_ARGUMENT for an index that no GPU has
 *   7. device state         GPU_IS_LOST
 *   8. field status         NOT_SUPPORTED, or the error that the field holds
 *   9. permission           NO_PERMISSION
 *  10. range                INVALID_ARGUMENT
 *  11. size                 INSUFFICIENT_SIZE
 */
#ifndef MOCK_RUNTIME_H
#define MOCK_RUNTIME_H

#include "node.h"

/* The node that the process is attached to; NULL before init and after the last shutdown. */
extern _Atomic(struct mock_node *) mock_current;
/* The last node that it was attached to. A call that another thread's shutdown overtakes goes on reading it: its memory
 * stays mapped. */
extern _Atomic(struct mock_node *) mock_latest;

/* A handle is the address of an entry here: checking one needs no memory access, and no handle ever dangles. */
struct mock_device {
    uint64_t unused;
};
extern struct mock_device mock_devices[MOCK_MAX_GPUS];

static inline struct mock_node *mock_attached(void)
{
    return atomic_load_explicit(&mock_current, memory_order_acquire);
}

/* For what runs behind the entry check, where there has been an init. */
static inline struct mock_node *mock_node(void)
{
    return atomic_load_explicit(&mock_latest, memory_order_acquire);
}

void mock_gpu_make_now(const struct mock_node *node, uint32_t index);

static inline struct mock_block *mock_gpu_at(const struct mock_node *node, uint32_t index)
{
    struct mock_block *gpu = mock_node_gpu(node, index);

    if (__builtin_expect(atomic_load_explicit(&gpu->sequence, memory_order_acquire) == 0, 0))
        mock_gpu_make_now(node, index);
    return gpu;
}

/* The block of a handle's GPU, or NULL for what is no handle. */
static inline struct mock_block *mock_gpu(const struct mock_node *node, nvmlDevice_t device)
{
    uintptr_t distance = (uintptr_t)device - (uintptr_t)mock_devices;
    uint32_t index = (uint32_t)(distance / sizeof *mock_devices);

    if (__builtin_expect(distance >= node->gpu_count * sizeof *mock_devices || distance % sizeof *mock_devices != 0, 0))
        return NULL;
    return mock_gpu_at(node, index);
}

/* The same behind the entry check. Another thread may have attached to a smaller node since: then a GPU without anything. */
extern const struct mock_block *const mock_no_gpu;

static inline const struct mock_block *mock_gpu_of(nvmlDevice_t device)
{
    const struct mock_block *gpu = mock_gpu(mock_node(), device);

    return gpu != NULL ? gpu : mock_no_gpu;
}

static inline nvmlDevice_t mock_handle(uint32_t index)
{
    return (nvmlDevice_t)&mock_devices[index];
}

static inline uint32_t mock_index(nvmlDevice_t device)
{
    return (uint32_t)((struct mock_device *)device - mock_devices);
}

/* The status of the device itself, which stands before that of every field. */
static inline nvmlReturn_t mock_device_state(const mock_word *state)
{
    return mock_head_status(mock_word_at(state, MOCK_AT(health.present)));
}

static inline nvmlReturn_t mock_gpu_state(const struct mock_block *gpu)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        status = mock_device_state(state);
    }
    return status;
}

/* Write a text and its zero to a buffer of `size` bytes; too short: INSUFFICIENT_SIZE and nothing written. */
static inline nvmlReturn_t mock_put_text(const struct mock_text *text, char *buffer, uint32_t size)
{
    if (text->length >= size)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    memcpy(buffer, text->bytes, text->length + 1);
    return NVML_SUCCESS;
}

/* The GPU whose text at `at` equals the argument. */
nvmlReturn_t mock_find_text(const struct mock_node *node, uint32_t at, uint32_t size, const char *text, nvmlDevice_t *device);

/* Domain, bus and device of a PCI address as text. */
bool mock_parse_bus_id(const char *text, unsigned long address[3]);

/* The GPU at a PCI address, whoever sees it. */
bool mock_find_address(const struct mock_node *node, uint64_t domain, uint64_t bus, uint64_t device, uint32_t *found);

/* How near two GPUs are over PCI Express. */
nvmlReturn_t mock_common_ancestor(const struct mock_block *one, const struct mock_block *other, nvmlGpuTopologyLevel_t *level);

enum {
    MOCK_DRAINED_MAX = MOCK_CAPACITY_NODE(drain.gpus),
};

/* The GPUs that this process does not see, in order. */
uint32_t mock_hidden_gpus(const struct mock_node *node, uint32_t hidden[MOCK_DRAINED_MAX]);
bool mock_sees(const struct mock_node *node, uint32_t index);

/* Whether there may be any, or one that gives no handle. */
static inline bool mock_hides(const struct mock_node *node)
{
    const mock_word *state;
    bool hides = false;

    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        hides = mock_word_at(state, MOCK_AT_NODE(drain.gpus)) >> MOCK_LENGTH_SHIFT != 0
                || mock_word_at(state, MOCK_AT_NODE(drain.unreachable.value)) != 0;
    }
    return hides;
}

extern _Atomic uint64_t mock_initialised_at; /* node time of the first init */

/* If the GUID is that of the table which mocknvml.testing calls, give it. */
bool mock_testing_table(const void *guid, const void **table);

nvmlReturn_t mock_set_number(struct mock_node *node, struct mock_block *block, uint32_t at, uint64_t value);
bool mock_privileged(void);

/* What a setter begins with: the state of its field, then permission. */
static inline nvmlReturn_t mock_may_write(nvmlDevice_t device, uint32_t at)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_head_status(mock_word_at(state, at));
    }
    return status != NVML_SUCCESS || mock_privileged() ? status : NVML_ERROR_NO_PERMISSION;
}

static inline nvmlReturn_t mock_edit_gpu(nvmlDevice_t device, mock_edit *edit, const void *context)
{
    struct mock_block *gpu = mock_gpu(mock_node(), device);

    return gpu != NULL ? mock_node_edit(mock_node(), gpu, edit, context) : NVML_ERROR_UNKNOWN;
}

/* Whether something watches the calls about a GPU, or about the node. */
static inline bool mock_armed(const struct mock_block *block)
{
    return __builtin_expect(mock_word_at(&block->armed, 0) != 0, 0);
}

/* A call that is watched: a rule answers, or the function is called `again` and then told to go on. Where three arguments
 * are enough, all fit into registers. */
enum {
    MOCK_ARGUMENTS = 6, /* no function of nvml.h has more */
};
#define MOCK_GO_ON ((nvmlReturn_t)-1)
#define MOCK_COLD __attribute__((cold))
typedef void mock_function(void); /* any of them */
MOCK_COLD nvmlReturn_t mock_call_3(uint64_t argument1, uint64_t argument2, uint64_t argument3, uint32_t function,
                                   mock_function *again);
MOCK_COLD nvmlReturn_t mock_call_6(uint64_t argument1, uint64_t argument2, uint64_t argument3, uint64_t argument4,
                                   uint64_t argument5, uint64_t argument6, uint32_t function, mock_function *again);
/* A call that refuses its arguments, for the log; gives the code. */
MOCK_COLD nvmlReturn_t mock_refuse_3(uint64_t argument1, uint64_t argument2, uint64_t argument3, uint32_t function,
                                     nvmlReturn_t code);
MOCK_COLD nvmlReturn_t mock_refuse_6(uint64_t argument1, uint64_t argument2, uint64_t argument3, uint64_t argument4,
                                     uint64_t argument5, uint64_t argument6, uint32_t function, nvmlReturn_t code);
/* An init, which knows its node only later: SUCCESS, or what a rule answers. */
MOCK_COLD nvmlReturn_t mock_call_init(const struct mock_node *node, uint32_t function, uint64_t flags, uint64_t start);

bool mock_event_set_valid(nvmlEventSet_t set);
void mock_event_sets_end(void);  /* under the lock */
void mock_event_sets_wake(void); /* without it: back when nobody waits for a set that has ended */
bool mock_gpm_sample_valid(nvmlGpmSample_t sample);

#endif
