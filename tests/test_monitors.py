"""Monitors: each fires once, unless it is taken back; SEMANTICS.md, section 4."""

from __future__ import annotations

import pytest
from kinds import both_kinds, drain, fill, gone
from servants import TIMEOUT, start, tell

import csched
from csched import (
    ANY,
    Crash,
    Down,
    NotRunning,
    Ref,
    demonitor,
    monitor,
    node,
    process_flag,
    process_info,
    register,
    self,
    send,
    spawn_monitor,
    spawn_opt,
    unregister,
)


async def end(io, pid, reason="why"):
    """End a servant, and wait until it is gone."""
    send(pid, ("exit", reason))
    await gone(io, pid)


# --- What a monitor tells -----------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("traps", [False, True])
@pytest.mark.parametrize("reason", ["normal", "kill", "why", ("shutdown", 1)])
def test_a_monitor_tells_how_its_process_ended_once(kind, reason, traps):
    """erlang:monitor/2: {'DOWN', Ref, process, Pid, Reason}, for every reason, trap_exit or not."""

    async def main(io):
        process_flag("trap_exit", traps)
        pid = await start(io, kind)
        ref = monitor(pid)
        await end(io, pid, reason)
        message = await io.receive(timeout=0)
        assert isinstance(ref, Ref)
        assert (message.ref, message.type, message.object) == (ref, "process", pid)
        return type(message) is Down, message.reason, await drain(io)

    assert kind.run(main) == (True, reason, [])


@both_kinds
def test_a_monitor_tells_of_a_crash(kind):
    """erlang:monitor/2: an uncaught exception is the reason."""

    async def main(io):
        pid = await start(io, kind)
        monitor(pid)
        send(pid, ("no such call",))
        return (await io.receive(timeout=TIMEOUT)).reason

    crash = kind.run(main)
    assert isinstance(crash, Crash) and isinstance(crash.exception, AttributeError)


@both_kinds
def test_every_monitor_is_one_of_its_own(kind):
    """erlang:monitor/2: each call makes another monitor, with its own reference and message."""

    async def main(io):
        pid = await start(io, kind)
        refs = [monitor(pid) for _ in range(20)]
        shown = process_info(self(), "monitors") == [("process", pid)] * 20
        shown_there = process_info(pid, "monitored_by") == [self()] * 20
        for ref in refs[::2]:
            demonitor(ref)
        await end(io, pid)
        seen = await drain(io)
        return (
            (len(set(refs)), shown, shown_there),
            len(seen),
            set(seen) == {Down(ref, "process", pid, "why") for ref in refs[1::2]},
            process_info(self(), "monitors"),
        )

    assert kind.run(main) == ((20, True, True), 10, True, [])


