"""The work of `bench.compare` on trio."""

from __future__ import annotations

import math
import time
from typing import Any

import trio
import trio.testing

from bench.peers.harness import resident_bytes, serve
from bench.workloads import RING

BATCH = 100
SENDERS = 100


async def nothing() -> None:
    pass


async def spawn_exit(size: int) -> float:
    start = time.process_time()
    for _ in range(size // BATCH):
        async with trio.open_nursery() as nursery:
            for _ in range(BATCH):
                nursery.start_soon(nothing)
    return time.process_time() - start


async def wait(inbox: trio.MemoryReceiveChannel[Any]) -> None:
    await inbox.receive()


async def idle_bytes(size: int) -> float:
    before = resident_bytes()
    async with trio.open_nursery() as nursery:
        outboxes = []
        for _ in range(size):
            outbox, inbox = trio.open_memory_channel[Any](math.inf)
            outboxes.append(outbox)
            nursery.start_soon(wait, inbox)
        await trio.testing.wait_all_tasks_blocked()
        grown = resident_bytes() - before - 8 * len(outboxes)
        nursery.cancel_scope.cancel()
    return grown


async def echo(inbox: trio.MemoryReceiveChannel[Any]) -> None:
    while True:
        sender, n = await inbox.receive()
        sender.send_nowait((sender, n))


async def pingpong(size: int) -> float:
    me, mine = trio.open_memory_channel[Any](math.inf)
    other, its = trio.open_memory_channel[Any](math.inf)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, its)
        await trio.testing.wait_all_tasks_blocked()
        start = time.process_time()
        for n in range(size):
            other.send_nowait((me, n))
            await mine.receive()
        seconds = time.process_time() - start
        nursery.cancel_scope.cancel()
    return seconds


async def node(
    inbox: trio.MemoryReceiveChannel[int], successor: trio.MemorySendChannel[int]
) -> None:
    while True:
        successor.send_nowait(await inbox.receive())


async def ring(size: int) -> float:
    successor, last = trio.open_memory_channel[int](math.inf)
    async with trio.open_nursery() as nursery:
        for _ in range(RING - 1):
            outbox, inbox = trio.open_memory_channel[int](math.inf)
            nursery.start_soon(node, inbox, successor)
            successor = outbox
        await trio.testing.wait_all_tasks_blocked()
        start = time.process_time()
        for token in range(size // RING):
            successor.send_nowait(token)
            await last.receive()
        seconds = time.process_time() - start
        nursery.cancel_scope.cancel()
    return seconds


async def skynet_of(parent: trio.MemorySendChannel[int], number: int, size: int) -> None:
    if size == 1:
        parent.send_nowait(number)
        return
    part = size // 10
    outbox, inbox = trio.open_memory_channel[int](math.inf)
    async with trio.open_nursery() as nursery:
        for n in range(10):
            nursery.start_soon(skynet_of, outbox, number + n * part, part)
    parent.send_nowait(sum(inbox.receive_nowait() for _ in range(10)))


async def skynet(size: int) -> float:
    outbox, inbox = trio.open_memory_channel[int](math.inf)
    start = time.process_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(skynet_of, outbox, 0, size)
    assert inbox.receive_nowait() == size * (size - 1) // 2
    return time.process_time() - start


async def sender(outbox: trio.MemorySendChannel[int], begin: trio.Event, size: int) -> None:
    await begin.wait()
    for n in range(size):
        outbox.send_nowait(n)


async def send_all(senders: int, size: int) -> float:
    outbox, inbox = trio.open_memory_channel[int](math.inf)
    begin = trio.Event()
    async with trio.open_nursery() as nursery:
        for _ in range(senders):
            nursery.start_soon(sender, outbox, begin, size // senders)
        await trio.testing.wait_all_tasks_blocked()
        start = time.process_time()
        begin.set()
        for _ in range(size):
            await inbox.receive()
        return time.process_time() - start


async def timer(size: int) -> float:
    # A deadline that is taken back: trio has no timers by themselves.
    start = time.process_time()
    for _ in range(size):
        with trio.move_on_after(60):
            pass
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
    serve(lambda workload, size: trio.run(BODIES[workload], size))
