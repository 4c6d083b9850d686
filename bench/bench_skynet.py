"""Skynet: each process spawns ten, down to the leaves; numbers go up, and are summed on the way.

Unit: one process, inner ones included: spawned with three arguments, run, one message sent to its
parent, ended; inner ones receive ten messages besides. All leaves are alive at once. Not measured:
anything in which a process does some work.

Source: github.com/atemerev/skynet.
"""

from __future__ import annotations

import time

import pytest

from csched import Pid, aio, receive, self, send, spawn

CHILDREN = 10


async def async_skynet(parent: Pid, number: int, size: int) -> None:
    if size == 1:
        send(parent, number)
        return
    size //= CHILDREN
    me = self()
    for child in range(CHILDREN):
        spawn(async_skynet, me, number + child * size, size)
    total = 0
    for _ in range(CHILDREN):
        total += await aio.receive()
    send(parent, total)


def plain_skynet(parent: Pid, number: int, size: int) -> None:
    if size == 1:
        send(parent, number)
        return
    size //= CHILDREN
    me = self()
    for child in range(CHILDREN):
        spawn(plain_skynet, me, number + child * size, size)
    send(parent, sum(receive() for _ in range(CHILDREN)))


BODIES = {"async": async_skynet, "plain": plain_skynet}


async def sum_up(kind: str, leaves: int) -> float:
    start = time.process_time()
    spawn(BODIES[kind], self(), 0, leaves)
    total = await aio.receive()
    seconds = time.process_time() - start
    assert total == leaves * (leaves - 1) // 2
    return seconds


def processes(leaves: int) -> int:
    return 1 if leaves == 1 else leaves + processes(leaves // CHILDREN)


def test_skynet(measure, size, kind):
    leaves = size(100_000)
    measure(sum_up, kind, leaves, operations=processes(leaves), rounds=3)


@pytest.mark.stress
def test_skynet_of_a_million(measure, size):
    # All at once, as plain processes, would take 7 GB.
    leaves = size(1_000_000)
    measure(
        sum_up,
        "async",
        leaves,
        operations=processes(leaves),
        rounds=3,
        warmup_rounds=0,
        process_limit=2_000_000,
    )
