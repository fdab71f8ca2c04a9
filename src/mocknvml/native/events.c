/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event sets of this process. A set is an entry of a static table; its handle is the entry's address, so a freed set is
 * recognised. What a set has registered for stands in a pool beside it, and how far it has read the node's events in the
 * set: every set sees every event, and a child that is forked goes on from where its parent was.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "legacy.h"
#include "runtime.h"

enum {
    EVENT_SETS = 1024,
    REGISTRATIONS = 2 * MOCK_MAX_GPUS,
    SECOND = 1000000000,
};

#define ANY_GPU UINT32_MAX

/* A set is in use while its generation is odd; a waiter remembers the one that it began with, since an entry is used again
 * (by nobody before the last waiter of the old set has left). All but the atomics is under the lock. */
struct event_set {
    _Atomic uint64_t generation;
    _Atomic uint64_t waiters; /* their number, and above it the process: a child has none of its parent's threads */
    _Atomic(const struct mock_node *) node;
    uint64_t position;
    struct registration *first;
    bool returned; /* by nvmlEventSetWait_v3: */
    struct mock_event last;
};

/* In use as long as its set has the same generation. */
struct registration {
    const struct event_set *set;
    uint64_t generation;
    struct registration *next;
    uint64_t since; /* the number of the first event that it is for */
    uint64_t types;
    uint32_t gpu;
    uint32_t kind;
    uint32_t log_level, severity; /* of structured events: the least */
};

/* Behind what an init touches, as the other large arrays. */
__attribute__((section(".bss.events"))) static struct event_set gpu_sets[EVENT_SETS], system_sets[EVENT_SETS];
__attribute__((section(".bss.events"))) static struct registration registrations[REGISTRATIONS];
static uint32_t next_registration;
static _Atomic uint32_t used_sets; /* of each table, since the process began */

static uint64_t generation_at(const struct event_set *set)
{
    return atomic_load_explicit(&set->generation, memory_order_acquire);
}

/* The generation of a set in use, or 0 for what is none of these. */
static uint64_t generation_of(const struct event_set sets[EVENT_SETS], const void *set)
{
    uintptr_t distance = (uintptr_t)set - (uintptr_t)sets;

    if (distance >= EVENT_SETS * sizeof *sets || distance % sizeof *sets != 0)
        return 0;
    uint64_t generation = generation_at(&sets[distance / sizeof *sets]);
    return generation % 2 == 1 ? generation : 0;
}

bool mock_event_set_valid(nvmlEventSet_t set)
{
    return generation_of(gpu_sets, set) != 0;
}

static const struct mock_node *node_of(const struct event_set *set)
{
    return atomic_load_explicit(&set->node, memory_order_relaxed);
}

static uint32_t living(uint64_t waiters)
{
    return (uint32_t)waiters != 0 && waiters >> 32 == (uint32_t)getpid() ? (uint32_t)waiters : 0;
}

static uint32_t waiters_of(const struct event_set *set)
{
    return living(atomic_load_explicit(&set->waiters, memory_order_relaxed));
}

static void count_waiter(struct event_set *set, int change)
{
    uint64_t self = (uint64_t)getpid() << 32, waiters = atomic_load_explicit(&set->waiters, memory_order_relaxed), counted;

    do
        counted = self | (living(waiters) + (uint32_t)change);
    while (!atomic_compare_exchange_weak_explicit(&set->waiters, &waiters, counted, memory_order_relaxed, memory_order_relaxed));
}

/* Wake who waits for a set that has ended, until all have left. What they sleep on belongs to the node and may be read-only
 * here, so that a waiter that is just about to sleep cannot be told otherwise than by waking it afterwards. */
static void wake(const struct event_set *set, uint64_t ended)
{
    const struct timespec millisecond = {0, 1000000};

    for (int i = 0; i < 5000 && generation_at(set) == ended && waiters_of(set) != 0; i++) {
        mock_bell_ring(&node_of(set)->shared->ring);
        if (i < 100)
            sched_yield();
        else
            nanosleep(&millisecond, NULL);
    }
}

static void end(struct event_set *set)
{
    uint64_t generation = generation_at(set);

    if (generation % 2 == 1)
        atomic_store_explicit(&set->generation, generation + 1, memory_order_release);
}

/* The last shutdown ends all sets. */
void mock_event_sets_end(void)
{
    for (uint32_t i = 0; i < used_sets; i++) {
        end(&gpu_sets[i]);
        end(&system_sets[i]);
    }
}

