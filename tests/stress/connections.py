"""Clients with 10,000 connections to the servers of `docs/examples`, each in a program of its own.

``python connections.py echo|chat PORT PID CONNECTIONS`` prints figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from asyncio import StreamReader, StreamWriter

AT_ONCE = 50  # Connections that are being made, and requests under way, at any time.
REQUESTS = 20_000


async def connect(
    port: int, connections: int, greeting: bytes | None
) -> list[tuple[StreamReader, StreamWriter]]:
    """So many connections, each of which has said its greeting and got a line."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one() -> tuple[StreamReader, StreamWriter]:
        async with room:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if greeting is not None:
                writer.write(greeting)
                await reader.readline()
            return reader, writer

    return await asyncio.gather(*(one() for _ in range(connections)))


def resident_bytes(pid: int) -> int:
    done = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) * 1024


async def echo(port: int, pid: int, connections: int) -> dict[str, float]:
    """All are answered at once; then some at a time, and the time of each answer is taken."""
    await connect(port, 1, b"\n")
    before = resident_bytes(pid)
    start = time.perf_counter()
    streams = await connect(port, connections, None)

    async def ask(number: int) -> float:
        reader, writer = streams[number % connections]
        line = b"%d\n" % number
        start = time.perf_counter()
        writer.write(line)
        assert await reader.readline() == line
        return time.perf_counter() - start

    connected = time.perf_counter()
    await asyncio.gather(*map(ask, range(connections)))
    answered = time.perf_counter()
    after = resident_bytes(pid)

    async def ask_some(first: int) -> list[float]:
        return [await ask(number) for number in range(first, REQUESTS, AT_ONCE)]

    start_requests = time.perf_counter()
    parts = await asyncio.gather(*map(ask_some, range(AT_ONCE)))
    seconds = time.perf_counter() - start_requests
    times = sorted(each for part in parts for each in part)
    return {
        "bytes_each": (after - before) / connections,
        "connect_us": (connected - start) / connections * 1e6,
        "answer_us": (answered - connected) / connections * 1e6,
        "requests_s": REQUESTS / seconds,
        "p50_ms": times[len(times) // 2] * 1e3,
        "p99_ms": times[len(times) * 99 // 100] * 1e3,
        "max_ms": times[-1] * 1e3,
    }


async def chat(port: int, pid: int, connections: int) -> dict[str, float]:
    """One says something; it comes to all others."""
    before = resident_bytes(pid)
    streams = await connect(port, connections, b"member\n")
    (_, speaker), *others = streams

    async def broadcast(text: bytes) -> float:
        start = time.perf_counter()
        speaker.write(text)
        heard = await asyncio.gather(*(reader.readline() for reader, _ in others))
        assert set(heard) == {b"member: " + text}
        return time.perf_counter() - start

    seconds = min([await broadcast(b"%d\n" % number) for number in range(5)])
    return {
        "bytes_each": (resident_bytes(pid) - before) / connections,
        "message_us": seconds / connections * 1e6,
    }


if __name__ == "__main__":
    client = {"echo": echo, "chat": chat}[sys.argv[1]]
    print(json.dumps(asyncio.run(client(*map(int, sys.argv[2:])))))
