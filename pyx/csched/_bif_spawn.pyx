from cpython.object cimport PyCallable_Check, PyObject
from cpython.tuple cimport PyTuple_GET_SIZE
from cpython.type cimport PyType_Check
from libc.stdint cimport int64_t, uint8_t

from csched._bif cimport acting, any_scheduler, charge_call, check_name, copy_reductions
from csched._bif_flag cimport (
    check_mailbox_limit, check_max_heap_size, check_on_full, check_priority, set_mailbox_limit,
)
from csched._bif_link cimport new_record
from csched._bif_name cimport check_new_name, set_name
from csched._copy cimport copy_spawn
from csched._cpython cimport PyCoro_CheckExact, csched_thread_state
from csched._heap cimport csched_heap_splice, csched_heap_t
from csched._process cimport attributes_of, process_t
from csched._relation cimport monitor_free, monitor_t
from csched._scheduler cimport Scheduler
from csched._signal cimport attach_monitor, doom, link_processes
from csched._types cimport PRIORITY_NORMAL

from csched._errors import NotRunning


cdef extern from "Python.h":
    bint PyModule_Check(object obj) noexcept


cdef Scheduler spawner():
    """The scheduler that is to run a new process."""
    cdef Scheduler scheduler = any_scheduler()
    if scheduler.thread != csched_thread_state():
        raise NotRunning("spawn() was called in a thread that is not the scheduler's")
    return scheduler


def spawn(function, *args):
    """Start a process and return its pid at once.

    ``spawn(function, *args)`` runs ``function(*args)``; ``spawn(module, "function", [args])``, where
    `module` is a module, a class used as a namespace, or a module's dotted name, runs an MFA. The
    function is a plain ``def`` or an ``async def``. Arguments, and the variables that a closure has
    captured, are copied; modules, classes and builtins among them are shared.

    Parameters
    ----------
    function : callable, or module, class or str
        What to run. It is an MFA if and only if it is a module, class or str and there are three
        arguments.
    *args : object
        What to run it with.

    Returns
    -------
    Pid
        Of the new process, which begins after its equals that are runnable. For an MFA that does not
        exist too: that process dies with reason ``Undef(module, function, args)``, and it is logged.

    Raises
    ------
    TypeError
        `function` is not callable; the function of an MFA is no str, or its args no list or tuple.
    CopyError
        An argument or captured variable cannot be copied.
    SystemLimit
        There are as many processes as `run(process_limit=...)` allows.
    NotRunning
        Outside a running scheduler.

    Notes
    -----
    Cost: about 300 ns and 500 bytes for an ``async def``. Source: ``erlang:spawn/1,3``.

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     parent = csched.self()
    ...     csched.spawn(lambda: csched.send(parent, 1 + 1))
    ...     return csched.receive(timeout=1.0)
    >>> csched.run(main)
    2
    """
    cdef Scheduler scheduler = spawner()
    cdef size_t words = 0
    target, copied = prepare_spawn(scheduler, function, args, &words)
    pid = <object>scheduler.spawn(target, copied, 0, PRIORITY_NORMAL).pid
    if scheduler.current != NULL:
        charge_call(scheduler, 1 + copy_reductions(words))
    return pid


cdef tuple prepare_spawn(Scheduler scheduler, object function, tuple args, size_t* words):
    """Check what is to be spawned, and copy it: what the process calls, and its arguments."""
    cdef csched_heap_t* entered = scheduler.gc.entered[0]
    cdef int allocated = scheduler.gc.allocated[0]
    if entered != &scheduler.nursery.objects:
        # What a spawn that failed has left is garbage, and its caller's. (A copying hook that spawns finds what is
        # copied around it.)
        csched_heap_splice(entered, &scheduler.nursery.objects)
        allocated += scheduler.nursery.allocated
        scheduler.nursery.allocated = 0
    scheduler.gc.entered[0] = &scheduler.nursery.objects
    scheduler.gc.allocated[0] = 0
    try:
        return copy_target(function, args, words)
    finally:
        scheduler.gc.entered[0] = entered
        scheduler.nursery.allocated += scheduler.gc.allocated[0]
        scheduler.gc.allocated[0] = allocated


cdef tuple copy_target(object function, tuple args, size_t* words):
    cdef Py_ssize_t args_len = PyTuple_GET_SIZE(args)
    if args_len == 2 and (type(function) is str or PyModule_Check(function) or PyType_Check(function)):
        name, mfa_args = args
        if not isinstance(name, str):
            raise TypeError(f"the function of an MFA is a str, not {name!r}")
        if not isinstance(mfa_args, (list, tuple)):
            raise TypeError(f"the arguments of an MFA are a list or tuple, not {mfa_args!r}")
        _, copied = copy_spawn(None, mfa_args, words)
        return (function, name), copied
    if not PyCallable_Check(function):
        if PyCoro_CheckExact(<PyObject*>function):
            raise TypeError(f"a process runs a function, not a coroutine: pass {function.__name__} and its arguments")
        if isinstance(function, str) or PyModule_Check(function):
            raise TypeError(f"an MFA is a module, a function's name and a list of arguments, not {(function, *args)!r}")
        raise TypeError(f"a process runs a function, or an MFA, not {function!r}")
    return copy_spawn(function, args, words)


