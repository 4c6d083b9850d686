"""One process sends to another as fast as it can.

Unit: one message, an int, from its `send` to the return of the `receive` that takes it. Nothing
slows the sender but the end of its slice, so that the mailbox grows to some thousand messages and
is then emptied. Not measured: many senders (`bench_fan_in`), a mailbox with a limit.
"""

from __future__ import annotations

import time

from csched import Pid, aio, receive, self, send, spawn

MESSAGES = 200_000


async def async_sender(receiver: Pid, messages: int) -> None:
    await aio.receive()
    for n in range(messages):
        send(receiver, n)


async def async_receiver(messages: int) -> float:
    sender: Pid = spawn(async_sender, self(), messages)
    await aio.yield_()
    start = time.process_time()
    send(sender, "start")
    for _ in range(messages):
        await aio.receive()
    return time.process_time() - start


def plain_sender(receiver: Pid, messages: int) -> None:
    receive()
    for n in range(messages):
        send(receiver, n)


def plain_receiver(messages: int) -> float:
    sender: Pid = spawn(plain_sender, self(), messages)
    start = time.process_time()
    send(sender, "start")
    for _ in range(messages):
        receive()
    return time.process_time() - start


BODIES = {"async": async_receiver, "plain": plain_receiver}


def test_flood(measure, size, kind):
    messages = size(MESSAGES)
    measure(BODIES[kind], messages, operations=messages)
