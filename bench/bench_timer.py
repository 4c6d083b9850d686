"""Set a timer and cancel it, beside many others; receive with a timeout that never fires.

Unit of `send_cancel`: one `send_after` and one `cancel_timer`, of a str; they are the same calls in
both kinds of process. `pending` is how many other timers are set: it must not matter. Unit of
`timeout`: one message sent and received with a timeout; `finds`: by the caller itself, so that it
is there and no timer is set; `waits`: as the answer of another process, so that one is set and
cancelled. Not measured: timers that expire (`bench_latency`), messages that are copied.
"""

from __future__ import annotations

import time

import pytest

from csched import Pid, aio, cancel_timer, receive, self, send, send_after, spawn

TIMERS = 200_000
BATCH = 100
ROUND_TRIPS = {"async": 100_000, "plain": 30_000}


async def send_cancel(pending: int, timers: int) -> float:
    me = self()
    others = [send_after(me, "late", 1000 + n * 1e-3) for n in range(pending)]
    start = time.process_time()
    for _ in range(timers // BATCH):
        refs = [send_after(me, "late", 60) for _ in range(BATCH)]
        for ref in refs:
            cancel_timer(ref)
    seconds = time.process_time() - start
    for ref in others:
        cancel_timer(ref)
    return seconds


@pytest.mark.parametrize("pending", [1_000, 1_000_000])
def test_send_cancel(measure, size, pending):
    timers = size(TIMERS)
    measure(send_cancel, size(pending), timers, operations=timers)


async def async_echo() -> None:
    while True:
        send(await aio.receive(), "answer")


def plain_echo() -> None:
    while True:
        send(receive(), "answer")


async def async_waits(round_trips: int) -> float:
    me = self()
    echo: Pid = spawn(async_echo)
    start = time.process_time()
    for _ in range(round_trips):
        send(echo, me)
        await aio.receive(timeout=60)
    return time.process_time() - start


def plain_waits(round_trips: int) -> float:
    me = self()
    echo: Pid = spawn(plain_echo)
    start = time.process_time()
    for _ in range(round_trips):
        send(echo, me)
        receive(timeout=60)
    return time.process_time() - start


async def async_finds(round_trips: int) -> float:
    me = self()
    start = time.process_time()
    for _ in range(round_trips):
        send(me, "here")
        await aio.receive(timeout=60)
    return time.process_time() - start


def plain_finds(round_trips: int) -> float:
    me = self()
    start = time.process_time()
    for _ in range(round_trips):
        send(me, "here")
        receive(timeout=60)
    return time.process_time() - start


BODIES = {
    "waits": {"async": async_waits, "plain": plain_waits},
    "finds": {"async": async_finds, "plain": plain_finds},
}


@pytest.mark.parametrize("receive", BODIES)
def test_timeout(measure, size, kind, receive):
    round_trips = size(ROUND_TRIPS[kind])
    measure(BODIES[receive][kind], round_trips, operations=round_trips)
