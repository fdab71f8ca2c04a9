/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that something watches: a rule, the log, or both. An armed function asks for it after its checks of the
 * arguments (runtime.h), and hands itself over to be called again, which then goes on behind the question.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "runtime.h"

/* Whether this thread is within a function that was called again. Of the model that needs no __tls_get_addr, which is not in
 * libc but in its loader. */
static _Thread_local bool within __attribute__((tls_model("initial-exec")));

/* The calls files of the nodes that the process attached to, or memory in which it counts alone. Only the oldest of so many
 * is given up, for another: a thread that a change of nodes overtakes finds memory. */
struct mapping {
    _Atomic(const struct mock_node *) node;
    _Atomic uint64_t number; /* of the file */
    struct mock_calls *calls;
};

enum {
    MAPPINGS = 256,
};

static struct mapping mappings[MAPPINGS];
static _Atomic uint32_t newest;
/* The first one stands here, where dlclose releases it. */
static _Alignas(65536) char memory[sizeof(struct mock_calls)];

static struct mapping *find_mapping(const struct mock_node *node, uint64_t number)
{
    uint32_t start = atomic_load_explicit(&newest, memory_order_acquire);

    for (uint32_t i = 0; i < MAPPINGS; i++) {
        struct mapping *mapping = &mappings[(start - i) % MAPPINGS];
        if (atomic_load_explicit(&mapping->node, memory_order_acquire) == node
            && atomic_load_explicit(&mapping->number, memory_order_relaxed) == number)
            return mapping;
    }
    return NULL;
}

/* Under the lock. */
static struct mapping *make_mapping(const struct mock_node *node, uint64_t number)
{
    uint32_t next = (atomic_load_explicit(&newest, memory_order_relaxed) + 1) % MAPPINGS;
    struct mapping *mapping = &mappings[next];
    const int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    bool used = mapping->calls != NULL;

    if (!used) {
        void *base = mappings[1].calls == NULL ? memory : mmap(NULL, sizeof memory, protection, flags, -1, 0);
        mapping->calls = base != MAP_FAILED ? base : (struct mock_calls *)memory;
    }
    atomic_store_explicit(&mapping->node, NULL, memory_order_release);
    if (mock_calls_map(node, mapping->calls) == NULL && used)
        mmap(mapping->calls, sizeof memory, protection, flags | MAP_FIXED, -1, 0);
    atomic_store_explicit(&mapping->number, number, memory_order_relaxed);
    atomic_store_explicit(&mapping->node, node, memory_order_release);
    atomic_store_explicit(&newest, next, memory_order_release);
    return mapping;
}

struct mock_calls *mock_calls_of(const struct mock_node *node)
{
    uint64_t number = mock_word_at(&node->shared->rules.calls_file, 0);
    struct mapping *mapping = find_mapping(node, number);

    if (mapping == NULL) {
        mock_lock();
        mapping = find_mapping(node, number);
        if (mapping == NULL)
            mapping = make_mapping(node, number);
        mock_unlock();
    }
    return mapping->calls;
}

/* Wait until a time of the host's clock, or until the rule is gone. */
static void wait_for(struct mock_rules *rules, const struct mock_rule *rule, uint64_t id, uint64_t deadline)
{
    for (;;) {
        uint32_t seen = atomic_load_explicit(&rules->changed, memory_order_acquire);
        uint64_t now = mock_monotonic();
        if (mock_word_at(&rule->id, 0) != id || now >= deadline)
            return;
        struct timespec left = {(time_t)((deadline - now) / 1000000000), (long)((deadline - now) % 1000000000)};
        syscall(SYS_futex, &rules->changed, FUTEX_WAIT, seen, deadline == MOCK_RULE_HANGS ? NULL : &left, NULL, 0);
    }
}

/* A fixed number in [0, 2^32) for each call of a rule: splitmix64. */
static uint64_t draw(uint64_t seed, uint64_t ticket)
{
    uint64_t mixed = seed + (ticket + 1) * 0x9E3779B97F4A7C15u;

    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return (mixed ^ mixed >> 31) >> 32;
}

/* Count a call that a rule is about; whether the rule acts on it. */
static bool acts(struct mock_counter *counter, const struct mock_rule *rule, uint64_t id)
{
    if (mock_word_at(&counter->id, 0) != id) { /* memory of this process, which counted for an earlier rule */
        mock_lock();
        if (mock_word_at(&counter->id, 0) != id) {
            mock_word_put(&counter->calls, 0, 0);
            mock_word_put(&counter->acted, 0, 0);
            atomic_store_explicit(&counter->id, id, memory_order_release);
        }
        mock_unlock();
    }
    uint64_t ticket = atomic_fetch_add_explicit(&counter->calls, 1, memory_order_relaxed);
    uint64_t after = mock_word_at(&rule->after, 0), every = mock_word_at(&rule->every, 0);
    if (ticket < after || (every > 1 && (ticket - after) % every != every - 1)
        || draw(mock_word_at(&rule->seed, 0), ticket) >= mock_word_at(&rule->probability, 0))
        return false;
    return atomic_fetch_add_explicit(&counter->acted, 1, memory_order_relaxed) < mock_word_at(&rule->times, 0);
}

