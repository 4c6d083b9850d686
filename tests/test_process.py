"""Processes: who is alive, in which order they run, how many there may be."""

from __future__ import annotations

import pytest
from kinds import Async, Plain, both_kinds, gone

import csched
from csched import (
    ProcessExit,
    is_alive,
    processes,
    receive,
    run,
    self,
    send,
    spawn,
    yield_,
)


def report(parent, *args):
    send(parent, ("ran", *args))


# --- Who is there ------------------------------------------------------------------------------


@both_kinds
def test_self_is_the_pid_that_spawn_returned(kind):
    async def child(io, parent):
        send(parent, self())
        await io.yield_()
        send(parent, self())

    async def main(io):
        pid = kind.spawn(child, self())
        first = await io.receive(timeout=30)
        second = await io.receive(timeout=30)
        return first is pid, second is pid, self() is not pid

    assert kind.run(main) == (True, True, True)


@both_kinds
def test_a_process_is_alive_from_its_spawn_to_its_end(kind):
    async def child(io):
        await io.receive("end")

    async def main(io):
        pid = kind.spawn(child)
        seen = [is_alive(pid)]
        await io.yield_()
        seen.append(is_alive(pid))
        send(pid, "end")
        await gone(io, pid)
        return [*seen, is_alive(pid), is_alive(self())]

    assert kind.run(main) == [True, True, False, True]


@pytest.mark.parametrize("value", [None, 1, "name", "#PID<0.0.0>", object()])
def test_only_a_pid_can_be_alive(value):
    def main():
        with pytest.raises(TypeError):
            is_alive(value)

    run(main)


def test_processes_are_listed_in_order_of_creation():
    def main():
        waiting = [spawn(receive) for _ in range(1000)]
        assert processes() == [self(), *waiting]
        for pid in waiting[::2]:
            send(pid, "end")
        while len(processes()) > 501:
            yield_()
        return processes() == [self(), *waiting[1::2]] == sorted(processes())

    assert run(main)


def test_the_list_of_processes_is_the_callers_own():
    def main():
        processes().clear()
        return len(processes())

    assert run(main) == 1


def test_pids_grow_and_are_never_used_again():
    def main():
        seen = []
        for _ in range(300):
            seen.extend(spawn(int) for _ in range(10))
            while len(processes()) > 1:
                yield_()
        return seen == sorted(set(seen)), len(seen)

    assert run(main) == (True, 3000)


@both_kinds
def test_processes_run_in_the_order_in_which_they_were_spawned(kind):
    async def child(io, parent, number):
        send(parent, number)

    async def main(io):
        for number in range(100):
            kind.spawn(child, self(), number)
        return [await io.receive(timeout=30) for _ in range(100)]

    assert kind.run(main, preempt=False) == list(range(100))


@both_kinds
def test_those_who_yield_take_turns(kind):
    async def child(io, parent, number):
        for turn in range(3):
            send(parent, (turn, number))
            await io.yield_()

    async def main(io):
        for number in range(5):
            kind.spawn(child, self(), number)
        return [await io.receive(timeout=30) for _ in range(15)]

    expected = [(turn, number) for turn in range(3) for number in range(5)]
    assert kind.run(main, preempt=False) == expected


def test_the_two_kinds_take_turns_with_each_other():
    async def child(io, parent, number):
        for turn in range(3):
            send(parent, (turn, number))
            await io.yield_()

    def main():
        for number in range(6):
            (Plain, Async)[number % 2].spawn(child, self(), number)
        return [receive(timeout=30) for _ in range(18)]

    expected = [(turn, number) for turn in range(3) for number in range(6)]
    assert run(main, preempt=False) == expected


@both_kinds
def test_a_yield_with_nobody_else_there_returns(kind):
    async def main(io):
        for _ in range(1000):
            await io.yield_()
        return "done"

    assert kind.run(main) == "done"


def test_spawn_does_not_run_the_child_at_once():
    def main():
        spawn(report, self())
        return receive(timeout=0, default="not yet")

    assert run(main, preempt=False) == "not yet"


# --- How many ----------------------------------------------------------------------------------


@both_kinds
def test_the_process_limit_is_the_callers_error_and_passes(kind):
    async def child(io):
        await io.receive("end")

    async def main(io):
        children = []
        with pytest.raises(csched.SystemLimit):
            while True:
                children.append(kind.spawn(child))
        count = len(processes())
        for pid in children[:10]:
            send(pid, "end")
        await gone(io, *children[:10])
        for _ in range(10):
            kind.spawn(child)
        with pytest.raises(csched.SystemLimit):
            kind.spawn(child)
        return len(children), count, len(processes())

    assert kind.run(main, process_limit=1024) == (1023, 1024, 1024)


def test_a_system_limit_that_nobody_catches_is_a_crash_of_the_caller_alone(caplog):
    def greedy():
        while True:
            spawn(receive)

    def main():
        child = spawn(greedy)
        while is_alive(child):
            yield_()
        return len(processes())

    assert run(main, process_limit=1024) == 1023
    [record] = caplog.records
    assert record.exc_info[0] is csched.SystemLimit


# --- Exit --------------------------------------------------------------------------------------


@both_kinds
def test_exit_unwinds_the_process_and_is_not_logged(kind, caplog):
    async def deep(io, parent):
        try:
            await io.yield_()
            csched.exit("why not")
        finally:
            send(parent, "unwound")

    async def child(io, parent):
        await deep(io, parent)
        send(parent, "not reached")

    async def main(io):
        pid = kind.spawn(child, self())
        await gone(io, pid)
        return await io.receive(timeout=0), await io.receive(timeout=0, default="no more")

    assert kind.run(main) == ("unwound", "no more")
    assert caplog.records == []


def test_except_exception_lets_an_exit_pass():
    def child(parent):
        try:
            csched.exit("out")
        except Exception:
            send(parent, "caught")

    def main():
        pid = spawn(child, self())
        while is_alive(pid):
            yield_()
        return receive(timeout=0, default="passed")

    assert run(main) == "passed"


@both_kinds
@pytest.mark.parametrize("reason", ["shutdown", ("shutdown", 1), None, 42, "kill"])
def test_run_raises_the_exit_of_its_first_process(kind, reason):
    async def main(io):
        await io.yield_()
        csched.exit(reason)

    with pytest.raises(ProcessExit) as ended:
        kind.run(main)
    assert ended.value.reason == reason


@both_kinds
def test_run_returns_none_after_a_normal_exit(kind):
    async def main(io):
        csched.exit("normal")

    assert kind.run(main) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: self(),
        lambda: processes(),
        lambda: spawn(int),
        lambda: csched.pid(0, 0, 0),
        lambda: csched.make_ref(),
        lambda: csched.exit("normal"),
        lambda: receive(),
        lambda: csched.flush(),
        lambda: csched.sleep(0),
        lambda: yield_(),
        lambda: csched.i(),
        lambda: is_alive(None),
        lambda: send(None, 1),
    ],
)
def test_outside_a_scheduler_every_call_raises_not_running(call):
    with pytest.raises(csched.NotRunning):
        call()
    assert issubclass(csched.NotRunning, RuntimeError)