cdef object spawn_tied(
    object function, tuple args, bint link, bint monitor, object name, int priority, int64_t max_heap_size,
    int64_t mailbox_limit, int on_full
):
    """Spawn with options; they are checked, but for the name."""
    cdef Scheduler scheduler = acting() if link or monitor else spawner()
    cdef process_t* process
    cdef monitor_t* record = NULL
    cdef size_t words = 0
    cdef str plain = check_name(name, "spawn_opt(name=...)") if name is not None else None
    if plain is not None:
        check_new_name(scheduler, plain)
    target, copied = prepare_spawn(scheduler, function, args, &words)
    if plain is not None:
        check_new_name(scheduler, plain)  # Copying may have run Python code.
    if monitor:
        record = new_record(scheduler)
    ref = <object>record.ref if record != NULL else None
    try:
        process = scheduler.spawn(target, copied, 0, priority)
    except BaseException:
        if record != NULL:
            monitor_free(record)
        raise
    pid = <object>process.pid
    try:
        if plain is not None:
            set_name(scheduler, process, plain)
        if record != NULL:
            attach_monitor(scheduler.current, process, record)
            record = NULL
        if link:
            link_processes(scheduler.current, process)
        if max_heap_size:
            attributes_of(process).max_heap_size = max_heap_size
        if on_full:
            attributes_of(process).on_full = <uint8_t>on_full
        if mailbox_limit:
            set_mailbox_limit(scheduler, process, mailbox_limit)
    except BaseException:
        if record != NULL:
            monitor_free(record)
        doom(scheduler, process, "killed")
        raise
    if scheduler.current != NULL:
        charge_call(scheduler, 1 + copy_reductions(words))
    return (pid, ref) if monitor else pid


def spawn_link(function, *args):
    """As `spawn`, and link the new process with the caller, in one step.

    Parameters
    ----------
    function : callable, or module, class or str
    *args : object

    Returns
    -------
    Pid

    Raises
    ------
    TypeError, CopyError, SystemLimit
        As `spawn`.
    NotRunning
        The caller is no process.

    Notes
    -----
    Source: ``erlang:spawn_link/1,3``.
    """
    return spawn_tied(function, args, True, False, None, PRIORITY_NORMAL, 0, 0, 0)


def spawn_monitor(function, *args):
    """As `spawn`, and let the caller monitor the new process, in one step.

    Parameters
    ----------
    function : callable, or module, class or str
    *args : object

    Returns
    -------
    (Pid, Ref)
        ``Down(ref, "process", pid, reason)`` comes when the process ends.

    Raises
    ------
    TypeError, CopyError, SystemLimit
        As `spawn`.
    NotRunning
        The caller is no process.

    Notes
    -----
    Source: ``erlang:spawn_monitor/1,3``.

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     pid, ref = csched.spawn_monitor(csched.exit, "done")
    ...     down = csched.receive(csched.Down(ref, csched.ANY, csched.ANY, csched.ANY))
    ...     return down.object == pid, down.reason
    >>> csched.run(main)
    (True, 'done')
    """
    return spawn_tied(function, args, False, True, None, PRIORITY_NORMAL, 0, 0, 0)


def spawn_opt(
    function, *args, link=False, monitor=False, name=None, priority="normal", max_heap_size=None, mailbox_limit=None,
    on_full="block"
):
    """As `spawn`, with options.

    Parameters
    ----------
    function : callable, or module, class or str
    *args : object
    link, monitor : bool
        Link the new process with the caller; let the caller monitor it.
    name : str, optional
        Register it by this name.
    priority : str
        ``"low"``, ``"normal"``, ``"high"`` or ``"max"``.
    max_heap_size : int, optional
        Words; when its memory is more than that after a collection it is killed.
    mailbox_limit : int, optional
        How many messages its mailbox holds. `Exit` and `Down` count, but come in whatever the limit.
    on_full : str
        What becomes of a message for a full mailbox. ``"block"``: its sender waits until there is room.
        ``"drop"``: it is dropped. ``"drop_oldest"``: the oldest one is dropped for it. ``"exit"``: the process is
        told to exit, with reason ``"mailbox_full"``.

    Returns
    -------
    Pid or (Pid, Ref)
        With the reference if `monitor` is true.

    Raises
    ------
    TypeError, CopyError, SystemLimit
        As `spawn`; an option of the wrong type.
    ValueError
        An option out of range, or a name that is empty or taken. Nothing is spawned.
    NotRunning
        Outside a running scheduler; with `link` or `monitor`, if the caller is no process.

    Notes
    -----
    Source: ``erlang:spawn_opt/2,4``.
    """
    return spawn_tied(
        function, args, bool(link), bool(monitor), name, check_priority(priority), check_max_heap_size(max_heap_size),
        check_mailbox_limit(mailbox_limit), check_on_full(on_full))
