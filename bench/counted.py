"""What `bench.instructions` counts: ``python -m bench.counted WORKLOAD OPERATIONS``.

Each workload does so many operations, and everything else only once. Nothing depends on time: there
is no preemption, and no process waits for a clock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import csched
from csched import ANY, aio, cancel_timer, make_ref, receive, self, send, send_after, spawn

Body = Callable[[int], Any]


async def async_echo() -> None:
    while True:
        sender, _ = await aio.receive()
        send(sender, ("pong", 1))


async def round_trip_async(operations: int) -> None:
    me = self()
    pid = spawn(async_echo)
    for _ in range(operations):
        send(pid, (me, "ping"))
        await aio.receive()


def plain_echo() -> None:
    while True:
        sender, _ = receive()
        send(sender, ("pong", 1))


def round_trip_plain(operations: int) -> None:
    me = self()
    pid = spawn(plain_echo)
    for _ in range(operations):
        send(pid, (me, "ping"))
        receive()


async def nothing() -> None:
    pass


async def spawn_exit(operations: int) -> None:
    for number in range(operations):
        spawn(nothing)
        if number % 100 == 99:
            await aio.yield_()


def dict_of_5(operations: int) -> None:
    me = self()
    message = {"a": 1, "b": "x", "c": None, "d": 4.5, "e": True}
    for _ in range(operations):
        send(me, message)
        receive()


def selective_receive(operations: int) -> None:
    """The answer with the right reference, behind 100 messages that were there before that."""
    me = self()
    for number in range(100):
        send(me, number)
    for _ in range(operations):
        ref = make_ref()
        send(me, (ref, "answer"))
        receive((ref, ANY))


def timer(operations: int) -> None:
    me = self()
    for _ in range(operations):
        cancel_timer(send_after(me, "late", 3600))


def yardstick(operations: int) -> None:
    """The interpreter alone: a generator is resumed, and a dict copied."""

    def generator() -> Any:
        while True:
            yield 1

    resumed = generator()
    message = {"a": 1, "b": "x", "c": None, "d": 4.5, "e": True}
    for _ in range(operations):
        resumed.send(None)
        dict(message)


WORKLOADS: dict[str, Body] = {
    "round_trip_async": round_trip_async,
    "round_trip_plain": round_trip_plain,
    "spawn_exit": spawn_exit,
    "dict_of_5": dict_of_5,
    "selective_receive": selective_receive,
    "timer": timer,
    "yardstick": yardstick,
}

if __name__ == "__main__":
    csched.run(WORKLOADS[sys.argv[1]], int(sys.argv[2]), preempt=False)
