"""Waiting for an awaitable; its theory of operation is in `_bif_wait.pxd`."""

from cpython.object cimport PyObject

from csched._await cimport await_future
from csched._bif cimport running
from csched._cpython cimport PyCoro_CheckExact
from csched._process cimport (
    FLAG_AWAITS, FLAG_DOOMED, Attributes, attributes_of, has, lower_flag, process_t, raise_flag,
)
from csched._running cimport follow_process, in_own_loop
from csched._scheduler cimport SUSPEND, Scheduler
from csched._signal cimport SLICES_IN_LOOP
from csched._types cimport ASK_MESSAGE, STATE_RUNNING


cdef object drive(Scheduler scheduler, process_t* process, object coroutine):
    cdef object error = None
    while True:
        try:
            asked = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration as returned:
            return returned.value
        error = None
        try:
            if asked is SUSPEND:
                scheduler.park(scheduler.asked)
            else:
                scheduler.park(await_future(scheduler, process, asked))
        except BaseException as raised:
            error = raised


def wait(awaitable):
    """Wait for anything that can be awaited, and return its result; for plain processes, at any call depth.

    It may await whatever an ``async def`` process may: csched's own awaitables, those of asyncio and of libraries on
    it. Meanwhile messages stay in the mailbox. Suspends the whole stack; in an ``async def`` process too, where
    ``await`` is cheaper.

    Parameters
    ----------
    awaitable : awaitable
        A coroutine, a future or task of asyncio, or any other object with ``__await__``.

    Returns
    -------
    object
        What it returned.

    Raises
    ------
    TypeError
        It is no awaitable, or not one of csched's or asyncio's.
    NotRunning
        The caller is no process.
    BaseException
        What it raised. If the process is told to exit, what it waits for is cancelled first, and ProcessExit is
        raised when that has been unwound.

    Examples
    --------
    >>> import asyncio
    >>> import csched
    >>> def main():
    ...     return csched.wait(asyncio.sleep(0.001, "done"))
    >>> csched.run(main)
    'done'
    """
    cdef Scheduler scheduler = running()
    cdef process_t* process = scheduler.current
    cdef Attributes attributes
    cdef bint awaits = has(process, FLAG_AWAITS)
    coroutine = awaitable if PyCoro_CheckExact(<PyObject*>awaitable) else scheduler.services.awaiting(awaitable)
    if process.state != STATE_RUNNING or has(process, FLAG_DOOMED):
        coroutine.close()
        scheduler.park(ASK_MESSAGE)  # Raises.
    if in_own_loop(scheduler):
        coroutine.close()
        raise RuntimeError("this process runs an event loop of its own: await in that one")
    attributes = attributes_of(process)
    outer = attributes.awaiting
    attributes.awaiting = coroutine
    raise_flag(process, FLAG_AWAITS)
    try:
        if scheduler.watches_slices & SLICES_IN_LOOP:
            follow_process(scheduler, process)
        return drive(scheduler, process, coroutine)
    finally:
        attributes.awaiting = outer
        if not awaits:
            lower_flag(process, FLAG_AWAITS)
        if scheduler.watches_slices & SLICES_IN_LOOP:
            follow_process(scheduler, process)
