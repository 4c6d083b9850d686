from cpython.exc cimport PyErr_SetFromErrno
from cpython.ref cimport Py_DECREF
from libc.stdint cimport INT64_MAX, int64_t, uint64_t

cimport csched._ids as ids
cimport csched._scheduler as core
from csched._bif_leader cimport restore_output
from csched._cpython cimport csched_thread_state
from csched._due cimport TIMER_MESSAGE
from csched._fiber cimport fiber_current, fiber_setup
from csched._heap cimport Heaps, heap_init
from csched._hub cimport SERVED_GONE, give_back_memory, serve, sleep
from csched._ids cimport Pid, ProcessTable
from csched._preempt cimport Preemption, csched_busy_scheduler_t
from csched._process cimport FLAG_DOOMED, FLAG_MAIN, has, process_t
from csched._relation cimport message_timer_free, message_timer_t
from csched._scheduler cimport ASK_FILE, Scheduler
from csched._signal cimport csched_sleeper_t, wake
from csched._timer cimport monotonic_ns, timer_t, wheel_new, wheel_pop_expired
from csched._types cimport PRIORITY_NORMAL, STATE_RUNNING, STATE_WAITING
from csched._watch cimport end_watch

from csched._errors import ProcessExit


cdef extern from "sleeper.h":
    int csched_sleeper_open(csched_sleeper_t* sleeper) noexcept
    void csched_sleeper_close(csched_sleeper_t* sleeper) noexcept


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


cdef int run_to_the_end(Scheduler scheduler) except -1:
    """Let processes run, and sleep, until there are no more."""
    while serve(scheduler) != SERVED_GONE:
        try:
            sleep(scheduler)
        except BaseException as error:
            # A signal handler of the user's raised, and no process ran that it could have hit.
            if scheduler.failure is None:
                scheduler.failure = error
            scheduler.shut_down()
    return 0


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
        run_to_the_end(scheduler)
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
