"""Spawning with options: links, monitors, a name, limits, all before the first step."""

from __future__ import annotations

import sys
import threading

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    ANY,
    Crash,
    Down,
    Exit,
    Pid,
    Ref,
    Undef,
    is_alive,
    process_flag,
    process_info,
    processes,
    receive,
    register,
    registered,
    run,
    self,
    send,
    spawn,
    spawn_link,
    spawn_monitor,
    spawn_opt,
    whereis,
)

HERE = sys.modules[__name__]
OPTIONS = ["registered_name", "priority", "max_heap_size", "mailbox_limit", "links", "monitored_by"]


async def wait(io):
    await io.receive("end")


async def tell(io, parent):
    """Tell the parent what this process is at its very first step."""
    send(parent, ("first", self(), process_info(self(), OPTIONS)))
    await io.receive("end")


def function_of_mfa(parent, value):
    send(parent, ("mfa", value))
    receive("end")


class Space:
    @staticmethod
    def static(parent, value):
        function_of_mfa(parent, value)


def relations():
    return process_info(self(), ["links", "monitors", "monitored_by"])


# --- Each option ----------------------------------------------------------------------------------


@both_kinds
def test_without_options_it_is_spawn(kind):
    """erlang:spawn_opt/2 with an empty list: as spawn/1."""

    async def main(io):
        pid = spawn_opt(kind.function(tell), self())
        _, child, info = await io.receive(("first", ANY, ANY), timeout=60)
        return type(pid) is Pid and child == pid, [value for _, value in info], relations()

    assert kind.run(main) == (
        True,
        ["", "normal", None, None, [], []],
        [("links", []), ("monitors", []), ("monitored_by", [])],
    )


@both_kinds
def test_every_option_holds_at_the_first_step(kind):
    """erlang:spawn_opt/2: the options are set when the process begins."""

    async def main(io):
        pid, ref = spawn_opt(
            kind.function(tell), self(), link=True, monitor=True, name="name", priority="high",
            max_heap_size=10**9, mailbox_limit=12, on_full="drop",
        )  # fmt: skip
        assert whereis("name") == pid and type(ref) is Ref
        assert relations()[:2] == [("links", [pid]), ("monitors", [("process", pid)])]
        _, child, info = await io.receive(("first", ANY, ANY), timeout=60)
        expected = ["name", "high", 10**9, 12, [self()], [self()]]
        return child == pid, [value for _, value in info] == expected

    assert kind.run(main) == (True, True)


@both_kinds
@pytest.mark.parametrize("spawner", [spawn_link, lambda *args: spawn_opt(*args, link=True)])
def test_a_linked_child_and_its_parent_die_together(kind, spawner):
    """erlang:spawn_link/1: the link is there from the beginning, in both directions."""

    async def middle(io, parent, how):
        child = spawner(kind.function(wait))
        send(parent, ("child", child))
        await io.receive("never")

    async def main(io):
        for victim in (0, 1):
            pid, ref = spawn_monitor(kind.function(middle), self(), victim)
            _, child = await io.receive(("child", Pid), timeout=60)
            csched.exit((pid, child)[victim], "enough")
            down = await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
            assert down.reason == "enough"
            await gone(io, pid, child)

    kind.run(main)


@both_kinds
def test_a_trapping_parent_hears_of_a_linked_child_that_ends_at_once(kind):
    """erlang:spawn_link/1: no child is too short-lived for its exit signal."""

    async def nothing(io):
        pass

    async def main(io):
        process_flag("trap_exit", True)
        pids = [spawn_link(kind.function(nothing)) for _ in range(100)]
        exits = [await io.receive(Exit, timeout=60) for _ in pids]
        return exits == [Exit(pid, "normal") for pid in pids], process_info(self(), "links")

    assert kind.run(main) == (True, [])


@both_kinds
@pytest.mark.parametrize(
    "spawner", [spawn_monitor, lambda *args: spawn_opt(*args, monitor=True)]
)  # fmt: skip
def test_a_monitored_child_is_told_of_once(kind, spawner):
    """erlang:spawn_monitor/1: {Pid, Ref}; one 'DOWN' message, and no link."""

    async def child(io, reason):
        csched.exit(reason)

    async def main(io):
        pairs = [spawner(kind.function(child), ("reason", number)) for number in range(50)]
        assert process_info(self(), "links") == []
        downs = [await io.receive(Down, timeout=60) for _ in pairs]
        expected = [
            Down(ref, "process", pid, ("reason", number)) for number, (pid, ref) in enumerate(pairs)
        ]
        return downs == expected, await drain(io), process_info(self(), "monitors")

    assert kind.run(main) == (True, [], [])


