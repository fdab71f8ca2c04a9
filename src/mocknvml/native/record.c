/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a call into the log: its arguments as words, and behind each pointer what it points to, as far as there is room.
 * What a function was to fill is followed when it has, what it was given always; after a refusal nothing is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "runtime.h"

/* Instead of the lengths behind a pointer: how many bytes follow, and in the upper half how many there were. */
#define IS_NULL UINT64_MAX
#define NOT_FOLLOWED (UINT64_MAX - 1)

struct writing {
    uint64_t words[MOCK_RECORD_WORDS];
    uint32_t at;
};

static uint64_t index_of(uint64_t device)
{
    uint64_t distance = device - (uint64_t)mock_devices;

    return distance < sizeof mock_devices ? distance / sizeof *mock_devices : UINT64_MAX;
}

/* How many elements a list has: what its count says, which is a parameter or stands behind one. That may tell of more than
 * there was room for: some functions succeed without writing a list, for callers who ask for its length. */
static uint64_t elements(const struct mock_call *call, const struct mock_parameter *parameters, uint32_t count)
{
    uint64_t argument = call->arguments[count - 1];

    if (parameters[count - 1].kind != MOCK_PARAMETER_OUT)
        return argument;
    uint32_t listed = argument != 0 ? *(const uint32_t *)argument : 0;
    return listed < call->room ? listed : call->room;
}

uint32_t mock_call_room(uint32_t function, const uint64_t *arguments)
{
    const struct mock_parameter *parameters = &mock_parameters[mock_call_parameters[function]];
    uint32_t parameter_count = mock_call_parameters[function + 1] - mock_call_parameters[function];

    for (uint32_t i = 0; i < parameter_count; i++) {
        uint32_t count = parameters[i].count;
        if (count != 0 && parameters[count - 1].kind == MOCK_PARAMETER_OUT && arguments[count - 1] != 0)
            return *(const uint32_t *)arguments[count - 1];
    }
    return 0;
}

static uint64_t length_of(const struct mock_call *call, const struct mock_parameter *parameters, uint32_t i)
{
    const struct mock_parameter *parameter = &parameters[i];
    const void *pointer = (const void *)call->arguments[i];
    bool filled = call->rule == 0 && call->result == NVML_SUCCESS;

    switch (parameter->kind) {
    case MOCK_PARAMETER_TEXT:
        return strnlen(pointer, 8 * MOCK_RECORD_WORDS);
    case MOCK_PARAMETER_IN:
        return parameter->size;
    case MOCK_PARAMETER_VERSIONED: {
        uint32_t size = *(const uint32_t *)pointer & 0xFFFFFF;
        return size < parameter->size ? size : parameter->size;
    }
    case MOCK_PARAMETER_TEXT_OUT: {
        uint64_t size = parameter->count != 0 ? elements(call, parameters, parameter->count) : parameter->size;
        return filled ? strnlen(pointer, size < 8 * MOCK_RECORD_WORDS ? size : 8 * MOCK_RECORD_WORDS) : NOT_FOLLOWED;
    }
    default:
        if (filled)
            return parameter->count != 0 ? (uint32_t)elements(call, parameters, parameter->count) * (uint64_t)parameter->size
                                         : parameter->size;
        /* The count of a list that had no room. */
        return call->result == NVML_ERROR_INSUFFICIENT_SIZE && call->rule == 0 && parameter->count == 0
                       && parameter->size == sizeof(uint32_t)
                   ? parameter->size
                   : NOT_FOLLOWED;
    }
}