void mock_event_sets_wake(void)
{
    for (uint32_t i = 0; i < used_sets; i++) {
        uint64_t of_gpus = generation_at(&gpu_sets[i]), of_system = generation_at(&system_sets[i]);
        if (of_gpus % 2 == 0)
            wake(&gpu_sets[i], of_gpus);
        if (of_system % 2 == 0)
            wake(&system_sets[i], of_system);
    }
}

static struct event_set *begin(struct event_set sets[EVENT_SETS])
{
    const struct mock_node *node = mock_node();
    struct event_set *set = NULL;

    mock_lock();
    for (uint32_t i = 0; i < EVENT_SETS && set == NULL; i++) {
        uint64_t generation = generation_at(&sets[i]);
        if (generation % 2 == 1 || waiters_of(&sets[i]) != 0)
            continue;
        set = &sets[i];
        atomic_store_explicit(&set->node, node, memory_order_relaxed);
        set->position = mock_event_count(&node->shared->ring);
        set->first = NULL;
        set->returned = false;
        if (used_sets <= i)
            used_sets = i + 1;
        atomic_store_explicit(&set->generation, generation + 1, memory_order_release);
    }
    mock_unlock();
    return set;
}

/* Whether the set was in use until now. */
static bool finish(struct event_set sets[EVENT_SETS], struct event_set *set)
{
    mock_lock();
    uint64_t generation = generation_of(sets, set);
    if (generation != 0)
        end(set);
    mock_unlock();
    if (generation != 0)
        wake(set, generation + 1);
    return generation != 0;
}

nvmlReturn_t native_nvmlEventSetCreate(nvmlEventSet_t *set)
{
    struct event_set *made = begin(gpu_sets);

    if (made == NULL)
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    *set = (nvmlEventSet_t)made;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlEventSetFree(nvmlEventSet_t set)
{
    return finish(gpu_sets, (struct event_set *)set) ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

static bool is_used(const struct registration *registration)
{
    return registration->set != NULL && generation_at(registration->set) == registration->generation;
}

/* Register for what happens from now on. What the set is registered for already stays as it is. */
static nvmlReturn_t enlist(struct event_set sets[EVENT_SETS], struct event_set *set, struct registration wanted)
{
    nvmlReturn_t status = NVML_ERROR_INSUFFICIENT_RESOURCES;

    mock_lock();
    wanted.set = set;
    wanted.generation = generation_of(sets, set);
    wanted.next = set->first;
    wanted.since = mock_event_count(&node_of(set)->shared->ring) + 1;
    bool known = false;
    for (const struct registration *one = set->first; one != NULL; one = one->next) {
        if (one->kind != wanted.kind || one->gpu != wanted.gpu)
            continue;
        wanted.types &= ~one->types;
        known |= one->log_level == wanted.log_level && one->severity == wanted.severity;
    }
    if (wanted.generation == 0)
        status = NVML_ERROR_INVALID_ARGUMENT; /* freed meanwhile */
    else if (wanted.types == 0 && (known || wanted.kind != MOCK_EVENT_OPERATIONAL))
        status = NVML_SUCCESS;
    for (uint32_t i = 0; i < REGISTRATIONS && status == NVML_ERROR_INSUFFICIENT_RESOURCES; i++) {
        struct registration *place = &registrations[next_registration++ % REGISTRATIONS];
        if (is_used(place))
            continue;
        *place = wanted;
        set->first = place;
        status = NVML_SUCCESS;
    }
    mock_unlock();
    return status;
}

nvmlReturn_t native_nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long eventTypes, nvmlEventSet_t set)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t supported = 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(event_types.supported), &supported);
    }
    if (status != NVML_SUCCESS)
        return status;
    /* nvml.h: NOT_SUPPORTED "if the platform does not support this feature or some of requested event types". */
    if ((eventTypes & ~supported) != 0)
        return NVML_ERROR_NOT_SUPPORTED;
    return enlist(gpu_sets, (struct event_set *)set,
                  (struct registration){.kind = MOCK_EVENT_GPU, .gpu = mock_index(device), .types = eventTypes});
}

/* nvml.h: by the UUID of a GPU; the levels filter, and newer ones than it names are allowed. */
nvmlReturn_t native_nvmlEventSetRegisterGpuOperationalEvents_v1(nvmlEventSet_t set,
                                                                const nvmlGpuOperationalEventConfig_v1_t *config)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    nvmlDevice_t device;

    if (mock_find_text(mock_node(), MOCK_AT(identity.uuid), MOCK_SIZE(identity.uuid), config->uuid, &device) != NVML_SUCCESS)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_device_state(state);
        if (status == NVML_SUCCESS)
            status = mock_supported(state, MOCK_GPU_SIGNALS, MOCK_AT(event_types.operational));
    }
    if (status != NVML_SUCCESS)
        return status;
    return enlist(gpu_sets, (struct event_set *)set,
                  (struct registration){
                      .kind = MOCK_EVENT_OPERATIONAL,
                      .gpu = mock_index(device),
                      .log_level = config->minLogLevel,
                      .severity = config->minSeverity,
                  });
}

