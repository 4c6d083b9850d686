"""Files in the hands of several processes: who is inside keeps others out, but stops nobody."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from file_processes import (
    LINE,
    SLICE,
    Drain,
    Pipe,
    assert_whole,
    bodies,
    body,
    in_processes,
    results,
    start,
    talk,
)

import csched
from csched import receive, send, spawn


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


# A pipe that is full


def test_lines_that_several_processes_print_stay_whole(pipe: Pipe) -> None:
    drain = Drain(pipe.read)
    with open(pipe.write, "w") as file:
        in_processes(*(talk(name, 60, lambda line: print(line, file=file)) for name in "abcde"))
    assert_whole(drain.lines(), "abcde", 60)


def test_lines_printed_to_a_standard_output_that_is_a_pipe_stay_whole(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain = Drain(pipe.read)
    with open(pipe.write, "w", buffering=1) as file:
        monkeypatch.setattr(sys, "stdout", file)
        in_processes(*(talk(name, 60, print) for name in "abcde"))
    assert_whole(drain.lines(), "abcde", 60)


def test_lines_written_without_print_stay_whole_too(pipe: Pipe) -> None:
    drain = Drain(pipe.read)
    with open(pipe.write, "w") as file:
        in_processes(*(talk(name, 60, lambda line: file.write(line + "\n")) for name in "abcde"))
    assert_whole(drain.lines(), "abcde", 60)


def test_bytes_written_by_several_processes_stay_whole(pipe: Pipe) -> None:
    drain = Drain(pipe.read)
    with open(pipe.write, "wb", buffering=1_000) as file:
        in_processes(
            *(talk(name, 60, lambda line: file.write(line.encode() + b"\n")) for name in "abcde")
        )
    assert_whole(drain.lines(), "abcde", 60)


def test_a_process_that_prints_without_end_lets_others_in(pipe: Pipe) -> None:
    """It is inside whenever somebody looks, but who came before it comes back goes first."""
    drain = Drain(pipe.read)
    done: list[bool] = []
    with open(pipe.write, "w") as file:

        def hog() -> None:
            while not done:
                print("a" * LINE, file=file)

        def guest() -> None:
            for _ in range(30):
                print("b" * LINE, file=file)
            done.append(True)

        in_processes(hog, guest, hog)
    assert drain.lines().count("b" * LINE) == 30


@pytest.mark.parametrize("size", [None, 10_000, 1])
def test_a_process_reads_what_another_writes_to_a_full_pipe(pipe: Pipe, size: int | None) -> None:
    total = 10_000_000 if size != 1 else 300_000

    def write() -> None:
        with open(pipe.write, "wb") as file:
            file.write(b"0123456789" * (total // 10))

    def read() -> int:
        read_len = 0
        with open(pipe.read, "rb") as file:
            while part := file.read() if size is None else file.read(size):
                read_len += len(part)
        return read_len

    assert in_processes(write, read)[1] == total


def test_a_process_reads_by_lines_what_another_writes(pipe: Pipe) -> None:
    lines_len = 20_000

    def write() -> None:
        with open(pipe.write, "wb", buffering=100) as file:
            for number in range(lines_len):
                file.write(b"%d\n" % number)

    def read() -> list[int]:
        with open(pipe.read, "rb") as file:
            numbers = []
            while line := file.readline():
                numbers.append(int(line))
        return numbers

    assert in_processes(write, read)[1] == list(range(lines_len))


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_processes_that_iterate_over_one_file_share_its_lines(pipe: Pipe, mode: str) -> None:
    lines_len = 20_000

    def write() -> None:
        with open(pipe.write, "wb") as file:
            for number in range(lines_len):
                file.write(b"%d\n" % number)

    file = open(pipe.read, mode)  # noqa: SIM115

    def iterate() -> list[int]:
        return [int(line) for line in file]

    with file:
        _, one, two, three = in_processes(write, iterate, iterate, iterate)
    assert sorted(one + two + three) == list(range(lines_len))


def test_processes_that_read_one_file_share_its_bytes(pipe: Pipe) -> None:
    """All ways to read: nothing is lost, nothing comes twice."""
    numbers = b"".join(b"%06d" % number for number in range(60_000))

    def write() -> None:
        with open(pipe.write, "wb") as file:
            file.write(numbers)

    def collect(read: Callable[[], bytes]) -> Callable[[], int]:
        def count() -> int:
            total = 0
            while part := read():
                total += sum(part)
            return total

        return count

    def into(read: Callable[[bytearray], int]) -> bytes:
        buffer = bytearray(600)
        return bytes(buffer[: read(buffer)])

    with open(pipe.read, "rb", buffering=1_000) as file:
        _, *sums = in_processes(
            write,
            collect(lambda: file.read(6_000)),
            collect(lambda: file.read1(600)),
            collect(lambda: into(file.readinto)),
            collect(lambda: into(file.readinto1)),
            collect(lambda: file.peek() and file.read(6)),
        )
    assert sum(sums) == sum(numbers)


def test_a_reader_that_waits_for_ever_does_not_stop_the_others(pipe: Pipe) -> None:
    def main() -> int:
        with open(pipe.read, "rb") as file:
            start(file.readline, file.readline)
            count = 0
            for _ in range(200):
                count += 1
                csched.yield_()
            os.write(pipe.write, b"one\ntwo\n")
            receive("done")
            receive("done")
        return count

    assert csched.run(main, slice=SLICE) == 200
    assert set(results.values()) == {b"one\n", b"two\n"}


# Who waits, and who does not


def test_a_process_waits_for_another_thread_that_is_inside(pipe: Pipe) -> None:
    inside = threading.Event()
    read: list[bytes] = []

    class Raw(io.FileIO):
        def readinto(self, buffer: Any) -> int | None:
            inside.set()
            return super().readinto(buffer)

    with io.BufferedReader(Raw(pipe.read)) as file:
        foreigner = threading.Thread(target=lambda: read.append(file.readline()))

        def feed() -> None:
            os.write(pipe.write, b"one\ntwo\n")

        def main() -> None:
            foreigner.start()
            while not inside.is_set():
                csched.yield_()
            start(file.readline, feed)
            receive("done")
            receive("done")

        csched.run(main, slice=SLICE)
        foreigner.join()
    assert read == [b"one\n"]
    assert results == {0: b"two\n", 1: None}


def test_a_process_that_holds_an_rlock_does_not_wait(pipe: Pipe) -> None:
    lock = threading.RLock()

    with open(pipe.read, "rb", buffering=100) as file:

        def impatient() -> str:
            while not busy_with_another(file):
                csched.yield_()
            with lock:
                try:
                    file.readline()
                except RuntimeError as error:
                    os.write(pipe.write, b"line\n")
                    return str(error)
            return ""

        line, error = in_processes(file.readline, impatient)
    assert line == b"line\n"
    assert error == f"reentrant call inside {file!r}"


def busy_with_another(file: Any) -> bool:
    """Whether a process is inside the file, as one sees who may not wait for it."""
    with threading.RLock():
        try:
            file.peek()
        except RuntimeError:
            return True
    return False


def test_a_raw_file_that_uses_its_own_buffered_file_gets_the_error_of_cpython() -> None:
    class Raw(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            file.write(b"again")
            return len(data)

    file = io.BufferedWriter(Raw())

    def write() -> str:
        with pytest.raises(RuntimeError, match="reentrant call inside") as raised:
            file.write(bytes(100_000))
        return str(raised.value)

    assert in_processes(write)
    with contextlib.suppress(RuntimeError):
        file.close()


def test_a_raw_file_in_python_may_wait_for_another_process() -> None:
    """As a file does whose data comes by messages."""

    class Raw(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            data: bytes = receive(bytes)
            buffer[: len(data)] = data
            return len(data)

    file = io.BufferedReader(Raw())

    def read() -> bytes:
        return file.read(10)

    def main() -> None:
        bodies[:] = [read]
        results.clear()
        reader = spawn(body, 0, csched.self())
        for number in range(10):
            csched.yield_()
            send(reader, b"%d" % number)
        receive("done")

    csched.run(main, slice=SLICE)
    assert results == {0: b"0123456789"}


# The end of a process


def test_a_file_is_usable_after_a_process_was_told_to_exit_inside_it(pipe: Pipe) -> None:
    file = open(pipe.write, "wb", buffering=1_000)  # noqa: SIM115
    ended: list[str] = []

    def write() -> None:
        try:
            file.write(bytes(1_000_000))
        finally:
            ended.append("write")

    def wait() -> None:
        try:
            file.write(b"x")
        finally:
            ended.append("wait")

    def main() -> None:
        start(write, wait)
        # The pipe is full, so whoever got there first is inside; some slices later the other waits.
        while not is_full(pipe.write):
            csched.yield_()
        for _ in range(50):
            csched.yield_()

    csched.run(main, slice=SLICE)
    assert sorted(ended) == ["wait", "write"]
    drain = Drain(pipe.read)
    file.write(b"the end")
    file.close()
    assert drain.whole().endswith(b"the end")


def test_processes_that_are_told_to_exit_may_print_in_finally_blocks(
    pipe: Pipe,
) -> None:
    drain = Drain(pipe.read)
    with open(pipe.write, "w") as file:

        def say() -> None:
            try:
                while True:
                    print("." * LINE, file=file)
            finally:
                print("bye", file=file)

        def main() -> None:
            start(*[say] * 5)
            while len(drain.data) < 200_000:
                csched.yield_()

        csched.run(main, slice=SLICE)
    assert drain.whole().count(b"bye\n") == 5


def is_full(fd: int) -> bool:
    return not select.select([], [fd], [], 0)[1]


def test_a_file_is_free_again_after_a_call_that_fails() -> None:
    file = open(os.devnull, "rb+", buffering=100)  # noqa: SIM115

    def fail() -> None:
        for _ in range(100):
            with pytest.raises(TypeError):
                file.write("text")  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                file.seek()  # type: ignore[call-arg]

    in_processes(fail, fail)
    in_processes(file.close)
    with pytest.raises(ValueError, match="closed"):
        in_processes(file.tell)


# Files on disk


def test_several_processes_write_one_file_on_disk(tmp_path: Any) -> None:
    with open(tmp_path / "file", "w") as file:
        in_processes(*(talk(name, 300, lambda line: print(line, file=file)) for name in "abcde"))
    assert_whole((tmp_path / "file").read_text().splitlines(), "abcde", 300)


def test_processes_read_write_and_seek_one_file_at_once(tmp_path: Any) -> None:
    with open(tmp_path / "file", "wb+", buffering=64) as file:

        def write() -> None:
            for number in range(3_000):
                file.write(b"%07d\n" % number)
                file.flush()

        def look() -> None:
            for _ in range(3_000):
                file.seek(0, io.SEEK_END)
                assert file.tell() % 8 == 0
                file.seek(0, io.SEEK_END)

        in_processes(write, look)
    assert (tmp_path / "file").stat().st_size == 24_000


def test_records_that_several_processes_log_stay_whole(tmp_path: Any) -> None:
    handler = logging.FileHandler(tmp_path / "log")
    logger = logging.Logger("csched.test_buffered")
    logger.addHandler(handler)
    in_processes(*(talk(name, 200, logger.warning) for name in "abcde"))
    handler.close()
    assert_whole((tmp_path / "log").read_text().splitlines(), "abcde", 200)


def test_a_tick_does_not_bring_a_process_that_logs_between_those_that_print(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler holds an RLock, so it could not wait: the others leave the file before it comes."""
    monkeypatch.setattr(logging, "raiseExceptions", True)
    with open(tmp_path / "file", "w", buffering=1) as file:
        handler = logging.StreamHandler(file)
        failed: list[object] = []
        monkeypatch.setattr(handler, "handleError", failed.append)
        logger = logging.Logger("csched.test_buffered")
        logger.addHandler(handler)
        in_processes(
            *(talk(name, 300, logger.warning) for name in "ab"),
            *(talk(name, 300, lambda line: print(line, file=file)) for name in "cde"),
        )
    assert not failed
    assert_whole((tmp_path / "file").read_text().splitlines(), "abcde", 300)
