"""How late a 10 ms timer is beside 1,000 processes that never wait.

Unit: the lateness of one wake-up, that is the time from the moment at which `sleep` should have
returned to the one at which it did; the table shows the mean of a round, `extra_info` has "p50_ms"
and "p99_ms" of all. The goal is 10 ms at p99. The hogs can be stopped by preemption alone. A
machine that is busy elsewhere shows in the tail. Not measured: hogs that send or allocate, timers
with nothing beside them.
"""

from __future__ import annotations

import math
import time

from csched import aio, sleep, spawn

HOGS = 1_000
SLEEPS = 100
ROUNDS = 3
SECONDS = 0.01


def plain_hog() -> None:
    while True:
        pass


async def async_hog() -> None:
    while True:
        pass


async def async_sleeper(sleeps: int, all_late: list[float]) -> float:
    for _ in range(HOGS):
        spawn(async_hog)
    late = []
    for _ in range(sleeps):
        start = time.perf_counter()
        await aio.sleep(SECONDS)
        late.append(time.perf_counter() - start - SECONDS)
    all_late += late
    return sum(late)


def plain_sleeper(sleeps: int, all_late: list[float]) -> float:
    for _ in range(HOGS):
        spawn(plain_hog)
    late = []
    for _ in range(sleeps):
        start = time.perf_counter()
        sleep(SECONDS)
        late.append(time.perf_counter() - start - SECONDS)
    all_late += late
    return sum(late)


BODIES = {"async": async_sleeper, "plain": plain_sleeper}


def quantile(values: list[float], part: float) -> float:
    """The least of the values that is at least as large as that part of them."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def test_latency(measure, size, kind, benchmark):
    late: list[float] = []
    sleeps = size(SLEEPS)
    measure(BODIES[kind], sleeps, late, operations=sleeps, rounds=ROUNDS, warmup_rounds=0)
    benchmark.extra_info["p50_ms"] = round(quantile(late, 0.50) * 1e3, 2)
    benchmark.extra_info["p99_ms"] = round(quantile(late, 0.99) * 1e3, 2)
