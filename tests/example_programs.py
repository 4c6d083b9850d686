"""The programs of `docs/examples`, started as their docstrings say; the tests are their clients."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import csched

FOLDER = Path(__file__).parent.parent / "docs" / "examples"
# The programs are to find the csched that is tested.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(csched.__file__).parents[1])}
SECONDS = 60


def command(name: str, *args: object) -> list[str]:
    return [sys.executable, "-W", "error", str(FOLDER / name), *map(str, args)]


class Server:
    """A program that listens to a port, and says to which."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = 0

    def find_port(self, stream: str) -> None:
        """Read what it prints up to the line that names the port."""
        read = []
        for line in getattr(self.process, stream):
            read.append(line)
            if found := re.search(r"(?:port |127\.0\.0\.1:)(\d+)", line):
                self.port = int(found[1])
                return
        raise AssertionError("".join(read) + self.process.communicate(timeout=SECONDS)[1])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    def stop(self) -> str:
        """Press Ctrl-C; what it has written to stderr. It ends as a Python program does by that."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=SECONDS)
        assert self.process.returncode == -signal.SIGINT, errors
        assert errors.endswith("\nKeyboardInterrupt\n"), errors
        return errors


@contextlib.contextmanager
def serving(command: list[str], stream: str = "stdout") -> Iterator[Server]:
    server = Server(command)
    try:
        server.find_port(stream)
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


def complaints(errors: str) -> list[str]:
    """What stderr has besides the traceback of Ctrl-C."""
    before, _, last = errors.rpartition("Traceback (most recent call last):\n")
    assert last.endswith("\nKeyboardInterrupt\n"), errors
    return before.splitlines()
