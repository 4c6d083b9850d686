from csched._bif cimport acting, any_scheduler, charge_call, check_name, is_process, lookup
from csched._ids cimport Pid
from csched._process cimport (
    FLAG_DOOMED, FLAG_EXITING, Attributes, attributes_of, attributes_or_none, has, process_t,
)
from csched._scheduler cimport Scheduler


cdef Scheduler asking():
    """The scheduler that runs; the call is charged if a process makes it."""
    cdef Scheduler scheduler = any_scheduler()
    if is_process(scheduler):
        charge_call(scheduler, 1)
    return scheduler


cdef int check_new_name(Scheduler scheduler, str name) except -1:
    if not name:
        raise ValueError("a name must not be empty")
    # To make the text of the error may collect garbage, whose finalizers may register too.
    other = scheduler.names.get(name)
    if other is not None:
        raise ValueError(f"the name {name!r} is taken, by {other!r}")
    return 0


cdef int set_name(Scheduler scheduler, process_t* process, str name) except -1:
    cdef Attributes attributes = attributes_of(process)
    if name in scheduler.names:
        check_new_name(scheduler, name)
    scheduler.names[name] = <object>process.pid
    attributes.name = name
    return 0


def register(name, pid):
    """Give a process a name, by which messages may be sent to it until it ends.

    Parameters
    ----------
    name : str
    pid : Pid
        A process that is alive and has no name; it need not be the caller.

    Returns
    -------
    bool
        True.

    Raises
    ------
    TypeError
        `name` is no str, or `pid` no Pid.
    ValueError
        The name is empty or taken, or the process is dead, has a name, or is of another run.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: ``erlang:register/2``.
    """
    cdef Scheduler scheduler = acting()
    cdef str plain = check_name(name, "register()")
    cdef process_t* process = lookup(scheduler, pid, "register()")
    cdef Attributes attributes
    check_new_name(scheduler, plain)
    if process == NULL or has(process, FLAG_DOOMED | FLAG_EXITING):
        raise ValueError(f"{pid!r} is dead: it can have no name")
    attributes = attributes_or_none(process)
    if attributes is not None and attributes.name is not None:
        raise ValueError(f"{pid!r} has a name already: {attributes.name!r}")
    set_name(scheduler, process, plain)
    charge_call(scheduler, 1)
    return True


def unregister(name):
    """Take the name of a process away.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
        True.

    Raises
    ------
    TypeError
        Not a str.
    ValueError
        No process has this name.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: ``erlang:unregister/1``.
    """
    cdef Scheduler scheduler = acting()
    cdef str plain = check_name(name, "unregister()")
    cdef Pid pid = scheduler.names.pop(plain, None)
    if pid is None:
        raise ValueError(f"no process is registered as {plain!r}")
    attributes_of(<process_t*>pid.process).name = None
    charge_call(scheduler, 1)
    return True


def whereis(name):
    """The pid of the process with this name, or None.

    Parameters
    ----------
    name : str

    Raises
    ------
    TypeError
        Not a str.
    NotRunning
        No scheduler is running.

    Notes
    -----
    Cost: O(1). Source: ``erlang:whereis/1``.
    """
    cdef Scheduler scheduler = asking()
    return scheduler.names.get(check_name(name, "whereis()"))


def registered():
    """The names that processes have, sorted.

    Notes
    -----
    Cost: O(n log n) of the names. Source: ``erlang:registered/0``.
    """
    return sorted(asking().names)
