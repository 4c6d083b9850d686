"""Mailbox limits: what becomes of a message for a mailbox that is full.

Purpose: backpressure. A receiver that drowns slows its senders down, or says how it wants to lose messages.

1. A mailbox with a limit (FLAG_BOUNDED) is full when it holds that many messages, of all kinds. A message
   is asked in by `admit` before it is queued. Those of the runtime's own making, Exit and Down, do not ask.
2. "block": the sender waits. Its message, copied already, is in a sender_t in the ring of the receiver, and
   **whoever takes a message out moves the next one in** (`let_in`) and then wakes its sender. So
   senders are served in the order in which they came, nobody overtakes, and nobody wakes for nothing.
   While the ring is not empty the mailbox counts as full.
3. A sender_t is its sender's: `receiver` is NULL from the moment that it is settled, the message in the mailbox or
   swallowed, and the sender frees it when it runs on. A sender that dies meanwhile takes its message back; one that
   was sent to an alias is swallowed if that is not active any more when its turn comes.
4. Who cannot wait is told by MailboxFull: another thread, a callback, a process that sends to itself or is torn
   down. Timers do not wait either: their message goes in.

Rejected: waking all who wait to try again (a thundering herd, and no order); a credit for each sender.

Sources: SEMANTICS 9. OTP has no such limit.
"""

from cpython.object cimport PyObject

from csched._mailbox cimport mailbox_t
from csched._process cimport process_t, sender_t
from csched._signal cimport Signals


cdef enum admission_t:
    ADMISSION_FAILED = -1   # An exception is set.
    ADMITTED = 0            # It has been queued.
    SWALLOWED = 1           # It has been let go of.
    FULL = 2                # The sender has to wait; the message is still its.


# Queue a message for a process with FLAG_BOUNDED, or see what the limit says. Takes the reference over, but if FULL,
# or an exception is set. `may_wait` is 0 for one that goes in rather than wait. May run Python code.
cdef admission_t admit(
    Signals signals, process_t* process, PyObject* message, size_t words, bint is_urgent, bint may_wait
) except ADMISSION_FAILED

# The sender waits from now on. Takes the reference to the message over.
cdef sender_t* queue_sender(
    process_t* sender, process_t* receiver, object dest, PyObject* message, size_t words, bint is_urgent) except NULL
# The sender does not wait any more: it is settled, or gives up. Frees it. May run Python code.
cdef void leave_queue(sender_t* record) noexcept
# A message has been taken out of the mailbox of a process with FLAG_BOUNDED, or its limit was changed.
cdef int let_in(Signals signals, process_t* process) except -1
# The receiver ends: everybody who waits goes on. May run Python code.
cdef void dismiss(Signals signals, process_t* process) noexcept
