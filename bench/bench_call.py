"""Call a server: send it a request with a new reference, wait for the answer that has it.

Unit: one call, between two processes of the same kind. `ref`: by a mere reference. `monitor`: by
that of a monitor of the server, removed with ``flush=True`` after the answer. `alias`: by that of
a monitor whose alias takes the answer, which ends both. `queued` is how many other messages are
in the caller's mailbox: they are not looked at, so it must not matter. Not measured: timeouts
(`bench_timer`), requests that are copied, a server that is dead.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from csched import ANY, Pid, aio, demonitor, make_ref, monitor, receive, self, send, spawn

CALLS = {"async": 20_000, "plain": 10_000}


async def async_server() -> None:
    while True:
        client, ref = await aio.receive()
        send(client, (ref, "answer"))


def plain_server() -> None:
    while True:
        client, ref = receive()
        send(client, (ref, "answer"))


def begin(how: str, server: Pid, me: Pid) -> Any:
    """Send a request; the reference that its answer has."""
    if how == "ref":
        ref = make_ref()
        send(server, (me, ref))
    elif how == "monitor":
        ref = monitor(server)
        send(server, (me, ref))
    else:
        ref = monitor(server, alias="reply_demonitor")
        send(server, (ref, ref))
    return ref


async def async_calls(how: str, queued: int, calls: int) -> float:
    server: Pid = spawn(async_server)
    me = self()
    for n in range(queued):
        send(me, n)
    start = time.process_time()
    for _ in range(calls):
        ref = begin(how, server, me)
        await aio.receive((ref, ANY))
        if how == "monitor":
            demonitor(ref, flush=True)
    return time.process_time() - start


def plain_calls(how: str, queued: int, calls: int) -> float:
    server: Pid = spawn(plain_server)
    me = self()
    for n in range(queued):
        send(me, n)
    start = time.process_time()
    for _ in range(calls):
        ref = begin(how, server, me)
        receive((ref, ANY))
        if how == "monitor":
            demonitor(ref, flush=True)
    return time.process_time() - start


BODIES = {"async": async_calls, "plain": plain_calls}


@pytest.mark.parametrize("queued", [0, 100_000, 500_000])
@pytest.mark.parametrize("how", ["ref", "monitor", "alias"])
def test_call(measure, size, kind, how, queued):
    calls = size(CALLS[kind])
    measure(BODIES[kind], how, size(queued), calls, operations=calls, rounds=3)
