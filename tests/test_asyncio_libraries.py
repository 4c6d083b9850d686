"""Libraries on asyncio, and plain code that blocks, inside processes."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

import csched
from csched import aio, run, self, send, spawn


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"page {self.path}".encode()
        if self.path == "/slow":
            time.sleep(0.05)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def url():
    """A server in a program of its own: it must not depend on who is tested."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    print(server.server_port, flush=True)
    server.serve_forever()


PAGES = 30


def fetch_in_processes(url, fetch, **options):
    """Each page is fetched by a process of its own."""

    async def child(parent, number):
        send(parent, (number, await fetch(f"{url}/{number}")))

    async def main():
        for number in range(PAGES):
            spawn(child, self(), number)
        return sorted([await aio.receive(timeout=60) for _ in range(PAGES)])

    assert run(main, **options) == [(n, f"page /{n}") for n in range(PAGES)]


def factories():
    yield pytest.param(None, id="asyncio")
    with contextlib.suppress(ImportError):
        import uvloop

        yield pytest.param(uvloop.new_event_loop, id="uvloop")


with_each_loop = pytest.mark.parametrize("factory", list(factories()))


@with_each_loop
def test_aiohttp_fetches_pages(url, factory):
    aiohttp = pytest.importorskip("aiohttp")

    async def fetch(page):
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(page) as answer:
            return await answer.text()

    fetch_in_processes(url, fetch, loop_factory=factory)


def test_aiohttp_s_timeout_ends_a_request_in_a_process(url):
    aiohttp = pytest.importorskip("aiohttp")

    async def main():
        timeout = aiohttp.ClientTimeout(total=0.005)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            with pytest.raises(TimeoutError):
                await session.get(f"{url}/slow")
        return await asyncio.sleep(0.001, "goes on")

    assert run(main) == "goes on"


@with_each_loop
def test_httpx_fetches_pages(url, factory):
    httpx = pytest.importorskip("httpx")

    async def fetch(page):
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(page)).text

    fetch_in_processes(url, fetch, loop_factory=factory)


@with_each_loop
@pytest.mark.parametrize("plain", [False, True], ids=["async", "plain"])
def test_anyio_works_in_a_process(factory, plain):
    anyio = pytest.importorskip("anyio")

    async def body():
        seen = []
        sending, receiving = anyio.create_memory_object_stream(0)

        async def produce():
            async with sending:
                for number in range(3):
                    await sending.send(number)

        async with anyio.create_task_group() as group:
            group.start_soon(produce)
            async with receiving:
                async for number in receiving:
                    seen.append(number)
        with anyio.move_on_after(0.002) as scope:
            await anyio.sleep(60)
        seen.append(scope.cancelled_caught)
        with pytest.raises(TimeoutError), anyio.fail_after(0.002):
            await anyio.sleep(60)
        with anyio.CancelScope() as outer:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 60)
                outer.cancel()
        seen.append(outer.cancelled_caught)
        seen.append(await anyio.to_thread.run_sync(len, "abc"))
        seen.append((await anyio.run_process([sys.executable, "-c", "print(1)"])).stdout)
        return seen

    def plain_main():
        return csched.wait(body())

    expected = [0, 1, 2, True, True, 3, b"1\n"]
    assert run(plain_main if plain else body, loop_factory=factory) == expected


# --- Plain code that blocks -----------------------------------------------------------------------


def others_run_during(function):
    """What a plain process returned that called this, and whether others ran meanwhile."""

    def body(parent):
        send(parent, ("result", function()))

    async def main():
        spawn(body, self())
        turns = 0
        while (message := await aio.receive(timeout=0, default=None)) is None:
            await asyncio.sleep(0.001)
            turns += 1
        return message[1], turns

    result, turns = run(main)
    assert turns >= 3, "the others were stopped"
    return result


def test_a_blocking_socket_does_not_stop_the_others():
    def talk():
        left, right = socket.socketpair()
        with left, right:
            timer = threading.Timer(0.05, left.send, [b"late"])
            timer.start()
            return right.recv(10)

    assert others_run_during(talk) == b"late"


def test_urllib_does_not_stop_the_others(url):
    def fetch():
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/slow") as answer:
            return answer.read()

    assert others_run_during(fetch) == b"page /slow"


def test_a_child_program_does_not_stop_the_others():
    def start():
        program = "import time; time.sleep(0.05); print('done')"
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True
        ).stdout

    assert others_run_during(start) == b"done\n"


def test_a_database_does_not_stop_the_others():
    def query():
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            database.create_function("nap", 0, lambda: time.sleep(0.01) or 1)
            return database.execute(
                "with recursive n(x) as (select 1 union all select x + 1 from n where x < 5) "
                "select sum(nap()) from n"
            ).fetchone()

    assert others_run_during(query) == (5,)


def test_a_loop_that_has_nothing_to_do_wakes_for_a_send_from_a_thread():
    class Sender:
        def __init__(self, target):
            self.target = target
            self.wanted = threading.Semaphore(0)
            self.sent = 0.0

        def work(self):
            for _ in range(50):
                self.wanted.acquire()
                time.sleep(0.0005)  # Until the loop sleeps.
                self.sent = time.perf_counter()
                send(self.target, "wake up")

    async def main():
        await asyncio.sleep(0.001)
        sender = Sender(self())
        thread = threading.Thread(target=sender.work)
        thread.start()
        delays = []
        for _ in range(50):
            sender.wanted.release()
            await aio.receive(timeout=60)
            delays.append(time.perf_counter() - sender.sent)
        while thread.is_alive():
            await aio.yield_()
        return sorted(delays)

    delays = run(main)
    # The median: now and then the machine has something else to do.
    assert delays[25] < 0.001


if __name__ == "__main__":
    serve()
