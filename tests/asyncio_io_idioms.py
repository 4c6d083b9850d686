"""What programs do with asyncio's files, sockets, children and threads; see `asyncio_idioms`."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import socket
import sys
import threading

from asyncio_idioms import IDIOMS, idiom, later

__all__ = ["IDIOMS"]


@idiom
async def streams():
    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        answers = []
        for word in (b"one\n", b"two\n", b"three\n"):
            writer.write(word)
            answers.append(await reader.readline())
        writer.close()
        await writer.wait_closed()
    return answers


@idiom
async def a_protocol():
    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(data[::-1])
            self.transport.close()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"abc")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


@idiom
async def datagrams():
    loop = asyncio.get_running_loop()
    got = loop.create_future()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            if not got.done():
                got.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    sender, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=transport.get_extra_info("sockname")
    )
    sender.sendto(b"datagram")
    result = await got
    transport.close()
    sender.close()
    return result


@idiom
async def raw_sockets():
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        right.setblocking(False)
        loop.call_later(0.001, left.send, b"bytes")
        return await loop.sock_recv(right, 10)


@idiom
async def add_reader():
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    with left, right:
        readable = loop.create_future()
        loop.add_reader(right, lambda: readable.done() or readable.set_result(right.recv(10)))
        left.send(b"bytes")
        result = await readable
        loop.remove_reader(right)
        return result


@idiom
async def a_subprocess():
    program = "import sys; sys.stdout.write(sys.stdin.read()[::-1]); sys.exit(3)"
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await child.communicate(b"abc")
    return out, await child.wait()


@idiom
async def run_in_executor():
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        own = await loop.run_in_executor(pool, threading.current_thread)
    return (
        own is threading.current_thread(),
        await loop.run_in_executor(None, sum, range(10)),
    )


@idiom
async def to_thread():
    variable = contextvars.ContextVar("variable", default=None)
    variable.set("seen")
    try:
        await asyncio.to_thread(int, "no number")
    except ValueError:
        return await asyncio.to_thread(variable.get)


@idiom
async def call_soon_threadsafe():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    thread = threading.Thread(
        target=lambda: loop.call_soon_threadsafe(future.set_result, "from a thread")
    )
    thread.start()
    result = await future
    await asyncio.to_thread(thread.join)
    return result


@idiom
async def run_coroutine_threadsafe():
    loop = asyncio.get_running_loop()
    return await asyncio.to_thread(
        lambda: asyncio.run_coroutine_threadsafe(later("there"), loop).result()
    )
