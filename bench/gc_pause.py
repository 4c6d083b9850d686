"""What `bench_gc_pause` runs, in a program of its own: ``python gc_pause.py MODE IDLE SECONDS``.

Beside so many idle processes one makes cyclic garbage without end, each piece of which lives for a
while; and one ticks each millisecond. Printed are the longest gap between two ticks, in seconds,
and the longest collection, in seconds of CPU time: what else the machine does is not in that.

MODE is ``process`` (each process has a heap), ``interpreter`` (the fallback: one heap, and
gc.freeze) or ``plain``: no csched, coroutines that wait, and CPython's own collection; there the
loop that makes the garbage looks at the clock itself.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any

# Pieces that live at a time: what dies young is never seen by an old generation.
LIVING = 1_000


class Node:
    """Garbage only for a collector."""

    def __init__(self) -> None:
        self.me = self


def make_garbage(living: deque[Node]) -> None:
    for _ in range(100):
        living.append(Node())


class Longest:
    """The longest collection, as `gc` tells."""

    def __init__(self) -> None:
        self.start = self.seconds = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self.start = time.thread_time()
        else:
            self.seconds = max(self.seconds, time.thread_time() - self.start)


LONGEST = Longest()


def plain(idle_len: int, seconds: float) -> float:
    async def wait() -> None:
        await asyncio.sleep(0)

    waiting: list[Coroutine[Any, Any, None]] = [wait() for _ in range(idle_len)]
    for coroutine in waiting:
        coroutine.send(None)
    living: deque[Node] = deque(maxlen=LIVING)
    worst = 0.0
    end = time.monotonic() + seconds
    last = time.monotonic()
    gc.callbacks.append(LONGEST)
    while last < end:
        make_garbage(living)
        now = time.monotonic()
        worst = max(worst, now - last)
        last = now
    for coroutine in waiting:
        coroutine.close()
    return worst


def with_csched(idle_len: int, seconds: float) -> float:
    import csched
    from csched import aio

    async def idle() -> None:
        await aio.receive()

    def litter() -> None:
        living: deque[Node] = deque(maxlen=LIVING)
        while True:
            make_garbage(living)

    async def main() -> float:
        for number in range(idle_len):
            csched.spawn(idle)
            if number % 1_000 == 0:
                await aio.yield_()
        csched.spawn(litter)
        await aio.sleep(0.2)
        worst = 0.0
        end = time.monotonic() + seconds
        gc.callbacks.append(LONGEST)
        last = time.monotonic()
        while last < end:
            await aio.sleep(0.001)
            now = time.monotonic()
            worst = max(worst, now - last)
            last = now
        return worst

    return float(csched.run(main, process_limit=idle_len + 1_024))


if __name__ == "__main__":
    mode, idle_len, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    if mode == "interpreter":
        os.environ["CSCHED_HEAP"] = "interpreter"
    worst = (plain if mode == "plain" else with_csched)(idle_len, seconds)
    print(worst, LONGEST.seconds)
