/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and mapping the calls file of a node. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"

bool mock_calls_path(const struct mock_node *node, char path[PATH_MAX])
{
    return (size_t)snprintf(path, PATH_MAX, "%s.calls", node->path) < PATH_MAX;
}

struct mock_calls_header mock_calls_header(const struct mock_node *node, uint64_t number)
{
    struct mock_calls_header header = {
        .magic = "mocknvml calls",
        .format = MOCK_CALLS_FORMAT,
        .layout = MOCK_LAYOUT_HASH,
        .size = sizeof(struct mock_calls),
        .device = node->device,
        .inode = node->inode,
        .number = number,
    };

    return header;
}

struct mock_calls *mock_calls_map(const struct mock_node *node, void *place)
{
    char path[PATH_MAX];
    struct mock_calls_header found;
    struct stat status;
    uint64_t number = atomic_load_explicit(&node->shared->rules.calls_file, memory_order_acquire);
    struct mock_calls_header ours = mock_calls_header(node, number);
    int flags = MAP_SHARED | (place != NULL ? MAP_FIXED : 0);
    void *base = MAP_FAILED;

    if (node->path[0] == '\0' || number == 0 || !mock_calls_path(node, path))
        return NULL;
    int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return NULL;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == (off_t)sizeof(struct mock_calls)
        && pread(file, &found, sizeof found, 0) == (ssize_t)sizeof found && memcmp(&found, &ours, sizeof ours) == 0)
        base = mmap(place, sizeof(struct mock_calls), PROT_READ | PROT_WRITE, flags, file, 0);
    close(file);
    return base != MAP_FAILED ? base : NULL;
}
