"""The hub; its theory of operation is in `_hub.pxd`."""

from cpython.exc cimport PyErr_SetFromErrno
from cpython.object cimport PyObject
from libc.stdint cimport INT64_MAX, int64_t

from csched._cpython cimport PyErr_CheckSignals, new_reference
from csched._fiber cimport fiber_new, fiber_switch
from csched._heap cimport LEFT_BEHIND_IDLE
from csched._ids cimport ProcessTable
from csched._process cimport process_t
from csched._scheduler cimport Scheduler
from csched._signal cimport csched_sleeper_t
from csched._timer cimport monotonic_ns, wheel_next_deadline

import _signal


cdef extern from "sleeper.h":
    int csched_sleeper_open(csched_sleeper_t* sleeper) noexcept
    void csched_sleeper_close(csched_sleeper_t* sleeper) noexcept
    void csched_sleeper_wait(csched_sleeper_t* sleeper, int64_t ns) noexcept nogil


cdef extern from *:
    """
    #ifdef __GLIBC__
    #include <malloc.h>
    #endif

    static void csched_trim(void) {
    #ifdef __GLIBC__
        malloc_trim(0);
    #endif
    }
    """
    void csched_trim() noexcept


cdef enum:
    # So many processes at once, or more, have taken memory that is worth the time to look for it.
    GIVE_BACK_MIN = 10_000


cdef served_t serve(Scheduler scheduler) except SERVED_FAILED:
    cdef process_t* process
    while True:
        if scheduler.batch_over:
            return SERVED_BATCH
        process = scheduler.handed
        scheduler.handed = NULL
        if process == NULL:
            process = scheduler.pick()
        if process != NULL:
            if process.fiber != NULL:
                scheduler.enter(process)
            else:
                scheduler.handed = process
                switch_to_runner(scheduler)
        elif scheduler.pool_len and scheduler.table.processes_len == 0:
            switch_to_runner(scheduler)
        elif scheduler.table.processes_len == 0:
            return SERVED_GONE
        else:
            return SERVED_IDLE


cdef int switch_to_runner(Scheduler scheduler) except -1:
    """From the hub: go on in a pooled runner, or a new one."""
    if scheduler.pool_len:
        scheduler.pool_len -= 1
        return fiber_switch(scheduler.pool[scheduler.pool_len])
    runner = new_reference(fiber_new(scheduler.body, scheduler.hub))
    return fiber_switch(<PyObject*>runner)


cdef void give_back_memory(Scheduler scheduler) noexcept:
    cdef ProcessTable table = scheduler.table
    if table.most >= GIVE_BACK_MIN and table.processes_len < table.most // 2:
        table.most = table.processes_len
        csched_trim()


cdef int64_t rest(Scheduler scheduler) except? -1:
    scheduler.look()
    if scheduler.runq.runnable_len or scheduler.runq.blocked_len:
        return -1
    if scheduler.heaps.left_behind >= LEFT_BEHIND_IDLE:
        scheduler.heaps.collect_left_behind()
        if scheduler.runq.runnable_len:
            return -1
    give_back_memory(scheduler)
    return ns_to_next(scheduler)


cdef int64_t ns_to_next(Scheduler scheduler) noexcept:
    """Nanoseconds until a timer is due; INT64_MAX: none is set."""
    cdef int64_t deadline = wheel_next_deadline(scheduler.wheel)
    return deadline if deadline == INT64_MAX else max(<int64_t>0, deadline - monotonic_ns())


cdef int sleep(Scheduler scheduler) except -1:
    if rest(scheduler) < 0:
        return 0
    if scheduler.ticker.lost == 1:
        # A child of fork() would take the wake-ups of its parent.
        scheduler.ticker.lost = 2
        csched_sleeper_close(&scheduler.sleeper)
        if csched_sleeper_open(&scheduler.sleeper) < 0:
            PyErr_SetFromErrno(OSError)
    try:
        # A signal that comes before the wait ends it, and one that the system gives to another thread does.
        others = _signal.set_wakeup_fd(scheduler.sleeper.write_fd, warn_on_full_buffer=False)
    except ValueError:
        others = None  # Not the main thread: Python handles no signals here.
    try:
        PyErr_CheckSignals()
        if scheduler.runq.runnable_len == 0 and not scheduler.polls:
            sleep_until_due(scheduler)
    finally:
        if others is not None:
            _signal.set_wakeup_fd(others, warn_on_full_buffer=False)
    PyErr_CheckSignals()
    scheduler.look()
    return 0


cdef void sleep_until_due(Scheduler scheduler) noexcept:
    cdef int64_t ns = ns_to_next(scheduler)
    scheduler.ticker.busy = 0
    scheduler.sleeping = True
    with nogil:
        csched_sleeper_wait(&scheduler.sleeper, ns)
    scheduler.sleeping = False
    scheduler.preemption.busy()
