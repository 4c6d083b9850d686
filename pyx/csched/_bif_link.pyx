from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_CheckExact
from libc.stdint cimport uint8_t, uint64_t

from csched._bif cimport (
    RAISE, acting, any_scheduler, charge_call, check_name, copy_reductions, is_process, lookup, running,
)
from csched._copy cimport copy_message
from csched._ids cimport (
    ALIAS_ACTIVE, ALIAS_MONITOR, ALIAS_PRIORITY, ALIAS_REPLY, REF_MONITOR, Pid, Ref,
)
from csched._mailbox cimport KIND_SIGNAL, mailbox_at, mailbox_seek, mailbox_t, mailbox_take, message_t
from csched._process cimport FLAG_BOUNDED, FLAG_DOOMED, FLAG_EXITING, FLAG_TRAPS_EXIT, has, process_t
from csched._cpython cimport new_reference
from csched._limit cimport let_in
from csched._relation cimport monitor_free, monitor_new, monitor_t
from csched._scheduler cimport Scheduler
from csched._signal cimport (
    EXIT_BY_CALL, EXIT_BY_LINK, EXIT_BY_SELF, is_linked,
    attach_monitor, copy_to, deliver_signal, detach_monitor, down_message, end_alias, exit_signal, link_processes,
    unlink_processes,
)
from csched._types cimport STATE_RUNNING

from csched._errors import Down, NoProc, ProcessExit


cdef extern from "Python.h":
    PyObject* PyTuple_GET_ITEM(object tuple, Py_ssize_t index) noexcept


# What `monitor` takes as `alias`.
cdef dict ALIAS_MODES = {
    "explicit_unalias": ALIAS_ACTIVE,
    "demonitor": ALIAS_ACTIVE | ALIAS_MONITOR,
    "reply_demonitor": ALIAS_ACTIVE | ALIAS_MONITOR | ALIAS_REPLY,
}


def node():
    """The name of this node: ``"nonode@nohost"``, for it has joined no others.

    Notes
    -----
    Source: ``erlang:node/0``.
    """
    return "nonode@nohost"


# --- Exits -------------------------------------------------------------------------------------


def exit(pid_or_reason, reason=RAISE):
    """End the process that calls, ``exit(reason)``, or tell another one to exit, ``exit(pid, reason)``.

    ``exit(reason)`` raises `ProcessExit` in the caller, so that its ``finally`` and ``with`` blocks run. An exit is
    not logged, whatever the reason.

    ``exit(pid, reason)`` sends an exit signal. A process that traps exits gets the message ``Exit(sender, reason)``;
    any other one ends with this reason, but for ``"normal"``, which only a process itself obeys.
    ``"kill"`` cannot be trapped: the process ends, with reason ``"killed"``. A dead process takes no notice. May
    be called from any thread; the sender then is the first process.

    Parameters
    ----------
    pid_or_reason : object
        With two arguments, a Pid; else the reason.
    reason : object, optional
        ``"normal"``, ``"shutdown"``, or anything that can be copied.

    Returns
    -------
    bool
        True, of ``exit(pid, reason)``.

    Raises
    ------
    ProcessExit
        Of ``exit(reason)``, always; of ``exit(self(), reason)`` if that is deadly.
    CopyError
        The reason cannot be copied. Nothing happens.
    TypeError
        Two arguments, and the first is no Pid.
    ValueError
        It is a pid of another run.
    NotRunning
        The caller of ``exit(reason)`` is no process, or no scheduler is running.

    Notes
    -----
    Cost: O(size of the reason). Source: ``erlang:exit/1,2``, Elixir's ``Process.exit/2``.
    """
    cdef Scheduler scheduler
    cdef process_t* process
    cdef process_t* sender = NULL
    cdef size_t words = 0
    cdef bint was_doomed
    if reason is RAISE:
        running()
        raise ProcessExit(copy_message(pid_or_reason, &words))
    scheduler = any_scheduler()
    process = lookup(scheduler, pid_or_reason, "exit(pid, reason)")
    copy = copy_to(scheduler, process, reason, &words)
    if is_process(scheduler):
        sender = scheduler.current
    process = <process_t*>(<Pid>pid_or_reason).process
    if process != NULL:
        was_doomed = has(process, FLAG_DOOMED)
        exit_signal(
            scheduler, <Pid>sender.pid if sender != NULL else scheduler.first, process, copy, words,
            EXIT_BY_SELF if process == sender else EXIT_BY_CALL)
        if process == scheduler.current:
            scheduler.ticker.insist = True  # It is to hear of it even if nobody else is runnable.
        if process == sender and has(process, FLAG_DOOMED) and not was_doomed and process.state == STATE_RUNNING:
            raise scheduler.exit_exception(process)
    if sender != NULL:
        charge_call(scheduler, 1 + copy_reductions(words))
    return True


# --- Links ---------------------------------------------------------------------------------------


