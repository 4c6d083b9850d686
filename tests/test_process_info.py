"""What `process_info` says of each item, whatever the process is doing; SEMANTICS.md, section 8."""

from __future__ import annotations

import re
import sys

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    process_flag,
    process_info,
    put,
    receive,
    register,
    resume,
    run,
    self,
    send,
    spawn,
    spawn_link,
    spawn_opt,
    suspend,
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


# --- The forms of the answer ----------------------------------------------------------------------


@both_kinds
def test_all_the_usual_items_come_in_otps_order(kind):
    """erlang:process_info/1: the items and their order; no registered_name if there is none."""

    async def main(io):
        pid = kind.spawn(wait)
        nameless = list(process_info(pid))
        register("name", pid)
        return nameless, list(process_info(pid)), list(process_info(self()))

    assert kind.run(main) == (KEYS[1:], KEYS, KEYS[1:])


def test_one_item_is_its_value_and_the_dict_says_the_same():
    """erlang:process_info/2 agrees with process_info/1."""

    def main():
        pid = spawn(receive)
        register("name", pid)
        every = process_info(pid)
        assert {key: process_info(pid, key) for key in KEYS} == every
        return every["registered_name"]

    assert run(main, preempt=False) == "name"


def test_a_list_of_items_is_answered_in_the_order_asked_duplicates_too():
    """erlang:process_info/2: a list of items gives a list of tuples in that order."""

    def main():
        pid = spawn(receive)
        send(pid, "queued")
        asked = ["messages", "registered_name", "status", "messages", "trap_exit"]
        queued = ["queued"]
        assert process_info(pid, asked) == [
            ("messages", queued), ("registered_name", ""), ("status", "runnable"),
            ("messages", queued), ("trap_exit", False),
        ]  # fmt: skip
        assert process_info(pid, []) == []
        every = [*KEYS, *MORE]
        return [key for key, _ in process_info(pid, every)] == every

    assert run(main, preempt=False)


@both_kinds
def test_the_dead_have_no_information(kind):
    """erlang:process_info/1,2: undefined for a process that is not alive, whatever was asked."""

    async def main(io):
        pid = kind.spawn(wait)
        csched.exit(pid, "kill")
        await gone(io, pid)
        asked = [None, [], ["status"], *KEYS, *MORE]
        return {process_info(pid, item) for item in asked} | {process_info(pid)}

    assert kind.run(main) == {None}


@pytest.mark.parametrize("item", ["", "nonsense", "Status", ["nonsense"], ["status", "nonsense"]])
def test_an_unknown_item_is_refused_for_the_living_and_the_dead(item):
    """erlang:process_info/2: badarg for an item that is none, and for a list with one."""

    def main():
        dead = spawn(int)
        while csched.is_alive(dead):
            csched.yield_()
        for pid in (self(), spawn(receive), dead):
            with pytest.raises(ValueError):
                process_info(pid, item)

    run(main)


@pytest.mark.parametrize("value", [None, 1, "name", "#PID<0.0.0>", csched])
def test_only_a_pid_has_information(value):
    """erlang:process_info/1,2: badarg if the argument is no pid, a registered name included."""

    def main():
        register("name", self())
        for items in ((), ("status",), (["status"],)):
            with pytest.raises(TypeError):
                process_info(value, *items)

    run(main)


def test_outside_a_run_there_is_no_information():
    """Every call outside a running scheduler raises NotRunning."""
    pid = run(self)
    with pytest.raises(csched.NotRunning):
        process_info(pid)


# --- Status and place -----------------------------------------------------------------------------


@both_kinds
def test_the_status_says_what_a_process_is_doing(kind):
    """erlang:process_info/2, status: running, runnable, waiting, suspended, exiting."""

    async def main(io):
        pid = kind.spawn(wait)
        seen = [process_info(self(), "status"), process_info(pid, "status")]
        await io.yield_()
        seen.append(process_info(pid, "status"))
        suspend(pid)
        seen.append(process_info(pid, "status"))
        resume(pid)
        seen.append(process_info(pid, "status"))
        send(pid, "end")
        seen.append(process_info(pid, "status"))
        other = kind.spawn(wait)
        await io.yield_()
        csched.exit(other, "kill")
        seen.append(process_info(other, "status"))
        await gone(io, other)
        return [*seen, process_info(other, "status")]

    assert kind.run(main, preempt=False) == [
        "running", "runnable", "waiting", "suspended", "waiting", "runnable", "exiting", None,
    ]  # fmt: skip


