"""What the scheduler leaves to Python: to find an MFA, to report how a process ended, to print.

Each function here is called in the process concerned, which may be preempted in it like anywhere.
"""

from __future__ import annotations

import types

from csched._bif import self, send
from csched._bif_process import make_ref
from csched._errors import Crash, ProcessExit, Undef
from csched._ids import Pid, Ref
from csched._names import call_name

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import ThreadPoolExecutor
    from typing import Any, NoReturn, TypeVar

    _T = TypeVar("_T")
    Target = Callable[..., Any] | tuple[Any, str]


def resolve(target: tuple[Any, str], args: tuple[Any, ...]) -> Callable[..., Any]:
    """The function of an MFA; ends the process with `Undef` if there is none."""
    namespace, name = target
    if isinstance(namespace, str):
        import importlib

        try:
            namespace = importlib.import_module(namespace)
        except ImportError as error:
            # A module that exists, but fails to import something else, is a crash of its own.
            if not isinstance(error, ModuleNotFoundError) or not missing(target[0], error.name):
                raise
            undefined(target, args)
        except (TypeError, ValueError):
            # A relative name, or an empty one.
            if target[0].strip(".") and not target[0].startswith("."):
                raise
            undefined(target, args)
    function = getattr(namespace, name, None)
    if not callable(function):
        undefined(target, args)
    return function  # type: ignore[no-any-return]


def missing(module: str, name: str | None) -> bool:
    """Whether what could not be found is `module` itself or a package on the way to it."""
    return name is not None and (module == name or module.startswith(name + "."))


def check_arity(
    target: tuple[Any, str], args: tuple[Any, ...], function: Callable[..., Any]
) -> None:
    """End the process with `Undef` if the function of its MFA does not take these arguments."""
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args)
    except TypeError:
        undefined(target, args)


def undefined(target: tuple[Any, str], args: tuple[Any, ...]) -> NoReturn:
    """The MFA of this process does not exist: say so, and end the process."""
    log().error(
        "Process %r with initial call %s: there is no such function",
        self(),
        call_name(target, len(args)),
    )
    namespace, name = target
    raise ProcessExit(Undef(namespace, name, list(args)))


async def awaiting(awaitable: Awaitable[_T]) -> _T:
    """A coroutine that does nothing but await this."""
    return await awaitable


def new_threads(threads_max: int) -> ThreadPoolExecutor:
    """The pool of a run; its threads are made one by one, when they are needed."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads_max, thread_name_prefix="csched")


def log() -> Any:
    """The logger `csched`; logging is imported when the first process crashes."""
    import logging

    return logging.getLogger("csched")


def without_runtime(traceback: types.TracebackType | None) -> types.TracebackType | None:
    """A traceback without the frames of the runtime at its head."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename.endswith(".pyx"):
        traceback = traceback.tb_next
    return traceback


def report_crash(pid: Pid, target: Target, arity: int, error: BaseException) -> None:
    """Log a process that raised."""
    error.__traceback__ = without_runtime(error.__traceback__)
    log().error(
        "Process %r with initial call %s raised %s: %s",
        pid,
        call_name(target, arity),
        type(error).__name__,
        text_of(error),
        exc_info=error,
    )


def report_swallowed(pid: Pid, target: Target, arity: int, error: ProcessExit) -> None:
    """Warn of a process that caught its own end."""
    where = "an unknown place"
    traceback = without_runtime(error.__traceback__)
    if traceback is not None:
        where = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
    log().warning(
        "Process %r with initial call %s swallowed ProcessExit(%r) at %s; it is dead all the same",
        pid,
        call_name(target, arity),
        error.reason,
        where,
    )


def report_large_heap(pid: Pid, target: Target, arity: int, words: int, limit: int) -> None:
    """Log a process that is killed for its memory."""
    log().error(
        "Process %r with initial call %s is killed: its heap has %d words, max_heap_size is %d",
        pid,
        call_name(target, arity),
        words,
        limit,
    )


def report_abandoned(pid: Pid, target: Target, arity: int, error: ProcessExit) -> None:
    """Log a process that caught its own end again and again."""
    report_swallowed(pid, target, arity, error)
    log().error("Process %r does not end: its stack is given up, and leaked", pid)


def send_output(reply_to: Pid | Ref, leader: Pid, text: str) -> None:
    """Send text to a group leader, without waiting for its reply, which goes to `reply_to`."""
    send(leader, ("io_request", reply_to, make_ref(), ("put_chars", "unicode", text)))


def reason_of(error: BaseException) -> object:
    """The exit reason of a process that raised this."""
    if isinstance(error, ProcessExit):
        return error.reason
    if isinstance(error, SystemExit):
        return "normal" if error.code in (None, 0) else ("system_exit", error.code)
    return Crash(error, traceback_text(error))


def substitute_reason(error: BaseException, failure: BaseException) -> object:
    """What stands for the exit reason of a process that raised this, if that cannot be copied."""
    if isinstance(error, ProcessExit | SystemExit):
        return Crash(failure.with_traceback(None), traceback_text(failure))
    return Crash(RuntimeError(f"{type(error).__name__}: {text_of(error)}"), traceback_text(error))


def traceback_text(error: BaseException) -> str:
    import traceback

    return "".join(
        traceback.format_exception(type(error), error, without_runtime(error.__traceback__))
    )


def text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "<its __str__ raised>"
