"""Destinations: from what a message is addressed to, to the mailbox of a process.

1. A message goes to a Pid, a registered name, or a Ref that is an active alias. A name is looked up, and an alias
   used up, when the message arrives: by `send` in the call, by a timer when it expires.
2. What is addressed to a dead process, or to a reference that is no alias any more, is swallowed before it
   enters a mailbox.

Sources: bif.c (do_send); SEMANTICS 3, 4, 6.
"""

from csched._process cimport process_t
from csched._relation cimport message_timer_t
from csched._signal cimport Signals


# Raise unless a message may be addressed to `dest`: TypeError, or ValueError if it is of another run.
cdef int check_dest(Signals signals, object dest, str caller) except -1
# Who gets what is sent to `dest`, which was checked; NULL if nobody does.
cdef process_t* find_receiver(Signals signals, object dest, bint* is_urgent) noexcept
# A timer has expired: its message arrives. Frees it. May run Python code.
cdef void expire(Signals signals, message_timer_t* timer) noexcept
