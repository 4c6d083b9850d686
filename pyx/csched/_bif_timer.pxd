"""Built-in functions for message timers.

1. The message is copied when the timer is set. It is addressed like one that is sent, and arrives in the same way,
   when the scheduler sees that the timer has expired (`Scheduler.look`, `_post.expire`).
2. `Ref.target` finds the timer: setting, cancelling and reading are O(1), whoever asks.
3. A timer to the pid of a living process is in that process's ring, and is cancelled by its teardown.

Sources: erl_hl_timer.c.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from csched._bif cimport charge_call
from csched._ids cimport REF_TIMER, Ref
from csched._process cimport process_t
from csched._relation cimport message_timer_free, message_timer_t, timers_remove
from csched._scheduler cimport Scheduler
from csched._timer cimport monotonic_ns, wheel_cancel


# Set a timer that sends to a Pid of this run, a name or an alias, and charge the process that sets it. Its Ref, owned.
cdef PyObject* arm(
    Scheduler scheduler, PyObject* dest, PyObject* message, PyObject* seconds, bint is_wrapped) except NULL


cdef inline message_timer_t* timer_of(Ref ref) noexcept:
    """The timer that a reference stands for, or NULL."""
    return <message_timer_t*>ref.target if ref.kind == REF_TIMER else NULL


cdef inline double seconds_left(message_timer_t* timer) noexcept:
    return max(<int64_t>0, timer.timer.deadline_ns - monotonic_ns()) / 1e9


cdef inline double disarm(Scheduler scheduler, message_timer_t* timer) except -1:
    """Cancel a timer, and charge the process that does so; the seconds that were left."""
    cdef double left = seconds_left(timer)
    wheel_cancel(scheduler.wheel, &timer.timer)
    if timer.timer.owner != NULL:
        timers_remove(&(<process_t*>timer.timer.owner).relations.timers, timer)
    message_timer_free(timer)
    if scheduler.current != NULL:
        charge_call(scheduler, 1)
    return left
