from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_AsDouble
from cpython.long cimport PyLong_AsLongAndOverflow
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport INT64_MAX, int64_t, uint64_t

cimport csched._scheduler as core
from csched._copy cimport copy_message
from csched._cpython cimport csched_thread_state, new_reference
from csched._ids cimport Pid, Ref
from csched._limit cimport ADMITTED, FULL, admit, admission_t, leave_queue, let_in, queue_sender
from csched._mailbox cimport mailbox_at, mailbox_push, mailbox_seek, mailbox_t, mailbox_take
from csched._match cimport ANY, matches, prepare
from csched._post cimport check_dest, find_receiver
from csched._process cimport (
    FLAG_BOUNDED, FLAG_DOOMED, FLAG_NEWS, FLAG_TIMED_OUT, FLAG_URGENT, Attributes, attributes_of, has, lower_flag,
    process_t, sender_t,
)
from csched._scheduler cimport Scheduler, charge
from csched._signal cimport push_urgent, tell, use_up
from csched._tick cimport hurry
from csched._timer cimport deadline_after, monotonic_ns
from csched._types cimport ASK_MESSAGE, ASK_ROOM, ASK_SLICE, ASK_TIMER, ASK_YIELD, STATE_RUNNING

from csched._errors import MailboxFull, NotRunning

RAISE = object()

cdef enum:
    MANY_SECONDS = 1_000_000_000  # 31 years.


cdef Scheduler any_scheduler():
    """The scheduler that runs, for calls that are not only for processes."""
    if core.current is None or core.current.closed:
        raise NotRunning("no csched scheduler is running: call csched.run(main)")
    return core.current


cdef str check_name(object name, str caller):
    if type(name) is str:
        return name
    if isinstance(name, str):
        return str.__str__(name)
    raise TypeError(f"{caller} takes a name, which is a str, not {name!r}")


cdef process_t* lookup(Scheduler scheduler, object pid, str caller) except? NULL:
    if type(pid) is not Pid:
        raise TypeError(f"{caller} takes a Pid, not {pid!r}")
    scheduler.table.check(<Pid>pid)
    return <process_t*>(<Pid>pid).process


cdef Scheduler not_running():
    if any_scheduler().thread != csched_thread_state():
        raise NotRunning("this thread is not the scheduler's: from another one only send() and exit(pid, reason) work")
    raise NotRunning("no process is running: this is a callback, not a process")


cdef Scheduler has_ended(Scheduler scheduler):
    raise NotRunning(f"{<object>scheduler.current.pid!r} has ended: nothing can be tied to it any more")


cdef int end_slice(Scheduler scheduler) except -1:
    """The slice's reductions are used up: let others run, unless this is a bad place."""
    cdef process_t* process = scheduler.current
    if process.state == STATE_RUNNING and scheduler.preemption.may_switch():
        if has(process, FLAG_DOOMED) and process.unwindings:
            # Not `park`: to send in a `finally` block is no wait.
            scheduler.give_way(process, ASK_SLICE)
            hurry(scheduler, process, False)
        else:
            scheduler.park(ASK_SLICE)
    return 0


# --- The process itself ---------------------------------------------------------------------------


def self():
    """The pid of the process that asks.

    Raises
    ------
    NotRunning
        The caller is no process.

    Notes
    -----
    Source: ``erlang:self/0``.
    """
    cdef Scheduler scheduler = running()
    charge_call(scheduler, 1)
    return <object>scheduler.current.pid


# --- Messages ----------------------------------------------------------------------------------


