"""What is due: timers that have expired, and blocked processes that are to be asked again.

1. A timer of kind TIMER_WAIT ends the wait of its owner; one of kind TIMER_MESSAGE sends its message.
2. Those of equal deadlines are served in the order in which they were set (`_timer`).
3. The scheduler looks at every tick, and when it has nothing to run; nobody else does.
"""

from libc.stdint cimport int64_t

from csched._signal cimport Signals


cdef enum:
    # `timer_t.kind`
    TIMER_WAIT = 0      # Ends the wait of its owner.
    TIMER_MESSAGE = 1   # Is the first member of a message_timer_t.


# Serve all that is due. May run Python code.
cdef void serve_due(Signals signals, int64_t now) noexcept
