"""What `process_info` says of messages and other processes; SEMANTICS.md, section 8."""

from __future__ import annotations

import pytest
from kinds import both_kinds, gone

import csched
from csched import (
    Down,
    Exit,
    alias,
    link,
    monitor,
    process_flag,
    process_info,
    receive,
    register,
    resume,
    run,
    self,
    send,
    send_after,
    spawn,
    suspend,
    unlink,
)

HERE = __name__
KEYS = [
    "registered_name", "current_function", "initial_call", "status", "message_queue_len", "links",
    "dictionary", "trap_exit", "priority", "group_leader", "total_heap_size", "heap_size",
    "stack_size", "reductions", "garbage_collection",
]  # fmt: skip
MORE = [
    "messages", "monitors", "monitored_by", "memory", "current_location", "current_stacktrace",
    "backtrace", "parent", "label", "max_heap_size", "message_queue_data", "mailbox_limit",
    "suspending", "timers",
]  # fmt: skip


async def wait(io):
    await io.receive("end")


async def wait_begun(io, parent):
    send(parent, ("begun", self()))
    await io.receive("end")


async def begun(io, *pids):
    for pid in pids:
        await io.receive(("begun", pid), timeout=60)
        # A plain process says so before it waits.
        while process_info(pid, "status") != "waiting":
            await io.yield_()


def plain_wait(parent):
    send(parent, ("begun", self()))
    receive("end")


# --- Messages -------------------------------------------------------------------------------------


@both_kinds
def test_the_messages_are_those_in_the_queue_in_order(kind):
    """erlang:process_info/2, messages, message_queue_len: what was sent before is in."""

    async def main(io):
        pid = kind.spawn(wait)
        await io.yield_()
        for number in range(5):
            send(pid, (number, ["x"]))
            assert process_info(pid, "messages")[-1] == (number, ["x"])
            assert process_info(pid, "message_queue_len") == number + 1
        send(self(), "mine")
        return process_info(pid, "messages"), process_info(self(), "messages")

    assert kind.run(main) == ([(number, ["x"]) for number in range(5)], ["mine"])


def test_the_messages_are_copies():
    """erlang:process_info/2, messages: looking changes nothing in the queue."""

    def main():
        send(self(), [1])
        seen = process_info(self(), "messages")
        seen[0].append(2)
        seen.append("more")
        return (
            process_info(self(), "messages"),
            process_info(self(), "message_queue_len"),
            receive(),
        )

    assert run(main) == ([[1]], 1, [1])


def test_exits_and_downs_are_among_the_messages():
    """erlang:process_info/2, messages: signals that became messages are shown as such."""

    def main():
        process_flag("trap_exit", True)
        pid = spawn(receive)
        csched.exit(pid, "kill")
        while pid in csched.processes():
            csched.yield_()
        link(pid)
        ref = monitor(pid)
        messages = process_info(self(), "messages")
        return messages == [Exit(pid, "noproc"), Down(ref, "process", pid, "noproc")]

    assert run(main)


# --- Relations ------------------------------------------------------------------------------------


@both_kinds
def test_links_are_listed_on_both_sides_in_order_of_the_pids(kind):
    """erlang:process_info/2, links: all processes linked to, once each."""

    async def main(io):
        one, two, three = (kind.spawn(wait) for _ in range(3))
        for pid in (two, three, one, two, self()):
            link(pid)
        seen = [process_info(self(), "links"), process_info(two, "links")]
        unlink(three)
        send(two, "end")
        await gone(io, two)
        return seen == [[one, two, three], [self()]], process_info(self(), "links") == [one]

    assert kind.run(main) == (True, True)


@both_kinds
def test_monitors_are_listed_on_both_sides_one_entry_for_each(kind):
    """erlang:process_info/2, monitors ({process, Pid} or by name) and monitored_by."""

    async def main(io):
        pid = kind.spawn(wait)
        register("name", pid)
        refs = [monitor(pid), monitor("name"), monitor(pid)]
        monitor(self())
        by_name = ("process", ("name", csched.node()))
        expected = [("process", pid), by_name, ("process", pid)]
        assert [m for m in process_info(self(), "monitors") if m[1] != self()] == expected
        assert process_info(pid, "monitored_by") == [self()] * 3
        assert process_info(pid, "monitors") == []
        csched.demonitor(refs[0])
        assert process_info(self(), "monitors")[:2] == [by_name, ("process", pid)]
        assert process_info(pid, "monitored_by") == [self()] * 2
        send(pid, "end")
        await gone(io, pid)
        return [m for m in process_info(self(), "monitors") if m[1] != self()]

    assert kind.run(main) == []


@both_kinds
def test_a_monitor_of_one_that_dies_is_no_longer_listed_as_its_watcher(kind):
    """erlang:process_info/2, monitored_by: the monitors of the dead are gone."""

    async def watcher(io, pid):
        monitor(pid)
        alias()
        await io.receive("end")

    async def main(io):
        pid = kind.spawn(watcher, self())
        while process_info(self(), "monitored_by") != [pid]:
            await io.yield_()
        send(pid, "end")
        await gone(io, pid)
        return process_info(self(), "monitored_by")

    assert kind.run(main) == []


@both_kinds
def test_the_parent_is_who_spawned_and_stays_so(kind):
    """erlang:process_info/2, parent: the spawner's pid, dead or not; the first process has none."""

    async def middle(io, parent):
        send(parent, kind.spawn(wait))

    async def main(io):
        pid = kind.spawn(middle, self())
        assert process_info(pid, "parent") == self()
        child = await io.receive(csched.Pid, timeout=60)
        await gone(io, pid)
        return process_info(child, "parent") == pid, process_info(self(), "parent")

    assert kind.run(main) == (True, None)


def test_whom_a_process_has_suspended_is_told_with_the_count():
    """erlang:process_info/2, suspending: {Suspendee, ActiveCount, OutstandingCount}."""

    def main():
        one, two = spawn(receive), spawn(receive)
        for pid in (two, one, two):
            suspend(pid)
        assert sorted(process_info(self(), "suspending")) == [(one, 1, 0), (two, 2, 0)]
        resume(two)
        resume(one)
        assert process_info(self(), "suspending") == [(two, 1, 0)]
        assert process_info(two, "suspending") == []
        resume(two)
        return process_info(self(), "suspending")

    assert run(main) == []


def test_timers_are_those_to_the_process_with_the_seconds_left():
    """The timers that will send it a message, its own or of others, and no timeouts of receive."""

    def main():
        pid = spawn(lambda: receive("end", timeout=3600))
        csched.yield_()
        assert process_info(pid, "timers") == []
        one, two = send_after(pid, 1, 1000), csched.start_timer(pid, 2, 2000)
        send_after("name", 3, 1000)
        (ref, left), (other, more) = process_info(pid, "timers")
        assert {ref, other} == {one, two} and process_info(self(), "timers") == []
        assert sorted([left, more]) == pytest.approx([1000, 2000], abs=100)
        assert max(left, more) <= 2000
        csched.cancel_timer(one)
        return [ref for ref, _ in process_info(pid, "timers")] == [two]

    assert run(main)
