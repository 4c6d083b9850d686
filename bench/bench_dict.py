"""A dict of 5 goes to and fro between two processes.

Unit: one message, that is a send, a receive, a change of process: half a round trip. The one sends
the same dict again and again, the other what it gets: the copy is measured, not the making. Not
measured: other messages (`bench_copy`), a dict that is made for the message.
"""

from __future__ import annotations

import time

from csched import Pid, aio, receive, self, send, spawn, yield_

MESSAGES = {"async": 100_000, "plain": 50_000}


async def async_mirror(to: Pid) -> None:
    while True:
        send(to, await aio.receive())


async def async_pass(messages: int) -> float:
    me = self()
    mirror: Pid = spawn(async_mirror, me)
    message = {"id": messages, "name": "joe", "at": 4.5, "open": True, "parent": me}
    await aio.yield_()
    start = time.process_time()
    for _ in range(messages // 2):
        send(mirror, message)
        await aio.receive()
    return time.process_time() - start


def plain_mirror(to: Pid) -> None:
    while True:
        send(to, receive())


def plain_pass(messages: int) -> float:
    me = self()
    mirror: Pid = spawn(plain_mirror, me)
    message = {"id": messages, "name": "joe", "at": 4.5, "open": True, "parent": me}
    yield_()
    start = time.process_time()
    for _ in range(messages // 2):
        send(mirror, message)
        receive()
    return time.process_time() - start


BODIES = {"async": async_pass, "plain": plain_pass}


def test_dict(measure, size, kind):
    messages = size(MESSAGES[kind])
    measure(BODIES[kind], messages, operations=messages)
