"""The work of `bench.compare` on asyncio."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.peers.harness import resident_bytes, serve
from bench.workloads import RING

BATCH = 100
SENDERS = 100


async def nothing() -> None:
    pass


async def spawn_exit(size: int) -> float:
    start = time.process_time()
    for _ in range(size // BATCH):
        # The loop's references to tasks are weak.
        tasks = [asyncio.create_task(nothing()) for _ in range(BATCH)]
        await tasks[-1]
    return time.process_time() - start


async def wait(inbox: asyncio.Queue[Any]) -> None:
    await inbox.get()


async def idle_bytes(size: int) -> float:
    before = resident_bytes()
    tasks = [asyncio.create_task(wait(asyncio.Queue())) for _ in range(size)]
    await asyncio.sleep(0)
    return resident_bytes() - before - 8 * len(tasks)


async def echo(inbox: asyncio.Queue[Any]) -> None:
    while True:
        sender, n = await inbox.get()
        sender.put_nowait((sender, n))


async def pingpong(size: int) -> float:
    me: asyncio.Queue[Any] = asyncio.Queue()
    other: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(echo(other))
    await asyncio.sleep(0)
    start = time.process_time()
    for n in range(size):
        other.put_nowait((me, n))
        await me.get()
    seconds = time.process_time() - start
    task.cancel()
    return seconds


async def node(inbox: asyncio.Queue[int], successor: asyncio.Queue[int]) -> None:
    while True:
        successor.put_nowait(await inbox.get())


async def ring(size: int) -> float:
    last: asyncio.Queue[int] = asyncio.Queue()
    successor, tasks = last, []
    for _ in range(RING - 1):
        inbox: asyncio.Queue[int] = asyncio.Queue()
        tasks.append(asyncio.create_task(node(inbox, successor)))
        successor = inbox
    await asyncio.sleep(0)
    start = time.process_time()
    for token in range(size // RING):
        successor.put_nowait(token)
        await last.get()
    seconds = time.process_time() - start
    for task in tasks:
        task.cancel()
    return seconds


async def skynet_of(number: int, size: int) -> int:
    if size == 1:
        return number
    part = size // 10
    return sum(await asyncio.gather(*(skynet_of(number + n * part, part) for n in range(10))))


async def skynet(size: int) -> float:
    start = time.process_time()
    total = await asyncio.create_task(skynet_of(0, size))
    seconds = time.process_time() - start
    assert total == size * (size - 1) // 2
    return seconds


async def sender(inbox: asyncio.Queue[int], begin: asyncio.Event, size: int) -> None:
    await begin.wait()
    for n in range(size):
        inbox.put_nowait(n)


async def send_all(senders: int, size: int) -> float:
    inbox: asyncio.Queue[int] = asyncio.Queue()
    begin = asyncio.Event()
    # The loop's references to tasks are weak.
    tasks = [asyncio.create_task(sender(inbox, begin, size // senders)) for _ in range(senders)]
    await asyncio.sleep(0)
    start = time.process_time()
    begin.set()
    for _ in range(size):
        await inbox.get()
    seconds = time.process_time() - start
    await asyncio.gather(*tasks)
    return seconds


async def timer(size: int) -> float:
    loop = asyncio.get_running_loop()
    start = time.process_time()
    for _ in range(size // BATCH):
        handles = [loop.call_later(60, nothing) for _ in range(BATCH)]
        for handle in handles:
            handle.cancel()
        # Cancelled timers are thrown away by the loop, between two of its turns.
        await asyncio.sleep(0)
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
    serve(lambda workload, size: asyncio.run(BODIES[workload](size)))
