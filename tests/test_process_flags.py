"""What a process keeps for itself: flags, the process dictionary, its label."""

from __future__ import annotations

import io as textio
import sys
import threading

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    Down,
    NotRunning,
    erase,
    get,
    get_keys,
    get_label,
    process_flag,
    process_info,
    put,
    receive,
    register,
    run,
    self,
    send,
    set_label,
    spawn,
    spawn_monitor,
    spawn_opt,
)

FLAGS = ["trap_exit", "priority", "max_heap_size", "message_queue_data", "mailbox_limit"]


def flags_of(pid):
    return [value for _, value in process_info(pid, FLAGS)]


# --- process_flag ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "values"),
    [
        ("trap_exit", [False, True, True, False]),
        ("priority", ["normal", "high", "low", "max", "normal"]),
        ("max_heap_size", [None, 2**40, 10**8, None]),
        ("message_queue_data", ["on_heap", "off_heap", "on_heap"]),
        ("mailbox_limit", [None, 5, 1, None]),
    ],
)
def test_a_flag_is_set_and_its_old_value_returned(flag, values):
    """erlang:process_flag/2: the old value of the flag; each has its default at first."""

    def main():
        old = [process_flag(flag, value) for value in values[1:]]
        assert process_info(self(), flag) == values[-1]
        return [*old, process_flag(flag, values[0])]

    olds = run(main)
    assert [(type(old), old) for old in olds] == [(type(value), value) for value in values]


def test_no_heap_limit_may_be_written_as_zero():
    """erlang:process_flag(max_heap_size, 0): the limit is off, which reads as None here."""

    def main():
        process_flag("max_heap_size", 10**9)
        old = process_flag("max_heap_size", 0)
        return old, process_info(self(), "max_heap_size"), process_flag("max_heap_size", None)

    assert run(main) == (10**9, None, None)


@pytest.mark.parametrize(
    ("flag", "value", "error"),
    [
        ("nonsense", True, ValueError), ("", True, ValueError), ("label", "x", ValueError),
        (None, True, (TypeError, ValueError)), (b"trap_exit", True, (TypeError, ValueError)),
        ("trap_exit", 1, TypeError), ("trap_exit", "true", TypeError),
        ("trap_exit", None, TypeError),
        ("priority", "urgent", ValueError), ("priority", "", ValueError),
        ("priority", 1, TypeError), ("priority", None, TypeError),
        ("max_heap_size", -1, ValueError), ("max_heap_size", "1", TypeError),
        ("max_heap_size", 1.0, TypeError),
        ("message_queue_data", "elsewhere", ValueError), ("message_queue_data", True, TypeError),
        ("mailbox_limit", 0, ValueError), ("mailbox_limit", -5, ValueError),
        ("mailbox_limit", "5", TypeError), ("mailbox_limit", 5.0, TypeError),
    ],
)  # fmt: skip
def test_what_is_no_flag_or_no_value_of_it_changes_nothing(flag, value, error):
    """erlang:process_flag/2: badarg for an unknown flag or value."""

    def main():
        process_flag("trap_exit", True)
        process_flag("priority", "high")
        process_flag("mailbox_limit", 9)
        before = flags_of(self())
        with pytest.raises(error):
            process_flag(flag, value)
        return flags_of(self()) == before

    assert run(main)


@both_kinds
def test_flags_are_ones_own_and_not_inherited(kind):
    """erlang:spawn/1: a new process has the default flags, whatever its parent has set."""

    async def child(io, parent):
        send(parent, flags_of(self()))

    async def main(io):
        for flag, value in zip(FLAGS, [True, "high", 10**9, "off_heap", 100], strict=True):
            process_flag(flag, value)
        kind.spawn(child, self())
        process_flag("priority", "normal")
        return await io.receive(timeout=60)

    assert kind.run(main) == [False, "normal", None, "on_heap", None]


@both_kinds
def test_who_begins_to_trap_exits_lives_through_the_next_one(kind):
    """erlang:process_flag(trap_exit, Bool): valid for the signals that come after it."""

    async def child(io, parent):
        process_flag("trap_exit", True)
        send(parent, "trapping")
        send(parent, (await io.receive(timeout=60)).reason)
        process_flag("trap_exit", False)
        send(parent, "not trapping")
        await io.receive("never")

    async def main(io):
        pid, ref = spawn_monitor(kind.function(child), self())
        await io.receive("trapping", timeout=60)
        csched.exit(pid, "first")
        await io.receive("not trapping", timeout=60)
        csched.exit(pid, "second")
        down = await io.receive(Down, timeout=60)
        return await drain(io), down.reason, down.ref == ref

    assert kind.run(main) == (["first"], "second", True)


# --- The process dictionary -----------------------------------------------------------------------


def test_the_dictionary_puts_gets_and_erases():
    """erlang:put/2, get/1, erase/1: the old value, or undefined."""

    def main():
        assert (put("a", 1), put("a", 2), put("a", None), put("b", 3)) == (None, 1, 2, None)
        assert (get("a"), get("a", "default"), get("b"), get("c"), get("c", 4)) == (
            None, None, 3, None, 4,
        )  # fmt: skip
        assert (erase("b"), erase("b"), erase("a")) == (3, None, None)
        return get_keys(), get("a", "gone")

    assert run(main) == ([], "gone")


