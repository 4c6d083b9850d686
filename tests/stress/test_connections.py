"""10,000 connections to the servers of `docs/examples`, one process each.

Each test prints what it measured (`pytest -m stress -s`). Server and client are programs of their
own, on one machine: what the client takes is in the times.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from example_programs import command, serving

pytestmark = [pytest.mark.stress, pytest.mark.timeout(110)]

CLIENT = Path(__file__).with_name("connections.py")
CONNECTIONS = 10_000
FILES = CONNECTIONS + 500


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    """The programs that are started here inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        pytest.skip(f"{FILES} open files are needed, the hard limit (ulimit -Hn) is {hard}")
    if soft != resource.RLIM_INFINITY and soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def measure(name, *args, **bounds):
    """Run a server and its client; print and check the client's figures."""
    with serving(command(f"{name}.py", "--port", 0, *args)) as server:
        done = subprocess.run(
            [
                sys.executable,
                CLIENT,
                name,
                *map(str, (server.port, server.process.pid, CONNECTIONS)),
            ],
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        server.stop()
    figures = json.loads(done.stdout)
    print(f"\n{name}:", *(f"{name}={value:.4g}" for name, value in figures.items()))
    for key, most in bounds.items():
        assert figures[key] <= most, figures


def test_10_000_connections_are_answered_beside_a_hog_within_50_ms():
    measure("echo", "--hog", bytes_each=20_000, p99_ms=50)


def test_a_message_comes_to_10_000_members():
    measure("chat", bytes_each=30_000, message_us=1_000)