static bool wants(const struct event_set *set, const struct mock_event *event, uint64_t number)
{
    for (const struct registration *one = set->first; one != NULL; one = one->next) {
        if (one->kind != event->kind || (one->gpu != event->gpu && one->gpu != ANY_GPU) || number < one->since)
            continue;
        if (event->kind == MOCK_EVENT_OPERATIONAL
                ? event->log_level >= one->log_level && event->severity >= one->severity
                : (event->type & one->types) != 0)
            return true;
    }
    return false;
}

/* The next event that a set is registered for, of a GPU that the node has. */
static bool take(struct event_set *set, struct mock_event *event)
{
    const struct mock_node *node = node_of(set);

    while (mock_event_next(node, &set->position, event))
        if (event->gpu < node->gpu_count && wants(set, event, set->position))
            return true;
    return false;
}

/* nvml.h: GPU_IS_LOST "if a GPU has fallen off the bus". So the real driver, once its Xid has been delivered (pull request 746
 * of NVIDIA/k8s-test-infra). */
static bool has_lost_gpu(const struct event_set *set)
{
    for (const struct registration *one = set->first; one != NULL; one = one->next)
        if (one->gpu != ANY_GPU && mock_gpu_state(mock_node_gpu(node_of(set), one->gpu)) == NVML_ERROR_GPU_IS_LOST)
            return true;
    return false;
}

struct deadline {
    uint64_t host, node;
};

static struct deadline deadline_of(const struct mock_node *node, unsigned int timeout_ms)
{
    uint64_t timeout = (uint64_t)timeout_ms * 1000000;

    return (struct deadline){mock_monotonic() + timeout, mock_node_time(node) + timeout};
}

/* Nanoseconds of the host until a deadline: by its own clock, or by the node's where `clock.waits` says so. That one may be
 * frozen. Whoever moves it wakes all waiters; they look again each second, should he have been killed before that. */
static uint64_t time_left(const struct mock_node *node, struct deadline deadline)
{
    const mock_word *state;
    uint64_t by_node = 0, rate = 0;

    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        mock_number_or_zero(state, MOCK_NODE_SIGNALS, MOCK_AT_NODE(clock.waits), &by_node);
        mock_number_or_zero(state, MOCK_NODE_SIGNALS, MOCK_AT_NODE(time.rate), &rate);
    }
    uint64_t now = by_node == 1 ? mock_node_time(node) : mock_monotonic(), end = by_node == 1 ? deadline.node : deadline.host;
    if (now >= end)
        return 0;
    if (by_node != 1)
        return end - now;
    double left = rate != 0 ? (double)(end - now) * 1e9 / (double)rate + 1 : SECOND;
    return left < SECOND ? (uint64_t)left : SECOND;
}

static void sleep_for(const struct mock_ring *ring, uint32_t seen, uint64_t left)
{
    struct timespec time = {(time_t)(left / SECOND), (long)(left % SECOND)};

    syscall(SYS_futex, &ring->bell, FUTEX_WAIT, seen, &time, NULL, 0);
}

/* Wait until `collect`, which runs under the lock, says that it has something. */
static nvmlReturn_t wait(struct event_set sets[EVENT_SETS], struct event_set *set, unsigned int timeout_ms,
                         bool (*collect)(struct event_set *set, void *context), void *context)
{
    uint64_t generation = generation_of(sets, set);

    if (generation == 0)
        return mock_attached() != NULL ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_UNINITIALIZED;
    count_waiter(set, 1);
    const struct mock_node *node = node_of(set);
    const struct mock_ring *ring = &node->shared->ring;
    struct deadline deadline = deadline_of(node, timeout_ms);
    nvmlReturn_t status;
    for (;;) {
        uint32_t seen = atomic_load_explicit(&ring->bell, memory_order_acquire);
        uint64_t left = time_left(node, deadline);
        mock_lock();
        if (mock_attached() == NULL)
            status = NVML_ERROR_UNINITIALIZED;
        else if (generation_at(set) != generation)
            status = NVML_ERROR_INVALID_ARGUMENT;
        else if (collect(set, context))
            status = NVML_SUCCESS;
        else
            status = has_lost_gpu(set) ? NVML_ERROR_GPU_IS_LOST : NVML_ERROR_TIMEOUT;
        mock_unlock();
        if (status != NVML_ERROR_TIMEOUT || left == 0 || timeout_ms == 0)
            break;
        sleep_for(ring, seen, left);
    }
    count_waiter(set, -1);
    return status;
}

