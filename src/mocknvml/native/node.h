/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node: its own block, what stands in no block, and one block per GPU, in private memory or in a file that processes share. What the library has
 * checked of a file (counts, offsets) it keeps in this struct and never reads again.
 */
#ifndef MOCK_NODE_H
#define MOCK_NODE_H

#include <limits.h>
#include <sys/types.h>

#include "cells.h"
#include "shared.h"

enum {
    MOCK_ERROR_MAX = 512,
    MOCK_DRIVER_MAX = 16, /* mock_driver_known takes no longer one */
};

enum mock_privileges {
    MOCK_PRIVILEGES_ROOT,
    MOCK_PRIVILEGES_ANY,
};

enum {
    MOCK_IMAGE_HEAD = 0x8000, /* with an offset: of a head of SUCCESS, and the value is of the word behind it */
};

/* What a GPU of a profile is, as words of its block, and its PCI address: domain << 16 | bus << 8 | device. */
struct mock_image {
    const uint16_t *offsets;
    const uint64_t *values;
    uint32_t count;
    uint32_t address;
    const struct mock_image *base; /* whose words come first, or NULL */
};

_Static_assert(MOCK_GPU_WORDS <= MOCK_IMAGE_HEAD, "what the offset of an image can say");

/* The GPUs of one machine; built-in profiles are compiled in, others come from Python. */
struct mock_profile {
    const char *name;
    const struct mock_image *gpus;
    uint32_t gpu_count;
    uint32_t default_count; /* of the GPUs of a node, if nobody says so */
};

struct mock_node {
    struct mock_block *block;
    struct mock_shared *shared;
    char *gpus;
    uint32_t gpu_count;
    const struct mock_profile *profile; /* of a private node, whose GPUs are made on first use; else NULL */
    char driver[MOCK_DRIVER_MAX];       /* of a private node */
    bool writable;
    char *base; /* of the mapping */
    size_t size;
    dev_t device;
    ino_t inode;
    struct mock_node *older; /* that the process attached to before */
    char path[PATH_MAX]; /* empty for a private node; last, and often cut off behind its zero */
};

/* Memory of the blocks and of what stands in none, without the header of a file. */
static inline size_t mock_node_memory(uint32_t gpu_count)
{
    return MOCK_NODE_STRIDE + MOCK_SHARED_STRIDE + (size_t)gpu_count * MOCK_GPU_STRIDE;
}

static inline void mock_node_lay_out(struct mock_node *node, char *memory)
{
    node->block = (struct mock_block *)memory;
    node->shared = (struct mock_shared *)(memory + MOCK_NODE_STRIDE);
    node->gpus = memory + mock_node_memory(0);
}

static inline struct mock_block *mock_node_gpu(const struct mock_node *node, uint32_t index)
{
    return (struct mock_block *)(node->gpus + (size_t)index * MOCK_GPU_STRIDE);
}

/* A change of one block: words at offsets of a copy. */
struct mock_change {
    uint32_t count;
    const uint32_t *offsets; /* NULL: 0, 1, 2… */
    const uint64_t *values;
};

extern const char mock_profile_names[]; /* all that are built in, with commas */
const struct mock_profile *mock_profile_named(const char *name); /* NULL if none is */

size_t mock_node_size(uint32_t gpu_count);
bool mock_driver_known(const char *version);
void mock_node_make(struct mock_block *block, const char *driver, uint64_t now);
void mock_gpu_make(struct mock_block *block, const struct mock_profile *profile, uint32_t index, const char *driver);
uint64_t mock_monotonic(void); /* the host's clock, in nanoseconds */
uint64_t mock_node_time(const struct mock_node *node);
uint64_t mock_wall_clock(const struct mock_node *node); /* microseconds since 1970, by the node's clock */

struct mock_instant {
    uint64_t node; /* nanoseconds */
    uint64_t wall; /* microseconds since 1970 */
};

/*
 * When a reading is made, up to the milliseconds between two ticks of the host's coarse clock ago: reading that is faster
 * than all else in a call, and a GPU's own sensors stand still for longer. All readers of signals take this one, so none
 * sees a counter go back. A node whose clock has another rate than the host's reads exactly.
 */
struct mock_instant mock_reading_time(const struct mock_node *node);

/* Changes a copy of a block. What it answers other than SUCCESS leaves the block as it was. */
typedef nvmlReturn_t mock_edit(mock_word *state, const void *context);

struct mock_part {
    struct mock_block *block;
    mock_edit *edit;
    const void *context;
};

/* Run edits of any blocks under the node's lock, in order; a block may come again. All of them are seen at once, or none
 * if one fails. NO_PERMISSION where the file can't be written. */
nvmlReturn_t mock_node_edit_all(struct mock_node *node, const struct mock_part *parts, uint32_t count);

/* Run `edit` under the node's lock. NO_PERMISSION where the file can't be written. */
nvmlReturn_t mock_node_edit(struct mock_node *node, struct mock_block *block, mock_edit *edit, const void *context);

/* The node that a block belongs to, among those that this process has mapped. */
const struct mock_node *mock_node_of(const struct mock_block *block);

static inline bool mock_node_holds(const struct mock_node *node, const struct mock_block *block)
{
    return (uintptr_t)block - (uintptr_t)node->base < node->size;
}

/* An edit that puts words; its context. */
struct mock_words {
    struct mock_change change;
    uint32_t limit; /* words of the block */
};
mock_edit mock_put_words;

/* Apply a change under the node's lock. NO_PERMISSION where the file can't be written. */
nvmlReturn_t mock_node_write(struct mock_node *node, struct mock_block *block, struct mock_change change);

/* Files. A failure is told in `error`, with what to do. `settings`: further words of the node's own block. */
nvmlReturn_t mock_node_create(const char *path, const struct mock_profile *profile, uint32_t gpu_count, const char *driver,
                              struct mock_change settings, char error[MOCK_ERROR_MAX]);
/* `place` may name memory to map a file of some size over, or return NULL. */
nvmlReturn_t mock_node_open(struct mock_node *node, const char *path, char *(*place)(size_t size), char error[MOCK_ERROR_MAX]);
void mock_node_close(struct mock_node *node);
/* Let go of what a node holds, but not of its addresses: who still reads it finds zeroes. */
void mock_node_empty(const struct mock_node *node);

bool mock_node_allocate(int file, off_t size);

/* A lock among the threads of this process that a fork can't leave locked. */
void mock_lock(void);
void mock_unlock(void);

#endif
