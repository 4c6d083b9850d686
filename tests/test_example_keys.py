"""docs/examples/keys.py: clients of Redis are served, and changes are never lost."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess

import pytest
from example_programs import SECONDS, command, complaints, serving

BENCHMARK = shutil.which("redis-benchmark")
REQUESTS = 2_000


@pytest.fixture
def server():
    with serving(command("keys.py", "--port", 0)) as server:
        yield server


def talk(server, request):
    """Send this on a new connection, and nothing else; all that is answered."""
    with server.connect() as client:
        client.sendall(request)
        client.shutdown(1)
        return b"".join(iter(lambda: client.recv(65_536), b""))


@pytest.mark.skipif(BENCHMARK is None, reason="redis-benchmark (redis-tools) is not installed")
def test_redis_benchmark_gets_an_answer_to_each_request(server):
    kinds = ["ping_inline", "ping_mbulk", "set", "get", "incr", "mset"]
    done = subprocess.run(
        [BENCHMARK, "-p", str(server.port), "-t", ",".join(kinds), "-n", str(REQUESTS), "--csv"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0
    assert done.stderr == ""
    names = re.findall(r'^"([A-Z_]+)(?: \(10 keys\))?","[\d.]+"', done.stdout, re.MULTILINE)
    assert [name.lower() for name in names] == kinds, done.stdout
    assert talk(server, b"GET counter:__rand_int__\r\n") == b"$4\r\n%d\r\n" % REQUESTS
    assert complaints(server.stop()) == []


@pytest.mark.skipif(BENCHMARK is None, reason="redis-benchmark (redis-tools) is not installed")
def test_pipelines_of_many_clients_lose_no_change(server):
    done = subprocess.run(
        [
            *(BENCHMARK, "-p", str(server.port), "-q"),
            *("-c", "100", "-P", "20", "-n", "10000", "INCR", "n"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert talk(server, b"GET n\r\n") == b"$5\r\n10000\r\n"


def test_commands_are_answered_in_their_order(server):
    request = (
        b"SET a 1\r\n*2\r\n$4\r\nincr\r\n$1\r\na\r\nGET a\r\nMSET b 2 c 3\r\nGET c\r\n"
        b"*3\r\n$3\r\nSET\r\n$1\r\nd\r\n$4\r\n\r\n\r\n\r\nGET d\r\nDEL a b x\r\nGET a\r\nPING\r\n"
    )
    assert talk(server, request) == (
        b"+OK\r\n:2\r\n$1\r\n2\r\n+OK\r\n$1\r\n3\r\n+OK\r\n$4\r\n\r\n\r\n\r\n:2\r\n$-1\r\n+PONG\r\n"
    )
    assert complaints(server.stop()) == []


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (b"FLY\r\n", b"unknown command"),
        (b"INCR text\r\n", b"invalid literal"),
        (b"GET\r\n", b"missing 1 required"),
        (b"MSET a\r\n", b"zip"),
    ],
)
def test_a_command_that_is_wrong_is_refused_and_the_next_one_carried_out(server, request_, refusal):
    answer = talk(server, b"SET text word\r\n" + request_ + b"GET text\r\n")
    assert answer.startswith(b"+OK\r\n-ERR ")
    assert refusal in answer
    assert answer.endswith(b"\r\n$4\r\nword\r\n")


def test_nonsense_ends_its_own_connection_alone(server):
    async def client():
        reader, writer = await server.open()
        writer.write(b"SET a 1\r\n")
        assert await reader.readline() == b"+OK\r\n"
        assert talk(server, b"*nonsense\r\nGET a\r\n") == b""
        writer.write(b"GET a\r\n")
        answer = await reader.readexactly(7)
        writer.close()
        return answer

    assert asyncio.run(client()) == b"$1\r\n1\r\n"
    crash, *_ = complaints(server.stop())
    assert re.match(r"Process #PID<0\.\d+\.0> with initial call __main__:serve/2 raised", crash)