def send(dest, message):
    """Send a copy of a message to a process, and return the message.

    May be called from any thread of the program. It waits only for a receiver whose mailbox is full, if that
    was spawned with a `mailbox_limit`; a process whose slice is used up lets others run first.

    Parameters
    ----------
    dest : Pid, str or Ref
        A process, the name of one, or an alias. A dead process, and a reference that is no alias any more,
        swallow the message.
    message : object
        Anything that can be copied; what is immutable through and through is shared.

    Raises
    ------
    CopyError
        Something in it cannot be copied; it names the path. Nothing is delivered.
    TypeError
        `dest` is no destination.
    ValueError
        No process has the name `dest`, or it is a pid of another run.
    MailboxFull
        The receiver's mailbox is full, and the caller cannot wait: it is no process, or the receiver itself.
    NotRunning
        No scheduler is running.

    Notes
    -----
    Cost: O(size of the message). Source: ``erlang:send/2``.
    """
    cdef Scheduler scheduler = core.current
    cdef process_t* process
    cdef size_t words = 0
    cdef bint is_urgent = False
    if scheduler is None:
        any_scheduler()
    if type(dest) is not Pid or (<Pid>dest).run != scheduler.table.run:
        if isinstance(dest, str):
            dest = check_name(dest, "send()")
        check_dest(scheduler, dest, "send()")
        if type(dest) is str and dest not in scheduler.names:
            raise ValueError(f"no process is registered as {dest!r}")
    if type(dest) is Pid:
        send_to_pid(scheduler, <Pid>dest, message)
        return message
    copy = copy_message(message, &words)
    process = find_receiver(scheduler, dest, &is_urgent)
    if process != NULL:
        if type(dest) is Ref or has(process, FLAG_BOUNDED):
            send_specially(scheduler, process, dest, copy, words, is_urgent)
        else:
            post(scheduler, process, copy, words)
    charge_send(scheduler, words)
    return message


cdef int send_specially(
    Scheduler scheduler, process_t* process, object dest, object message, size_t words, bint is_urgent
) except -1:
    """To a mailbox with a limit, or by an alias, which may be used up by it."""
    cdef admission_t admission = ADMITTED
    Py_INCREF(message)
    try:
        if has(process, FLAG_BOUNDED):
            admission = admit(scheduler, process, <PyObject*>message, words, is_urgent, True)
        elif is_urgent:
            push_urgent(process, <PyObject*>message, words)
            tell(scheduler, process)
        else:
            mailbox_push(&process.mailbox, <PyObject*>message, words)
            tell(scheduler, process)
    except BaseException:
        Py_DECREF(message)
        raise
    if admission != FULL:
        use_up(<PyObject*>dest)
        return 0
    if not is_process(scheduler) or scheduler.current == process or not scheduler.may_wait():
        Py_DECREF(message)
        raise MailboxFull(f"the mailbox of {<object>process.pid!r} is full, and this caller cannot wait")
    return wait_for_room(scheduler, process, dest, <PyObject*>message, words, is_urgent)


cdef int wait_for_room(
    Scheduler scheduler, process_t* receiver, object dest, PyObject* message, size_t words, bint is_urgent
) except -1:
    """Stop the process that runs until its message, whose reference is taken over, is in a full mailbox."""
    cdef process_t* sender = scheduler.current
    cdef Attributes attributes
    cdef sender_t* record
    attributes = attributes_of(sender)
    record = queue_sender(sender, receiver, dest, message, words, is_urgent)
    record.outer = attributes.sending
    attributes.sending = record
    try:
        while record.receiver != NULL:
            scheduler.park(ASK_ROOM)
    finally:
        attributes.sending = record.outer
        leave_queue(record)
    return 0


cdef double to_seconds(object seconds, str name) except -1:
    """A number of seconds of any type, checked."""
    cdef double number
    try:
        number = PyFloat_AsDouble(seconds)
    except TypeError:
        raise TypeError(f"{name} is a number of seconds, not {seconds!r}") from None
    except OverflowError:
        raise ValueError(f"{name} is out of range: {seconds!r}") from None
    if not number >= 0:
        raise ValueError(f"{name} must not be negative or NaN: {seconds!r}")
    return number


cdef int64_t seconds_to_deadline(object seconds, str name) except -1:
    """The moment so many seconds from now (CLOCK_MONOTONIC, ns); 0 for no time at all."""
    cdef double number
    cdef long whole
    cdef int is_too_large = 0
    # What nearly all callers give is looked at in place.
    if type(seconds) is int:
        whole = PyLong_AsLongAndOverflow(seconds, &is_too_large)
        if whole == 0:
            return 0
        if 0 < whole <= MANY_SECONDS:
            return monotonic_ns() + whole * 1_000_000_000 + 1  # As `deadline_after`.
    if type(seconds) is float and PyFloat_AS_DOUBLE(seconds) >= 0:
        number = PyFloat_AS_DOUBLE(seconds)
    else:
        number = to_seconds(seconds, name)
    if number == 0:
        return 0
    return deadline_after(number, monotonic_ns())


