"""All to all: each process sends a ping to each other one, and a pong for each ping that it gets.

Unit: one message, ping or pong, a tuple with the sender's pid. All processes are runnable most of
the time, and all mailboxes hold messages of many senders, in no order. Not measured: the making of
the processes, the telling them of one another.

Source: the benchmark "big" of Erlang's Bencherl.
"""

from __future__ import annotations

import time

from csched import Pid, aio, receive, self, send, spawn

PROCESSES = {"async": 300, "plain": 150}


async def async_member(home: Pid) -> None:
    me = self()
    others = [pid for pid in await aio.receive(list) if pid != me]
    send(home, "ready")
    await aio.receive("start")
    for other in others:
        send(other, ("ping", me))
    pongs = 0
    while pongs < len(others):
        what, sender = await aio.receive()
        if what == "ping":
            send(sender, ("pong", me))
        else:
            pongs += 1
    send(home, "done")
    # The others may still want their pongs.
    while True:
        _, sender = await aio.receive()
        send(sender, ("pong", me))


def plain_member(home: Pid) -> None:
    me = self()
    others = [pid for pid in receive(list) if pid != me]
    send(home, "ready")
    receive("start")
    for other in others:
        send(other, ("ping", me))
    pongs = 0
    while pongs < len(others):
        what, sender = receive()
        if what == "ping":
            send(sender, ("pong", me))
        else:
            pongs += 1
    send(home, "done")
    while True:
        _, sender = receive()
        send(sender, ("pong", me))


MEMBERS = {"async": async_member, "plain": plain_member}


async def all_to_all(kind: str, processes: int) -> float:
    members = [spawn(MEMBERS[kind], self()) for _ in range(processes)]
    for member in members:
        send(member, members)
    for _ in members:
        await aio.receive("ready")
    start = time.process_time()
    for member in members:
        send(member, "start")
    for _ in members:
        await aio.receive("done")
    return time.process_time() - start


def test_big(measure, size, kind):
    processes = max(5, size(PROCESSES[kind]))
    measure(all_to_all, kind, processes, operations=2 * processes * (processes - 1))
