"""A web endpoint: an ASGI application under uvicorn, each request of which asks a process.

It shows processes beside the tasks of an event loop that somebody else runs: the scheduler is there
for as long as the application is, and `aio.ask` goes from a task to a process and back.

- ``/count/NAME`` asks one process, named "counter", which owns all counts.
- ``/fib/N`` asks a new process, which computes for long, and is preempted: other requests go on.

It needs uvicorn (``pip install uvicorn``), and works with FastAPI or Starlette in the same manner.

    python docs/examples/web.py --port 8000      # or: uvicorn --app-dir docs/examples web:app
    curl http://127.0.0.1:8000/count/apples
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

import csched
from csched import NoProc, aio, spawn, spawn_opt

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def counter() -> None:
    counts: Counter[str] = Counter()
    while True:
        reply_to, name = await aio.receive()
        counts[name] += 1
        csched.send(reply_to, counts[name])


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def compute() -> None:
    """A process for one request. It crashes if that is no number, and only this request fails."""
    reply_to, text = csched.receive()
    csched.send(reply_to, fib(int(text)))


async def answer(path: str) -> tuple[int, str]:
    """The status and the text of a page."""
    try:
        match path.split("/")[1:]:
            case ["count", name]:
                return 200, f"{await aio.ask('counter', name, timeout=5)}\n"
            case ["fib", n]:
                return 200, f"{await aio.ask(spawn(compute), n, timeout=60)}\n"
    except TimeoutError:
        return 504, "it takes too long\n"
    except NoProc:
        return 500, "it has failed; the log says why\n"
    return 404, "there is no such page\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["type"] == "http":
        status, text = await answer(scope["path"])
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


async def live(receive: Receive, send: Send) -> None:
    """From the start of the application to its end."""
    await receive()
    async with aio.scheduler():
        spawn_opt(counter, name="counter")
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A web server whose requests ask processes.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free")
    options = parser.parse_args()
    uvicorn.Server(uvicorn.Config(app, options.host, options.port)).run()
