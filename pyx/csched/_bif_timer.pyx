from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t

from csched._bif cimport any_scheduler, charge_call, check_name, copy_reductions, seconds_to_deadline
from csched._cpython cimport Py_TYPE, csched_thread_state, new_reference
from csched._due cimport TIMER_MESSAGE
from csched._ids cimport NO_OWNER, Pid, Ref
from csched._post cimport check_dest
from csched._process cimport FLAG_DOOMED, FLAG_EXITING, has, process_t, relations_of
from csched._relation cimport message_timer_new, message_timer_t, relations_t, timers_append
from csched._scheduler cimport Scheduler
from csched._signal cimport copy_to, wake_hub
from csched._timer cimport monotonic_ns, wheel_set

from csched._errors import NotRunning


cdef Ref set_message_timer(object dest, object message, object seconds, bint is_wrapped, str caller):
    cdef Scheduler scheduler = any_scheduler()
    if scheduler.thread != csched_thread_state():
        raise NotRunning(f"{caller} was called in a thread that is not the scheduler's")
    if type(dest) is not Pid or (<Pid>dest).run != scheduler.table.run:
        if isinstance(dest, str):
            dest = check_name(dest, caller)
        check_dest(scheduler, dest, caller)
    return new_reference(
        arm(scheduler, <PyObject*>dest, <PyObject*>message, <PyObject*>seconds, is_wrapped))


cdef PyObject* arm(
    Scheduler scheduler, PyObject* dest, PyObject* message, PyObject* seconds, bint is_wrapped
) except NULL:
    cdef int64_t deadline_ns = seconds_to_deadline(<object>seconds, "seconds")
    cdef process_t* setter = scheduler.current
    cdef process_t* process = NULL
    cdef message_timer_t* timer
    cdef relations_t* relations = NULL
    cdef size_t words = 0
    cdef bint is_pid = Py_TYPE(dest) == <PyTypeObject*>Pid
    cdef object copy
    cdef Ref ref
    if is_pid:
        process = <process_t*>(<Pid>dest).process
    copy = copy_to(scheduler, process, <object>message, &words)
    if setter != NULL:
        ref = scheduler.table.make_ref((<Pid>setter.pid).id, setter.mailbox.tail)
    else:
        ref = scheduler.table.make_ref(NO_OWNER, 0)
    if is_pid:
        process = <process_t*>(<Pid>dest).process
        if process == NULL or has(process, FLAG_DOOMED | FLAG_EXITING):
            # It would have been cancelled.
            Py_INCREF(ref)
            return <PyObject*>ref
        relations = process.relations
        if relations == NULL:
            relations = relations_of(process)
    if is_wrapped:
        copy = ("timeout", ref, copy)
    timer = message_timer_new(ref, dest, <PyObject*>copy, words, process, TIMER_MESSAGE)
    if process != NULL:
        timers_append(&relations.timers, timer)
    if deadline_ns == 0:
        deadline_ns = monotonic_ns()
    wheel_set(scheduler.wheel, &timer.timer, deadline_ns)
    scheduler.ticker.next_deadline_ns = min(scheduler.ticker.next_deadline_ns, deadline_ns)
    if setter != NULL:
        charge_call(scheduler, 1 + copy_reductions(words))
    elif scheduler.sleeping:
        wake_hub(scheduler)  # It may have meant to sleep for longer.
    Py_INCREF(ref)
    return <PyObject*>ref


def send_after(dest, message, seconds):
    """Send a copy of a message after so many seconds, and return a reference to the timer at once.

    The message is copied now; it arrives as it is, never early, and those of equal deadlines in the order in which
    the timers were set. A name is looked up when the time is there; if nobody has it then, the message is dropped. A
    timer to a pid is cancelled when that process ends. It waits for no room in a full mailbox.

    Parameters
    ----------
    dest : Pid, str or Ref
        A process, a name, or an alias.
    message : object
        Anything that can be copied.
    seconds : float
        0 for at once, but not before this call returns.

    Returns
    -------
    Ref
        For `cancel_timer` and `read_timer`.

    Raises
    ------
    CopyError
        The message cannot be copied.
    TypeError
        `dest` is no destination, or `seconds` no number.
    ValueError
        `seconds` is negative or NaN, or `dest` of another run.
    NotRunning
        No scheduler is running, or this thread is not its.

    Notes
    -----
    Cost: O(1) and the copy; 160 bytes with the reference. Source: ``erlang:send_after/3``, Elixir's
    ``Process.send_after/3``.

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     csched.send_after(csched.self(), "late", 0.01)
    ...     csched.send_after(csched.self(), "early", 0)
    ...     return csched.receive(timeout=1), csched.receive(timeout=1)
    >>> csched.run(main)
    ('early', 'late')
    """
    return set_message_timer(dest, message, seconds, False, "send_after()")


def start_timer(dest, message, seconds):
    """As `send_after`, but what arrives is ``("timeout", ref, message)``, with the timer's own reference.

    So a message of a timer that was cancelled too late can be told from that of a later one.

    Parameters
    ----------
    dest : Pid, str or Ref
    message : object
    seconds : float

    Returns
    -------
    Ref

    Raises
    ------
    CopyError, TypeError, ValueError, NotRunning
        As `send_after`.

    Notes
    -----
    Cost: O(1) and the copy. Source: ``erlang:start_timer/3``.
    """
    return set_message_timer(dest, message, seconds, True, "start_timer()")


cdef message_timer_t* find_timer(Scheduler scheduler, object ref, str caller) except? NULL:
    if type(ref) is not Ref:
        raise TypeError(f"{caller} takes a Ref, not {ref!r}")
    if scheduler.thread != csched_thread_state():
        raise NotRunning(f"{caller} was called in a thread that is not the scheduler's")
    return timer_of(<Ref>ref)


def cancel_timer(ref):
    """Cancel a timer: its message will not arrive.

    Parameters
    ----------
    ref : Ref
        What `send_after` or `start_timer` returned. Any process may cancel it.

    Returns
    -------
    float or None
        The seconds that were left. None: it has expired, and its message was delivered or dropped; or it was
        cancelled before; or the reference is of no timer.

    Raises
    ------
    TypeError
        Not a Ref.
    NotRunning
        No scheduler is running, or this thread is not its.

    Notes
    -----
    Cost: O(1). Source: ``erlang:cancel_timer/1``.
    """
    cdef Scheduler scheduler = any_scheduler()
    cdef message_timer_t* timer = find_timer(scheduler, ref, "cancel_timer()")
    if timer == NULL:
        return None
    return disarm(scheduler, timer)


def read_timer(ref):
    """How long a timer still has to go.

    Parameters
    ----------
    ref : Ref
        What `send_after` or `start_timer` returned.

    Returns
    -------
    float or None
        Seconds. None as for `cancel_timer`.

    Raises
    ------
    TypeError
        Not a Ref.
    NotRunning
        No scheduler is running, or this thread is not its.

    Notes
    -----
    Cost: O(1). Source: ``erlang:read_timer/1``.
    """
    cdef Scheduler scheduler = any_scheduler()
    cdef message_timer_t* timer = find_timer(scheduler, ref, "read_timer()")
    if timer == NULL:
        return None
    return seconds_left(timer)
