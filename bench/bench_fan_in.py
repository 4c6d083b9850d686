"""Many processes send to one.

Unit: one message, an int, from its `send` to the return of the `receive` that takes it. 100 senders
send 1,000 messages each, a slice's worth at a time, so that the mailbox grows long. Not measured:
the spawning of the senders.
"""

from __future__ import annotations

import time

from csched import Pid, aio, receive, self, send, spawn

SENDERS = 100
MESSAGES = 1_000


async def async_sender(receiver: Pid) -> None:
    await aio.receive()
    for n in range(MESSAGES):
        send(receiver, n)


async def async_receiver() -> float:
    senders = [spawn(async_sender, self()) for _ in range(SENDERS)]
    await aio.yield_()
    start = time.perf_counter()
    for sender in senders:
        send(sender, "start")
    for _ in range(SENDERS * MESSAGES):
        await aio.receive()
    return time.perf_counter() - start


def plain_sender(receiver: Pid) -> None:
    receive()
    for n in range(MESSAGES):
        send(receiver, n)


def plain_receiver() -> float:
    senders = [spawn(plain_sender, self()) for _ in range(SENDERS)]
    start = time.perf_counter()
    for sender in senders:
        send(sender, "start")
    for _ in range(SENDERS * MESSAGES):
        receive()
    return time.perf_counter() - start


BODIES = {"async": async_receiver, "plain": plain_receiver}


def test_fan_in(measure, kind):
    measure(BODIES[kind], operations=SENDERS * MESSAGES)
