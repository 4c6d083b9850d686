from cpython.exc cimport PyErr_SetFromErrno
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport INT64_MAX, int64_t, uint64_t

cimport csched._ids as ids
cimport csched._scheduler as core
from csched._bif_leader cimport restore_output
from csched._cpython cimport PyErr_CheckSignals, csched_thread_state, new_reference
from csched._fiber cimport fiber_current, fiber_new, fiber_setup, fiber_switch
from csched._heap cimport LEFT_BEHIND_IDLE, Heaps, heap_init
from csched._ids cimport Pid, ProcessTable
from csched._preempt cimport Preemption, csched_busy_scheduler_t
from csched._process cimport FLAG_DOOMED, FLAG_MAIN, has, process_t
from csched._relation cimport message_timer_free, message_timer_t
from csched._scheduler cimport ASK_FILE, TIMER_MESSAGE, Scheduler
from csched._signal cimport csched_sleeper_t, wake
from csched._timer cimport monotonic_ns, timer_t, wheel_new, wheel_next_deadline, wheel_pop_expired
from csched._types cimport PRIORITY_NORMAL, STATE_RUNNING, STATE_WAITING
from csched._watch cimport end_watch

import _signal

from csched._errors import ProcessExit


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


cdef int wait_for_file() except -1:
    """Stop the process that runs until it may enter a file; 1 if it cannot be stopped here (`busy.h`)."""
    cdef Scheduler scheduler = core.current
    cdef process_t* process = scheduler.current
    if process.state != STATE_RUNNING or not scheduler.preemption.may_switch():
        return 1
    # Not `park`, which an unwinding process may not use: to print in a `finally` block is no wait of its.
    scheduler.give_way(process, ASK_FILE)
    if has(process, FLAG_DOOMED) and process.unwindings == 0:
        raise scheduler.exit_exception(process)
    return 0


cdef void enter_file(void* process) noexcept:
    """A process may enter a file. If it is only about to wait, `settle` sees so itself."""
    if (<process_t*>process).state == STATE_WAITING:
        wake(core.current, <process_t*>process)


cdef int open_scheduler(Scheduler scheduler, int64_t slice_ns, bint preempt, tuple atomic) except -1:
    """Make all that a run needs; on an error nothing is left of it."""
    cdef csched_busy_scheduler_t files
    fiber_setup()
    scheduler.stop = StopIteration()
    scheduler.thread = csched_thread_state()
    scheduler.slice_ns = slice_ns
    scheduler.table = ProcessTable()
    scheduler.wheel = wheel_new(monotonic_ns())
    scheduler.heaps = Heaps()
    scheduler.preemption = Preemption()
    scheduler.preemption.heaps = scheduler.heaps
    heap_init(&scheduler.nursery)
    files.current = <void**>&scheduler.current
    files.wait = wait_for_file
    files.wake = enter_file
    if csched_sleeper_open(&scheduler.sleeper) < 0:
        PyErr_SetFromErrno(OSError)
    scheduler.heaps.open()
    scheduler.gc = scheduler.heaps.gc
    try:
        scheduler.preemption.start(
            slice_ns, preempt, atomic, &scheduler.runq.runnable_len, &scheduler.runq.blocked_len,
            files, scheduler.on_tick, scheduler.on_interrupt)
    except BaseException:
        scheduler.heaps.close()
        csched_sleeper_close(&scheduler.sleeper)
        raise
    scheduler.hub = fiber_current()
    scheduler.body = scheduler.loop
    scheduler.ticker = scheduler.preemption.ticker
    scheduler.held = scheduler.preemption.held
    scheduler.preemption.busy()
    core.current = scheduler
    ids.current_table = scheduler.table
    return 0


