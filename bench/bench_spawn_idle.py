"""Spawn processes that wait for a message, all alive at once; how much memory one takes.

Unit: one process, from `spawn` to its first wait. `extra_info` has "bytes_per_process", the growth
of resident memory divided by the number of processes, measured in a fresh interpreter, so that no
memory left over from other benchmarks hides it. Not measured: a mailbox with messages in it, local
variables, the end of a process.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import csched
from csched import aio, receive, spawn

# A plain process that waits keeps a C stack.
PROCESSES = {"async": 100_000, "plain": 2_000}
BATCH = 1_000
STATM = Path("/proc/self/statm")


async def async_wait() -> None:
    await aio.receive()


def plain_wait() -> None:
    receive()


BODIES = {"async": async_wait, "plain": plain_wait}


async def spawn_all(kind: str) -> float:
    body = BODIES[kind]
    start = time.perf_counter()
    for _ in range(PROCESSES[kind] // BATCH):
        for _ in range(BATCH):
            spawn(body)
        await aio.yield_()
    return time.perf_counter() - start


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def grow(kind: str) -> int:
    before = resident_bytes()
    await spawn_all(kind)
    return resident_bytes() - before


def growth(kind: str) -> int:
    return csched.run(grow, kind)


def test_spawn_idle(measure, kind, benchmark):
    measure(spawn_all, kind, operations=PROCESSES[kind])
    if STATM.exists():
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as interpreter:
            bytes_taken = interpreter.submit(growth, kind).result()
        benchmark.extra_info["bytes_per_process"] = round(bytes_taken / PROCESSES[kind])