@both_kinds
def test_link_and_monitor_together_give_both_messages(kind):
    """erlang:spawn_opt/2 with link and monitor: an exit signal and a down message."""

    async def main(io):
        process_flag("trap_exit", True)
        pid, ref = spawn_opt(kind.function(wait), link=True, monitor=True)
        csched.exit(pid, "enough")
        messages = [await io.receive(timeout=60) for _ in range(2)]
        return messages == [Exit(pid, "enough"), Down(ref, "process", pid, "enough")]

    assert kind.run(main)


@both_kinds
def test_a_named_child_is_reachable_at_once_and_its_name_is_freed(kind):
    """The name belongs to the child when spawn_opt returns, and goes with it."""

    async def main(io):
        pid, ref = spawn_opt(kind.function(wait), name="name", monitor=True)
        assert (whereis("name") == pid, registered()) == (True, ["name"])
        send("name", "end")
        await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return registered()

    assert kind.run(main) == []


@both_kinds
def test_a_priority_holds_from_the_start(kind):
    """erlang:spawn_opt/2, priority: the first step already comes by it."""

    async def child(io, parent, priority):
        send(parent, (priority, process_info(self(), "priority")))

    async def main(io):
        for priority in ("low", "normal", "high", "max"):
            spawn_opt(kind.function(child), self(), priority, priority=priority)
        return [await io.receive(timeout=60) for _ in range(4)]

    order = ["max", "high", "normal", "low"]
    assert kind.run(main, preempt=False) == [(priority, priority) for priority in order]


def test_a_limit_of_zero_words_is_none():
    """erlang:spawn_opt/2, max_heap_size: 0 is no limit."""

    def main():
        return [
            process_info(spawn_opt(receive, max_heap_size=words), "max_heap_size")
            for words in (0, None, 1000)
        ]

    assert run(main, preempt=False) == [None, None, 1000]


# --- MFA ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "function"),
    [(HERE, "function_of_mfa"), (__name__, "function_of_mfa"), (Space, "static")],
)
def test_a_module_a_function_and_arguments_are_a_target_too(module, function):
    """erlang:spawn_opt/4, spawn_link/3, spawn_monitor/3: MFA and options."""

    def main():
        process_flag("trap_exit", True)
        spawn_opt(module, function, [self(), [1]], name="one", priority="low")
        linked = spawn_link(module, function, (self(), [2]))
        monitored, _ = spawn_monitor(module, function, [self(), [3]])
        seen = sorted(receive(("mfa", ANY), timeout=60)[1] for _ in range(3))
        assert process_info(self(), "links") == [linked]
        assert process_info(self(), "monitors") == [("process", monitored)]
        return seen, process_info(whereis("one"), "priority")

    assert run(main) == ([[1], [2], [3]], "low")


@pytest.mark.parametrize(
    ("module", "function", "args"),
    [(HERE, "nonsense", []), ("no.such.module", "f", [1]), (Space, "static", [1, 2, 3])],
)
def test_an_unknown_function_is_the_childs_death_not_the_callers(module, function, args, caplog):
    """erlang:spawn_link/3: undef is the exit reason of the new process; the caller gets its pid."""

    def main():
        process_flag("trap_exit", True)
        pid, ref = spawn_opt(module, function, args, link=True, monitor=True)
        exit_, down = (
            receive(Exit(pid, ANY), timeout=60),
            receive(Down(ref, ANY, ANY, ANY), timeout=60),
        )
        assert exit_.reason == down.reason
        return type(down.reason) is Undef, down.reason[1:]

    assert run(main) == (True, (function, args))
    assert len([record for record in caplog.records if record.name == "csched"]) == 1


def test_a_child_that_crashes_gives_its_crash_as_the_reason(caplog):
    """erlang:spawn_monitor/1: the reason of an error is the error with its stack."""

    def child():
        raise LookupError("lost")

    def main():
        _, ref = spawn_monitor(child)
        return receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    crash = run(main)
    assert type(crash) is Crash
    assert (type(crash.exception), crash.exception.args) == (LookupError, ("lost",))
    assert "in child" in crash.traceback and "LookupError: lost" in crash.traceback
    assert len([record for record in caplog.records if record.name == "csched"]) == 1


# --- Refusals -------------------------------------------------------------------------------------


