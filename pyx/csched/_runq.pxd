"""Run queues: who runs next, and the only owner of `process_t.next`.

Purpose: O(1) choice among any number of runnable processes, fair among equals, and quick for those who
wait most of the time.

1. A process in STATE_RUNNABLE is in exactly one queue here; no other process is in any.
2. Levels: max before high before {normal, low}, strictly. Between normal and low a credit decides: each
   turn of a normal process gives the low level as much credit as it has processes, and a turn of a low
   one costs 8 times the number of normal ones. So each low process runs once in the time in which it
   would have been passed over 8 times, as OTP does it, whatever the numbers.
3. Each level has two queues, first in first out: those who waited and were woken, yielded or are new
   are in the first, those who used up their slice in the second (`preempted`). The first is served
   first; but once it has been served for two slices (counted in reductions, or in ticks) while the
   second is not empty, the second has a turn: at least a third of the time.
4. The first queue is kept as two, which are merged by number of arrival (`key`): `woken`, of those who
   are known to wait, and `fresh`, of those who yielded, are new, or blocked, who may turn out to be anything.
   When one of the latter has used up a slice, those of the former who are there by then go first: a
   thousand new hogs do not keep a timer waiting for a second, and nobody who comes later overtakes. Nor has the
   second queue a turn before those of `fresh` who came earlier than who would have it: new hogs get equal numbers
   of slices from the beginning.
5. A process that was preempted inside a blocking system call is in `blocked`, one queue for each length
   of wait, hence sorted by `key`, the moment it is due. When due it goes to `fresh`; when nothing else is runnable the
   one that is due first is taken at once, since blocking is as good as sleeping then.

Rejected: one queue with slices of 1 ms (a timer is a second late beside 1,000 hogs); OTP's counting of
passes in each low process (a choice could touch every low process).

Sources: erl_process.c (dequeue_process, RESCHEDULE_LOW); DESIGN section 4.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from csched._process cimport FLAG_FRESH, has, lower_flag, process_t, raise_flag
from csched._types cimport PRIORITIES, STATE_RUNNABLE


cdef enum:
    # Slices for which the first queue is served while the second waits; 2 leaves it a third of the time.
    FIRST_SLICES = 2
    # A low process runs once for this many turns of a normal one (`RESCHEDULE_LOW`, erl_process.h).
    LOW_PASSES = 8
    # Lengths of wait for those that block: 1, 2, 4, 8, 16, 32 slices, then BACKOFF_LIMIT_NS.
    BACKOFFS = 7
    # Longest wait of a process that blocks before it is asked again: 50 ms.
    BACKOFF_LIMIT_NS = 50_000_000


cdef struct fifo_t:
    process_t* head
    process_t* tail
    uint32_t processes_len


cdef struct level_t:
    fifo_t woken
    fifo_t fresh
    fifo_t preempted
    int64_t arrivals            # In `woken` and `fresh`, ever; the next one's key, and of those preempted till then.
    process_t* turn             # One of `preempted` that has its turn now; compared only. NULL: there is none.
    int64_t first_reductions    # Used from the first queue since the last turn ended, or `preempted` began to fill.
    uint64_t turn_ticks         # Ticks at that time.
    int64_t favour_key          # Arrivals when a fresh process last used up a slice: `woken` of before go first.


cdef struct runq_t:
    level_t levels[PRIORITIES]
    fifo_t blocked[BACKOFFS]
    uint32_t runnable_len       # In the levels.
    uint32_t blocked_len
    int64_t low_credit          # See 2.


cdef process_t* runq_pop(runq_t* queue, uint64_t ticks) noexcept
cdef void runq_push_blocked(runq_t* queue, process_t* process, int64_t now, int64_t slice_ns) noexcept
cdef process_t* runq_pop_blocked(runq_t* queue, int64_t now) noexcept
cdef process_t* runq_pop_first_blocked(runq_t* queue) noexcept
cdef int64_t runq_next_due(runq_t* queue) noexcept


cdef inline void fifo_push(fifo_t* fifo, process_t* process) noexcept:
    process.next = NULL
    if fifo.head == NULL:
        fifo.head = process
    else:
        fifo.tail.next = process
    fifo.tail = process
    fifo.processes_len += 1


cdef inline process_t* fifo_pop(fifo_t* fifo) noexcept:
    cdef process_t* process = fifo.head
    fifo.head = process.next
    fifo.processes_len -= 1
    return process


cdef inline void arrive(runq_t* queue, level_t* level, fifo_t* fifo, process_t* process) noexcept:
    """Into one of the two parts of the first queue."""
    process.state = STATE_RUNNABLE
    process.key = level.arrivals
    level.arrivals += 1
    fifo_push(fifo, process)
    queue.runnable_len += 1


cdef inline void runq_push_woken(runq_t* queue, process_t* process) noexcept:
    """The process waited, and was woken."""
    cdef level_t* level = &queue.levels[process.priority]
    lower_flag(process, FLAG_FRESH)
    arrive(queue, level, &level.woken, process)


cdef inline void runq_push_fresh(runq_t* queue, process_t* process) noexcept:
    """The process is new, or yielded, or was blocked."""
    cdef level_t* level = &queue.levels[process.priority]
    raise_flag(process, FLAG_FRESH)
    arrive(queue, level, &level.fresh, process)


cdef inline void used_up_slice(level_t* level, process_t* process) noexcept:
    """See 4."""
    if has(process, FLAG_FRESH):
        lower_flag(process, FLAG_FRESH)
        level.favour_key = level.arrivals


cdef inline void runq_push_preempted(runq_t* queue, process_t* process, uint64_t ticks) noexcept:
    """The process used up its slice."""
    cdef level_t* level = &queue.levels[process.priority]
    process.state = STATE_RUNNABLE
    if level.preempted.head == NULL:
        level.first_reductions = 0
        level.turn_ticks = ticks
    used_up_slice(level, process)
    process.key = level.arrivals
    fifo_push(&level.preempted, process)
    queue.runnable_len += 1


cdef inline void runq_charge(runq_t* queue, process_t* process, int64_t reductions, uint64_t ticks) noexcept:
    """A slice of the process is over; it used so many reductions, virtual ones and ticks included."""
    cdef level_t* level = &queue.levels[process.priority]
    if level.turn == process:
        level.turn = NULL
        level.first_reductions = 0
        level.turn_ticks = ticks
    else:
        level.first_reductions += reductions
