"""Two processes send a tuple to and fro.

Unit: one round trip, that is two messages of ``(pid, int)``, two receives, two changes of process.
The other process answers what it got. Both are of the same kind. Not measured: selective receive,
timeouts, big messages (`bench_copy`).
"""

from __future__ import annotations

import time

from csched import Pid, aio, receive, self, send, spawn, yield_

ROUND_TRIPS = {"async": 100_000, "plain": 30_000}


async def async_echo() -> None:
    while True:
        sender, n = await aio.receive()
        send(sender, (sender, n))


async def async_ping(round_trips: int) -> float:
    echo: Pid = spawn(async_echo)
    me = self()
    await aio.yield_()
    start = time.process_time()
    for n in range(round_trips):
        send(echo, (me, n))
        await aio.receive()
    return time.process_time() - start


def plain_echo() -> None:
    while True:
        sender, n = receive()
        send(sender, (sender, n))


def plain_ping(round_trips: int) -> float:
    echo: Pid = spawn(plain_echo)
    me = self()
    yield_()
    start = time.process_time()
    for n in range(round_trips):
        send(echo, (me, n))
        receive()
    return time.process_time() - start


BODIES = {"async": async_ping, "plain": plain_ping}


def test_pingpong(measure, size, kind):
    round_trips = size(ROUND_TRIPS[kind])
    measure(BODIES[kind], round_trips, operations=round_trips)