cdef int wait_begin(Scheduler scheduler, wait_t* wait, object pattern) except -1:
    """Check the pattern, and find out where a message that matches can be; without a timeout yet."""
    cdef Pid pid
    wait.pattern = <PyObject*>pattern
    wait.position = 0
    wait.urgent_tail = 0
    wait.deadline_ns = INT64_MAX
    if scheduler.current.timer != NULL or has(scheduler.current, FLAG_TIMED_OUT):
        scheduler.clear_timer(scheduler.current)  # Of an awaitable that was begun and given up.
    if pattern is not ANY:
        pid = <Pid>scheduler.current.pid
        prepare(pattern, pid.id, pid.run, &wait.position)
    return 0


cdef wait_result_t wait_poll(Scheduler scheduler, wait_t* wait, PyObject** message) except WAIT_FAILED:
    """Take the first message that matches; without one, see whether to wait on."""
    cdef process_t* process = scheduler.current
    cdef mailbox_t* mailbox = &process.mailbox
    message[0] = NULL
    if has(process, FLAG_URGENT):
        message[0] = take_urgent(scheduler, process, wait)
    if message[0] != NULL:
        pass
    elif wait.pattern == <PyObject*>ANY:
        if mailbox.messages_len:
            message[0] = mailbox_take(mailbox, mailbox.head)
    else:
        message[0] = search(scheduler, mailbox, wait.pattern, &wait.position)
        while message[0] == NULL and has(process, FLAG_URGENT) and urgent_tail(process) != wait.urgent_tail:
            # It has come while a predicate ran, which may have received itself.
            message[0] = take_urgent(scheduler, process, wait)
    if message[0] != NULL:
        charge(scheduler, 1)
        if process.timer != NULL or has(process, FLAG_TIMED_OUT):
            scheduler.clear_timer(process)
        if has(process, FLAG_BOUNDED):
            let_in(scheduler, process)
        return WAIT_FOUND
    if wait.deadline_ns != INT64_MAX:
        if wait.deadline_ns == 0 or has(process, FLAG_TIMED_OUT):
            charge(scheduler, 1)
            scheduler.clear_timer(process)
            return WAIT_TIMED_OUT
        if process.timer == NULL:
            scheduler.set_timer(process, wait.deadline_ns)
    elif process.timer != NULL or has(process, FLAG_TIMED_OUT):
        scheduler.clear_timer(process)
    # Not `tail`, but for ANY: more may have come while a predicate ran on the priority messages.
    scheduler.scanned = mailbox.tail if wait.pattern == <PyObject*>ANY else wait.position
    return WAIT_SUSPEND


cdef inline uint64_t urgent_tail(process_t* process) noexcept:
    return (<Attributes>process.relations.attributes).urgent.tail


cdef PyObject* take_urgent(Scheduler scheduler, process_t* process, wait_t* wait) except? NULL:
    """The first priority message that matches, taken; or NULL."""
    cdef mailbox_t* mailbox = (<Attributes>process.relations.attributes).urgent
    cdef PyObject* message
    cdef uint64_t position = 0  # No marker: what is in here may have arrived in any order.
    lower_flag(process, FLAG_NEWS)
    wait.urgent_tail = mailbox.tail
    message = search(scheduler, mailbox, wait.pattern, &position)
    if mailbox.messages_len == 0:
        lower_flag(process, FLAG_URGENT)
    return message


cdef PyObject* search(Scheduler scheduler, mailbox_t* mailbox, PyObject* pattern, uint64_t* start) except? NULL:
    """The first message from `start` on that matches, taken; or NULL, and `start` is where to look next."""
    cdef uint64_t position = mailbox_seek(mailbox, start[0])
    cdef object candidate
    cdef bint found
    while position < mailbox.tail:
        candidate = <object>mailbox_at(mailbox, position).value
        try:
            found = matches(<object>pattern, candidate)
        except BaseException:
            scheduler.clear_timer(scheduler.current)
            raise
        # A predicate may have received, or run for long: then the message may have moved, or be gone.
        if not (
            mailbox.head <= position < mailbox.tail
            and mailbox_at(mailbox, position).value == <PyObject*>candidate
        ):
            position = mailbox_seek(mailbox, start[0])
        elif found:
            return mailbox_take(mailbox, position)
        else:
            position = mailbox_seek(mailbox, position + 1)
    start[0] = position
    return NULL


