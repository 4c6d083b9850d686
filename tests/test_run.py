"""`run`: from the first process to the last, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
import time
import weakref
from types import SimpleNamespace

import pytest

import csched
from csched import NotRunning, ProcessExit, aio, receive, run, self, send, sleep, spawn, yield_

# Globals are one for all processes.
world = SimpleNamespace()


def call(body, *args):
    return body(*args)


async def acall(body, *args):
    return body(*args)


both_kinds = pytest.mark.parametrize("kind", [call, acall], ids=["def", "async def"])


def raise_it(error):
    raise error


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


@pytest.fixture
def log():
    """What processes note, in order."""
    world.log = []
    return world.log


# What it returns


@both_kinds
def test_run_returns_what_main_returned(kind):
    value = object()
    assert run(kind, lambda: value) is value
    assert run(kind, lambda: None) is None
    assert run(kind, dict, [("a", 1)]) == {"a": 1}


@both_kinds
@pytest.mark.parametrize(
    "error", [ValueError("why"), KeyboardInterrupt(), GeneratorExit(), BaseException(1)], ids=repr
)
def test_run_raises_what_main_raised(kind, error, caplog):
    with pytest.raises(type(error)) as raised:
        run(kind, raise_it, error)
    assert raised.value is error
    assert "raise_it" in [entry.name for entry in raised.traceback]
    assert caplog.records == []


@both_kinds
@pytest.mark.parametrize("reason", ["shutdown", "kill", ("any", [1]), None, 0])
def test_run_raises_process_exit_if_main_exits(kind, reason):
    with pytest.raises(ProcessExit) as raised:
        run(kind, csched.exit, reason)
    assert raised.value.reason == reason


@both_kinds
def test_run_returns_none_if_main_exits_normally(kind):
    assert run(kind, csched.exit, "normal") is None


def test_main_may_be_any_callable():
    class Callable:
        def __call__(self, *args):
            return args

    assert run(Callable(), 1, 2) == (1, 2)
    assert run(len, "abc") == 3
    assert run(asyncio.iscoroutinefunction, acall) is True


def test_arguments_of_main_are_handed_over_as_they_are():
    value = object()
    assert run(lambda argument: argument, value) is value


# When it may be called


@both_kinds
def test_a_run_inside_a_run_is_an_error_that_harms_nobody(kind):
    def main():
        with pytest.raises(RuntimeError) as raised:
            run(len, "abc")
        assert not isinstance(raised.value, NotRunning)
        send(self(), "still here")
        return receive(timeout=0)

    assert run(kind, main) == "still here"


def test_a_run_in_another_thread_while_one_runs_is_an_error():
    def in_thread():
        try:
            run(len, "abc")
        except RuntimeError as error:
            world.outcome = error

    def main():
        world.outcome = None
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join(timeout=60)
        return "main"

    assert run(main) == "main"
    assert "already" in str(world.outcome)


def test_run_may_be_called_in_any_thread_after_another_run():
    outcomes = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: outcomes.append(run(len, "abc")))
        thread.start()
        thread.join()
        outcomes.append(run(len, "abc"))
    assert outcomes == [3] * 6


@pytest.mark.parametrize(
    "function",
    [
        self, receive, csched.flush, yield_, csched.make_ref, csched.processes, csched.i,
        lambda: sleep(0), lambda: spawn(len, "abc"), lambda: spawn("len", "f", []),
        lambda: csched.exit("normal"), lambda: csched.pid(0, 1, 0), lambda: receive(timeout=0),
        lambda: csched.is_alive(run(self)), lambda: send(run(self), "message"),
        lambda: asyncio.run(acall_await(aio.receive)), lambda: asyncio.run(acall_await(aio.yield_)),
        lambda: asyncio.run(acall_await(aio.sleep, 0)),
    ],
)  # fmt: skip
def test_outside_a_run_there_is_nobody_to_ask(function):
    for _ in range(2):
        with pytest.raises(NotRunning) as raised:
            function()
        assert isinstance(raised.value, RuntimeError)
        run(len, "abc")


async def acall_await(function, *args):
    return await function(*args)


def test_another_thread_is_no_process():
    def ask():
        for function in (self, receive, lambda: sleep(0), lambda: spawn(len, "abc"), yield_):
            try:
                function()
            except NotRunning as error:
                world.outcomes.append(error)
        send(world.main, "done")

    def main():
        world.outcomes, world.main = [], self()
        thread = threading.Thread(target=ask)
        thread.start()
        receive("done", timeout=60)
        thread.join()
        return len(world.outcomes)

    assert run(main) == 5


@pytest.mark.parametrize(
    ("main", "options", "error"),
    [
        (None, {}, TypeError),
        ("main", {}, TypeError),
        (len, {"process_limit": 1_023}, ValueError),
        (len, {"process_limit": 134_217_728}, ValueError),
        (len, {"process_limit": "many"}, TypeError),
        (len, {"process_limit": 2048.0}, TypeError),
        (len, {"slice": 0}, ValueError),
        (len, {"slice": -1}, ValueError),
        (len, {"slice": float("nan")}, ValueError),
        (len, {"slice": float("inf")}, ValueError),
        (len, {"slice": "short"}, TypeError),
        (len, {"atomic": "asyncio"}, TypeError),
        (len, {"atomic": [1]}, TypeError),
        (len, {"atomic": 1}, TypeError),
        (len, {"unknown": 1}, TypeError),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_started(main, options, error):
    with pytest.raises(error):
        run(main, "abc", **options)
    assert run(len, "abc") == 3


def test_a_coroutine_in_place_of_a_function_is_refused_with_a_hint():
    coroutine = acall(len, "abc")
    with pytest.raises(TypeError, match="acall"):
        run(coroutine)
    coroutine.close()


def test_main_called_with_wrong_arguments_raises_type_error():
    with pytest.raises(TypeError):
        run(lambda: None, 1)
    with pytest.raises(TypeError):
        run(acall)


def test_past_the_process_limit_spawn_raises_and_all_others_go_on():
    async def wait():
        await aio.receive()

    def main():
        pids = []
        with pytest.raises(csched.SystemLimit):
            while True:
                pids.append(spawn(wait))
        assert len(csched.processes()) == 1_024
        with pytest.raises(csched.SystemLimit):
            spawn(wait)
        send(pids[7], "end")
        while csched.is_alive(pids[7]):
            yield_()
        pid = spawn(wait)
        assert pid > pids[-1]
        with pytest.raises(csched.SystemLimit):
            spawn(wait)
        return len(pids)

    assert run(main, process_limit=1_024) == 1_023


# Nothing is left behind


def traces():
    """What a run changes in the interpreter, and must put back."""
    return {
        "threads": threading.active_count(),
        "native threads": len(os.listdir("/proc/self/task")) if os.path.exists("/proc") else 0,
        "files": len(os.listdir("/dev/fd")),
        "handlers": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGURG, signal.SIGALRM)],
        "callbacks": list(gc.callbacks),
        "collector": gc.isenabled(),
        "threshold": gc.get_threshold(),
    }


def busy_run(outcome):
    def work(user):
        try:
            send(user, "begun")
            receive()
        finally:
            world.log.append(self())

    async def awork(user):
        try:
            send(user, "begun")
            await aio.sleep(60)
        finally:
            world.log.append(self())

    def main():
        for _ in range(5):
            spawn(work, self())
            spawn(awork, self())
            spawn(spin, 60)
        for _ in range(10):
            receive("begun", timeout=60)
        return outcome()

    with contextlib.suppress(ValueError, ProcessExit):
        run(main)


def test_a_hundred_runs_leave_nothing_behind(log):
    busy_run(dict)
    before = traces()
    for n in range(100):
        busy_run([dict, lambda: raise_it(ValueError()), lambda: csched.exit("why")][n % 3])
    assert traces() == before
    assert len(log) == 101 * 10


def test_a_hundred_runs_leave_no_objects_behind(log):
    def objects():
        gc.collect()
        return len(gc.get_objects())

    for _ in range(10):
        busy_run(dict)
    log.clear()
    before = objects()
    for _ in range(100):
        busy_run(dict)
    log.clear()
    assert objects() - before < 100


def test_a_run_puts_the_collector_back_as_it_was(log):
    gc.disable()
    try:
        busy_run(dict)
        assert not gc.isenabled()
    finally:
        gc.enable()
    busy_run(dict)
    assert gc.isenabled()


def test_handlers_of_signals_are_put_back_as_they_were():
    def handler(signum, frame):
        pass

    before = {n: signal.signal(n, handler) for n in (signal.SIGURG, signal.SIGINT)}
    try:
        assert run(signal.getsignal, signal.SIGINT) is handler
        assert all(signal.getsignal(n) is handler for n in before)
    finally:
        for n, old in before.items():
            signal.signal(n, old)


def test_an_identity_of_an_earlier_run_is_refused():
    pid = run(self)
    for function in (csched.is_alive, lambda pid: send(pid, "message")):
        with pytest.raises(ValueError):
            run(function, pid)


def test_what_main_returned_is_not_kept():
    class Value:
        pass

    alive = []
    value = run(Value)
    weakref.finalize(value, alive.append, "collected")
    del value
    gc.collect()
    assert alive == ["collected"]


def test_a_message_sent_by_another_thread_wakes_a_run_that_sleeps():
    def main():
        world.main = self()
        threading.Timer(0.05, lambda: send(world.main, "awake")).start()
        return receive(timeout=60)

    assert run(main) == "awake"
