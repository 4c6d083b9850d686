"""Threads; their theory of operation is in `_bif_thread.pxd`."""

from csched._await cimport watch
from csched._bif cimport charge_call, running
from csched._process cimport FLAG_DOOMED, has
from csched._scheduler cimport Scheduler
from csched._types cimport ASK_FUTURE, STATE_RUNNING

import _contextvars


cdef object submit_to(Scheduler scheduler, object function, tuple args):
    if not callable(function):
        raise TypeError(f"to_thread() calls a function, not {function!r}")
    if scheduler.current.state != STATE_RUNNING or has(scheduler.current, FLAG_DOOMED):
        scheduler.park(ASK_FUTURE)  # Raises.
    if scheduler.threads is None:
        scheduler.threads = scheduler.services.new_threads(scheduler.dirty_schedulers)
    return scheduler.threads.submit(_contextvars.copy_context().run, function, *args)


def submit(function, args):
    """Have a thread call a function for the process that runs; a `concurrent.futures.Future`."""
    return submit_to(running(), function, args)


def to_thread(function, *args):
    """Call ``function(*args)`` in a thread, and wait for its result; other processes run meanwhile.

    For long C code, and for calls that block and cannot be interrupted; what merely waits in the kernel, as
    `time.sleep` and a blocking socket do, is interrupted where it is and needs no thread. Suspends the whole stack; in
    an ``async def`` process ``await aio.to_thread(...)`` is cheaper.

    The function is no process: of csched it may call `send` and ``exit(pid, reason)``. Nothing is copied, but the
    process's context variables. There are ``system_info("dirty_schedulers")`` threads; further calls wait for one.
    The end of the run does not wait for them, the end of the program does.

    Parameters
    ----------
    function : callable
    *args : object

    Returns
    -------
    object
        What the function returned.

    Raises
    ------
    TypeError
        `function` is not callable.
    NotRunning
        The caller is no process.
    BaseException
        What the function raised. If the process is told to exit, ProcessExit is raised at once: the result is dropped
        when it comes.

    Notes
    -----
    Cost: about 50 us. Source: OTP's dirty schedulers.

    Examples
    --------
    >>> import csched
    >>> csched.run(lambda: csched.to_thread(sum, range(1000)))
    499500
    """
    cdef Scheduler scheduler = running()
    future = submit_to(scheduler, function, args)
    watch(scheduler, scheduler.current, future)
    charge_call(scheduler, 1)
    while not future.done():
        scheduler.park(ASK_FUTURE)
    return future.result()
