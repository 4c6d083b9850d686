"""Spawn a process that is linked with another, end it by that link, and reap it.

Unit: one process, from the spawn of the first to the end of the last of a batch of 100. `hub`:
all are linked with one that is told to exit, and each gets an exit signal from it. `chain`: each
is linked with the one before, and the first is told to exit: the signal passes through all. Not
measured: monitors (`bench_call`), a reason that has to be copied, processes that trap exits.
"""

from __future__ import annotations

import time

import pytest

from csched import Pid, aio, exit, link, receive, self, send, spawn, spawn_link, system_info, yield_

PROCESSES = {"async": 50_000, "plain": 5_000}
BATCH = 100


async def async_wait() -> None:
    await aio.receive()


def plain_wait() -> None:
    receive()


async def async_hub(home: Pid) -> None:
    for _ in range(BATCH):
        spawn_link(async_wait)
    await aio.yield_()
    send(home, "ready")
    await aio.receive()


def plain_hub(home: Pid) -> None:
    for _ in range(BATCH):
        spawn_link(plain_wait)
    yield_()
    send(home, "ready")
    receive()


async def async_follow(pid: Pid) -> None:
    link(pid)
    await aio.receive()


def plain_follow(pid: Pid) -> None:
    link(pid)
    receive()


WAITS = {"async": async_wait, "plain": plain_wait}
HUBS = {"async": async_hub, "plain": plain_hub}
FOLLOWS = {"async": async_follow, "plain": plain_follow}


async def all_gone() -> None:
    while system_info("process_count") > 1:
        await aio.yield_()


async def kill_hubs(kind: str, processes: int) -> float:
    start = time.process_time()
    for _ in range(processes // BATCH):
        hub = spawn(HUBS[kind], self())
        await aio.receive("ready")
        exit(hub, "broken")
        await all_gone()
    return time.process_time() - start


async def kill_chain(kind: str, processes: int) -> float:
    start = time.process_time()
    for _ in range(processes // BATCH):
        first = last = spawn(WAITS[kind])
        for _ in range(BATCH - 1):
            last = spawn(FOLLOWS[kind], last)
        await aio.yield_()
        exit(first, "broken")
        await all_gone()
    return time.process_time() - start


@pytest.mark.parametrize("body", [kill_hubs, kill_chain], ids=["hub", "chain"])
def test_link_kill(measure, size, kind, body):
    processes = max(BATCH, size(PROCESSES[kind]))
    measure(body, kind, processes, operations=processes)
