"""What is due; its theory of operation is in `_due.pxd`."""

from libc.stdint cimport int64_t

from csched._post cimport expire
from csched._process cimport FLAG_TIMED_OUT, process_t, raise_flag
from csched._relation cimport message_timer_t
from csched._runq cimport runq_pop_blocked, runq_push_fresh
from csched._signal cimport Signals, wake
from csched._timer cimport timer_free, timer_t, wheel_pop_expired
from csched._types cimport STATE_WAITING


cdef void serve_due(Signals signals, int64_t now) noexcept:
    cdef timer_t* timer
    cdef process_t* process
    while True:
        timer = wheel_pop_expired(signals.wheel, now)
        if timer == NULL:
            break
        if timer.kind == TIMER_MESSAGE:
            expire(signals, <message_timer_t*>timer)
            continue
        process = <process_t*>timer.owner
        process.timer = NULL
        timer_free(signals.wheel, timer)
        raise_flag(process, FLAG_TIMED_OUT)
        if process.state == STATE_WAITING:
            wake(signals, process)
    while True:
        process = runq_pop_blocked(&signals.runq, now)
        if process == NULL:
            break
        runq_push_fresh(&signals.runq, process)
