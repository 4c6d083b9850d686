"""Suspending and resuming other processes: counted, for each suspender, until it dies."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    ANY,
    Down,
    Exit,
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
    spawn_monitor,
    spawn_opt,
    suspend,
)

# Globals are one for all processes.
world = SimpleNamespace(count=0)


async def echo(io, parent):
    send(parent, ("begun", self()))
    while True:
        send(parent, ("echo", await io.receive()))


async def started(io, kind):
    pid = kind.spawn(echo, self())
    await io.receive(("begun", pid), timeout=60)
    return pid


async def others_run(io, turns=50):
    """Give every runnable process many chances to run."""
    for _ in range(turns):
        await io.yield_()


async def suspender(io, parent, victim):
    """Do what the messages say, and tell the parent."""
    while True:
        call = await io.receive()
        send(parent, ("done", call(victim)))


async def told(io, pid, call):
    send(pid, call)
    return (await io.receive(("done", ANY), timeout=60))[1]


def status(pid):
    return process_info(pid, "status")


# --- Standing still -------------------------------------------------------------------------------


@both_kinds
def test_a_suspended_process_does_not_run_and_its_messages_wait(kind):
    """erlang:suspend_process/1: it stays suspended until resumed; its queue goes on filling."""

    async def main(io):
        pid = await started(io, kind)
        assert suspend(pid) is True
        for number in range(3):
            send(pid, number)
        await others_run(io)
        assert await drain(io) == []
        assert (status(pid), process_info(pid, "messages")) == ("suspended", [0, 1, 2])
        assert csched.is_alive(pid)
        assert resume(pid) is True
        return [await io.receive(timeout=60) for _ in range(3)]

    assert kind.run(main) == [("echo", 0), ("echo", 1), ("echo", 2)]


@both_kinds
def test_a_process_that_has_not_begun_can_be_suspended(kind):
    """erlang:suspend_process/1 of a fresh process: its first step comes after the resume."""

    async def main(io):
        pid = kind.spawn(echo, self())
        suspend(pid)
        await others_run(io)
        assert (await drain(io), status(pid)) == ([], "suspended")
        resume(pid)
        assert status(pid) == "runnable"
        return (await io.receive(timeout=60)) == ("begun", pid)

    assert kind.run(main, preempt=False)


def test_a_process_that_computes_can_be_suspended():
    """erlang:suspend_process/1: wherever the process was stopped."""

    def busy():
        while True:
            world.count += 1

    async def async_busy():
        busy()

    def main():
        for target in (busy, async_busy):
            pid = spawn(target)
            begun = world.count
            while world.count == begun:
                csched.yield_()
            suspend(pid)
            stopped = world.count
            for _ in range(100):
                csched.yield_()
            csched.sleep(0.005)
            assert (world.count, status(pid)) == (stopped, "suspended")
            resume(pid)
            while world.count == stopped:
                csched.yield_()
            csched.exit(pid, "kill")

    run(main)


@both_kinds
def test_a_timeout_that_is_over_meanwhile_is_noticed_after_the_resume(kind):
    """A receive whose time runs out while its process is suspended ends when it is resumed."""

    async def child(io, parent):
        send(parent, "begun")
        begin = time.monotonic()
        result = await io.receive(timeout=0.005, default="timed out")
        send(parent, (result, time.monotonic() - begin))

    async def main(io):
        pid = kind.spawn(child, self())
        await io.receive("begun", timeout=60)
        suspend(pid)
        await io.sleep(0.02)
        assert (await drain(io), status(pid)) == ([], "suspended")
        resume(pid)
        return await io.receive(timeout=60)

    result, seconds = kind.run(main)
    assert result == "timed out"
    assert seconds >= 0.02


@both_kinds
def test_a_sleeper_that_is_resumed_early_sleeps_on(kind):
    """A resume ends the suspension, not the sleep."""

    async def child(io, parent):
        send(parent, "begun")
        begin = time.monotonic()
        await io.sleep(0.03)
        send(parent, time.monotonic() - begin)

    async def main(io):
        pid = kind.spawn(child, self())
        await io.receive("begun", timeout=60)
        for _ in range(3):
            suspend(pid)
            await io.yield_()
            resume(pid)
        return await io.receive(float, timeout=60)

    assert kind.run(main) >= 0.03


@both_kinds
def test_timers_and_signals_to_a_suspended_process_arrive(kind):
    """Messages of timers and trapped exits are queued; no step is taken for them."""

    async def child(io, parent):
        process_flag("trap_exit", True)
        await echo(io, parent)

    async def main(io):
        pid = kind.spawn(child, self())
        await io.receive(("begun", pid), timeout=60)
        suspend(pid)
        send_after(pid, "timer", 0.001)
        csched.exit(pid, "please")
        while process_info(pid, "message_queue_len") < 2:
            await io.sleep(0.001)
        assert (await drain(io), status(pid)) == ([], "suspended")
        resume(pid)
        seen = [(await io.receive(("echo", ANY), timeout=60))[1] for _ in range(2)]
        return seen == [Exit(self(), "please"), "timer"]

    assert kind.run(main)


# --- Counting -------------------------------------------------------------------------------------


@both_kinds
def test_each_suspend_needs_its_resume(kind):
    """erlang:resume_process/1: the counter of the suspender is decreased; at 0 it runs on."""

    async def main(io):
        pid = await started(io, kind)
        send(pid, "x")
        for count in (1, 2, 3):
            suspend(pid)
            assert process_info(self(), "suspending") == [(pid, count, 0)]
        for count in (2, 1):
            resume(pid)
            await others_run(io)
            assert process_info(self(), "suspending") == [(pid, count, 0)]
            assert (await drain(io), status(pid)) == ([], "suspended")
        resume(pid)
        return await io.receive(timeout=60), process_info(self(), "suspending")

    assert kind.run(main) == (("echo", "x"), [])


@both_kinds
def test_every_suspender_must_resume(kind):
    """erlang:suspend_process/1: several processes may suspend one, each with its own counter."""

    async def main(io):
        pid = await started(io, kind)
        other = kind.spawn(suspender, self(), pid)
        send(pid, "x")
        suspend(pid)
        await told(io, other, suspend)
        resume(pid)
        with pytest.raises(ValueError):
            resume(pid)
        await others_run(io)
        assert (await drain(io), status(pid)) == ([], "suspended")
        assert process_info(other, "suspending") == [(pid, 1, 0)]
        await told(io, other, resume)
        return await io.receive(timeout=60)

    assert kind.run(main) == ("echo", "x")


@both_kinds
@pytest.mark.parametrize("reason", ["kill", "enough"])
def test_what_a_suspender_has_suspended_goes_on_when_it_dies(kind, reason):
    """erlang:suspend_process/1: when the suspender terminates, all its suspensions are undone."""

    async def main(io):
        pid = await started(io, kind)
        other, ref = spawn_monitor(kind.function(suspender), self(), pid)
        for _ in range(3):
            await told(io, other, suspend)
        suspend(pid)
        send(pid, "x")
        csched.exit(other, reason)
        await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        await others_run(io)
        assert (await drain(io), status(pid)) == ([], "suspended")
        resume(pid)
        return await io.receive(timeout=60)

    assert kind.run(main) == ("echo", "x")


@both_kinds
def test_a_suspended_suspender_keeps_its_victim_until_it_dies(kind):
    """Suspensions may form a chain; the death of the middle frees the last one only."""

    async def main(io):
        pid = await started(io, kind)
        other = kind.spawn(suspender, self(), pid)
        await told(io, other, suspend)
        suspend(other)
        send(pid, "x")
        await others_run(io)
        assert (status(other), status(pid)) == ("suspended", "suspended")
        csched.exit(other, "kill")
        message = await io.receive(timeout=60)
        return message, process_info(self(), "suspending"), csched.is_alive(other)

    assert kind.run(main) == (("echo", "x"), [], False)


# --- Death ----------------------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize(("told_reason", "reason"), [("kill", "killed"), ("enough", "enough")])
def test_a_suspended_process_that_is_told_to_exit_dies(kind, told_reason, reason):
    """erlang:exit/2: a suspended process dies by an exit signal, and is unwound first."""

    async def child(io, parent):
        try:
            send(parent, ("begun", self()))
            await io.receive("never")
        finally:
            send(parent, "finally")

    async def main(io):
        pid, ref = spawn_monitor(kind.function(child), self())
        await io.receive(("begun", pid), timeout=60)
        suspend(pid)
        suspend(pid)
        csched.exit(pid, told_reason)
        assert not csched.is_alive(pid)
        down = await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return down.reason, await drain(io), process_info(self(), "suspending")

    assert kind.run(main) == (reason, ["finally"], [])


@both_kinds
def test_a_suspended_process_dies_by_its_link(kind):
    """An exit signal over a link is deadly for a suspended process too."""

    async def linked(io, parent):
        send(parent, ("child", csched.spawn_link(kind.function(echo), parent)))
        await io.receive("crash")
        csched.exit("crash")

    async def main(io):
        pid = kind.spawn(linked, self())
        _, child = await io.receive(("child", csched.Pid), timeout=60)
        await io.receive(("begun", child), timeout=60)
        ref = csched.monitor(child)
        suspend(child)
        send(pid, "crash")
        return (await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)).reason

    assert kind.run(main) == "crash"


@both_kinds
def test_a_run_ends_though_some_are_suspended(kind):
    """Those who are suspended when the first process ends are shut down as the others are."""
    world.count = 0

    async def child(io):
        try:
            await io.receive("never")
        finally:
            world.count += 1

    async def main(io):
        pids = [kind.spawn(child) for _ in range(3)]
        await io.yield_()
        for pid in pids:
            suspend(pid)
        return "ended"

    assert kind.run(main, preempt=False) == "ended"
    assert world.count == 3


@both_kinds
def test_suspending_the_only_other_process_leaves_main_waiting_for_the_time(kind):
    """A scheduler with nothing but suspended processes sleeps, it does not end."""

    async def main(io):
        pid = await started(io, kind)
        suspend(pid)
        send(pid, "x")
        return await io.receive(timeout=0.02, default="none")

    assert kind.run(main) == "none"


# --- With other waits -----------------------------------------------------------------------------


@both_kinds
def test_a_sender_that_is_suspended_while_it_waits_for_room_delivers_once(kind):
    """A blocked send that is suspended and resumed: its message comes in exactly once."""

    async def sender(io, dest, parent):
        for number in range(3):
            send(dest, number)
        send(parent, "sent")
        await io.receive("never")

    async def slow(io, parent, gate):
        csched.monitor(gate)
        send(parent, "begun")
        await io.receive(Down)
        messages = [await io.receive() for _ in range(3)]
        send(parent, (messages, await drain(io)))

    async def main(io):
        gate = await started(io, kind)
        dest = spawn_opt(kind.function(slow), self(), gate, mailbox_limit=1)
        await io.receive("begun", timeout=60)
        pid = kind.spawn(sender, dest, self())
        while status(pid) != "waiting":
            await io.yield_()
        suspend(pid)
        assert (status(pid), process_info(dest, "messages")) == ("suspended", [0])
        # What opens the gate comes past the limit.
        csched.exit(gate, "kill")
        await others_run(io)
        assert await drain(io) == []
        resume(pid)
        return await io.receive("sent", timeout=60), await io.receive(tuple, timeout=60)

    assert kind.run(main) == ("sent", ([0, 1, 2], []))


# --- Bad input ------------------------------------------------------------------------------------


@both_kinds
def test_who_cannot_be_suspended(kind):
    """erlang:suspend_process/1: badarg for oneself, the dead, and what is no pid."""

    async def main(io):
        dead = kind.spawn(echo, self())
        csched.exit(dead, "kill")
        with pytest.raises(ValueError):
            suspend(dead)
        await gone(io, dead)
        register("name", self())
        for call in (suspend, resume):
            for pid in (self(), dead):
                with pytest.raises(ValueError):
                    call(pid)
            for value in (None, 1, "name", csched.make_ref()):
                with pytest.raises(TypeError):
                    call(value)
        return process_info(self(), ["suspending", "status"])

    assert kind.run(main) == [("suspending", []), ("status", "running")]


def test_who_has_not_suspended_cannot_resume():
    """erlang:resume_process/1: badarg if the caller has not suspended it, or no longer does."""

    def main():
        pid = spawn(receive)
        with pytest.raises(ValueError):
            resume(pid)
        suspend(pid)
        resume(pid)
        with pytest.raises(ValueError):
            resume(pid)
        return status(pid)

    assert run(main, preempt=False) == "runnable"
