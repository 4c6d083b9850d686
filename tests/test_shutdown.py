"""When the first process ends, so do all others: by `ProcessExit`, with their `finally` blocks."""

from __future__ import annotations

import logging
import sys
import threading
import time
from types import SimpleNamespace

import pytest

import csched
from csched import ProcessExit, aio, receive, run, self, send, sleep, spawn, yield_

# Globals are one for all processes.
world = SimpleNamespace()


def call(body, *args):
    return body(*args)


async def acall(body, *args):
    return body(*args)


both_kinds = pytest.mark.parametrize("kind", [call, acall], ids=["def", "async def"])


@pytest.fixture(autouse=True)
def log():
    """What processes note, in order."""
    world.log = []
    return world.log


@pytest.fixture
def records(caplog):
    caplog.set_level(logging.DEBUG)
    return lambda: [record for record in caplog.records if record.name == "csched"]


def run_with(*bodies, slice=0.001):
    """End a run while a process that has begun runs each of `bodies`, an ``async def`` or not."""

    def main():
        for body in bodies:
            spawn(body, self())
        for _ in bodies:
            receive("begun", timeout=60)
        sleep(0.005)  # Let them come to where they stay.
        return "ended"

    began = time.perf_counter()
    assert run(main, slice=slice) == "ended"
    return time.perf_counter() - began


# Where a process stands when it is told


def loop():
    n = 0
    while True:
        n += 1


def loop_at_once():
    while True:
        pass


def lock():
    held = threading.Lock()
    held.acquire()
    held.acquire()


def deep(depth=500):
    receive() if depth == 0 else deep(depth - 1)


def yield_often():
    while True:
        yield_()


def send_often():
    while True:
        send(self(), "message")
        receive()


STAYS = [
    receive, loop, loop_at_once, lock, deep, yield_often, send_often,
    lambda: sleep(60), lambda: time.sleep(60), lambda: receive("other", timeout=60),
    lambda: sorted([2, 1], key=lambda n: loop()),
]  # fmt: skip
stays = pytest.mark.parametrize("stay", STAYS)


async def await_receive():
    await aio.receive()


async def await_sleep():
    await aio.sleep(60)


async def await_yields():
    while True:
        await aio.yield_()


async def await_messages():
    while True:
        send(self(), "message")
        await aio.receive()


async def await_deep(depth=200):
    await (aio.receive() if depth == 0 else await_deep(depth - 1))


AWAITS = [await_receive, await_sleep, await_yields, await_messages, await_deep]


def guarded(body):
    """`body` between a `begun` and a `finally`."""

    def guarded(user):
        try:
            send(user, "begun")
            body()
        except ProcessExit as error:
            world.log.append(error.reason)
            raise
        finally:
            world.log.append("finally")

    async def aguarded(user):
        try:
            send(user, "begun")
            await body()
        except ProcessExit as error:
            world.log.append(error.reason)
            raise
        finally:
            world.log.append("finally")

    return aguarded if body in AWAITS else guarded


@pytest.mark.parametrize("stay", STAYS + AWAITS)
def test_finally_blocks_run_wherever_a_process_stands(stay, log, records):
    assert run_with(guarded(stay)) < 30
    assert log == ["shutdown", "finally"]
    assert records() == []


@stays
def test_finally_blocks_of_an_async_def_run_wherever_it_is_preempted(stay, log):
    async def body(user):
        guarded(stay)(user)

    run_with(body)
    assert log == ["shutdown", "finally"]


def test_finally_blocks_of_everybody_run_beside_each_other(log):
    run_with(*(guarded(stay) for stay in (STAYS + AWAITS) * 3))
    assert sorted(log) == sorted(["finally", "shutdown"] * 3 * len(STAYS + AWAITS))


def test_a_finally_right_around_a_loop_runs(log):
    def body(user):
        send(user, "begun")
        try:
            while True:
                pass
        finally:
            log_it("finally")

    run_with(body)
    assert log == ["finally"]


@pytest.mark.xfail(
    sys.version_info < (3, 13),
    reason="what a signal handler raises there is raised outside the try, as Ctrl-C is too",
)
def test_a_finally_right_around_a_loop_of_one_line_runs(log):
    def body(user):
        send(user, "begun")
        try:
            while True: pass  # noqa: E701  # fmt: skip
        finally:
            log_it("finally")

    run_with(body)
    assert log == ["finally"]


def log_it(what):
    world.log.append(what)


