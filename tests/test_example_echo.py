"""docs/examples/echo.py: many connections, whatever single clients do, beside one that computes."""

from __future__ import annotations

import asyncio
import socket
import struct

from example_programs import command, complaints, serving

CONNECTIONS = 300


def test_each_of_many_connections_gets_its_own_bytes_back_beside_a_hog():
    async def client(server):
        streams = [await server.open() for _ in range(CONNECTIONS)]
        for number, (_, writer) in enumerate(streams):
            writer.write(b"%d\n" % number)
        answers = [await reader.readline() for reader, _ in streams]
        for reader, writer in streams:
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        return answers

    with serving(command("echo.py", "--port", 0, "--hog")) as server:
        answers = asyncio.run(client(server))
        assert complaints(server.stop()) == []
    assert answers == [b"%d\n" % number for number in range(CONNECTIONS)]


def test_what_is_larger_than_all_buffers_comes_back_whole():
    sent = bytes(range(256)) * 100_000

    async def client(server):
        reader, writer = await server.open()
        writer.write(sent)
        writer.write_eof()
        got = await reader.read()
        writer.close()
        return got

    with serving(command("echo.py", "--port", 0)) as server:
        assert asyncio.run(client(server)) == sent


def test_a_client_that_resets_its_connection_is_no_error_and_the_others_go_on():
    with serving(command("echo.py", "--port", 0)) as server:
        stays = server.connect()
        for _ in range(20):
            with server.connect() as goes:
                goes.sendall(b"x" * 1_000_000)
                # To close it sends a reset, while the answer is on its way.
                goes.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with stays:
            stays.sendall(b"still here")
            assert stays.recv(100) == b"still here"
            stays.shutdown(socket.SHUT_WR)
            assert stays.recv(100) == b""
        assert complaints(server.stop()) == []


def test_ctrl_c_ends_the_server_while_clients_are_connected():
    with serving(command("echo.py", "--port", 0, "--hog")) as server, server.connect() as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        assert complaints(server.stop()) == []
        assert client.recv(100) == b""