@both_kinds
def test_a_dying_process_is_exiting_in_its_finally_blocks(kind):
    """erlang:process_info/2, status: exiting from the deadly signal on."""

    async def child(io, parent):
        try:
            send(parent, ("begun", self()))
            await io.receive("end")
        finally:
            send(parent, ("status", process_info(self(), "status")))

    async def main(io):
        pid = kind.spawn(child, self())
        await io.receive(("begun", pid), timeout=60)
        csched.exit(pid, "enough")
        return (await io.receive(("status", str), timeout=60))[1]

    assert kind.run(main) == "exiting"


@both_kinds
def test_a_sleeper_is_waiting(kind):
    """erlang:process_info/2, status: waiting for a message or for the time."""

    async def child(io, parent):
        send(parent, ("begun", self()))
        await io.sleep(3600)

    async def main(io):
        pid = kind.spawn(child, self())
        await begun(io, pid)
        return process_info(pid, "status"), process_info(pid, "message_queue_len")

    assert kind.run(main) == ("waiting", 0)


def inner(parent, a, *, b):
    plain_wait(parent)


def outer(parent):
    inner(parent, 1, b=2)


async def async_inner(parent):
    send(parent, ("begun", self()))
    await csched.aio.receive("end")


async def async_outer(parent):
    await async_inner(parent)


PLACES = [
    (outer, [f"{HERE}:plain_wait/1", f"{HERE}:inner/3", f"{HERE}:outer/1"]),
    (async_outer, [f"{HERE}:async_inner/1", f"{HERE}:async_outer/1"]),
]


@pytest.mark.parametrize(("target", "names"), PLACES, ids=["plain", "async"])
def test_the_stack_of_a_waiting_process_is_told_from_the_inside_out(target, names):
    """erlang:process_info/2: current_function, current_location, current_stacktrace, backtrace."""

    async def main():
        pid = spawn(target, self())
        await begun(csched.aio, pid)
        return dict(
            process_info(
                pid,
                ["current_function", "initial_call", "current_location", "current_stacktrace",
                 "backtrace", "stack_size"],
            )
        )  # fmt: skip

    info = run(main)
    assert info["current_function"] == names[0]
    assert info["initial_call"] == names[-1]
    assert [name for name, _, _ in info["current_stacktrace"]] == names
    assert info["current_location"] == info["current_stacktrace"][0]
    for name, file, line in info["current_stacktrace"]:
        function = getattr(sys.modules[HERE], re.fullmatch(r".*:(\w+)/\d", name)[1])
        first = function.__code__.co_firstlineno
        assert (file, first < line <= first + 3) == (__file__, True)
    assert all(name.split(":")[1].split("/")[0] in info["backtrace"] for name in names)
    assert info["stack_size"] > 0


def test_the_one_that_asks_is_where_it_asks():
    """erlang:process_info/2: the runtime's own frames are never the current function."""

    def ask(item):
        return process_info(self(), item)

    def main():
        place = ask("current_location")
        trace = ask("current_stacktrace")
        assert place[0] == ask("current_function") == trace[0][0]
        assert [name for name, _, _ in trace[:2]] == [f"{HERE}:ask/1", f"{HERE}:main/0"]
        return place, ask.__code__.co_firstlineno, "in ask" in ask("backtrace")

    (name, file, line), first, shown = run(main)
    assert (name, file, line, shown) == (f"{HERE}:ask/1", __file__, first + 1, True)


def test_a_process_that_has_not_begun_is_in_its_initial_call():
    """erlang:process_info/2: a fresh process is at the function that it was spawned with."""

    def main():
        pid = spawn(plain_wait, self())
        items = ["initial_call", "current_function", "reductions", "message_queue_len"]
        return [value for _, value in process_info(pid, items)]

    name = f"{HERE}:plain_wait/1"
    assert run(main, preempt=False) == [name, name, 0, 0]


@pytest.mark.parametrize(
    ("target", "name"),
    [((plain_wait, 1), "plain_wait/1"), ((HERE, "inner", [1, 2]), "inner/2"),
     ((lambda: receive(),), "<lambda>/0")],
)  # fmt: skip
def test_the_initial_call_is_what_was_spawned(target, name):
    """erlang:process_info/2, initial_call: the MFA with which the process was spawned."""
    assert run(lambda: process_info(spawn(*target), "initial_call")) == f"{HERE}:{name}"


# --- Own state ------------------------------------------------------------------------------------


def test_the_dictionary_is_a_copy():
    """erlang:process_info/2, dictionary: all that was put; nobody gets hold of the values."""

    def main():
        put("list", [1])
        put(("k", 1), None)
        seen = process_info(self(), "dictionary")
        assert seen == {"list": [1], ("k", 1): None}
        seen["list"].append(2)
        seen["new"] = 1
        return csched.get("list"), csched.get_keys(), process_info(spawn(receive), "dictionary")

    assert run(main) == ([1], ["list", ("k", 1)], {})