def receive(pattern=ANY, *, timeout=None, default=RAISE):
    """Take the first message that matches, and leave the others in order; wait for one if there is none.

    Suspends. In an ``async def`` process it suspends the whole stack: ``await aio.receive()`` is cheaper.

    Parameters
    ----------
    pattern : object
        `ANY`; a type (``isinstance``); a tuple, list or dict of patterns (same type and length; a dict
        by the keys that it names); a Pid, Ref, str, bytes, number, None or bool (equal and of the same
        type); or another callable, a predicate on the message.
    timeout : float, optional
        Seconds from now; 0 looks once; None waits for ever.
    default : object, optional
        What to return after the timeout, instead of raising.

    Returns
    -------
    object
        The message, this process's own copy.

    Raises
    ------
    TimeoutError
        Nothing matched in time, and there is no `default`. The mailbox is as it was.
    TypeError
        `pattern` is no pattern, or `timeout` no number.
    ValueError
        `timeout` is negative or NaN.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(messages looked at); those that arrived before a reference in the pattern was made are not.
    Source: Erlang's ``receive``.

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     csched.send(csched.self(), ("log", "first"))
    ...     csched.send(csched.self(), ("answer", 42))
    ...     return csched.receive(("answer", int)), csched.receive()
    >>> csched.run(main)
    (('answer', 42), ('log', 'first'))
    """
    cdef Scheduler scheduler = running()
    cdef PyObject* message
    cdef wait_t wait
    cdef wait_result_t result
    if scheduler.current.state != STATE_RUNNING or has(scheduler.current, FLAG_DOOMED):
        scheduler.park(ASK_MESSAGE)  # Raises.
    wait_begin(scheduler, &wait, pattern)
    if timeout is not None:
        wait.deadline_ns = seconds_to_deadline(timeout, "timeout")
    if scheduler.reductions_left <= 0:
        end_slice(scheduler)
    while True:
        result = wait_poll(scheduler, &wait, &message)
        if result == WAIT_FOUND:
            return new_reference(message)
        if result == WAIT_TIMED_OUT:
            if default is RAISE:
                raise TimeoutError(f"no message matched within {timeout} s")
            return default
        scheduler.park(ASK_MESSAGE)


def flush():
    """Print all messages in the mailbox of the process that calls, and drop them, as IEx's ``flush/0``."""
    cdef Scheduler scheduler = running()
    cdef PyObject* message
    cdef wait_t wait
    wait_begin(scheduler, &wait, ANY)
    wait.deadline_ns = 0
    while wait_poll(scheduler, &wait, &message) == WAIT_FOUND:
        print(repr(new_reference(message)))


# --- Time --------------------------------------------------------------------------------------


def sleep(seconds):
    """Let this process do nothing for so many seconds; messages stay in its mailbox.

    Suspends. Never returns early; ``sleep(0)`` is a `yield_`.

    Parameters
    ----------
    seconds : float

    Raises
    ------
    TypeError
        Not a number.
    ValueError
        Negative or NaN.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: Elixir's ``Process.sleep/1``.
    """
    cdef Scheduler scheduler = running()
    cdef process_t* process = scheduler.current
    cdef int64_t deadline_ns = seconds_to_deadline(seconds, "sleep()'s argument")
    charge(scheduler, 1)
    if process.state != STATE_RUNNING or has(process, FLAG_DOOMED):
        scheduler.park(ASK_TIMER)  # Raises; a process that is dead must not be left with a timer.
    if deadline_ns == 0:
        scheduler.park(ASK_YIELD)
        return
    scheduler.set_timer(process, deadline_ns)
    while not has(process, FLAG_TIMED_OUT):
        scheduler.park(ASK_TIMER)
    scheduler.clear_timer(process)


def yield_():
    """Let the other runnable processes of this priority run first.

    Suspends. Source: ``erlang:yield/0``.
    """
    cdef Scheduler scheduler = running()
    charge(scheduler, 1)
    scheduler.park(ASK_YIELD)
