"""The two kinds of process, so that one body can be run as either.

A body is an ``async def`` whose first parameter holds the waiting calls: `csched.aio` for a process
that is one, their plain twins for a plain one. Kinds are classes, since processes share those.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import csched
from csched import aio

Body = Callable[..., Coroutine[Any, Any, Any]]


class PlainCalls:
    """Awaitable in form only: each call waits in the middle of the stack."""

    @staticmethod
    async def receive(*args: Any, **options: Any) -> Any:
        return csched.receive(*args, **options)

    @staticmethod
    async def sleep(seconds: float) -> None:
        csched.sleep(seconds)

    @staticmethod
    async def yield_() -> None:
        csched.yield_()

    @staticmethod
    async def hibernate() -> None:
        csched.hibernate()


class Plain:
    @staticmethod
    def function(body: Body) -> Callable[..., Any]:
        def plain_process(*args: Any) -> Any:
            coroutine = body(PlainCalls, *args)
            try:
                coroutine.send(None)
            except StopIteration as returned:
                return returned.value
            raise AssertionError("a plain process has suspended as a coroutine does")

        return plain_process

    @classmethod
    def run(cls, body: Body, *args: Any, **options: Any) -> Any:
        return csched.run(cls.function(body), *args, **options)

    @classmethod
    def spawn(cls, body: Body, *args: Any) -> csched.Pid:
        return csched.spawn(cls.function(body), *args)


class Async(Plain):
    @staticmethod
    def function(body: Body) -> Callable[..., Any]:
        async def async_process(*args: Any) -> Any:
            return await body(aio, *args)

        return async_process


both_kinds = pytest.mark.parametrize("kind", [Plain, Async], ids=["plain", "async"])


async def gone(calls: Any, *pids: csched.Pid) -> None:
    """Let others run until these processes are out of the table."""
    while not set(pids).isdisjoint(csched.processes()):
        await calls.yield_()


def fill(*messages: Any) -> None:
    """Put messages into the caller's own mailbox."""
    for message in messages:
        csched.send(csched.self(), message)


async def drain(calls: Any) -> list[Any]:
    """Take all messages that are there."""
    messages = []
    with contextlib.suppress(TimeoutError):
        while True:
            messages.append(await calls.receive(timeout=0))
    return messages
