"""A token goes round a ring of 1,000 processes.

Unit: one hop, that is a receive, a send of an int, a change of process. One token: exactly one
process is runnable at a time, and each has been out of the cache for 999 hops. Not measured: the
making of the ring.
"""

from __future__ import annotations

import time

from csched import Pid, aio, receive, self, send, spawn, yield_

PROCESSES = 1_000
ROUNDS = {"async": 200, "plain": 30}


async def async_node(successor: Pid) -> None:
    while True:
        send(successor, await aio.receive())


async def async_ring(rounds: int) -> float:
    successor = self()
    for _ in range(PROCESSES - 1):
        successor = spawn(async_node, successor)
    await aio.yield_()
    start = time.perf_counter()
    for token in range(rounds):
        send(successor, token)
        await aio.receive()
    return time.perf_counter() - start


def plain_node(successor: Pid) -> None:
    while True:
        send(successor, receive())


def plain_ring(rounds: int) -> float:
    successor = self()
    for _ in range(PROCESSES - 1):
        successor = spawn(plain_node, successor)
    yield_()
    start = time.perf_counter()
    for token in range(rounds):
        send(successor, token)
        receive()
    return time.perf_counter() - start


BODIES = {"async": async_ring, "plain": plain_ring}


def test_ring(measure, kind):
    measure(BODIES[kind], ROUNDS[kind], operations=ROUNDS[kind] * PROCESSES)