def test_any_hashable_is_a_key_and_the_list_of_keys_is_the_callers_own():
    """erlang:get_keys/0: all keys of the process dictionary."""

    def main():
        keys = ["a", 1, (2, "b"), None, self(), csched.make_ref(), int]
        for key in keys:
            put(key, "value")
        seen = get_keys()
        assert seen == keys
        seen.clear()
        return len(get_keys())

    assert run(main) == 7


def test_what_cannot_be_a_key_is_refused():
    """A key is hashable; the dictionary is as it was."""

    def main():
        put("a", 1)
        for call in (lambda: put([], 1), lambda: get({}), lambda: erase([1])):
            with pytest.raises(TypeError):
                call()
        return process_info(self(), "dictionary")

    assert run(main) == {"a": 1}


def test_values_are_not_copied_and_need_not_be_copyable():
    """erlang:put/2: the dictionary is the process's own, so it holds the very objects."""

    def main():
        lock, items = threading.Lock(), [1]
        put("lock", lock)
        put("items", items)
        items.append(2)
        assert get("lock") is lock and get("items") is items
        return erase("items") is items and put("lock", None) is lock

    assert run(main)


@both_kinds
def test_nobody_else_sees_a_dictionary_and_no_child_inherits_it(kind):
    """erlang:put/2: a dictionary belongs to one process and ends with it."""

    async def child(io, parent, number):
        send(parent, get_keys())
        put("key", number)
        await io.yield_()
        send(parent, [get("key")])

    async def main(io):
        put("key", "main")
        for number in range(3):
            kind.spawn(child, self(), number)
        seen = [await io.receive(timeout=60) for _ in range(6)]
        return sorted(seen), get("key")

    assert kind.run(main) == ([[], [], [], [0], [1], [2]], "main")


@both_kinds
def test_a_dictionary_is_there_until_the_last_finally_block_has_run(kind):
    """The process dictionary lives as long as its process."""

    async def child(io, parent):
        put("key", "value")
        try:
            await io.receive("never")
        finally:
            send(parent, (get("key"), put("key", "last")))

    async def main(io):
        pid = kind.spawn(child, self())
        await io.yield_()
        csched.exit(pid, "enough")
        await gone(io, pid)
        return await drain(io)

    assert kind.run(main, preempt=False) == [("value", "value")]


def test_dictionaries_are_for_processes():
    """put, get, erase and process_flag outside a process raise NotRunning."""
    calls = [
        lambda: put("a", 1), lambda: get("a"), get_keys, lambda: erase("a"),
        lambda: process_flag("trap_exit", True), lambda: set_label("x"),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(NotRunning):
            call()

    def outside(errors):
        for call in calls:
            try:
                call()
            except NotRunning:
                errors.append(1)

    def main():
        errors = []
        thread = threading.Thread(target=outside, args=(errors,))
        thread.start()
        thread.join()
        return len(errors), get_keys(), flags_of(self())[0], get_label(self())

    assert run(main) == (len(calls), [], False, None)


# --- Labels ---------------------------------------------------------------------------------------


@both_kinds
def test_a_label_is_any_term_and_anybody_can_read_it(kind):
    """proc_lib:set_label/1, get_label/1: undefined at first, and for one that is not alive."""

    async def child(io, parent):
        for label in ("text", ("worker", 1), {"a": [1]}, None, 7):
            assert set_label(label) is None
            send(parent, "set")
            await io.receive("go on")

    async def main(io):
        pid = kind.spawn(child, self())
        seen = [get_label(pid)]
        for _ in range(5):
            await io.receive("set", timeout=60)
            seen.append((get_label(pid), process_info(pid, "label")))
            send(pid, "go on")
        await gone(io, pid)
        return seen, get_label(pid), get_label(self())

    labels = ["text", ("worker", 1), {"a": [1]}, None, 7]
    assert kind.run(main) == ([None, *((label, label) for label in labels)], None, None)


def test_a_label_is_copied_in_and_out():
    """Isolation holds for labels: neither the setter nor a reader can change what was set."""

    def main():
        label = [1]
        set_label(label)
        label.append(2)
        get_label(self()).append(3)
        process_info(self(), "label").append(4)
        with pytest.raises(csched.CopyError):
            set_label(threading.Lock())
        return get_label(self())

    assert run(main) == [1]


def test_only_a_pid_can_have_a_label():
    """proc_lib:get_label/1 takes a pid."""

    def main():
        register("name", self())
        for value in (None, 1, "name"):
            with pytest.raises(TypeError):
                get_label(value)

    run(main)


def test_the_listing_shows_a_label_in_place_of_a_name(monkeypatch):
    """c:i/0: the registered name, else the label."""
    monkeypatch.setattr(sys, "stdin", None)

    def labelled(parent, label):
        set_label(label)
        send(parent, "set")
        receive("end")

    def main():
        pids = [
            spawn(labelled, self(), "a label"),
            spawn_opt(labelled, self(), "hidden", name="a name"),
            spawn(labelled, self(), ("tuple", 1)),
        ]
        for _ in pids:
            receive("set", timeout=60)
        file = textio.StringIO()
        csched.i(file=file)
        return [line[:21].rstrip() for line in file.getvalue().splitlines()[5:-2:2]]

    assert run(main) == ["a label", "a name", "('tuple', 1)"]
