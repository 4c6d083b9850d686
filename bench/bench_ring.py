"""A token goes round a ring of processes.

Unit: one hop, that is a receive, a send of an int, a change of process. One token: exactly one
process is runnable at a time, and each has been out of the cache since the last round: of 1,000
processes the nearest cache holds a part, of 100,000 none holds much. Not measured: the making of
the ring, messages of more than a number (`bench_pingpong`).
"""

from __future__ import annotations

import time

import pytest

from csched import Pid, aio, receive, self, send, spawn, yield_

HOPS = {"async": 200_000, "plain": 30_000}
# A plain process that waits keeps a C stack: 100,000 of them, 0.7 GB.
MOST = {"async": 100_000, "plain": 10_000}


async def async_node(successor: Pid) -> None:
    while True:
        send(successor, await aio.receive())


async def async_ring(processes: int, hops: int) -> float:
    successor = self()
    for _ in range(processes - 1):
        successor = spawn(async_node, successor)
    await aio.yield_()
    start = time.process_time()
    for token in range(hops // processes):
        send(successor, token)
        await aio.receive()
    return time.process_time() - start


def plain_node(successor: Pid) -> None:
    while True:
        send(successor, receive())


def plain_ring(processes: int, hops: int) -> float:
    successor = self()
    for _ in range(processes - 1):
        successor = spawn(plain_node, successor)
    yield_()
    start = time.process_time()
    for token in range(hops // processes):
        send(successor, token)
        receive()
    return time.process_time() - start


BODIES = {"async": async_ring, "plain": plain_ring}


@pytest.mark.parametrize("processes", [1_000, 100_000])
def test_ring(measure, size, kind, processes):
    processes = min(size(processes), MOST[kind])
    hops = max(processes, size(HOPS[kind]) // processes * processes)
    measure(BODIES[kind], processes, hops, operations=hops)
