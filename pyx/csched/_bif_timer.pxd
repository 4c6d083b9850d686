"""Built-in functions for message timers.

1. The message is copied when the timer is set. It is addressed like one that is sent, and arrives in the same way,
   when the scheduler sees that the timer has expired (`Scheduler.look`, `_post.expire`).
2. `Ref.target` finds the timer: setting, cancelling and reading are O(1), whoever asks.
3. A timer to the pid of a living process is in that process's ring, and is cancelled by its teardown.

Sources: erl_hl_timer.c.
"""

from cpython.object cimport PyObject

from csched._ids cimport Ref
from csched._relation cimport message_timer_t
from csched._scheduler cimport Scheduler


# Set a timer that sends to a Pid of this run, a name or an alias, and charge the process that sets it. Its Ref, owned.
cdef PyObject* arm(
    Scheduler scheduler, PyObject* dest, PyObject* message, PyObject* seconds, bint is_wrapped) except NULL
# Cancel one, and charge the process that does so; the seconds that were left.
cdef double disarm(Scheduler scheduler, message_timer_t* timer) except -1
# The timer that a reference stands for, or NULL.
cdef message_timer_t* timer_of(Ref ref) noexcept
