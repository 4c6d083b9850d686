"""Send to one of many processes, at random.

Unit: one message, an int, from its `send` to the next wait of the process that received it. The
more processes there are, the less of the one that is met next is in any cache. Sent a batch of 100
at a time; the order is made before. Not measured: the making of the processes.
"""

from __future__ import annotations

import random
import time

import pytest

from csched import aio, receive, send, spawn

MESSAGES = 200_000
BATCH = 100
# A plain process that waits keeps a C stack: 100,000 of them, 0.7 GB.
MOST = {"async": 100_000, "plain": 10_000}


async def async_sink() -> None:
    while True:
        await aio.receive()


def plain_sink() -> None:
    while True:
        receive()


SINKS = {"async": async_sink, "plain": plain_sink}


async def send_all(kind: str, processes: int, messages: int) -> float:
    pids = []
    for first in range(0, processes, BATCH):
        pids += [spawn(SINKS[kind]) for _ in range(first, min(first + BATCH, processes))]
        await aio.yield_()
    order = random.Random(0).choices(pids, k=messages)
    start = time.process_time()
    for first in range(0, messages, BATCH):
        for pid in order[first : first + BATCH]:
            send(pid, first)
        # Who yields comes after all who are runnable: then the batch has been received.
        await aio.yield_()
    return time.process_time() - start


@pytest.mark.parametrize("processes", [1_000, 100_000])
def test_send_random(measure, size, kind, processes):
    processes, messages = min(size(processes), MOST[kind]), size(MESSAGES)
    measure(send_all, kind, processes, messages, operations=messages)
