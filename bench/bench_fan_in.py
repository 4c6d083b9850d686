"""Many processes send to one.

Unit: one message, an int, from its `send` to the return of the `receive` that takes it. 100 senders
send 1,000 messages each, a slice's worth at a time, so that the mailbox grows long. Not measured:
the spawning of the senders, one sender alone (`bench_flood`).
"""

from __future__ import annotations

import time

from csched import Pid, aio, receive, self, send, spawn

SENDERS = 100
# A multiple of the senders.
MESSAGES = 100_000


async def async_sender(receiver: Pid, messages: int) -> None:
    await aio.receive()
    for n in range(messages):
        send(receiver, n)


async def async_receiver(messages: int) -> float:
    senders = [spawn(async_sender, self(), messages // SENDERS) for _ in range(SENDERS)]
    await aio.yield_()
    start = time.process_time()
    for sender in senders:
        send(sender, "start")
    for _ in range(messages):
        await aio.receive()
    return time.process_time() - start


def plain_sender(receiver: Pid, messages: int) -> None:
    receive()
    for n in range(messages):
        send(receiver, n)


def plain_receiver(messages: int) -> float:
    senders = [spawn(plain_sender, self(), messages // SENDERS) for _ in range(SENDERS)]
    start = time.process_time()
    for sender in senders:
        send(sender, "start")
    for _ in range(messages):
        receive()
    return time.process_time() - start


BODIES = {"async": async_receiver, "plain": plain_receiver}


def test_fan_in(measure, size, kind):
    messages = size(MESSAGES)
    measure(BODIES[kind], messages, operations=messages)
