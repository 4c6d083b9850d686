from cpython.object cimport PyCallable_Check, PyObject
from cpython.tuple cimport PyTuple_GET_SIZE
from cpython.type cimport PyType_Check

from csched._bif cimport any_scheduler, charge_call, copy_reductions
from csched._copy cimport copy_spawn
from csched._cpython cimport PyCoro_CheckExact, csched_thread_state
from csched._ids cimport NO_OWNER, Pid
from csched._process cimport FLAG_DOOMED, has, process_t
from csched._scheduler cimport Scheduler

from csched._errors import NotRunning


cdef extern from "Python.h":
    bint PyModule_Check(object obj) noexcept


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
    cdef Scheduler scheduler = any_scheduler()
    cdef size_t words = 0
    cdef Pid pid
    if scheduler.thread != csched_thread_state():
        raise NotRunning("spawn() was called in a thread that is not the scheduler's")
    target, copied = prepare_spawn(function, args, &words)
    pid = scheduler.spawn(target, copied, 0)
    if scheduler.current != NULL:
        charge_call(scheduler, 1 + copy_reductions(words))
    return pid


cdef tuple prepare_spawn(object function, tuple args, size_t* words):
    """Check what is to be spawned, and copy it: what the process calls, and its arguments."""
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


cdef Scheduler asking():
    """The scheduler that runs; the call is charged if a process makes it."""
    cdef Scheduler scheduler = any_scheduler()
    if scheduler.current != NULL and scheduler.thread == csched_thread_state():
        charge_call(scheduler, 1)
    return scheduler


cdef process_t* lookup(Scheduler scheduler, object pid, str caller) except? NULL:
    """The process of a pid, NULL if it is dead."""
    if type(pid) is not Pid:
        raise TypeError(f"{caller} takes a Pid, not {pid!r}")
    scheduler.table.check(<Pid>pid)
    return <process_t*>(<Pid>pid).process


def is_alive(pid):
    """Whether a process lives: it has been spawned and not been told to exit.

    Parameters
    ----------
    pid : Pid

    Raises
    ------
    TypeError
        Not a Pid.
    ValueError
        A pid of another run.

    Notes
    -----
    Cost: O(1). Source: ``erlang:is_process_alive/1``, Elixir's ``Process.alive?/1``.
    """
    cdef Scheduler scheduler = asking()
    cdef process_t* process = lookup(scheduler, pid, "is_alive()")
    return process != NULL and not has(process, FLAG_DOOMED)


def processes():
    """The pids of all processes, in order of creation.

    Notes
    -----
    Cost: O(n), some 10 ns for each. Source: ``erlang:processes/0``, Elixir's ``Process.list/0``.
    """
    return asking().table.pids()


def pid(first, number=None, serial=None):
    """A pid from its numbers, ``pid(0, 107, 0)``, or from text, ``pid("0.107.0")`` or ``pid("#PID<0.107.0>")``.

    It may be of a process that is dead, or was never born. For shells and debugging.

    Raises
    ------
    TypeError
        Neither three ints nor one str.
    ValueError
        Text that is not a pid's, or numbers out of range.

    Notes
    -----
    Cost: O(log n). Source: IEx's ``pid/1,3``.
    """
    return asking().table.parse(first, number, serial)


def make_ref():
    """A new reference, equal to no other of this run.

    A `receive` whose pattern has it does not look at messages that had arrived before it was made.

    Notes
    -----
    Source: ``erlang:make_ref/0``.
    """
    cdef Scheduler scheduler = any_scheduler()
    if scheduler.thread != csched_thread_state() or scheduler.current == NULL:
        return scheduler.table.make_ref(NO_OWNER, 0)
    charge_call(scheduler, 1)
    return scheduler.table.make_ref((<Pid>scheduler.current.pid).id, scheduler.current.mailbox.tail)