@both_kinds
def test_a_monitor_goes_one_way(kind):
    """erlang:monitor/2: who is monitored learns nothing of it, also if its watcher ends."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = await start(io, kind)
        await tell(io, pid, "monitor", self())
        shown = process_info(self(), "monitored_by") == [pid]
        await end(io, pid)
        return shown, process_info(self(), "monitored_by"), await drain(io)

    assert kind.run(main) == (True, [], [])


@both_kinds
def test_two_may_monitor_each_other(kind):
    """erlang:monitor/2: monitors of opposite direction are independent."""

    async def main(io):
        pid = await start(io, kind)
        ref = monitor(pid)
        theirs = await tell(io, pid, "monitor", self())
        assert demonitor(theirs) is True
        both = process_info(pid, ["monitors", "monitored_by"])
        await end(io, pid)
        only = await drain(io) == [Down(ref, "process", pid, "why")]
        return both == [("monitors", [("process", self())]), ("monitored_by", [self()])], only

    assert kind.run(main) == (True, True)


@both_kinds
def test_a_monitor_of_oneself_never_fires(kind):
    """erlang:monitor/2: a process can monitor itself, and no message comes of it."""

    async def main(io):
        register("main", self())
        refs = monitor(self()), monitor("main")
        return [isinstance(ref, Ref) for ref in refs], await drain(io), [*map(demonitor, refs)]

    assert kind.run(main) == ([True, True], [], [True, True])


@both_kinds
def test_a_monitor_of_a_dead_process_fires_at_once(kind):
    """erlang:monitor/2: noproc, whatever it died of."""

    async def main(io):
        pid = await start(io, kind)
        await end(io, pid, "why")
        ref = monitor(pid)
        return await drain(io) == [Down(ref, "process", pid, "noproc")]

    assert kind.run(main)


@both_kinds
def test_a_watcher_that_is_gone_gets_nothing(kind):
    """A signal to a dead process is dropped, and its monitors went with it."""

    async def main(io):
        pid, watcher = await start(io, kind), await start(io, kind)
        await tell(io, watcher, "monitor", pid)
        await end(io, watcher)
        left = process_info(pid, "monitored_by")
        await end(io, pid)
        return left, await drain(io)

    assert kind.run(main) == ([], [])


@both_kinds
def test_a_wait_for_a_monitor_looks_at_nothing_older(kind):
    """erlang:monitor/2 returns a fresh reference: older messages cannot contain it."""
    looked_at = []

    class Older:
        def __deepcopy__(self, memo):
            return self

        @property
        def __class__(self):
            looked_at.append(1)
            return Older

    async def main(io):
        pid = await start(io, kind)
        fill(*[(Older(), 1, 2, 3, 4)] * 100)
        ref = monitor(pid, tag="tag")
        await end(io, pid)
        looked_at.clear()
        await io.receive((str, ref, ANY, ANY, ANY), timeout=0)
        return len(looked_at)

    assert kind.run(main) <= 1


# --- By name ------------------------------------------------------------------------------------


@both_kinds
def test_a_monitor_by_name_tells_name_and_node(kind):
    """erlang:monitor/2 with a registered name: Object is {Name, Node}."""

    async def main(io):
        pid = await start(io, kind)
        register("server", pid)
        ref = monitor("server")
        item = ("server", node())
        shown = process_info(self(), "monitors") == [("process", item)]
        await end(io, pid)
        return shown, await drain(io) == [Down(ref, "process", item, "why")]

    assert kind.run(main) == (True, True)
    assert isinstance(node(), str)


@both_kinds
def test_a_monitor_of_an_unknown_name_fires_at_once(kind):
    """erlang:monitor/2: noproc, with the name."""

    async def main(io):
        ref = monitor("nobody")
        return await drain(io) == [Down(ref, "process", ("nobody", node()), "noproc")]

    assert kind.run(main)


@both_kinds
def test_the_name_of_a_monitor_is_resolved_once(kind):
    """erlang:monitor/2: who has the name now is monitored, whatever its name is later."""

    async def main(io):
        first, second = await start(io, kind), await start(io, kind)
        register("server", first)
        ref = monitor("server")
        unregister("server")
        register("server", second)
        register("former server", first)
        await end(io, second)
        quiet = await drain(io)
        await end(io, first)
        return quiet, await drain(io) == [Down(ref, "process", ("server", node()), "why")]

    assert kind.run(main) == ([], True)


# --- Taken back ---------------------------------------------------------------------------------


OPTIONS = [{}, {"flush": True}, {"info": True}, {"flush": True, "info": True}]


@both_kinds
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("state", ["active", "fired", "taken", "removed", "of another", "none"])
@pytest.mark.parametrize("tag", [None, "tag"])
def test_demonitor_tells_what_it_found(kind, options, state, tag):
    """erlang:demonitor/2: flush, info, and both: false if and only if a flush was needed."""

    async def main(io):
        pid = await start(io, kind)
        ref = monitor(pid, tag=tag)
        fill("before")
        if state == "fired" or state == "taken":
            await end(io, pid)
        if state == "taken":
            await io.receive(tuple, timeout=0)
        if state == "removed":
            demonitor(ref)
        if state == "of another":
            other = await start(io, kind)
            ref = await tell(io, other, "monitor", pid)
        if state == "none":
            ref = csched.make_ref()
        fill("after")
        found = demonitor(ref, **options)
        if state in ("active", "removed"):
            await end(io, pid)
        return found, await drain(io)

    found, left = kind.run(main)
    flush, info = "flush" in options, "info" in options
    expected = True
    if info:
        expected = state != "fired" if flush else state == "active"
    assert found is expected
    assert [left[0], left[-1]] == ["before", "after"]
    assert len(left[1:-1]) == (1 if state == "fired" and not flush else 0)


@both_kinds
def test_demonitor_by_another_has_no_effect(kind):
    """erlang:demonitor/1: only who made a monitor can remove it."""

    async def main(io):
        pid, other = await start(io, kind), await start(io, kind)
        ref = monitor(pid)
        assert await tell(io, other, "demonitor", ref) is True
        await end(io, pid)
        return await drain(io) == [Down(ref, "process", pid, "why")]

    assert kind.run(main)


@both_kinds
def test_a_flush_takes_only_the_message_of_its_monitor(kind):
    """erlang:demonitor/2, flush: other messages of the same process stay, in their order."""

    async def main(io):
        pid = await start(io, kind)
        refs = [monitor(pid) for _ in range(3)]
        fill("before", refs[1], ("tag", refs[1]))
        await end(io, pid)
        fill("after", Down(csched.make_ref(), "process", pid, "false"))
        demonitor(refs[1], flush=True)
        *start_, false = await drain(io)
        downs = set(start_[3:5])
        return (
            [start_[0], start_[1] == refs[1], start_[2] == ("tag", refs[1]), start_[5]],
            downs == {Down(ref, "process", pid, "why") for ref in (refs[0], refs[2])},
            false.reason,
        )

    assert kind.run(main) == (["before", True, True, "after"], True, "false")


@both_kinds
def test_a_demonitor_while_the_process_dies_is_in_time(kind):
    """erlang:demonitor/1: once it has returned, no down message comes."""

    async def main(io):
        pid = await start(io, kind)
        ref = monitor(pid)
        csched.exit(pid, "why")
        found = demonitor(ref, info=True)
        await gone(io, pid)
        return found, await drain(io)

    assert kind.run(main, preempt=False) == (True, [])


# --- Tags ---------------------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("tag", ["tag", ("a", ["tag"]), 0, False])
@pytest.mark.parametrize("dead", [False, True])
def test_a_tag_stands_where_down_would(kind, tag, dead):
    """erlang:monitor/3, {tag, Tag}: {Tag, Ref, process, Object, Reason}, for noproc too."""

    async def main(io):
        pid = await start(io, kind)
        if dead:
            await end(io, pid)
        ref = monitor(pid, tag=tag)
        await end(io, pid)
        message = await io.receive(timeout=0)
        reason = "noproc" if dead else "why"
        return type(message), message == (tag, ref, "process", pid, reason)

    assert kind.run(main) == (tuple, True)


@both_kinds
def test_a_tag_is_copied_when_the_monitor_is_made(kind):
    """erlang:monitor/3: a tag is a term; nobody can change it later."""

    async def main(io):
        pid = await start(io, kind)
        tag = ["tag"]
        monitor(pid, tag=tag)
        monitor(pid, tag=tag)
        tag.append("changed")
        await end(io, pid)
        tags = []
        for message in await drain(io):
            tags.append(list(message[0]))
            message[0].append("changed too")
        return tags

    assert kind.run(main) == [["tag"], ["tag"]]


# --- Atomic with the spawn, arguments -----------------------------------------------------------


@both_kinds
@pytest.mark.parametrize(
    "spawn_monitored",
    [spawn_monitor, lambda function, *args: spawn_opt(function, *args, monitor=True)],
    ids=["spawn_monitor", "spawn_opt"],
)
def test_who_is_spawned_with_a_monitor_cannot_end_unseen(kind, spawn_monitored):
    """erlang:spawn_monitor/1: spawn and monitor are one step; never noproc."""

    async def child(io, reason):
        csched.exit(reason)

    async def main(io):
        started = [spawn_monitored(kind.function(child), number) for number in range(10)]
        await gone(io, *[pid for pid, _ in started])
        expected = {Down(ref, "process", pid, number) for number, (pid, ref) in enumerate(started)}
        seen = await drain(io)
        return len(seen), set(seen) == expected

    assert kind.run(main, preempt=False) == (10, True)


@both_kinds
def test_an_mfa_that_does_not_exist_ends_seen(kind):
    """erlang:spawn_monitor/3: the child ends with undef, and the monitor tells."""

    async def main(io):
        pid, _ = spawn_monitor("csched", "no such function", [1, 2])
        await gone(io, pid)
        return (await io.receive(timeout=0)).reason

    assert kind.run(main) == csched.Undef("csched", "no such function", [1, 2])


@both_kinds
def test_only_processes_and_names_of_this_run_can_be_monitored(kind):
    """erlang:monitor/2, demonitor/1: badarg for what is neither."""

    async def main(io, stranger):
        for wrong in [None, 5, b"name", csched.make_ref(), ("name", "node")]:
            with pytest.raises(TypeError):
                monitor(wrong)
        with pytest.raises(ValueError):
            monitor(stranger)
        for wrong in [None, 5, self(), "name"]:
            with pytest.raises(TypeError):
                demonitor(wrong)
        return process_info(self(), "monitors"), await drain(io)

    async def own_pid(io):
        return self()

    stranger = kind.run(own_pid)
    assert kind.run(main, stranger) == ([], [])
    with pytest.raises(NotRunning):
        monitor(stranger)
