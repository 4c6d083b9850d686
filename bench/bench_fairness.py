"""Equal processes that never wait get equal shares of the time.

10, or 100, processes count the turns of a loop for 5 s. `extra_info` has "most_over_least", the
turns of the one that came furthest over those of the one that came least far: at most 1.1. Unit in
the table of times: one turn of the loop, of whichever process. Not measured: processes that wait in
between, other priorities, those that come later.
"""

from __future__ import annotations

import time

import pytest

from csched import Pid, aio, self, send, spawn

SECONDS = 5.0


async def async_hog(home: Pid, end: float) -> None:
    turns = 0
    while time.perf_counter() < end:
        turns += 1
    send(home, turns)


def plain_hog(home: Pid, end: float) -> None:
    turns = 0
    while time.perf_counter() < end:
        turns += 1
    send(home, turns)


HOGS = {"async": async_hog, "plain": plain_hog}


async def compete(kind: str, hogs: int, seconds: float, ratios: list[float]) -> float:
    end = time.perf_counter() + seconds
    for _ in range(hogs):
        spawn(HOGS[kind], self(), end)
    turns = [await aio.receive() for _ in range(hogs)]
    # All have begun: a slice is a fraction of their time.
    ratios.append(max(turns) / max(min(turns), 1))
    return seconds / sum(turns)


@pytest.mark.parametrize("hogs", [10, 100])
def test_fairness(measure, benchmark, kind, hogs):
    ratios: list[float] = []
    seconds = SECONDS if benchmark.enabled else SECONDS / 100
    measure(compete, kind, hogs, seconds, ratios, operations=1, rounds=1, warmup_rounds=0)
    benchmark.extra_info["most_over_least"] = round(max(ratios), 3)