def link(pid):
    """Link the process that calls with another one: when either ends, the other gets an exit signal.

    A link is there once, however often it is asked for, and has no direction. To link with oneself does nothing.
    If the other one is dead, a caller that traps exits gets the message ``Exit(pid, "noproc")``.

    Parameters
    ----------
    pid : Pid

    Returns
    -------
    bool
        True.

    Raises
    ------
    NoProc
        The process is dead, and the caller does not trap exits.
    TypeError
        Not a Pid.
    ValueError
        A pid of another run.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(log n) of the caller's links; 64 bytes. Source: ``erlang:link/1``.
    """
    cdef Scheduler scheduler = acting()
    cdef process_t* process = scheduler.current
    cdef process_t* other = lookup(scheduler, pid, "link()")
    if is_linked(process, (<Pid>pid).id):
        pass
    elif other == NULL or has(other, FLAG_DOOMED | FLAG_EXITING):
        if other != process:
            if not has(process, FLAG_TRAPS_EXIT):
                raise NoProc(f"cannot link with {pid!r}: it is dead")
            exit_signal(scheduler, <Pid>pid, process, "noproc", 0, EXIT_BY_LINK)
    elif other != process:
        link_processes(process, other)
    charge_call(scheduler, 1)
    return True


def unlink(pid):
    """Take the link with another process away, if there is one.

    No exit signal comes from it over this link any more; a message ``Exit`` may be in the mailbox already.

    Parameters
    ----------
    pid : Pid

    Returns
    -------
    bool
        True, whether there was a link or not, and whether the other one lives or not.

    Raises
    ------
    TypeError
        Not a Pid.
    ValueError
        A pid of another run.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(log n) of the links. Source: ``erlang:unlink/1``.
    """
    cdef Scheduler scheduler = acting()
    lookup(scheduler, pid, "unlink()")
    unlink_processes(scheduler.current, (<Pid>pid).id)
    charge_call(scheduler, 1)
    return True


# --- Monitors ------------------------------------------------------------------------------------


cdef monitor_t* new_record(Scheduler scheduler) except NULL:
    cdef process_t* process = scheduler.current
    return monitor_new(
        process, scheduler.table.make_ref((<Pid>process.pid).id, process.mailbox.tail))


def monitor(pid_or_name, *, alias=None, tag=None):
    """Watch a process: when it ends, the caller gets ``Down(ref, "process", object, reason)``, once.

    Each call makes a monitor of its own. If the process is dead, or nobody has the name, the message comes at once,
    with reason ``"noproc"``. A name is looked up once, now. To monitor oneself is allowed, and never fires.

    Parameters
    ----------
    pid_or_name : Pid or str
        `Down.object` is the pid, or ``(name, node())``.
    alias : str, optional
        Make the reference an alias too, to which messages may be sent: ``"explicit_unalias"``, until `unalias`;
        ``"demonitor"``, until the monitor is removed or fires; ``"reply_demonitor"``, until the first
        message as well, which removes the monitor.
    tag : object, optional
        The message is the plain tuple ``(tag, ref, "process", object, reason)``.

    Returns
    -------
    Ref

    Raises
    ------
    CopyError
        The tag cannot be copied.
    TypeError
        Neither a Pid nor a str.
    ValueError
        A pid of another run, or an unknown mode of alias.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1); 128 bytes with the reference. Source: ``erlang:monitor/2,3``.
    """
    cdef Scheduler scheduler = acting()
    cdef process_t* process = scheduler.current
    cdef process_t* other
    cdef monitor_t* record
    cdef size_t words = 0
    cdef object details = None
    cdef Pid target = None
    cdef Ref ref
    if alias is not None and (not isinstance(alias, str) or alias not in ALIAS_MODES):
        raise ValueError(f"alias is one of {', '.join(ALIAS_MODES)}, not {alias!r}")
    if isinstance(pid_or_name, str):
        name = check_name(pid_or_name, "monitor()")
        details = (name, None)
    elif type(pid_or_name) is not Pid:
        raise TypeError(f"monitor() takes a Pid or a name, not {pid_or_name!r}")
    else:
        lookup(scheduler, pid_or_name, "monitor()")
    if tag is not None:
        tag = copy_message(tag, &words)
        details = (details[0] if details is not None else None, tag)
    if details is not None and details[0] is not None:
        target = scheduler.names.get(details[0])
    else:
        target = pid_or_name
    record = new_record(scheduler)
    ref = <Ref>record.ref
    if alias is not None:
        ref.alias = <uint8_t><int>ALIAS_MODES[alias]
    other = <process_t*>target.process if target is not None else NULL
    try:
        if details is not None:
            Py_INCREF(details)
            record.details = <PyObject*>details
        if other == NULL:
            deliver_signal(scheduler, process, down_message(scheduler, process, ref, details, target, "noproc"), words)
            # It has fired: an alias that goes with the monitor is over.
            if ref.alias & ALIAS_MONITOR:
                ref.alias = 0
        if ref.alias & ALIAS_ACTIVE or (other != NULL and other != process):
            attach_monitor(process, other if other != process else NULL, record)
        else:
            monitor_free(record)
    except BaseException:
        monitor_free(record)
        raise
    charge_call(scheduler, 1)
    return ref


