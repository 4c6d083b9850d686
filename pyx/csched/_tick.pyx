"""Ticks; their theory of operation is in `_tick.pxd`."""

cimport cython
from libc.stdint cimport int32_t, int64_t

from csched._preempt cimport csched_ticker_t
from csched._process cimport FLAG_DOOMED, attributes_of, has, process_t
from csched._scheduler cimport UNWINDINGS, Scheduler
from csched._timer cimport monotonic_ns
from csched._types cimport ASK_BLOCKED, ASK_SLICE, STATE_RUNNING


cdef Handlers new_handlers(Scheduler scheduler):
    cdef Handlers handlers = Handlers.__new__(Handlers)
    handlers.scheduler = scheduler
    return handlers


@cython.final
cdef class Handlers:
    def on_tick(self, signum, frame):
        """Called by CPython in the stack of the process that runs, when its slice is over."""
        cdef Scheduler scheduler = self.scheduler
        cdef process_t* process = scheduler.current
        cdef csched_ticker_t* ticker = scheduler.ticker
        cdef bint blocked
        if ticker == NULL or process == NULL or ticker.tripped != scheduler.slices or process.state != STATE_RUNNING:
            return
        blocked = ticker.blocked
        if blocked:
            scheduler.slice_ticks = ticker.ticks  # Nothing is charged for time in the kernel.
        else:
            # The whole slice is; if the process cannot be stopped here, the next call will do it.
            scheduler.reductions_left = min(scheduler.reductions_left, 0)
        if not scheduler.preemption.may_switch() or scheduler.preemption.spares():
            if self.spared_ticks:
                self.spared_ticks -= 1
                if self.spared_ticks == 0:
                    self.interrupt(process)
            return
        if not (has(process, FLAG_DOOMED) and process.unwindings == 0):
            scheduler.preemptions += 1
            scheduler.ticked = True
            process.over_us = <int32_t>(ticker.over_ns // 1000)
            scheduler.give_way(process, ASK_BLOCKED if blocked else ASK_SLICE)
        if has(process, FLAG_DOOMED):
            hurry(scheduler, process, blocked)

    def on_interrupt(self, signum, frame):
        """Called by CPython for SIGINT: everybody is told to exit, then `run` raises KeyboardInterrupt."""
        cdef Scheduler scheduler = self.scheduler
        cdef process_t* process = scheduler.current
        scheduler.interrupted = True
        scheduler.shut_down()
        if process != NULL:
            if scheduler.preemption.by_signal and scheduler.preemption.in_atomic_code():
                self.spared_ticks = SPARED_TICKS
            else:
                self.interrupt(process)
        if scheduler.loop_is_closing:
            raise KeyboardInterrupt  # It may wait for what nobody ends.

    cdef int interrupt(self, process_t* process) except -1:
        """Make the process that runs end here, if it can."""
        if has(process, FLAG_DOOMED) and self.scheduler.may_wait():
            raise self.scheduler.exit_exception(process)
        return 0


cdef int hurry(Scheduler scheduler, process_t* process, bint blocked) except -1:
    cdef int64_t ago
    if process.unwindings:
        # It is in a `finally` block, or has swallowed it: nobody can tell, so it is given time.
        process.grace += 1
        ago = monotonic_ns() - attributes_of(process).raised_ns
        if ago < GRACE_NS if blocked else process.grace < GRACE_SLICES:
            return 0
        process.unwindings = min(UNWINDINGS, process.unwindings + UNWINDINGS // GRACES)
    raise scheduler.exit_exception(process)
