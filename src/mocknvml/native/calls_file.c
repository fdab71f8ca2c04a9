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

struct mock_calls *mock_calls_map(const struct mock_node *node, void *place)
{
    char path[PATH_MAX];
    struct mock_calls_header header;
    struct stat status;
    uint64_t number = atomic_load_explicit(&node->shared->rules.calls_file, memory_order_acquire);
    void *base = MAP_FAILED;

    if (node->path[0] == '\0' || number == 0 || !mock_calls_path(node, path))
        return NULL;
    int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return NULL;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == (off_t)sizeof(struct mock_calls)
        && pread(file, &header, sizeof header, 0) == (ssize_t)sizeof header
        && memcmp(header.magic, MOCK_CALLS_MAGIC, sizeof header.magic) == 0 && header.format == MOCK_CALLS_FORMAT
        && header.layout == MOCK_LAYOUT_HASH        && header.size == sizeof(struct mock_calls) && header.device == node->device && header.inode == node->inode
        && header.number == number)
        base = mmap(place, sizeof(struct mock_calls), PROT_READ | PROT_WRITE, MAP_SHARED | (place != NULL ? MAP_FIXED : 0),
                    file, 0);
    close(file);
    return base != MAP_FAILED ? base : NULL;
}