cdef monitor_t* own_record(Scheduler scheduler, Ref ref) noexcept:
    """The monitor or alias that a reference stands for, if it is the caller's; else NULL."""
    if ref.kind != REF_MONITOR or (<monitor_t*>ref.target).owner != scheduler.current:
        return NULL
    return <monitor_t*>ref.target


cdef inline bint is_down(message_t* message, Ref ref) noexcept:
    """Whether a message is what the monitor of `ref` has sent; without running Python code."""
    if message.kind != KIND_SIGNAL:
        return False
    if type(<object>message.value) is Down:
        return is_same(PyTuple_GET_ITEM(<object>message.value, 0), ref)
    # Of a monitor with a tag; else it is an Exit.
    return PyTuple_CheckExact(<object>message.value) and is_same(PyTuple_GET_ITEM(<object>message.value, 1), ref)


cdef inline bint is_same(PyObject* part, Ref ref) noexcept:
    """It may have been pickled meanwhile: then it is another object."""
    return type(<object>part) is Ref and (<Ref>part).id == ref.id


cdef bint flush_down(Scheduler scheduler, Ref ref) except -1:
    """Drop the message of a monitor that has fired; whether it was there."""
    cdef process_t* process = scheduler.current
    cdef mailbox_t* mailbox = &process.mailbox
    cdef uint64_t position = mailbox_seek(mailbox, ref.mark)
    while position < mailbox.tail:
        if is_down(mailbox_at(mailbox, position), ref):
            _message = new_reference(mailbox_take(mailbox, position))
            if has(process, FLAG_BOUNDED):
                let_in(scheduler, process)
            return True
        position = mailbox_seek(mailbox, position + 1)
    return False


def demonitor(ref, *, flush=False, info=False):
    """Remove a monitor of the process that calls: no `Down` comes from it any more.

    Parameters
    ----------
    ref : Ref
        What `monitor` returned. One that is no monitor, any more or of the caller, is left alone.
    flush : bool
        Remove its `Down` too, if it is in the mailbox.
    info : bool
        Return whether the monitor was there and has been removed; with `flush`: False if and only if a
        message had to be removed.

    Returns
    -------
    bool
        True, but as `info` says.

    Raises
    ------
    TypeError
        Not a Ref.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1); with `flush`, O(messages that came after the monitor was made) if it has fired.
    Source: ``erlang:demonitor/1,2``.
    """
    cdef Scheduler scheduler = acting()
    cdef monitor_t* record
    cdef bint found = False
    cdef bint flushed = False
    if type(ref) is not Ref:
        raise TypeError(f"demonitor() takes a Ref, not {ref!r}")
    record = own_record(scheduler, <Ref>ref)
    if record != NULL and record.target != NULL:
        detach_monitor(record)
        found = True
    elif record != NULL and (<Ref>ref).alias & ALIAS_MONITOR:
        detach_monitor(record)  # Of the process itself: it could not fire, but has an alias.
    elif flush and (<Ref>ref).owner == (<Pid>scheduler.current.pid).id and (<Ref>ref).run == scheduler.table.run:
        flushed = flush_down(scheduler, <Ref>ref)
    charge_call(scheduler, 1)
    if not info:
        return True
    return not flushed if flush else found


# --- Aliases -------------------------------------------------------------------------------------


def alias(*, reply=False, priority=False):
    """A reference to which messages for the process that calls can be sent, until it is switched off.

    After `unalias` what is sent to it is dropped before it enters the mailbox: a reply that comes too late is
    nobody's garbage.

    Parameters
    ----------
    reply : bool
        It is off after the first message.
    priority : bool
        What is sent to it goes after earlier priority messages, and before all others.

    Returns
    -------
    Ref

    Raises
    ------
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: ``erlang:alias/1``.
    """
    cdef Scheduler scheduler = acting()
    cdef monitor_t* record = new_record(scheduler)
    cdef Ref ref = <Ref>record.ref
    ref.alias = ALIAS_ACTIVE
    if reply:
        ref.alias |= ALIAS_REPLY
    if priority:
        ref.alias |= ALIAS_PRIORITY
    try:
        attach_monitor(scheduler.current, NULL, record)
    except BaseException:
        monitor_free(record)
        raise
    charge_call(scheduler, 1)
    return ref


def unalias(ref):
    """Switch an alias of the process that calls off: what is sent to it from now on is dropped.

    Parameters
    ----------
    ref : Ref
        What `alias` returned, or `monitor` with an alias, whose monitor stays.

    Returns
    -------
    bool
        Whether it was active, and the caller's.

    Raises
    ------
    TypeError
        Not a Ref.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: ``erlang:unalias/1``.
    """
    cdef Scheduler scheduler = acting()
    cdef monitor_t* record
    if type(ref) is not Ref:
        raise TypeError(f"unalias() takes a Ref, not {ref!r}")
    charge_call(scheduler, 1)
    record = own_record(scheduler, <Ref>ref)
    if record == NULL or (<Ref>ref).alias & ALIAS_ACTIVE == 0:
        return False
    end_alias(record)
    return True
