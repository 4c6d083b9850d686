"""csched in an event loop that runs already: its run, its block, and requests from tasks.

Imported when it is first needed, since it needs asyncio.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from csched import _aio, _run, _system
from csched._bif import send
from csched._bif_link import exit, monitor
from csched._bif_name import whereis
from csched._bif_spawn import spawn
from csched._copy import register_immutable
from csched._errors import Down, NoProc, ProcessExit
from csched._ids import Pid


def options_of(
    *,
    process_limit: int = 1_048_576,
    slice: float = 0.001,
    preempt: bool = True,
    atomic: Any = _run.DEFAULT,
    dirty_schedulers: int | None = None,
) -> tuple[Any, ...]:
    """The options of `csched.run` that do for a run outside, in the order of `_run.check`."""
    return process_limit, slice, preempt, atomic, dirty_schedulers


def start(main: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Stay:
    checked = _run.check(main, *options_of(**options))
    return Stay(main, args, checked)


class Stay:
    """A scheduler in the loop that runs, from its first process to its last."""

    def __init__(
        self, main: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self.over = asyncio.Event()
        self.guest = _system.Guest(main, args, self.over.set, options)

    async def end(self) -> Any:
        """Wait until all processes have gone; what the first one returned or raised.

        If the task is cancelled meanwhile they are told to exit, and are waited for all the same.
        """
        cancelled = None
        try:
            while not self.guest.is_over():
                self.over.clear()
                try:
                    await self.over.wait()
                except asyncio.CancelledError as error:
                    cancelled = error
                    self.guest.shut_down()
        finally:
            self.guest.close()
        if cancelled is not None:
            raise cancelled
        return self.guest.outcome()


async def run(main: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return await start(main, args, options).end()


async def idle() -> None:
    """The first process where there is no other to be it."""
    while True:
        await _aio.receive()


@contextlib.asynccontextmanager
async def scheduler(options: dict[str, Any]) -> AsyncIterator[Pid]:
    stay = start(idle, (), options)
    try:
        yield stay.guest.first()
    finally:
        stay.guest.shut_down()
        with contextlib.suppress(ProcessExit):
            await stay.end()


class Answer:
    """Where the answer to a request comes to; shared by the process that waits for it."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def come(self, answer: object) -> None:
        if not self.future.done():
            self.future.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


register_immutable(Answer)


async def asker(dest: Pid | str, message: object, answer: Answer) -> None:
    """Ask for a task: the one process to which the reply can come."""
    try:
        if isinstance(dest, str) and whereis(dest) is None:
            raise NoProc(f"no process is registered as {dest!r}")
        ref = monitor(dest, alias="reply_demonitor")
        send(dest, (ref, message))
    except Exception as error:
        answer.fail(error)
        return
    reply = await _aio.receive()
    if isinstance(reply, Down) and reply.ref == ref:
        answer.fail(NoProc(f"{dest!r} ended before it answered: {reply.reason!r}"))
    else:
        answer.come(reply)


async def ask(dest: Pid | str, message: object, timeout: float | None) -> Any:
    answer = Answer()
    helper = spawn(asker, dest, message, answer)
    try:
        async with asyncio.timeout(timeout):
            return await answer.future
    finally:
        exit(helper, "kill")
