"""``csched demo``: a million processes, in the public API only.

Each process is an ``async def`` that waits for one message, answers it and ends. All are alive at
once before the first message is sent.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator

from csched import aio, i, run, self, send, spawn

# Processes spawned, or messages sent, before the others get a turn: few enough for the mailbox of
# the first process to stay small.
BATCH = 1_000
# How many of them the demo lists.
LISTED = 8
# Room in the process table for the first process.
OTHERS = 24
# The smallest process limit there is.
LEAST_LIMIT = 1_024


async def echo() -> None:
    _, sender = await aio.receive()
    send(sender, ("pong", self()))


async def first_process(count: int) -> None:
    start = time.perf_counter()
    # Made before memory is measured: this list is the demo's, not a cost of a process.
    pids = [self()] * count
    memory_before = resident_bytes()

    spawned_at = time.perf_counter()
    for first in progress("spawning", count):
        for n in range(first, min(first + BATCH, count)):
            pids[n] = spawn(echo)
        # Let them come to their `receive`.
        await aio.yield_()
    spawn_seconds = time.perf_counter() - spawned_at
    memory = resident_bytes() - memory_before

    page = io.StringIO()
    listed_at = time.perf_counter()
    i(file=page, limit=LISTED)
    list_seconds = time.perf_counter() - listed_at

    sent_at = time.perf_counter()
    for first in progress("sending", count):
        batch = pids[first : first + BATCH]
        for pid in batch:
            send(pid, ("ping", self()))
        for pid in batch:
            await aio.receive(("pong", pid))
    send_seconds = time.perf_counter() - sent_at

    print(page.getvalue(), end="")
    print()
    print(f"{count:,} processes alive at once; {LISTED} of them above")
    print(f"spawn, and run to the first wait  {spawn_seconds / count * 1e9:>8,.0f} ns each")
    print(f"message, answer and end           {send_seconds / count * 1e9:>8,.0f} ns each")
    print(f"memory while it waits             {memory / count:>8,.0f} bytes each")
    print(f"the page of the listing           {list_seconds * 1e6:>8,.0f} us")
    print(f"all of it                         {time.perf_counter() - start:>8.2f} s")


def progress(what: str, count: int) -> Iterator[int]:
    """The first number of each batch of `count`; shows how far it has come."""
    step, end = (1, "\r") if sys.stdout.isatty() else (10, "\n")
    shown = -step
    for start in range(0, count, BATCH):
        percent = start * 100 // count
        if percent >= shown + step:
            shown = percent // step * step
            print(f"{what} {shown:3}%", end=end, flush=True)
        yield start
    print(f"{what} 100%", flush=True)


def resident_bytes() -> int:
    """The memory of this program that is in RAM."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        # macOS: the peak, in bytes; memory only grows up to the point where it is asked for.
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def demo(count: int) -> None:
    """Run the demo with `count` processes."""
    run(first_process, count, process_limit=max(LEAST_LIMIT, count + OTHERS))
