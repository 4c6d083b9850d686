"""`run`: a scheduler in this thread, from the first process to the last."""

from __future__ import annotations

import os
import types

from csched import _services, _system

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterable
    from typing import Any

DEFAULT = (
    "asyncio",
    "aiohttp",
    "aiosqlite",
    "anyio",
    "asyncpg",
    "httpcore",
    "httpx",
    "redis",
    "uvloop",
    "websockets",
)
PROCESS_LIMITS = range(1_024, 134_217_727 + 1)
DIRTY_SCHEDULERS = range(1, 1_024 + 1)


def run(
    main: Callable[..., Any],
    *args: Any,
    process_limit: int = 1_048_576,
    slice: float = 0.001,
    preempt: bool = True,
    atomic: Iterable[str] = DEFAULT,
    dirty_schedulers: int | None = None,
    loop_factory: Callable[[], AbstractEventLoop] | None = None,
) -> Any:
    """Start a scheduler in this thread, run `main` as its first process, return what it returns.

    When `main` ends, every other process is shut down: `ProcessExit` is raised in it, so that its
    ``finally`` blocks run. Ctrl-C does the same, and then raises `KeyboardInterrupt` here; it is
    never raised inside a process. `run` may be called again afterwards.

    Parameters
    ----------
    main : callable
        A plain function or an ``async def``.
    *args : object
        Its arguments. They are not copied: nobody else runs yet.
    process_limit : int
        Processes at once, 1,024 to 134,217,727; past it `spawn` raises `SystemLimit`.
    slice : float
        Seconds that a process runs before others do, 0.0001 to 1.
    preempt : bool
        Interrupt a process whose slice is over wherever it is. Without it, and always outside the
        main thread, slices end at csched's own calls only.
    atomic : iterable of str
        Packages in whose code a process is never interrupted, besides asyncio. The default names
        the well-known libraries on asyncio, which rely on nothing happening between two awaits.
    dirty_schedulers : int, optional
        Threads that `to_thread` has at most, 1 to 1,024. The default is one for each processor, for
        what computes, and 10 more, for what blocks (OTP's ``+SDcpu`` and ``+SDio``).
    loop_factory : callable, optional
        Makes the event loop in which processes await, as ``uvloop.new_event_loop`` does. Without it
        one of asyncio's is made when a process first needs it.

    Returns
    -------
    object
        What `main` returned; None if it ended by ``exit("normal")``.

    Raises
    ------
    ProcessExit
        `main` ended by an exit with another reason.
    RuntimeError
        Inside another `run`; or where an event loop runs: there it is ``await aio.run(main)``.
    KeyboardInterrupt
        Ctrl-C was pressed.
    TypeError, ValueError
        An argument is of the wrong type or out of range; nothing was started.
    Exception
        What `main` raised.

    Examples
    --------
    >>> import csched
    >>> csched.run(lambda: 1 + 1)
    2
    """
    if loop_factory is not None and not callable(loop_factory):
        raise TypeError(
            f"loop_factory is a function that makes an event loop, not {loop_factory!r}"
        )
    options = check(main, process_limit, slice, preempt, atomic, dirty_schedulers)
    return _system.run(main, args, loop_factory, options)


def check(
    main: Callable[..., Any],
    process_limit: int,
    slice: float,
    preempt: bool,
    atomic: Iterable[str],
    dirty_schedulers: int | None,
) -> dict[str, Any]:
    """The options of a run, checked, as `_system` takes them."""
    if not callable(main):
        hint = ""
        if isinstance(main, types.CoroutineType):
            hint = f": pass {main.__name__} and its arguments, not a coroutine"
        raise TypeError(f"run() needs a function, not {main!r}{hint}")
    _check_number("process_limit", process_limit, PROCESS_LIMITS)
    if not isinstance(slice, int | float):
        raise TypeError(f"slice is a number of seconds, not {slice!r}")
    if not 0.0001 <= slice <= 1:
        raise ValueError(f"slice must be from 0.0001 to 1 second, not {slice!r}")
    if isinstance(atomic, str):
        raise TypeError(f"atomic is a collection of package names, not the str {atomic!r}")
    packages = tuple(atomic)
    for package in packages:
        if not isinstance(package, str):
            raise TypeError(f"atomic holds names of packages, not {package!r}")
    if dirty_schedulers is None:
        dirty_schedulers = (os.cpu_count() or 1) + 10
    _check_number("dirty_schedulers", dirty_schedulers, DIRTY_SCHEDULERS)
    return {
        "process_limit": process_limit,
        "slice_ns": round(slice * 1e9),
        "preempt": bool(preempt),
        "atomic": ("asyncio", "csched._loop", *packages),
        "dirty_schedulers": dirty_schedulers,
        "services": _services,
    }


def _check_number(name: str, value: int, allowed: range) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{name} is an int, not {value!r}")
    if value not in allowed:
        raise ValueError(f"{name} must be from {allowed[0]:,} to {allowed[-1]:,}, not {value:,}")