cdef int close_scheduler(Scheduler scheduler) except -1:
    """Put the interpreter back as it was."""
    cdef Pid pid
    cdef timer_t* timer
    scheduler.closed = True
    timer = wheel_pop_expired(scheduler.wheel, INT64_MAX)
    while timer != NULL:
        # All processes have gone, and their timers with them: these were to send to names or aliases.
        if timer.kind == TIMER_MESSAGE:
            message_timer_free(<message_timer_t*>timer)
        timer = wheel_pop_expired(scheduler.wheel, INT64_MAX)
    for pid in scheduler.table.pids():
        scheduler.heaps.hand_over(&(<process_t*>pid.process).heap)
        scheduler.table.remove(pid)
    scheduler.heaps.hand_over(&scheduler.nursery)
    end_watch(scheduler)
    restore_output(scheduler)
    give_back_memory(scheduler)
    scheduler.ticker.busy = 0
    scheduler.ticker = NULL  # `stop` frees it, and lets the handlers be called once more.
    try:
        scheduler.preemption.stop()
    finally:
        scheduler.heaps.close()
        csched_sleeper_close(&scheduler.sleeper)
        Py_DECREF(<object>scheduler.hub)
        scheduler.body = None
        core.current = None
        ids.current_table = None
    return 0


cdef int hub_loop(Scheduler scheduler) except -1:
    """Start runners, and sleep, until there are no more processes."""
    cdef process_t* process
    while True:
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
            return 0
        else:
            try:
                idle(scheduler)
            except BaseException as error:
                # A signal handler of the user's raised, and no process ran that it could have hit.
                if scheduler.failure is None:
                    scheduler.failure = error
                scheduler.shut_down()


cdef int switch_to_runner(Scheduler scheduler) except -1:
    """From the hub: go on in a pooled runner, or a new one."""
    if scheduler.pool_len:
        scheduler.pool_len -= 1
        return fiber_switch(scheduler.pool[scheduler.pool_len])
    runner = new_reference(fiber_new(scheduler.body, scheduler.hub))
    return fiber_switch(<PyObject*>runner)


cdef void give_back_memory(Scheduler scheduler) noexcept:
    """Most of very many processes have ended: what they had on the heap of the C library goes back to the system."""
    cdef ProcessTable table = scheduler.table
    if table.most >= GIVE_BACK_MIN and table.processes_len < table.most // 2:
        table.most = table.processes_len
        csched_trim()


cdef int idle(Scheduler scheduler) except -1:
    """Sleep until a timer is due, a signal comes, or another thread makes a process runnable."""
    scheduler.look()
    if scheduler.runq.runnable_len or scheduler.runq.blocked_len:
        return 0
    if scheduler.heaps.left_behind >= LEFT_BEHIND_IDLE:
        scheduler.heaps.collect_left_behind()
        if scheduler.runq.runnable_len:
            return 0
    give_back_memory(scheduler)
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
        if scheduler.runq.runnable_len == 0:
            sleep(scheduler)
    finally:
        if others is not None:
            _signal.set_wakeup_fd(others, warn_on_full_buffer=False)
    PyErr_CheckSignals()
    scheduler.look()
    return 0


cdef void sleep(Scheduler scheduler) noexcept:
    cdef int64_t deadline = wheel_next_deadline(scheduler.wheel)
    cdef int64_t ns = INT64_MAX
    if deadline != INT64_MAX:
        ns = max(<int64_t>0, deadline - monotonic_ns())
    scheduler.ticker.busy = 0
    scheduler.sleeping = True
    with nogil:
        csched_sleeper_wait(&scheduler.sleeper, ns)
    scheduler.sleeping = False
    scheduler.preemption.busy()


def run(object function, tuple args, *, uint64_t process_limit, int64_t slice_ns, bint preempt, tuple atomic,
        object services):
    """Run `function(*args)` as the first process of a new scheduler; return or raise what it did."""
    cdef Scheduler scheduler
    cdef process_t* main
    if core.current is not None:
        raise RuntimeError("csched runs already: run() cannot be called inside a run()")
    scheduler = Scheduler()
    scheduler.process_limit = process_limit
    scheduler.services = services
    open_scheduler(scheduler, slice_ns, preempt, atomic)
    try:
        main = scheduler.spawn(function, args, FLAG_MAIN, PRIORITY_NORMAL)
        scheduler.first = <Pid>main.pid
        hub_loop(scheduler)
    finally:
        close_scheduler(scheduler)
    if scheduler.interrupted:
        raise KeyboardInterrupt
    if scheduler.failure is not None:
        raise scheduler.failure
    if scheduler.error is None:
        return scheduler.result
    if isinstance(scheduler.error, ProcessExit) and scheduler.error.reason == "normal":
        return None
    raise scheduler.error
