cimport cython
from cpython.exc cimport PyErr_SetFromErrno
from cpython.ref cimport Py_DECREF
from libc.stdint cimport INT64_MAX, int64_t

cimport csched._ids as ids
cimport csched._scheduler as core
from csched._bif_leader cimport restore_output
from csched._cpython cimport csched_thread_state
from csched._due cimport TIMER_MESSAGE
from csched._fiber cimport fiber_current, fiber_setup
from csched._heap cimport Heaps, heap_init
from csched._hub cimport SERVED_GONE, SERVED_IDLE, give_back_memory, serve, served_t, sleep
from csched._ids cimport Pid, ProcessTable
from csched._poller cimport new_poller, poll
from csched._preempt cimport Preemption, csched_busy_scheduler_t
from csched._process cimport FLAG_DOOMED, FLAG_MAIN, has, process_t
from csched._relation cimport message_timer_free, message_timer_t
from csched._running cimport appear, disappear, follow_process, show_loop, start_polling
from csched._scheduler cimport Scheduler
from csched._signal cimport csched_sleeper_t, wake
from csched._tick cimport new_handlers
from csched._timer cimport monotonic_ns, timer_t, wheel_new, wheel_pop_expired
from csched._types cimport ASK_FILE, PRIORITY_NORMAL, STATE_RUNNING, STATE_WAITING
from csched._watch cimport end_watch

import sys

from csched._errors import ProcessExit
from csched._loop_import import when_imported


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
    handlers = new_handlers(scheduler)
    try:
        scheduler.preemption.start(
            slice_ns, preempt, atomic, &scheduler.runq.runnable_len, &scheduler.runq.blocked_len,
            files, handlers.on_tick, handlers.on_interrupt)
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
    if scheduler.threads is not None:
        scheduler.threads.shutdown(wait=False, cancel_futures=True)
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
    cdef served_t served
    while True:
        if scheduler.polls:
            poll(scheduler)
            close_loop(scheduler)
        served = serve(scheduler)
        if served == SERVED_GONE:
            return 0
        if served == SERVED_IDLE and not scheduler.polls:
            try:
                sleep(scheduler)
            except BaseException as error:
                # A signal handler of the user's raised, and no process ran that it could have hit.
                scheduler.fail(error)


cdef int close_loop(Scheduler scheduler) except -1:
    """The processes have gone, or the runtime has failed: end what they have left in the event loop."""
    scheduler.loop_is_closing = True
    try:
        scheduler.loop_services.close(scheduler.event_loop)
    except BaseException as error:
        scheduler.fail(error)
    finally:
        scheduler.loop_is_closing = False
    return 0


cdef int meet_asyncio(Scheduler scheduler, object loop_factory) except -1:
    """asyncio has been imported, by whomever."""
    from csched import _loop  # Here because it imports asyncio.

    scheduler.preemption.codes = _loop.CODES
    appear(scheduler, &scheduler.current, _loop, _loop.make_loop(loop_factory, new_event(scheduler, True)))
    if scheduler.current != NULL and scheduler.thread == csched_thread_state():
        follow_process(scheduler, scheduler.current)
    return 0


@cython.final
cdef class Event:
    def __call__(self, hooks=None):
        if self.is_birth:
            start_polling(self.scheduler, hooks)
        else:
            meet_asyncio(self.scheduler, None)


cdef Event new_event(Scheduler scheduler, bint is_birth):
    cdef Event event = Event.__new__(Event)
    event.scheduler = scheduler
    event.is_birth = is_birth
    return event


cdef Scheduler start(object function, tuple args, dict options):
    """A new scheduler with its first process, which has not run yet; asyncio is met when it comes."""
    cdef Scheduler scheduler
    cdef process_t* main
    if core.current is not None:
        raise RuntimeError("csched runs already: run() cannot be called inside a run()")
    scheduler = Scheduler()
    scheduler.process_limit = options["process_limit"]
    scheduler.dirty_schedulers = options["dirty_schedulers"]
    scheduler.services = options["services"]
    open_scheduler(scheduler, options["slice_ns"], options["preempt"], options["atomic"])
    try:
        main = scheduler.spawn(function, args, FLAG_MAIN, PRIORITY_NORMAL)
        scheduler.first = <Pid>main.pid
    except BaseException:
        close_scheduler(scheduler)
        raise
    return scheduler


cdef object outcome(Scheduler scheduler):
    """What the first process returned or raised, or what else ended the run."""
    if scheduler.interrupted:
        raise KeyboardInterrupt
    if scheduler.failure is not None:
        raise scheduler.failure
    if scheduler.error is None:
        return scheduler.result
    if isinstance(scheduler.error, ProcessExit) and scheduler.error.reason == "normal":
        return None
    raise scheduler.error


def run(function, args, loop_factory, options):
    """Run `function(*args)` as the first process of a new scheduler; return or raise what it did."""
    cdef Scheduler scheduler
    finder = None
    events = sys.modules.get("asyncio.events")
    if core.current is None and hasattr(events, "_get_running_loop") and events._get_running_loop() is not None:
        raise RuntimeError("an event loop runs in this thread: use `await csched.aio.run(main)` in it")
    scheduler = start(function, args, options)
    try:
        if loop_factory is not None:
            meet_asyncio(scheduler, loop_factory)
        else:
            finder = when_imported(new_event(scheduler, False))
        run_to_the_end(scheduler)
    finally:
        if finder is not None:
            finder.remove()
        try:
            if scheduler.event_loop is not None:
                show_loop(scheduler, False)
                scheduler.loop_services.close(scheduler.event_loop)  # It may not have come to run.
        finally:
            disappear(scheduler)
            close_scheduler(scheduler)
    return outcome(scheduler)


@cython.final
cdef class Guest:
    """A scheduler in an event loop that runs already, and is another's."""

    def __init__(self, function, args, over, options):
        cdef Scheduler scheduler = start(function, args, options)
        self.scheduler = scheduler
        try:
            from csched import _loop

            scheduler.preemption.codes = _loop.CODES
            appear(scheduler, &scheduler.current, _loop, _loop.get_running_loop())
            scheduler.loop_is_seen = scheduler.polls = True
            self.poller = new_poller(scheduler, over)
            self.poller.open()
            scheduler.heaps.pause()
        except BaseException:
            self.close()
            raise

    def first(self):
        """The pid of the first process."""
        return self.scheduler.first

    def is_over(self):
        """Whether all processes have gone, or the runtime has failed."""
        return self.scheduler.table.processes_len == 0 or self.poller.error is not None

    def shut_down(self):
        """Tell everybody to exit."""
        self.scheduler.shut_down()

    def outcome(self):
        """What the first process returned or raised."""
        if self.poller.error is not None:
            raise self.poller.error
        return outcome(self.scheduler)

    def close(self):
        """Put the interpreter back as it was."""
        if self.poller is not None:
            self.poller.close()
        disappear(self.scheduler)
        close_scheduler(self.scheduler)
