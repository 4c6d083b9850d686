"""What tests of files in several processes share: a pipe, a reader, what the processes do."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import csched
from csched import receive, send, spawn

SLICE = 0.0002
LINE = 3_000
# What the processes of a test run, and what became of it: globals are not copied.
bodies: list[Callable[[], Any]] = []
results: dict[int, Any] = {}


class Pipe:
    def __init__(self) -> None:
        self.read, self.write = os.pipe()

    def close(self) -> None:
        for end in (self.read, self.write):
            with contextlib.suppress(OSError):  # Closed with its file.
                os.close(end)


class Drain(threading.Thread):
    """A foreign thread that reads a pipe to its end, so slowly that the pipe is mostly full."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.fd = fd
        self.data = bytearray()
        self.start()

    def run(self) -> None:
        while part := os.read(self.fd, 16_384):
            self.data += part
            time.sleep(0.0005)  # This is what being slow means.

    def whole(self) -> bytes:
        self.join()
        return bytes(self.data)

    def lines(self) -> list[str]:
        return self.whole().decode().splitlines()


def body(index: int, parent: csched.Pid) -> None:
    try:
        results[index] = bodies[index]()
    except Exception as error:
        results[index] = error
    send(parent, "done")


def start(*functions: Callable[[], Any]) -> None:
    """From a process: run these in one of their own each."""
    bodies[:] = functions
    results.clear()
    for index in range(len(functions)):
        spawn(body, index, csched.self())


def in_processes(*functions: Callable[[], Any], slice: float = SLICE) -> list[Any]:
    """What these return, each in a process of its own; the first exception is raised."""

    def main() -> None:
        start(*functions)
        for _ in functions:
            receive("done")

    csched.run(main, slice=slice)
    for result in results.values():
        if isinstance(result, Exception):
            raise result
    return [results[index] for index in range(len(functions))]


def talk(name: str, lines_len: int, put: Callable[[str], object]) -> Callable[[], None]:
    """The body of a process that puts numbered lines."""

    def say() -> None:
        for number in range(lines_len):
            put(f"{name} {number} {name * LINE}")
            sum(range(200))

    return say


def assert_whole(lines: list[str], names: str, lines_len: int) -> None:
    """Each line of each of them is there, once, whole, and in the order in which it put them."""
    numbers: dict[str, list[int]] = {name: [] for name in names}
    for line in lines:
        name, number, filler = line.split(" ")
        assert filler == name * LINE
        numbers[name].append(int(number))
    assert numbers == {name: list(range(lines_len)) for name in names}