static void put_argument(struct writing *writing, const struct mock_call *call, const struct mock_parameter *parameters,
                         uint32_t i)
{
    uint64_t argument = call->arguments[i], room = 8 * (MOCK_RECORD_WORDS - writing->at - 1);
    uint64_t *word = &writing->words[writing->at++];

    if (parameters[i].kind == MOCK_PARAMETER_VALUE) {
        *word = argument;
        return;
    }
    if (parameters[i].kind == MOCK_PARAMETER_DEVICE) {
        *word = index_of(argument);
        return;
    }
    uint64_t length = argument == 0 ? IS_NULL : call->refused ? NOT_FOLLOWED : length_of(call, parameters, i);
    if (length >= NOT_FOLLOWED) {
        *word = length;
        return;
    }
    uint64_t cut = length < room ? length : room;
    *word = cut | length << 32;
    memcpy(word + 1, (const void *)argument, cut);
    if (parameters[i].kind == MOCK_PARAMETER_DEVICES)
        for (uint64_t j = 0; j < cut / 8; j++)
            word[1 + j] = index_of(word[1 + j]);
    writing->at += (uint32_t)((cut + 7) / 8);
}

/* Wait for a follower that is nearly a round behind; but not for one that does not get on, it may be dead. */
static void keep_pace(struct mock_calls *calls, uint64_t ticket)
{
    const struct timespec patience = {.tv_sec = 1};

    for (uint32_t tries = 0; tries < MOCK_RECORDS; tries++) {
        uint64_t read = mock_word_at(&calls->read, 0);
        if (read == 0 || ticket - (read - 1) < MOCK_RECORDS - MOCK_RECORDS / 8)
            return;
        if (syscall(SYS_futex, &calls->read, FUTEX_WAIT, (uint32_t)read, &patience, NULL, 0) != 0 && errno == ETIMEDOUT)
            atomic_compare_exchange_strong_explicit(&calls->read, &read, 0, memory_order_relaxed, memory_order_relaxed);
    }
}

static void publish(struct mock_calls *calls, const struct writing *writing)
{
    uint64_t ticket = atomic_fetch_add_explicit(&calls->tickets, 1, memory_order_relaxed);
    mock_word *words = calls->records[ticket % MOCK_RECORDS].words;
    uint64_t mine = 2 * ticket + 1;

    keep_pace(calls, ticket);
    uint64_t seen = mock_word_at(words, 0);
    /* Another one writes here; but not after four rounds, by then it is dead. */
    if (seen > mine || (seen % 2 == 1 && seen / 2 + 4 * MOCK_RECORDS > ticket)
        || !atomic_compare_exchange_strong_explicit(&words[0], &seen, mine, memory_order_acquire, memory_order_relaxed))
        return;
    atomic_thread_fence(memory_order_release);
    for (uint32_t i = 1; i < writing->at; i++)
        mock_word_put(words, i, writing->words[i]);
    atomic_compare_exchange_strong_explicit(&words[0], &mine, mine + 1, memory_order_release, memory_order_relaxed);
    if (mock_word_at(&calls->waiting, 0) != 0)
        syscall(SYS_futex, &calls->tickets, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void mock_record(const struct mock_node *node, const struct mock_call *call)
{
    struct mock_calls *calls = mock_calls_of(node);
    struct mock_call_sums *sums = &calls->sums[call->function];
    uint32_t first = mock_call_parameters[call->function], count = mock_call_parameters[call->function + 1] - first;
    struct writing writing = {
        .words = {0, call->start, call->end - call->start,
                  (uint32_t)getpid() | (uint64_t)syscall(SYS_gettid) << 32,
                  call->function | (uint64_t)call->gpu << 16 | (uint64_t)(uint32_t)call->result << 32, call->rule},
        .at = MOCK_RECORD_HEAD,
    };

    for (uint32_t i = 0; i < count && writing.at < MOCK_RECORD_WORDS; i++)
        put_argument(&writing, call, &mock_parameters[first], i);
    atomic_fetch_add_explicit(&sums->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&sums->errors, call->result != NVML_SUCCESS, memory_order_relaxed);
    atomic_fetch_add_explicit(&sums->nanoseconds, call->end - call->start, memory_order_relaxed);
    publish(calls, &writing);
}