uint32_t mock_rules_answer(const struct mock_node *node, uint32_t function, const uint32_t gpus[2], uint64_t *answering)
{
    struct mock_rules *rules = &node->shared->rules;
    struct mock_counter *counters = mock_calls_of(node)->counters;
    uint32_t answer = MOCK_RULE_NO_CODE;

    *answering = UINT64_MAX;
    for (uint32_t i = 0; i < MOCK_RULES; i++) {
        struct mock_rule *rule = &rules->rules[i];
        uint64_t id = atomic_load_explicit(&rule->id, memory_order_acquire), gpu = mock_word_at(&rule->gpu, 0);
        if (id == 0 || (mock_word_at(rule->functions, function / 64) >> function % 64 & 1) == 0
            || (gpu != MOCK_RULE_ANY_GPU && gpu != gpus[0] && gpu != gpus[1])
            || mock_word_at(&rule->check, 0) != mock_rule_check(rule, id) || !acts(&counters[i], rule, id))
            continue;
        uint32_t code = (uint32_t)mock_word_at(&rule->code, 0);
        uint64_t delay = mock_word_at(&rule->delay, 0), now = delay != 0 ? mock_monotonic() : 0;
        /* A rule that is gone by now may have been read in part. */
        atomic_thread_fence(memory_order_acquire);
        if (delay != 0)
            wait_for(rules, rule, id, delay < MOCK_RULE_HANGS - now ? now + delay : MOCK_RULE_HANGS);
        if (mock_word_at(&rule->id, 0) == id && code != MOCK_RULE_NO_CODE && id < *answering) {
            answer = code;
            *answering = id;
        }
    }
    if (answer == MOCK_RULE_NO_CODE)
        *answering = 0;
    return answer;
}

/* The indices of the GPUs that a call is about. */
static void find_gpus(const struct mock_node *node, uint32_t function, const uint64_t *arguments, uint32_t gpus[2])
{
    uint32_t found = 0;

    gpus[0] = gpus[1] = MOCK_RECORD_NO_GPU;
    for (uint32_t i = mock_call_parameters[function]; i < mock_call_parameters[function + 1] && found < 2; i++, arguments++) {
        uint64_t distance = *arguments - (uint64_t)mock_devices;
        if (mock_parameters[i].kind == MOCK_PARAMETER_DEVICE && distance < node->gpu_count * sizeof *mock_devices)
            gpus[found++] = (uint32_t)(distance / sizeof *mock_devices);
    }
}

/* x86_64 and aarch64 pass integers and pointers in the same places as so many words, and more of them do no harm. */
typedef nvmlReturn_t six_words(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Log a call that has ended, if calls are logged. */
static void log_call(const struct mock_node *node, struct mock_call *call)
{
    if ((mock_word_at(&node->block->armed, 0) & MOCK_ARMED_LOG) == 0)
        return;
    call->end = mock_monotonic();
    mock_record(node, call);
}

nvmlReturn_t mock_refuse_6(uint64_t argument1, uint64_t argument2, uint64_t argument3, uint64_t argument4,
                           uint64_t argument5, uint64_t argument6, uint32_t function, nvmlReturn_t code)
{
    const uint64_t arguments[MOCK_ARGUMENTS] = {argument1, argument2, argument3, argument4, argument5, argument6};
    const struct mock_node *node = mock_node();
    struct mock_call call = {.function = function, .result = code, .refused = true, .arguments = arguments};
    uint32_t gpus[2];

    if (node == NULL || within || !mock_armed(node->block))
        return code;
    call.start = mock_monotonic();
    find_gpus(node, function, arguments, gpus);
    call.gpu = gpus[0];
    log_call(node, &call);
    return code;
}

nvmlReturn_t mock_refuse_3(uint64_t argument1, uint64_t argument2, uint64_t argument3, uint32_t function, nvmlReturn_t code)
{
    return mock_refuse_6(argument1, argument2, argument3, 0, 0, 0, function, code);
}

nvmlReturn_t mock_call_6(uint64_t argument1, uint64_t argument2, uint64_t argument3, uint64_t argument4,
                         uint64_t argument5, uint64_t argument6, uint32_t function, mock_function *again)
{
    const uint64_t arguments[MOCK_ARGUMENTS] = {argument1, argument2, argument3, argument4, argument5, argument6};
    const struct mock_node *node = mock_node();
    struct mock_call call = {.function = function, .arguments = arguments, .start = mock_monotonic()};
    uint32_t gpus[2];

    if (within)
        return MOCK_GO_ON;
    find_gpus(node, function, arguments, gpus);
    call.gpu = gpus[0];
    uint32_t code = mock_rules_answer(node, function, gpus, &call.rule);
    call.result = (nvmlReturn_t)code;
    if (code == MOCK_RULE_NO_CODE) {
        call.room = mock_call_room(function, arguments);
        within = true;
        call.result = ((six_words *)again)(argument1, argument2, argument3, argument4, argument5, argument6);
        within = false;
    }
    log_call(node, &call);
    return call.result;
}

nvmlReturn_t mock_call_3(uint64_t argument1, uint64_t argument2, uint64_t argument3, uint32_t function, mock_function *again)
{
    return mock_call_6(argument1, argument2, argument3, 0, 0, 0, function, again);
}

nvmlReturn_t mock_call_init(const struct mock_node *node, uint32_t function, uint64_t flags, uint64_t start)
{
    const uint64_t arguments[MOCK_ARGUMENTS] = {flags};
    const uint32_t gpus[2] = {MOCK_RECORD_NO_GPU, MOCK_RECORD_NO_GPU};
    struct mock_call call = {.function = function, .gpu = MOCK_RECORD_NO_GPU, .start = start, .arguments = arguments};

    if (within)
        return NVML_SUCCESS;
    uint32_t code = mock_rules_answer(node, function, gpus, &call.rule);
    call.result = code != MOCK_RULE_NO_CODE ? (nvmlReturn_t)code : NVML_SUCCESS;
    log_call(node, &call);
    return call.result;
}
