"""The awaitable twin of each function that can suspend; and csched in an event loop that runs."""

from __future__ import annotations

from collections.abc import Callable

from csched._aio import Completion, hibernate, receive, sleep, yield_
from csched._bif_thread import submit

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from typing import Any, TypeVar

    from csched._ids import Pid

    _T = TypeVar("_T")

__all__ = [
    "ask",
    "hibernate",
    "receive",
    "run",
    "scheduler",
    "sleep",
    "to_thread",
    "yield_",
]


async def to_thread(function: Callable[..., _T], *args: Any) -> _T:
    """The awaitable twin of `csched.to_thread`: ``result = await aio.to_thread(function, *args)``.

    Parameters, result and exceptions are the same.

    Examples
    --------
    >>> import csched
    >>> from csched import aio
    >>> async def main():
    ...     return await aio.to_thread(sum, range(1000))
    >>> csched.run(main)
    499500
    """
    future = submit(function, args)
    await Completion(future)
    return future.result()


async def run(main: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """As `csched.run`, in the event loop that runs already: ``await aio.run(main)``.

    Processes and the tasks of the loop run in turns, of 2 ms at most. If the task that awaits this
    is cancelled, all processes are shut down, and then `asyncio.CancelledError` is raised.
    Callbacks and tasks of the loop may `send`, `spawn` and ``exit(pid, reason)``; what they spawn
    has no parent.

    Parameters
    ----------
    main : callable
    *args : object
    **options
        Those of `csched.run`, but for `loop_factory`.

    Returns
    -------
    object
        What `main` returned.

    Raises
    ------
    BaseException
        As `csched.run`.

    Examples
    --------
    >>> import asyncio
    >>> import csched
    >>> async def program():
    ...     return await csched.aio.run(lambda: csched.receive(timeout=0, default="nothing"))
    >>> asyncio.run(program())
    'nothing'
    """
    from csched import _outside

    return await _outside.run(main, args, options)


def scheduler(**options: Any) -> AbstractAsyncContextManager[Pid]:
    """Processes beside the tasks of an event loop, for as long as a block lasts.

    ``async with aio.scheduler():`` starts a scheduler in the loop that runs, as `run` does; its
    first process, whose pid the block is given, does nothing. In the block, and in any other task
    and callback of the loop, `spawn`, `send`, ``exit(pid, reason)`` and `ask` reach processes. At
    the end of the block all are shut down, and it is left when they have gone.

    Parameters
    ----------
    **options
        Those of `csched.run`, but for `loop_factory`.

    Examples
    --------
    >>> import asyncio
    >>> import csched
    >>> def double():
    ...     while True:
    ...         reply_to, number = csched.receive()
    ...         csched.send(reply_to, 2 * number)
    >>> async def program():
    ...     async with csched.aio.scheduler():
    ...         return await csched.aio.ask(csched.spawn(double), 21)
    >>> asyncio.run(program())
    42
    """
    from csched import _outside

    return _outside.scheduler(options)


async def ask(dest: Pid | str, message: object, *, timeout: float | None = None) -> Any:
    """Send a request to a process, and await its reply; from a task of the event loop.

    The process gets the tuple ``(reply_to, message)`` and answers by ``send(reply_to, answer)``.
    `reply_to` is an alias for one reply to this request alone: one that comes too late is dropped.

    Parameters
    ----------
    dest : Pid or str
        The process, or its name.
    message : object
        Copied to the process, as the answer is copied back.
    timeout : float, optional
        Seconds; None waits for ever.

    Returns
    -------
    object
        The answer.

    Raises
    ------
    TimeoutError
        There was no answer in time.
    NoProc
        There is no such process, or it ended before it answered.
    CopyError
        `message` cannot be copied.
    NotRunning
        No scheduler is running.

    Notes
    -----
    Cost: a process and a monitor for the time of the request. Source: ``GenServer.call/3``.
    """
    from csched import _outside

    return await _outside.ask(dest, message, timeout)
