"""Built-in functions: what a running process may ask for; with `_aio` the only code that suspends one.

Purpose: the public functions that concern messages and time, each of which checks its arguments, charges its
reductions, does one thing below, and leaves nothing half done when it raises.

1. `running` is the gate: who is no process gets NotRunning. `send` and what only reads pass by it.
2. A function that may suspend is here in two forms: as a plain call, which parks its stack
   (`Scheduler.park`), and as an awaitable of `_aio`, which tells the scheduler what it waits for and
   yields. Both look at the mailbox by `wait_poll`.
3. A call ends the slice, by parking, if the slice's reductions are used up: but not where a switch is
   forbidden (`Preemption.may_switch`); then the next call or tick does it.
4. Copying comes before anything is changed, since it may run hooks, which may do anything. After it,
   no Python code runs until the message is in the mailbox.

Sources: erl_bif_info.c, bif.c, erl_process.c.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint64_t

from csched._cpython cimport csched_thread_state
from csched._ids cimport Pid
from csched._mailbox cimport mailbox_push
from csched._process cimport (
    FLAG_BOUNDED, FLAG_DOOMED, FLAG_TIMED_OUT, FLAG_URGENT, has, process_t,
)
from csched._scheduler cimport Scheduler, current
from csched._signal cimport copy_to, tell
from csched._types cimport CONTEXT_REDS, COPY_WORDS_PER_REDUCTION, SEND_REDS, STATE_EXITING, STATE_RUNNING


cdef enum wait_result_t:
    WAIT_FAILED = -1    # An exception is set.
    WAIT_FOUND = 0      # The message has been taken.
    WAIT_SUSPEND = 1    # Nothing yet: suspend, and poll again.
    WAIT_TIMED_OUT = 2


cdef struct wait_t:
    PyObject* pattern       # Borrowed.
    uint64_t position       # In the mailbox, where to look next; a receive marker at first.
    uint64_t urgent_tail    # Position up to which the priority messages have been looked at.
    int64_t deadline_ns     # INT64_MAX: none; 0: look once.


# Default of the parameter `default`: raise TimeoutError.
cdef object RAISE

# A registered name, as a plain str; TypeError if it is none.
cdef str check_name(object name, str caller)
# The process of a pid, NULL if it is dead. TypeError, ValueError: no Pid, or one of another run.
cdef process_t* lookup(Scheduler scheduler, object pid, str caller) except? NULL
# The scheduler that runs, for calls that are not only for processes.
cdef Scheduler any_scheduler()
# Tells why the caller is no process: always raises.
cdef Scheduler not_running()
# Tells that the caller is being torn down: always raises.
cdef Scheduler has_ended(Scheduler scheduler)
# The slice's reductions are used up: let others run, unless this is a bad place.
cdef int end_slice(Scheduler scheduler) except -1
# Send to a mailbox with a limit, or by an alias, which may be used up by it.
cdef int send_specially(
    Scheduler scheduler, process_t* process, object dest, object message, size_t words, bint is_urgent) except -1
cdef int64_t seconds_to_deadline(object seconds, str name) except -1
cdef int wait_begin(Scheduler scheduler, wait_t* wait, object pattern) except -1
cdef wait_result_t wait_poll(Scheduler scheduler, wait_t* wait, PyObject** message) except WAIT_FAILED


cdef inline Scheduler running():
    """The scheduler whose process makes this call."""
    if current is None or current.thread != csched_thread_state() or current.current == NULL:
        return not_running()
    return current


cdef inline Scheduler acting():
    """The same, for calls that tie something to the process: not while it is torn down."""
    cdef Scheduler scheduler = running()
    if scheduler.current.state == STATE_EXITING:
        return has_ended(scheduler)
    return scheduler


cdef inline bint is_process(Scheduler scheduler) noexcept:
    """Whether a process makes this call, and not a callback or another thread."""
    return scheduler.current != NULL and scheduler.thread == csched_thread_state()


cdef inline int charge_call(Scheduler scheduler, int reductions) except -1:
    """Charge the process that calls; if its slice is used up, let others run."""
    scheduler.reductions_left -= reductions
    if scheduler.reductions_left <= 0:
        return end_slice(scheduler)
    return 0


cdef inline bint is_simple(Scheduler scheduler, process_t* process) noexcept:
    """Whether a `receive()` of the process that runs is but a look at its mailbox."""
    return (
        process.flags & (FLAG_DOOMED | FLAG_TIMED_OUT | FLAG_URGENT | FLAG_BOUNDED) == 0 and process.timer == NULL
        and process.state == STATE_RUNNING and scheduler.reductions_left > 0
    )


cdef inline int post(Scheduler scheduler, process_t* process, object message, size_t words) except -1:
    """Put a message, the receiver's own already, into a mailbox without a limit."""
    mailbox_push(&process.mailbox, <PyObject*>message, words)
    Py_INCREF(message)
    tell(scheduler, process)
    return 0


cdef inline int charge_send(Scheduler scheduler, size_t words) except -1:
    if scheduler.thread == csched_thread_state() and scheduler.current != NULL:
        scheduler.virtual_reductions += SEND_REDS
        charge_call(scheduler, 1 + SEND_REDS + copy_reductions(words))
    return 0


cdef inline int deliver(Scheduler scheduler, Pid dest, object message, size_t words) except -1:
    """Give a message, the receiver's own already, to a process of this run."""
    cdef process_t* process = <process_t*>dest.process
    if process != NULL:
        if has(process, FLAG_BOUNDED):
            send_specially(scheduler, process, dest, message, words, False)
        else:
            post(scheduler, process, message, words)
    return charge_send(scheduler, words)


cdef inline int send_to_pid(Scheduler scheduler, Pid dest, object message) except -1:
    """Send to a process of this run."""
    cdef size_t words = 0
    cdef object copy = copy_to(scheduler, <process_t*>dest.process, message, &words)
    return deliver(scheduler, dest, copy, words)


cdef inline int copy_reductions(size_t words) noexcept:
    """What it costs to copy so many words; at most a slice."""
    return <int>min(words // COPY_WORDS_PER_REDUCTION, <size_t>CONTEXT_REDS)