@both_kinds
def test_flags_are_shown_as_they_are_set(kind):
    """erlang:process_info/2: the flags and limits are those of process_flag/2."""
    items = [
        "trap_exit",
        "priority",
        "message_queue_data",
        "max_heap_size",
        "mailbox_limit",
        "label",
    ]

    async def child(io, parent):
        for flag, value in (
            ("trap_exit", True), ("priority", "low"), ("message_queue_data", "off_heap"),
            ("max_heap_size", 10**9), ("mailbox_limit", 77),
        ):  # fmt: skip
            process_flag(flag, value)
        csched.set_label(("label", 1))
        await wait_begun(io, parent)

    async def main(io):
        pid = kind.spawn(child, self())
        before = [value for _, value in process_info(pid, items)]
        await begun(io, pid)
        return before, [value for _, value in process_info(pid, items)]

    assert kind.run(main) == (
        [False, "normal", "on_heap", None, None, None],
        [True, "low", "off_heap", 10**9, 77, ("label", 1)],
    )


def test_the_registered_name_of_the_nameless_is_empty():
    """erlang:process_info/2, registered_name: "" for none, where process_info/1 leaves it out."""

    def main():
        before = process_info(self(), "registered_name"), "registered_name" in process_info(self())
        register("name", self())
        after = process_info(self(), ["registered_name"]), process_info(self())["registered_name"]
        return before, after

    assert run(main) == (("", False), ([("registered_name", "name")], "name"))


# --- Sizes and counts -----------------------------------------------------------------------------


@both_kinds
def test_sizes_grow_with_the_queue_and_shrink_again(kind):
    """erlang:process_info/2: memory in bytes, heap sizes in words; messages count."""

    async def main(io):
        pid = kind.spawn(wait)
        await io.yield_()
        items = ["memory", "total_heap_size", "heap_size", "stack_size"]
        before = dict(process_info(pid, items))
        for _ in range(20):
            send(pid, list(range(1000)))
        full = dict(process_info(pid, items))
        for sizes in (before, full):
            assert all(type(size) is int and size > 0 for size in sizes.values())
            assert sizes["total_heap_size"] >= sizes["heap_size"]
            assert sizes["memory"] >= 8 * sizes["stack_size"]
        assert full["memory"] - before["memory"] >= 20 * 1000 * 8
        assert full["total_heap_size"] - before["total_heap_size"] >= 20 * 1000
        # Its messages go when it has received them.
        send(self(), [0] * 10_000)
        mine = process_info(self(), "memory")
        assert len(await drain(io)) == 1
        await io.yield_()  # What was received last is kept until the slice ends.
        return process_info(self(), "memory") < mine

    assert kind.run(main)


def test_reductions_grow_with_calls_and_never_shrink():
    """erlang:process_info/2, reductions: the executed ones; those of a send are virtual."""

    def reductions():
        return process_info(self(), "reductions")

    def main():
        first = reductions()
        for _ in range(1000):
            csched.make_ref()
        me = self()
        second = reductions()
        for _ in range(100):
            send(me, None)
        return second - first, reductions() - second

    calls, sends = run(main, preempt=False)
    assert 1000 <= calls <= 1010
    assert 100 <= sends <= 110


def test_the_garbage_collection_is_a_dict_of_settings():
    """erlang:process_info/2, garbage_collection: a list of settings by name."""

    def main():
        info = process_info(self(), "garbage_collection")
        info.clear()
        return process_info(self(), "garbage_collection")

    settings = run(main)
    assert type(settings) is dict
    assert settings and all(type(key) is str for key in settings)


def test_the_group_leader_is_a_pid_and_inherited():
    """erlang:process_info/2, group_leader: that of the spawner."""

    def main():
        pid = spawn_link(receive)
        return process_info(pid, "group_leader") == process_info(self(), "group_leader") == self()

    assert run(main)


def test_a_look_at_everybody_changes_nothing():
    """process_info is a pure question: asked twice beside waiting processes it answers the same."""

    def main():
        pids = [spawn_opt(plain_wait, self(), link=True, name=f"n{n}") for n in range(20)]
        for pid in pids:
            receive(("begun", pid), timeout=60)
            send(pid, "queued")
        csched.sleep(0.01)
        asked = [*KEYS, *MORE]
        looks = [[process_info(pid, asked) for pid in pids] for _ in range(3)]
        return looks[0] == looks[1] == looks[2], [len(look) for look in looks[0]]

    assert run(main) == (True, [len(KEYS) + len(MORE)] * 20)