static bool collect_bits(struct event_set *set, void *context)
{
    struct mock_event *event = context;

    /* nvml.h: structured events are delivered "through nvmlEventSetWait_v3". */
    while (take(set, event))
        if (event->kind == MOCK_EVENT_GPU)
            return true;
    return false;
}

nvmlReturn_t native_nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
    struct mock_event event;
    nvmlReturn_t status = wait(gpu_sets, (struct event_set *)set, timeoutms, collect_bits, &event);

    if (status == NVML_SUCCESS)
        *data = (nvmlEventData_t){
            .device = mock_handle(event.gpu),
            .eventType = event.type,
            .eventData = event.data,
            .gpuInstanceId = event.gpu_instance,
            .computeInstanceId = event.compute_instance,
        };
    return status;
}

nvmlReturn_t native_nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
    nvmlEventData_t found;
    nvmlReturn_t status = native_nvmlEventSetWait_v2(set, &found, timeoutms);

    if (status == NVML_SUCCESS)
        *(mock_legacy_event_data_v1_t *)data =
            (mock_legacy_event_data_v1_t){found.device, found.eventType, found.eventData};
    return status;
}

static bool collect_any(struct event_set *set, void *context)
{
    struct mock_event *event = context;

    if (!take(set, event))
        return false;
    set->last = *event;
    set->returned = true;
    return true;
}

nvmlReturn_t native_nvmlEventSetWait_v3(nvmlEventSet_t set, nvmlEventSetWait_v3_t *params)
{
    const mock_word *state;
    struct mock_text uuid;
    struct mock_event event;
    nvmlReturn_t status = wait(gpu_sets, (struct event_set *)set, params->timeoutMs, collect_any, &event);

    if (status != NVML_SUCCESS)
        return status;
    *params = (nvmlEventSetWait_v3_t){
        .timeoutMs = params->timeoutMs,
        .dataType = event.kind == MOCK_EVENT_GPU ? NVML_EVENT_DATA_TYPE_NVML_EVENT : NVML_EVENT_DATA_TYPE_GPU_OPERATIONAL_EVENT,
        .eventType = event.type,
        .eventData = event.data,
        .groupCursor = event.group_cursor,
        .instanceId = event.instance,
        .timestampUsec = event.wall,
        .traceId = event.trace,
        .gpuInstanceId = event.gpu_instance,
        .computeInstanceId = event.compute_instance,
        .severity = event.severity,
        .categoryId = event.category,
        .moduleEventCode = event.code,
        .scope = event.scope,
        .originator = event.originator,
        .moduleInstance = event.module_instance,
        .chipletId = event.chiplet,
        .logLevel = event.log_level,
        .attributes = event.attributes,
        .groupCperSize = event.cper_size,
        .groupAttributes = event.group_attributes,
        .groupSize = event.group_size,
        .groupIndex = event.group_index,
    };
    memcpy(params->sourceModule, event.module, sizeof params->sourceModule);
    MOCK_LATCH(state, mock_gpu_of(mock_handle(event.gpu)), MOCK_GPU_WORDS) {
        if (mock_text(state, MOCK_AT(identity.uuid), MOCK_SIZE(identity.uuid), &uuid) != NVML_SUCCESS)
            uuid.length = 0;
    }
    return mock_put_text(&uuid, params->uuid, sizeof params->uuid);
}

/* A context record of the event that nvmlEventSetWait_v3 returned last. */
static nvmlReturn_t find_context(nvmlEventSet_t handle, uint32_t index, struct mock_event_context *context)
{
    const struct event_set *set = (const struct event_set *)handle;
    nvmlReturn_t status = NVML_SUCCESS;

    mock_lock();
    if (!set->returned)
        status = NVML_ERROR_NOT_FOUND;
    else if (index >= set->last.context_count || index >= MOCK_EVENT_CONTEXTS)
        status = NVML_ERROR_INVALID_ARGUMENT;
    else
        *context = set->last.contexts[index];
    mock_unlock();
    if (status == NVML_SUCCESS && context->size > MOCK_EVENT_PAYLOAD)
        context->size = MOCK_EVENT_PAYLOAD;
    return status;
}

