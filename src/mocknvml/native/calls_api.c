/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and the log of calls, as Python sets and reads them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define API __attribute__((visibility("default")))

/* Those who arm a node exclude each other, but no setter. Negative: a status instead. */
static int lock(const struct mock_node *node)
{
    int file;

    if (!node->writable)
        return -NVML_ERROR_NO_PERMISSION;
    file = open(node->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -NVML_ERROR_UNKNOWN;
    while (flock(file, LOCK_EX) != 0) {
        if (errno != EINTR) {
            close(file);
            return -NVML_ERROR_UNKNOWN;
        }
    }
    return file;
}

static uint64_t rule_word(const struct mock_rule *rule, uint32_t at)
{
    return mock_word_at((const mock_word *)rule, at);
}

static void arm(struct mock_block *block, uint64_t bits)
{
    if (mock_word_at(&block->armed, 0) != bits) /* most pages stay untouched */
        atomic_store_explicit(&block->armed, bits, memory_order_release);
}

/* The armed words, of what there is now. */
static void arm_all(struct mock_node *node)
{
    struct mock_rules *rules = &node->shared->rules;
    uint64_t all = mock_word_at(&rules->logging, 0) != 0 ? MOCK_ARMED_LOG : 0;

    for (uint32_t i = 0; i < MOCK_RULES; i++)
        if (rule_word(&rules->rules[i], 0) != 0 && mock_word_at(&rules->rules[i].gpu, 0) == MOCK_RULE_ANY_GPU)
            all |= MOCK_ARMED_RULES;
    arm(node->block, all);
    for (uint32_t gpu = 0; gpu < node->gpu_count; gpu++) {
        uint64_t bits = all;
        for (uint32_t i = 0; i < MOCK_RULES; i++)
            if (rule_word(&rules->rules[i], 0) != 0 && mock_word_at(&rules->rules[i].gpu, 0) == gpu)
                bits |= MOCK_ARMED_RULES;
        arm(mock_node_gpu(node, gpu), bits);
    }
}

static void tell_waiters(struct mock_rules *rules)
{
    atomic_fetch_add_explicit(&rules->changed, 1, memory_order_release);
    syscall(SYS_futex, &rules->changed, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

API struct mock_calls *mock_api_calls_open(const struct mock_node *node)
{
    return mock_calls_map(node, NULL);
}

API void mock_api_calls_close(struct mock_calls *calls)
{
    munmap(calls, sizeof *calls);
}

static nvmlReturn_t make_file(const struct mock_node *node, uint64_t number)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    struct mock_calls_header header = mock_calls_header(node, number);

    if (!mock_calls_path(node, path)
        || (size_t)snprintf(temporary, sizeof temporary, "%s.%d.%llx.new", path, (int)getpid(),
                            (unsigned long long)mock_monotonic()) >= sizeof temporary)
        return NVML_ERROR_INVALID_ARGUMENT;
    int file = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return NVML_ERROR_NO_PERMISSION;
    /* Every process counts and logs, whoever it belongs to. */
    bool made = mock_node_allocate(file, sizeof(struct mock_calls))
                && pwrite(file, &header, sizeof header, 0) == (ssize_t)sizeof header && fchmod(file, 0666) == 0;
    close(file);
    if (!made || rename(temporary, path) != 0) {
        unlink(temporary);
        return NVML_ERROR_MEMORY;
    }
    return NVML_SUCCESS;
}

/* The calls file, made if there is none; under the lock. */
static nvmlReturn_t open_file(struct mock_node *node, struct mock_calls **calls)
{
    mock_word *number = &node->shared->rules.calls_file;

    *calls = mock_calls_map(node, NULL);
    if (*calls != NULL)
        return NVML_SUCCESS;
    uint64_t next = mock_word_at(number, 0) + 1;
    nvmlReturn_t result = make_file(node, next);
    if (result != NVML_SUCCESS)
        return result;
    atomic_store_explicit(number, next, memory_order_release);
    *calls = mock_calls_map(node, NULL);
    return *calls != NULL ? NVML_SUCCESS : NVML_ERROR_UNKNOWN;
}

/* Add a rule, whose words stand as in struct mock_rule; its id is given. INSUFFICIENT_RESOURCES: there are too many. */
API nvmlReturn_t mock_api_rule_add(struct mock_node *node, const uint64_t words[MOCK_RULE_WORDS], uint64_t *id)
{
    struct mock_rules *rules = &node->shared->rules;
    struct mock_calls *calls;
    int file = lock(node);

    if (file < 0)
        return (nvmlReturn_t)-file;
    nvmlReturn_t result = open_file(node, &calls);
    uint32_t place = 0;
    while (place < MOCK_RULES && rule_word(&rules->rules[place], 0) != 0)
        place++;
    if (result == NVML_SUCCESS && place == MOCK_RULES)
        result = NVML_ERROR_INSUFFICIENT_RESOURCES;
    if (result == NVML_SUCCESS) {
        mock_word *rule = (mock_word *)&rules->rules[place];
        *id = mock_word_at(&rules->last_id, 0) + 1;
        mock_word_put(&rules->last_id, 0, *id);
        mock_word_put(&calls->counters[place].calls, 0, 0);
        mock_word_put(&calls->counters[place].acted, 0, 0);
        mock_word_put(&calls->counters[place].id, 0, *id);
        for (uint32_t i = 1; i < MOCK_RULE_WORDS; i++)
            mock_word_put(rule, i, words[i]);
        mock_word_put(&rules->rules[place].check, 0, mock_rule_check(&rules->rules[place], *id));
        atomic_store_explicit(rule, *id, memory_order_release);
        arm_all(node);
        tell_waiters(rules);
    }
    if (calls != NULL)
        munmap(calls, sizeof *calls);
    close(file);
    return result;
}

/* Remove one rule, or all with an id of 0. NOT_FOUND: there is none with the id. */
API nvmlReturn_t mock_api_rule_remove(struct mock_node *node, uint64_t id)
{
    struct mock_rules *rules = &node->shared->rules;
    nvmlReturn_t result = id == 0 ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
    int file = lock(node);

    if (file < 0)
        return (nvmlReturn_t)-file;
    for (uint32_t i = 0; i < MOCK_RULES; i++) {
        if (rule_word(&rules->rules[i], 0) == 0 || (id != 0 && rule_word(&rules->rules[i], 0) != id))
            continue;
        atomic_store_explicit(&rules->rules[i].id, 0, memory_order_relaxed);
        result = NVML_SUCCESS;
    }
    atomic_thread_fence(memory_order_release);
    arm_all(node);
    tell_waiters(rules);
    close(file);
    return result;
}

/* Copy a rule that is there, and how often it was asked and has acted. */
API bool mock_api_rule(const struct mock_node *node, const struct mock_calls *calls, uint32_t place,
                       uint64_t words[MOCK_RULE_WORDS + 2])
{
    if (place >= MOCK_RULES)
        return false;
    const struct mock_rule *rule = &node->shared->rules.rules[place];
    uint64_t id = atomic_load_explicit(&rule->id, memory_order_acquire);
    for (uint32_t i = 0; i < MOCK_RULE_WORDS; i++)
        words[i] = rule_word(rule, i);
    bool counted = calls != NULL && mock_word_at(&calls->counters[place].id, 0) == id;
    words[MOCK_RULE_WORDS] = counted ? mock_word_at(&calls->counters[place].calls, 0) : 0;
    words[MOCK_RULE_WORDS + 1] = counted ? mock_word_at(&calls->counters[place].acted, 0) : 0;
    atomic_thread_fence(memory_order_acquire);
    return id != 0 && rule_word(rule, 0) == id && mock_word_at(&rule->check, 0) == mock_rule_check(rule, id);
}

API bool mock_api_logging(const struct mock_node *node)
{
    return mock_word_at(&node->shared->rules.logging, 0) != 0;
}

/* Start the log, from now on, or end it; its records stay. */
API nvmlReturn_t mock_api_log(struct mock_node *node, bool on)
{
    struct mock_calls *calls = NULL;
    int file = lock(node);

    if (file < 0)
        return (nvmlReturn_t)-file;
    nvmlReturn_t result = on ? open_file(node, &calls) : NVML_SUCCESS;
    if (result == NVML_SUCCESS) {
        if (on) {
            mock_word_put(&calls->since, 0, mock_word_at(&calls->tickets, 0));
            for (uint32_t i = 0; i < MOCK_CALLS; i++) {
                mock_word_put(&calls->sums[i].calls, 0, 0);
                mock_word_put(&calls->sums[i].errors, 0, 0);
                mock_word_put(&calls->sums[i].nanoseconds, 0, 0);
            }
        }
        mock_word_put(&node->shared->rules.logging, 0, on);
        arm_all(node);
    }
    if (calls != NULL)
        munmap(calls, sizeof *calls);
    close(file);
    return result;
}

API uint64_t mock_api_calls_tickets(const struct mock_calls *calls)
{
    return atomic_load_explicit(&calls->tickets, memory_order_acquire);
}

API uint64_t mock_api_calls_since(const struct mock_calls *calls)
{
    return mock_word_at(&calls->since, 0);
}

/* Copy the record of a ticket: 1, 0 while it is being written, -1 where it is lost. */
API int32_t mock_api_record(const struct mock_calls *calls, uint64_t ticket, uint64_t words[MOCK_RECORD_WORDS])
{
    const mock_word *record = calls->records[ticket % MOCK_RECORDS].words;
    uint64_t first = atomic_load_explicit(&record[0], memory_order_acquire);

    if (first != 2 * ticket + 2)
        return first < 2 * ticket + 2 ? 0 : -1;
    for (uint32_t i = 0; i < MOCK_RECORD_WORDS; i++)
        words[i] = mock_word_at(record, i);
    atomic_thread_fence(memory_order_acquire);
    return mock_word_at(record, 0) == first ? 1 : -1;
}

/* Calls, errors and nanoseconds of a function. */
API bool mock_api_call_sums(const struct mock_calls *calls, uint32_t function, uint64_t sums[3])
{
    if (function >= MOCK_CALLS)
        return false;
    sums[0] = mock_word_at(&calls->sums[function].calls, 0);
    sums[1] = mock_word_at(&calls->sums[function].errors, 0);
    sums[2] = mock_word_at(&calls->sums[function].nanoseconds, 0);
    return true;
}

/* A follower has read all records before a ticket; UINT64_MAX: it follows no longer. */
API void mock_api_calls_read(struct mock_calls *calls, uint64_t ticket)
{
    atomic_store_explicit(&calls->read, ticket + 1, memory_order_relaxed);
    syscall(SYS_futex, &calls->read, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Wait until there are more records than `seen`, or for a time. */
API void mock_api_calls_wait(struct mock_calls *calls, uint64_t seen, uint64_t nanoseconds)
{
    struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};

    atomic_fetch_add_explicit(&calls->waiting, 1, memory_order_seq_cst);
    syscall(SYS_futex, &calls->tickets, FUTEX_WAIT, (uint32_t)seen, &time, NULL, 0);
    atomic_fetch_sub_explicit(&calls->waiting, 1, memory_order_seq_cst);
}
