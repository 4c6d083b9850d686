"""The system monitor: what is told of slices, by which names, and where a slice begins and ends."""

from __future__ import annotations

import functools
import sys
import time
from typing import Any

import pytest
from kinds import Plain, both_kinds, drain

import csched
from csched import ANY, aio, receive, run, self, send, spawn, system_monitor

HERE = __name__


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def spin_once() -> None:
    spin(0.02)


async def spin_once_async() -> None:
    spin(0.02)


class Spinner:
    def __call__(self) -> None:
        spin(0.02)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ((spin_once,), f"{HERE}:spin_once/0"),
        ((spin_once_async,), f"{HERE}:spin_once_async/0"),
        ((functools.partial(spin, 0.02),), f"{HERE}:spin/0"),
        ((HERE, "spin", [0.02]), f"{HERE}:spin/1"),
        ((Spinner(),), f"{HERE}:Spinner/0"),
    ],
    ids=["function", "async", "partial", "mfa", "object"],
)
def test_a_process_that_ends_in_its_first_slice_is_named_by_its_initial_call(
    target: tuple[Any, ...], name: str
) -> None:
    def main() -> Any:
        system_monitor(self(), long_schedule=0.02)
        pid = spawn(*target)
        info = receive(("monitor", pid, "long_schedule", dict), timeout=60)[3]
        return info["in"], info["out"]

    assert run(main, preempt=False) == (name, name)


def test_an_async_process_is_named_by_the_innermost_coroutine() -> None:
    async def inner() -> None:
        await aio.receive("go")
        spin(0.02)

    async def last() -> None:
        await aio.receive("end")

    async def outer() -> None:
        await inner()
        await last()

    def main() -> Any:
        pid = spawn(outer)
        csched.yield_()
        system_monitor(self(), long_schedule=0.02)
        send(pid, "go")
        info = receive(("monitor", pid, "long_schedule", dict), timeout=60)[3]
        return info["in"], info["out"]

    assert run(main, preempt=False) == (f"{HERE}:inner/0", f"{HERE}:last/0")


@both_kinds
def test_a_process_that_yields_to_nobody_is_watched_slice_by_slice(kind: type[Plain]) -> None:
    """Its next slice begins on its own stack, without a switch."""

    async def child(io: Any) -> None:
        for _ in range(3):
            spin(0.01)
            await io.yield_()
        await io.receive("end")

    async def main(io: Any) -> list[Any]:
        system_monitor(self(), long_schedule=0.01)
        pid = kind.spawn(child)
        for _ in range(3):
            message = await io.receive(("monitor", pid, "long_schedule", dict), timeout=60)
            assert 0.01 <= message[3]["timeout"] < 5
        return await drain(io)

    assert kind.run(main, preempt=False) == []


@both_kinds
def test_preempted_processes_are_watched_where_they_stand(kind: type[Plain]) -> None:
    """Every slice is long: where each began and ended is found on stacks of all kinds."""

    async def busy(io: Any, parent: csched.Pid) -> None:
        spin(0.02)
        await io.sleep(0)
        spin(0.02)
        send(parent, "done")

    async def main(io: Any) -> set[str]:
        pids = [kind.spawn(busy, self()) for _ in range(4)]
        system_monitor(self(), long_schedule=0)
        for _ in pids:
            await io.receive("done", timeout=60)
        system_monitor(None)
        return {m[3][end] for m in await drain(io) for end in ("in", "out")}

    # By nobody's choice also where the processes began, and where they sleep.
    assert f"{HERE}:spin/1" in kind.run(main, slice=0.0002)


def test_a_name_that_cannot_be_made_is_reported_and_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Nameless:
        def __call__(self) -> None:
            spin(0.02)

        def __getattr__(self, name: str) -> Any:
            if name == "__qualname__":
                raise OSError("no name")
            raise AttributeError(name)

    def main() -> Any:
        system_monitor(self(), long_schedule=0.02)
        spawn(Nameless())
        pid = spawn(spin_once)
        return receive(ANY, timeout=60)[1] == pid

    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: reported.append(raised.exc_value))
    assert run(main, preempt=False)
    assert [str(error) for error in reported] == ["no name"]


def test_a_process_whose_callable_is_freed_with_it_may_have_a_finalizer() -> None:
    """The watch holds on to what was spawned: it must go in the process's own last slice."""

    class Loud:
        def __init__(self, parent: csched.Pid) -> None:
            self.parent = parent

        def __call__(self) -> None:
            pass

        def __del__(self) -> None:
            send(self.parent, "freed")

    def main() -> Any:
        system_monitor(self(), long_schedule=30)
        spawn(Loud(self()))
        receive("freed", timeout=60)  # The one that was copied from.
        return receive("freed", timeout=60)

    assert run(main, preempt=False) == "freed"
