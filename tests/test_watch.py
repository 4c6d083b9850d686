"""The system monitor: what is told of queues, heaps and collections, and to whom."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from kinds import Plain, both_kinds, drain, gone

import csched
from csched import (
    ANY,
    process_info,
    receive,
    run,
    self,
    send,
    spawn,
    spawn_opt,
    system_monitor,
)

LONG_QUEUE = "long_message_queue"


async def wait(io: Any) -> None:
    await io.receive("end")


async def take(io: Any, parent: csched.Pid) -> None:
    """Take as many messages as each message ("take", n) says, after that."""
    while True:
        for _ in range((await io.receive(("take", int)))[1]):
            await io.receive(int)
        send(parent, "taken")


async def reports(io: Any, pid: csched.Pid, tag: str) -> list[Any]:
    """What has been told so far of a process."""
    messages = [m for m in await drain(io) if m[0] == "monitor"]
    assert all(m[1] == pid and m[2] == tag for m in messages)
    return [m[3] for m in messages]


def callback_count() -> int:
    return len(gc.callbacks)


# --- Queues --------------------------------------------------------------------------------------


@both_kinds
def test_priority_messages_are_part_of_a_long_queue(kind: type[Plain]) -> None:
    async def urgent(io: Any, parent: csched.Pid) -> None:
        send(parent, csched.alias(priority=True))
        await io.receive("end")

    async def main(io: Any) -> list[Any]:
        pid = kind.spawn(urgent, self())
        alias = await io.receive()
        system_monitor(self(), long_message_queue=(1, 4))
        send(pid, 0)
        send(alias, 1)
        send(pid, 2)
        assert await reports(io, pid, LONG_QUEUE) == []
        send(alias, 3)
        return await reports(io, pid, LONG_QUEUE)

    assert kind.run(main, preempt=False) == [True]


@both_kinds
def test_an_ordinary_message_behind_priority_messages_makes_a_queue_long(kind: type[Plain]) -> None:
    async def urgent(io: Any, parent: csched.Pid) -> None:
        send(parent, csched.alias(priority=True))
        await io.receive("end")

    async def main(io: Any) -> list[Any]:
        pid = kind.spawn(urgent, self())
        alias = await io.receive()
        system_monitor(self(), long_message_queue=(1, 3))
        send(alias, 0)
        send(alias, 1)
        send(pid, 2)
        return await reports(io, pid, LONG_QUEUE)

    assert kind.run(main, preempt=False) == [True]


def test_messages_of_timers_and_of_other_threads_make_a_queue_long() -> None:
    """The watched processes never run meanwhile: they are suspended."""

    def by_timer(pid: csched.Pid) -> None:
        for number in range(2):
            csched.send_after(pid, number, 0)

    def by_thread(pid: csched.Pid) -> None:
        thread = threading.Thread(target=lambda: [send(pid, number) for number in range(2)])
        thread.start()
        thread.join()

    def main(fill: Callable[[csched.Pid], None]) -> Any:
        pid = spawn(receive, "end")
        csched.suspend(pid)
        system_monitor(self(), long_message_queue=(0, 2))
        fill(pid)
        return receive(("monitor", pid, ANY, ANY), timeout=60)[2:]

    assert run(main, by_timer) == run(main, by_thread) == (LONG_QUEUE, True)


@both_kinds
def test_a_queue_that_waiting_senders_fill_up_again_stays_long(kind: type[Plain]) -> None:
    """A limited mailbox: what is taken out makes room for who waits."""

    async def sender(io: Any, dest: csched.Pid, number: int) -> None:
        send(dest, number)

    async def main(io: Any) -> list[list[Any]]:
        pid = spawn_opt(kind.function(take), self(), mailbox_limit=3)
        csched.suspend(pid)
        system_monitor(self(), long_message_queue=(1, 3))
        told = []
        for message in (("take", 2), 0, 1):
            send(pid, message)
        for number in (2, 3):
            kind.spawn(sender, pid, number)
        await io.yield_()
        told.append(await reports(io, pid, LONG_QUEUE))
        csched.resume(pid)
        for message in (None, ("take", 1)):
            if message:
                send(pid, message)
            await io.receive("taken", timeout=60)
            await io.yield_()
            told.append(await reports(io, pid, LONG_QUEUE))
        return told

    assert kind.run(main, preempt=False) == [[True], [], [False]]


@both_kinds
def test_what_a_dying_process_still_gets_is_not_told(kind: type[Plain]) -> None:
    async def main(io: Any) -> list[Any]:
        pid = kind.spawn(wait)
        await io.yield_()
        system_monitor(self(), long_message_queue=(1, 2))
        csched.exit(pid, "kill")
        for number in range(5):
            send(pid, number)
        await gone(io, pid)
        return await drain(io)

    assert kind.run(main, preempt=False) == []


@both_kinds
def test_a_new_monitor_hears_of_what_the_one_before_was_told(kind: type[Plain]) -> None:
    async def main(io: Any) -> list[list[Any]]:
        pid = kind.spawn(wait)
        told = []
        for _ in range(2):
            system_monitor(self(), long_message_queue=(1, 2), large_heap=10)
            send(pid, 0)
            send(pid, 1)
            await io.yield_()
            messages = [m for m in await drain(io) if m[1] == pid]
            told.append([m[2] for m in messages])
        return told

    assert kind.run(main, preempt=False) == [[LONG_QUEUE, "large_heap"]] * 2


def test_a_report_runs_no_collection_in_the_middle_of_a_send() -> None:
    """A finalizer would find, and change, what the send has only half done."""

    class Cycle:
        def __init__(self, pid: csched.Pid) -> None:
            self.me, self.pid = self, pid

        def __del__(self) -> None:
            lengths.append(process_info(self.pid, "message_queue_len"))

    def main() -> list[Any]:
        pids = [
            spawn_opt(receive, "end", mailbox_limit=1, on_full="drop_oldest") for _ in range(20)
        ]
        csched.yield_()
        system_monitor(self(), long_message_queue=(0, 2))
        for pid in pids:
            send(pid, 0)
            Cycle(pid)
            gc.set_threshold(1)
            send(pid, 1)  # Makes it two for as long as the older one is still there.
            gc.set_threshold(*thresholds)
        gc.collect()
        return list(iter(lambda: receive(timeout=0, default=None), None))

    lengths: list[int] = []
    thresholds = gc.get_threshold()
    held = [(number, number, number, number) for number in range(5_000)]  # No tuple is left free.
    try:
        assert len(run(main, preempt=False)) == 20
    finally:
        gc.set_threshold(*thresholds)
    assert lengths == [1] * 20
    del held


# --- Heaps ---------------------------------------------------------------------------------------


@both_kinds
def test_a_large_heap_is_told_once_and_again_after_it_was_small(kind: type[Plain]) -> None:
    async def taker(io: Any, parent: csched.Pid) -> None:
        while True:
            await io.receive("take")
            await io.receive(list)
            send(parent, "taken")

    async def main(io: Any) -> list[list[int]]:
        pid = kind.spawn(taker, self())
        system_monitor(self(), large_heap=10_000)
        told = []

        async def see() -> None:
            await io.yield_()
            told.append([info["mailbox"] // 1_000 for info in await reports(io, pid, "large_heap")])

        await see()
        for message in (list(range(20_000)), 1, "take", list(range(30_000))):
            send(pid, message)
            await see()
        return told

    first, large, still, small, again = kind.run(main, preempt=False)
    assert (first, still, small) == ([], [], [])
    assert 20 <= large[0] < 30 <= again[0] < 60
    assert len(large) == len(again) == 1


@both_kinds
def test_the_size_that_is_told_has_the_mailbox_and_the_runtimes_own(kind: type[Plain]) -> None:
    async def main(io: Any) -> dict[str, int]:
        pid = kind.spawn(wait)
        system_monitor(self(), large_heap=1)
        send(pid, [1, 2, 3])
        await io.yield_()
        (info,) = await reports(io, pid, "large_heap")
        return info  # type: ignore[no-any-return]

    info = kind.run(main, preempt=False)
    assert info.keys() == {"heap_size", "mailbox"}
    assert 3 <= info["mailbox"] < info["heap_size"] < 1_000


# --- Collections ---------------------------------------------------------------------------------


@both_kinds
def test_a_collection_is_told_of_the_process_that_ran(kind: type[Plain]) -> None:
    async def collector(io: Any) -> None:
        gc.collect(1)
        await io.receive("end")

    async def main(io: Any) -> Any:
        system_monitor(self(), long_gc=0)
        gc.collect()  # Its own: not told.
        pid = kind.spawn(collector)
        message = await io.receive(("monitor", pid, "long_gc", {"generation": 1}), timeout=60)
        system_monitor(self(), long_gc=1_000)
        gc.collect()
        return message[3], [m for m in await drain(io) if m[1] == self()]

    info, others = kind.run(main, preempt=False)
    assert info.keys() == {"timeout", "generation"}
    assert 0 <= info["timeout"] < 60
    assert others == []


@both_kinds
def test_collections_are_looked_at_only_while_that_is_asked_for(kind: type[Plain]) -> None:
    async def main(io: Any) -> list[int]:
        counts = [callback_count()]

        def count() -> None:
            counts.append(callback_count() - counts[0])

        system_monitor(self(), long_gc=1)
        count()
        system_monitor(self(), long_gc=2)
        count()
        system_monitor(self(), large_heap=10**9)
        count()
        pid = kind.spawn(wait)
        system_monitor(pid, long_gc=1)
        count()
        csched.exit(pid, "kill")
        await gone(io, pid)
        count()
        system_monitor(self(), long_gc=1)
        return counts[1:]

    before = callback_count()
    assert kind.run(main) == [1, 1, 0, 1, 0]
    assert callback_count() == before


# --- The setting ---------------------------------------------------------------------------------


def test_a_monitor_that_is_told_to_exit_is_no_monitor_any_more() -> None:
    def main() -> Any:
        pid = spawn(receive, "end")
        system_monitor(pid, long_gc=1.0)
        csched.exit(pid, "kill")
        return system_monitor(None)

    assert run(main, preempt=False) is None


def test_without_options_nothing_is_watched() -> None:
    """erlang:system_monitor/2 with an empty list is system_monitor(undefined)."""

    def main() -> Any:
        system_monitor(self(), large_heap=5)
        with pytest.raises(TypeError):
            system_monitor(None, large_heap=5)
        return system_monitor(self()), system_monitor(None)

    former, none = run(main)
    assert former[1] == {"large_heap": 5}
    assert none is None


@pytest.mark.parametrize(
    "options",
    [
        {"long_schedule": float("inf")},
        {"long_schedule": 10**400},
        {"long_message_queue": (2, 2)},
        {"large_heap": 1 << 63},
    ],
)
def test_what_no_process_can_reach_is_out_of_range(options: dict[str, Any]) -> None:
    def main() -> Any:
        system_monitor(self(), long_gc=5)
        with pytest.raises(ValueError):
            system_monitor(self(), **options)
        return system_monitor(None)[1]

    assert run(main) == {"long_gc": 5.0}


def test_outside_a_process_there_is_no_system_monitor() -> None:
    with pytest.raises(csched.NotRunning):
        system_monitor(None)
