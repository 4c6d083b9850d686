"""Spawn a process that ends at once, let it run, and reap it.

Unit: one process, from `spawn` to the reuse of its memory. Spawned in batches of 100, so that the
batch waits in the run queue as it would in a server, and its memory stays in the cache. Not
measured: arguments (they are copied: `bench_copy`), links and monitors, a process that waits
(`bench_spawn_idle`).
"""

from __future__ import annotations

import time

from csched import aio, spawn

PROCESSES = 100_000
BATCH = 100


async def async_nothing() -> None:
    pass


def plain_nothing() -> None:
    pass


BODIES = {"async": async_nothing, "plain": plain_nothing}


async def spawn_all(kind: str, processes: int) -> float:
    body = BODIES[kind]
    start = time.process_time()
    for _ in range(processes // BATCH):
        for _ in range(BATCH):
            spawn(body)
        # Who yields comes after all who are runnable: then the batch has ended.
        await aio.yield_()
    return time.process_time() - start


def test_spawn_exit(measure, size, kind):
    processes = size(PROCESSES)
    measure(spawn_all, kind, processes, operations=processes)