def test_nested_finally_and_with_blocks_run_from_the_inside_out(log):
    class Block:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            return self

        def __exit__(self, kind, error, traceback):
            world.log.append((self.name, kind))

    def body(user):
        with Block("outer"):
            try:
                with Block("inner"):
                    send(user, "begun")
                    receive()
            finally:
                world.log.append("finally")

    run_with(body)
    assert log == [("inner", ProcessExit), "finally", ("outer", ProcessExit)]


@pytest.mark.parametrize("last", [lambda: spin(0.05), lambda: time.sleep(0.05)])
@pytest.mark.parametrize("others", [0, 3])
def test_a_finally_block_may_take_longer_than_a_slice(last, others, log):
    def body(user):
        try:
            send(user, "begun")
            receive()
        finally:
            last()
            world.log.append("finally")

    async def abody(user):
        try:
            send(user, "begun")
            await aio.receive()
        finally:
            last()
            world.log.append("finally")

    for kind in body, abody:
        run_with(kind, *[guarded(loop)] * others)
    assert log.count("finally") == 2 * (1 + others)


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


@both_kinds
def test_a_process_that_never_began_just_goes(kind, log, records):
    def main():
        spawn(kind, log_it, "begun")

    run(main)
    assert log == []
    assert records() == []


def test_the_first_process_may_end_at_once_beside_ten_thousand(log):
    async def wait():
        try:
            await aio.receive()
        finally:
            world.log.append(1)

    async def main():
        for _ in range(10_000):
            spawn(wait)
        await aio.yield_()

    run(main)
    assert sum(log) == 10_000


@pytest.mark.parametrize("end", [lambda: 1 // 0, lambda: csched.exit("why")])
def test_everybody_is_shut_down_however_the_first_process_ends(end, log):
    def main():
        spawn(guarded(receive), self())
        receive("begun", timeout=60)
        end()

    with pytest.raises((ZeroDivisionError, ProcessExit)):
        run(main)
    assert log == ["shutdown", "finally"]


# What a process may do while it dies


DYING = [
    receive, yield_, lambda: receive(timeout=0), lambda: receive(timeout=1), lambda: sleep(0),
    lambda: sleep(1), lambda: receive("other", timeout=0, default=None),
]  # fmt: skip
ADYING = [
    aio.receive, aio.yield_, lambda: aio.receive(timeout=0), lambda: aio.sleep(0),
    lambda: aio.sleep(1), lambda: aio.receive("other", timeout=1),
]  # fmt: skip


@pytest.mark.parametrize("wait", DYING)
def test_a_call_that_suspends_raises_again_in_a_finally_block(wait, log):
    def body(user):
        try:
            send(user, "begun")
            receive()
        finally:
            send(self(), "a message that is there")
            try:
                wait()
            except ProcessExit as error:
                world.log.append(error.reason)

    run_with(body)
    assert log == ["shutdown"]


@pytest.mark.parametrize("wait", ADYING)
def test_an_await_raises_again_in_a_finally_block(wait, log):
    async def body(user):
        try:
            send(user, "begun")
            await aio.receive()
        finally:
            send(self(), "a message that is there")
            try:
                await wait()
            except ProcessExit as error:
                world.log.append(error.reason)

    run_with(body)
    assert log == ["shutdown"]


def test_a_dying_process_may_send_and_spawn_what_dies_at_once(log):
    def body(user):
        try:
            send(user, "begun")
            receive()
        finally:
            pid = spawn(log_it, "the child ran")
            world.log.append((csched.is_alive(pid), csched.is_alive(self())))
            send(pid, "message")
            send(user, "message")

    run_with(body)
    assert log == [(False, False)]


def test_a_crash_in_a_finally_block_is_logged(log, records):
    def body(user):
        try:
            send(user, "begun")
            receive()
        finally:
            1 // 0  # noqa: B018

    run_with(body)
    assert [record.levelno for record in records()] == [logging.ERROR]
    assert records()[0].exc_info[0] is ZeroDivisionError


# Those who swallow it


def warning_of(records):
    assert [record.levelno for record in records()] == [logging.WARNING]
    return records()[0].getMessage()


def test_who_swallows_it_and_returns_is_dead_with_a_warning_that_says_where(records):
    def body(user):
        try:
            send(user, "begun")
            receive()
        except BaseException:
            pass

    run_with(body)
    warning = warning_of(records)
    assert "swallowed" in warning and "body/1" in warning
    line = body.__code__.co_firstlineno + 3
    assert f"{__file__}:{line}" in warning


def test_an_async_def_that_swallows_it_is_dead_with_a_warning_that_says_where(records):
    async def body(user):
        try:
            send(user, "begun")
            await aio.receive()
        except BaseException:
            pass

    run_with(body)
    line = body.__code__.co_firstlineno + 3
    assert f"{__file__}:{line}" in warning_of(records)
