"""docs/examples/web.py: requests to a server of uvicorn's are answered by processes."""

from __future__ import annotations

import concurrent.futures
import select
import signal
import urllib.error
import urllib.request

import pytest
from example_programs import SECONDS, command, serving

pytest.importorskip("uvicorn", reason="uvicorn is not installed")


@pytest.fixture
def server():
    with serving(command("web.py", "--port", 0), "stderr") as server:
        yield server


def get(server, path):
    """The status and the text of a page."""
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{server.port}/{path}", timeout=SECONDS
        ) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_one_process_answers_all_requests_and_counts_each_once(server):
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        pages = list(threads.map(lambda _: get(server, "count/apples"), range(200)))
    assert {status for status, _ in pages} == {200}
    assert sorted(int(text) for _, text in pages) == list(range(1, 201))
    assert get(server, "count/pears") == (200, b"1\n")


def test_requests_are_answered_while_another_one_computes(server):
    with server.connect() as slow:
        slow.sendall(b"GET /fib/33 HTTP/1.0\r\n\r\n")
        for number in range(1, 11):
            assert get(server, "count/apples") == (200, b"%d\n" % number)
        readable, _, _ = select.select([slow], [], [], 0)
        assert not readable, "it was not slow enough to show anything"
        assert b"".join(iter(lambda: slow.recv(4096), b"")).endswith(b"\r\n\r\n3524578\n")


def test_a_process_that_crashes_fails_its_own_request_alone(server):
    assert get(server, "fib/ten") == (500, b"it has failed; the log says why\n")
    assert get(server, "fib/10") == (200, b"55\n")
    assert get(server, "nothing") == (404, b"there is no such page\n")


def test_ctrl_c_ends_the_application_and_its_processes(server):
    assert get(server, "count/apples") == (200, b"1\n")
    errors = server.stop()
    assert server.process.returncode == -signal.SIGINT
    assert "Application shutdown complete." in errors
    assert "ERROR" not in errors