nvmlReturn_t native_nvmlEventSetGetContextCount_v1(nvmlEventSet_t set, nvmlEventSetGetContextCount_v1_t *params)
{
    const struct event_set *own = (const struct event_set *)set;

    mock_lock();
    bool returned = own->returned;
    uint32_t count = own->last.context_count;
    mock_unlock();
    if (!returned)
        return NVML_ERROR_NOT_FOUND;
    params->count = count < MOCK_EVENT_CONTEXTS ? count : MOCK_EVENT_CONTEXTS;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlEventSetGetContextInfo_v1(nvmlEventSet_t set, nvmlEventSetGetContextInfo_v1_t *params)
{
    struct mock_event_context context;
    nvmlReturn_t status = find_context(set, params->index, &context);

    if (status != NVML_SUCCESS)
        return status;
    params->nvmlGpuOperationalEventContextType = context.type;
    params->sourceEventContextType = context.source_type;
    params->dataSize = context.size;
    params->dataFormatVersion = (unsigned short)context.version;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlEventSetGetContextData_v1(nvmlEventSet_t set, nvmlEventSetGetContextData_v1_t *params)
{
    struct mock_event_context context;
    nvmlReturn_t status = find_context(set, params->index, &context);
    unsigned int room = params->data != NULL ? params->dataSize : 0;

    if (status != NVML_SUCCESS)
        return status;
    params->dataSize = context.size;
    if (context.size > room)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    if (context.size != 0)
        memcpy(params->data, context.payload, context.size);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1(
    nvmlEventSet_t set, nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1_t *params)
{
    struct mock_event_context context;
    nvmlReturn_t status = find_context(set, params->index, &context);

    if (status == NVML_SUCCESS && context.type != NVML_GPU_OPERATIONAL_EVENT_CONTEXT_TYPE_LEGACY_XID)
        status = NVML_ERROR_NOT_FOUND;
    if (status == NVML_SUCCESS)
        memcpy(&params->xidCode, context.payload, sizeof params->xidCode);
    return status;
}

nvmlReturn_t native_nvmlSystemEventSetCreate(nvmlSystemEventSetCreateRequest_t *request)
{
    struct event_set *made = begin(system_sets);

    if (made == NULL)
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    request->set = (nvmlSystemEventSet_t)made;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlSystemEventSetFree(nvmlSystemEventSetFreeRequest_t *request)
{
    return finish(system_sets, (struct event_set *)request->set) ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

/* nvml.h: with NOT_SUPPORTED "none of the requested eventTypes are registered". */
nvmlReturn_t native_nvmlSystemRegisterEvents(nvmlSystemRegisterEventRequest_t *request)
{
    const unsigned long long known = nvmlSystemEventTypeGpuDriverUnbind | nvmlSystemEventTypeGpuDriverBind;

    if (generation_of(system_sets, request->set) == 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    if ((request->eventTypes & ~known) != 0)
        return NVML_ERROR_NOT_SUPPORTED;
    return enlist(system_sets, (struct event_set *)request->set,
                  (struct registration){.kind = MOCK_EVENT_SYSTEM, .gpu = ANY_GPU, .types = request->eventTypes});
}

/* As the kernel driver makes it of a PCI address: domain, bus and device from the top. */
static unsigned int gpu_id(const struct mock_node *node, uint32_t index)
{
    const mock_word *state;
    uint64_t id = 0;

    MOCK_LATCH(state, mock_node_gpu(node, index), MOCK_GPU_WORDS) {
        id = mock_word_at(state, MOCK_AT(pci.domain) + 1) << 16 | mock_word_at(state, MOCK_AT(pci.bus) + 1) << 8
             | mock_word_at(state, MOCK_AT(pci.device) + 1);
    }
    return (unsigned int)id;
}

static bool collect_system(struct event_set *set, void *context)
{
    nvmlSystemEventSetWaitRequest_t *request = context;
    unsigned int room = request->data != NULL ? request->dataSize : 0;
    struct mock_event event;

    request->numEvent = 0;
    while (request->numEvent < room && take(set, &event))
        request->data[request->numEvent++] =
            (nvmlSystemEventData_v1_t){.eventType = event.type, .gpuId = gpu_id(node_of(set), event.gpu)};
    return request->numEvent != 0;
}

nvmlReturn_t native_nvmlSystemEventSetWait(nvmlSystemEventSetWaitRequest_t *request)
{
    return wait(system_sets, (struct event_set *)request->set, request->timeoutms, collect_system, request);
}