def unchanged(call, error):
    """That `call` raises `error` and no process, name, link or monitor has come of it."""

    def main():
        register("taken", self())
        before = (
            processes(),
            registered(),
            process_info(self(), ["links", "monitors", "suspending"]),
        )
        with pytest.raises(error):
            call()
        after = processes(), registered(), process_info(self(), ["links", "monitors", "suspending"])
        assert before == after
        csched.yield_()
        assert processes() == [self()]
        return receive(timeout=0, default="nothing")

    assert run(main) == "nothing"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": "taken"}, ValueError), ({"name": ""}, ValueError), ({"name": 1}, TypeError),
        ({"name": b"name"}, TypeError), ({"priority": "urgent"}, ValueError),
        ({"priority": 1}, TypeError), ({"priority": None}, TypeError),
        ({"max_heap_size": -1}, ValueError), ({"max_heap_size": "1"}, TypeError),
        ({"max_heap_size": 1.5}, TypeError), ({"mailbox_limit": 0}, ValueError),
        ({"mailbox_limit": -1}, ValueError), ({"mailbox_limit": 1.0}, TypeError),
        ({"mailbox_limit": "1"}, TypeError), ({"on_full": "explode"}, ValueError),
        ({"on_full": ""}, ValueError), ({"mailbox_limit": 1, "on_full": "wait"}, ValueError),
        ({"nonsense": 1}, TypeError), ({"message_queue_data": "off_heap"}, TypeError),
    ],
)  # fmt: skip
def test_a_bad_option_spawns_nothing(options, error):
    """erlang:spawn_opt/2: badarg for a bad option, and no process."""
    for both in ({}, {"link": True, "monitor": True, "name": "new"}):
        unchanged(lambda both=both: spawn_opt(receive, **{**both, **options}), error)


@pytest.mark.parametrize(
    "target",
    [(), (None,), (1,), (HERE, 1, []), (HERE, "function_of_mfa", 1), (__name__, None, [])],
)
@pytest.mark.parametrize(
    "spawner",
    [
        spawn_link,
        spawn_monitor,
        lambda *args: spawn_opt(*args, link=True, monitor=True, name="new"),
    ],
    ids=["spawn_link", "spawn_monitor", "spawn_opt"],
)
def test_what_cannot_be_called_spawns_nothing(spawner, target):
    """erlang:spawn_link/1,3: badarg if it is no function, or no MFA."""
    unchanged(lambda: spawner(*target), TypeError)


@pytest.mark.parametrize(
    "spawner",
    [
        spawn_link,
        spawn_monitor,
        lambda *args: spawn_opt(*args, link=True, monitor=True, name="new"),
    ],
    ids=["spawn_link", "spawn_monitor", "spawn_opt"],
)
def test_an_argument_that_cannot_be_copied_spawns_nothing(spawner):
    """A CopyError comes to the caller, and neither process nor link, monitor or name is left."""
    lock = threading.Lock()
    unchanged(lambda: spawner(receive, [lock]), csched.CopyError)
    unchanged(lambda: spawner(lambda: lock), csched.CopyError)


@pytest.mark.parametrize(
    "spawner",
    [
        spawn_link,
        spawn_monitor,
        lambda *args: spawn_opt(*args, link=True, monitor=True, name="new"),
    ],
    ids=["spawn_link", "spawn_monitor", "spawn_opt"],
)
def test_past_the_limit_of_processes_nothing_is_spawned(spawner):
    """erlang:spawn_opt/2: system_limit is raised in the caller, who has no link or monitor then."""

    def main():
        pids = [spawn(receive) for _ in range(1023)]
        before = relations()
        with pytest.raises(csched.SystemLimit):
            spawner(receive)
        assert (relations(), registered()) == (before, [])
        csched.exit(pids[500], "kill")
        while is_alive(pids[500]) or len(processes()) > 1023:
            csched.yield_()
        spawner(receive)
        return len(processes())

    assert run(main, process_limit=1024) == 1024


@both_kinds
def test_a_dying_process_spawns_what_dies_by_the_link(kind):
    """A link made while its parent unwinds is honoured when the parent is torn down."""

    async def child(io, parent):
        try:
            await io.receive("never")
        finally:
            pid = spawn_link(kind.function(wait))
            csched.send(parent, ("child", pid))

    async def main(io):
        pid = kind.spawn(child, self())
        await io.yield_()
        csched.exit(pid, "enough")
        _, last = await io.receive(("child", Pid), timeout=60)
        await gone(io, pid, last)
        return processes() == [self()]

    assert kind.run(main, preempt=False)
