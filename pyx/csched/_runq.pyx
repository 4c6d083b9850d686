from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from csched._process cimport process_t
from csched._types cimport (
    CONTEXT_REDS, PRIORITY_HIGH, PRIORITY_LOW, PRIORITY_MAX, PRIORITY_NORMAL, STATE_RUNNABLE,
)


cdef inline uint64_t level_len(level_t* level) noexcept:
    return <uint64_t>level.woken.processes_len + level.fresh.processes_len + level.preempted.processes_len


cdef process_t* level_pop(level_t* level, uint64_t ticks) noexcept:
    """Take the next of a level that is not empty."""
    cdef process_t* woken = level.woken.head
    cdef process_t* fresh = level.fresh.head
    cdef process_t* preempted = level.preempted.head
    if preempted != NULL and (
        (woken == NULL and fresh == NULL)
        or (
            (level.first_reductions >= FIRST_SLICES * CONTEXT_REDS or ticks - level.turn_ticks > FIRST_SLICES)
            and (fresh == NULL or preempted.key <= fresh.key)
        )
    ):
        level.turn = fifo_pop(&level.preempted)
        return level.turn
    if fresh == NULL or (woken != NULL and (woken.key < fresh.key or woken.key < level.favour_key)):
        return fifo_pop(&level.woken)
    return fifo_pop(&level.fresh)


cdef process_t* runq_pop(runq_t* queue, uint64_t ticks) noexcept:
    """Take the process that runs next, or NULL if none is runnable."""
    cdef level_t* normal = &queue.levels[PRIORITY_NORMAL]
    cdef level_t* low = &queue.levels[PRIORITY_LOW]
    cdef int64_t cost
    if queue.runnable_len == 0:
        return NULL
    queue.runnable_len -= 1
    if normal.woken.processes_len > queue.runnable_len:
        return fifo_pop(&normal.woken)  # There were no others: the commonest case.
    if level_len(&queue.levels[PRIORITY_MAX]):
        return level_pop(&queue.levels[PRIORITY_MAX], ticks)
    if level_len(&queue.levels[PRIORITY_HIGH]):
        return level_pop(&queue.levels[PRIORITY_HIGH], ticks)
    if level_len(low) == 0:
        return level_pop(normal, ticks)
    if level_len(normal) == 0:
        return level_pop(low, ticks)
    cost = LOW_PASSES * <int64_t>level_len(normal)
    if queue.low_credit >= cost:
        queue.low_credit -= cost
        return level_pop(low, ticks)
    queue.low_credit += <int64_t>level_len(low)
    return level_pop(normal, ticks)


cdef void runq_push_blocked(runq_t* queue, process_t* process, int64_t now, int64_t slice_ns) noexcept:
    """The process was found blocked in a system call: ask it again later, and ever more rarely."""
    cdef int64_t wait
    if process.backoff < BACKOFFS - 1:
        wait = slice_ns << process.backoff
    else:
        process.backoff = BACKOFFS - 1
        wait = BACKOFF_LIMIT_NS
    process.key = now + min(wait, <int64_t>BACKOFF_LIMIT_NS)
    process.state = STATE_RUNNABLE
    used_up_slice(&queue.levels[process.priority], process)
    fifo_push(&queue.blocked[process.backoff], process)
    queue.blocked_len += 1


cdef int first_blocked(runq_t* queue) noexcept:
    """Index of the queue whose head is due first, or -1."""
    cdef int i, first = -1
    for i in range(BACKOFFS):
        if queue.blocked[i].head != NULL and (
            first < 0 or queue.blocked[i].head.key < queue.blocked[first].head.key
        ):
            first = i
    return first


cdef process_t* runq_pop_first_blocked(runq_t* queue) noexcept:
    """Take the blocked process that is due first, due or not; NULL if there is none."""
    cdef int first
    if queue.blocked_len == 0:
        return NULL
    first = first_blocked(queue)
    queue.blocked_len -= 1
    return fifo_pop(&queue.blocked[first])


cdef process_t* runq_pop_blocked(runq_t* queue, int64_t now) noexcept:
    """Take a blocked process that is due, or NULL."""
    if queue.blocked_len and runq_next_due(queue) <= now:
        return runq_pop_first_blocked(queue)
    return NULL


cdef int64_t runq_next_due(runq_t* queue) noexcept:
    """When the first blocked process is due; INT64_MAX if there is none."""
    if queue.blocked_len == 0:
        return INT64_MAX
    return queue.blocked[first_blocked(queue)].head.key
