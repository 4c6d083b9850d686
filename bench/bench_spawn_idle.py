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


async def spawn_all(kind: str, processes: int) -> float:
    body = BODIES[kind]
    start = time.process_time()
    for first in range(0, processes, BATCH):
        for _ in range(first, min(first + BATCH, processes)):
            spawn(body)
        await aio.yield_()
    return time.process_time() - start


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def grow(kind: str, processes: int) -> int:
    before = resident_bytes()
    await spawn_all(kind, processes)
    return resident_bytes() - before


def growth(kind: str, processes: int) -> int:
    """By how many bytes a program grows that has so many more processes waiting in it."""
    return csched.run(grow, kind, processes)


def test_spawn_idle(measure, size, kind, benchmark):
    processes = size(PROCESSES[kind])
    measure(spawn_all, kind, processes, operations=processes)
    if STATM.exists():
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as interpreter:
            bytes_taken = interpreter.submit(growth, kind, processes).result()
        benchmark.extra_info["bytes_per_process"] = round(bytes_taken / processes)
