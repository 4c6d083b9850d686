"""The work of `bench.compare` on gevent."""

from __future__ import annotations

import time
from typing import Any

import gevent
from gevent.event import Event
from gevent.queue import SimpleQueue

from bench.peers.harness import resident_bytes, serve
from bench.workloads import RING

BATCH = 100
SENDERS = 100


def nothing() -> None:
    pass


def spawn_exit(size: int) -> float:
    start = time.process_time()
    for _ in range(size // BATCH):
        for _ in range(BATCH):
            gevent.spawn(nothing)
        # The rest of the batch, which is runnable already, comes first.
        gevent.sleep(0)
    return time.process_time() - start


def wait(inbox: SimpleQueue[Any]) -> None:
    inbox.get()


def idle_bytes(size: int) -> float:
    before = resident_bytes()
    greenlets = [gevent.spawn(wait, SimpleQueue()) for _ in range(size)]
    gevent.sleep(0)
    return resident_bytes() - before - 8 * len(greenlets)


def echo(inbox: SimpleQueue[Any]) -> None:
    while True:
        sender, n = inbox.get()
        sender.put((sender, n))


def pingpong(size: int) -> float:
    me: SimpleQueue[Any] = SimpleQueue()
    other: SimpleQueue[Any] = SimpleQueue()
    greenlet = gevent.spawn(echo, other)
    gevent.sleep(0)
    start = time.process_time()
    for n in range(size):
        other.put((me, n))
        me.get()
    seconds = time.process_time() - start
    greenlet.kill()
    return seconds


def node(inbox: SimpleQueue[int], successor: SimpleQueue[int]) -> None:
    while True:
        successor.put(inbox.get())


def ring(size: int) -> float:
    last: SimpleQueue[int] = SimpleQueue()
    successor, greenlets = last, []
    for _ in range(RING - 1):
        inbox: SimpleQueue[int] = SimpleQueue()
        greenlets.append(gevent.spawn(node, inbox, successor))
        successor = inbox
    gevent.sleep(0)
    start = time.process_time()
    for token in range(size // RING):
        successor.put(token)
        last.get()
    seconds = time.process_time() - start
    gevent.killall(greenlets)
    return seconds


def skynet_of(parent: SimpleQueue[int], number: int, size: int) -> None:
    if size == 1:
        parent.put(number)
        return
    part = size // 10
    inbox: SimpleQueue[int] = SimpleQueue()
    for n in range(10):
        gevent.spawn(skynet_of, inbox, number + n * part, part)
    parent.put(sum(inbox.get() for _ in range(10)))


def skynet(size: int) -> float:
    inbox: SimpleQueue[int] = SimpleQueue()
    start = time.process_time()
    gevent.spawn(skynet_of, inbox, 0, size)
    assert inbox.get() == size * (size - 1) // 2
    return time.process_time() - start


def sender(outbox: SimpleQueue[int], begin: Event, size: int) -> None:
    begin.wait()
    for n in range(size):
        outbox.put(n)


def send_all(senders: int, size: int) -> float:
    inbox: SimpleQueue[int] = SimpleQueue()
    begin = Event()
    for _ in range(senders):
        gevent.spawn(sender, inbox, begin, size // senders)
    gevent.sleep(0)
    start = time.process_time()
    begin.set()
    for _ in range(size):
        inbox.get()
    return time.process_time() - start


def timer(size: int) -> float:
    loop = gevent.get_hub().loop
    start = time.process_time()
    for _ in range(size // BATCH):
        timers = [loop.timer(60) for _ in range(BATCH)]
        for one in timers:
            one.start(nothing)
        for one in timers:
            one.close()
    return time.process_time() - start


BODIES = {
    "spawn_exit": spawn_exit,
    "idle_bytes": idle_bytes,
    "pingpong": pingpong,
    "ring": ring,
    "skynet": skynet,
    "fan_in": lambda size: send_all(SENDERS, size),
    "flood": lambda size: send_all(1, size),
    "timer": timer,
}

if __name__ == "__main__":
    serve(lambda workload, size: BODIES[workload](size))
