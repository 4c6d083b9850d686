"""Each process has a contextvars context of its own, a copy of its parent's."""

from __future__ import annotations

import contextvars
import subprocess
import sys
from typing import Any

import pytest
from kinds import both_kinds

import csched
from csched import aio, garbage_collect, receive, run, self, send, spawn, yield_

VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("VARIABLE", default="unset")
OTHER: contextvars.ContextVar[Any] = contextvars.ContextVar("OTHER", default="unset")


@pytest.fixture(autouse=True)
def with_a_variable():
    """Without one there would be no context to copy."""
    token = OTHER.set("outside")
    yield
    OTHER.reset(token)


@both_kinds
def test_what_the_parent_has_set_is_there_and_what_a_child_sets_stays_with_it(kind):
    async def child(calls, parent, number):
        seen = [VARIABLE.get(), OTHER.get()]
        VARIABLE.set(number)
        await calls.yield_()
        await calls.yield_()
        send(parent, (*seen, VARIABLE.get()))

    async def main(calls):
        VARIABLE.set("parent's")
        for number in range(10):
            kind.spawn(child, self(), number)
        found = [await calls.receive() for _ in range(10)]
        return found, VARIABLE.get()

    found, own = kind.run(main)
    assert sorted(found, key=lambda row: row[2]) == [
        ("parent's", "outside", number) for number in range(10)
    ]
    assert own == "parent's"


@both_kinds
def test_what_the_parent_sets_later_is_not_seen(kind):
    async def child(calls, parent):
        send(parent, VARIABLE.get())
        await calls.receive()
        send(parent, VARIABLE.get())

    async def main(calls):
        VARIABLE.set("early")
        pid = kind.spawn(child, self())
        VARIABLE.set("late")
        first = await calls.receive()
        send(pid, "go on")
        return first, await calls.receive()

    assert kind.run(main) == ("early", "early")


@both_kinds
@pytest.mark.parametrize("value", ["another", "parent's"], ids=["changed", "the same"])
def test_a_token_of_before_a_wait_is_good_after_it(kind, value):
    async def child(calls, parent):
        token = VARIABLE.set(value)
        for _ in range(3):
            await calls.yield_()
        VARIABLE.reset(token)
        send(parent, VARIABLE.get())

    async def main(calls):
        VARIABLE.set("parent's")
        for _ in range(3):
            kind.spawn(child, self())
        return [await calls.receive() for _ in range(3)]

    assert kind.run(main) == ["parent's"] * 3


def test_a_preempted_process_keeps_what_it_has_set():
    def child(parent, number):
        VARIABLE.set(number)
        while csched.process_info(self(), "message_queue_len") == 0:
            for _ in range(1_000):
                pass
        send(parent, VARIABLE.get() == number)

    def main():
        pids = [spawn(child, self(), number) for number in range(5)]
        csched.sleep(0.02)
        for pid in pids:
            send(pid, "end")
        return [receive(timeout=60) for _ in pids]

    assert run(main, slice=0.0005) == [True] * 5


def test_a_plain_process_that_waits_inside_a_context_of_another_leaves_the_rest_alone():
    def child(parent, number):
        def inside():
            VARIABLE.set(("inside", number))
            yield_()
            return VARIABLE.get()

        found = contextvars.copy_context().run(inside)
        VARIABLE.set(number)
        yield_()
        send(parent, (found, VARIABLE.get()))

    def main():
        for number in range(4):
            spawn(child, self(), number)
        return sorted(receive(timeout=60) for _ in range(4))

    assert run(main) == [(("inside", number), number) for number in range(4)]


@both_kinds
def test_an_iterator_over_the_context_sees_what_it_began_with(kind):
    async def child(calls, parent):
        iterator = iter(contextvars.copy_context().items())
        current = contextvars.copy_context()
        await calls.yield_()
        VARIABLE.set("changed")
        await calls.yield_()
        send(parent, (dict(iterator)[OTHER], current.get(VARIABLE)))

    async def main(calls):
        for _ in range(2):
            kind.spawn(child, self())
        return [await calls.receive() for _ in range(2)]

    assert kind.run(main) == [("outside", None)] * 2


@both_kinds
def test_grandchildren_inherit_what_a_child_has_set(kind):
    async def grandchild(calls, parent):
        send(parent, (VARIABLE.get(), OTHER.get()))

    async def child(calls, parent, number):
        VARIABLE.set(number)
        kind.spawn(grandchild, parent)
        await calls.yield_()
        VARIABLE.set("later")
        kind.spawn(grandchild, parent)

    async def main(calls):
        for number in range(3):
            kind.spawn(child, self(), number)
        return [await calls.receive() for _ in range(6)]

    found = kind.run(main)
    assert sorted(map(str, found)) == sorted(
        str((value, "outside")) for value in (0, 1, 2, "later", "later", "later")
    )


def test_a_crash_with_a_variable_set_leaves_those_of_others_alone(caplog):
    async def bad():
        VARIABLE.set("bad")
        raise ValueError

    async def good(parent):
        await aio.yield_()
        send(parent, VARIABLE.get())

    def main():
        for _ in range(3):
            spawn(bad)
            spawn(good, self())
        return [receive(timeout=60) for _ in range(3)]

    assert run(main) == ["unset"] * 3
    assert len(caplog.records) == 3


def test_a_process_that_another_has_collected_keeps_its_variables():
    async def child(parent):
        await aio.receive()
        send(parent, OTHER.get())

    def main():
        pids = [spawn(child, self()) for _ in range(3)]
        yield_()
        for pid in pids:
            garbage_collect(pid)
            send(pid, "end")
        return [receive(timeout=60) for _ in pids]

    assert run(main) == ["outside"] * 3


def test_the_context_outside_is_as_it_was():
    async def child():
        VARIABLE.set("child's")
        await aio.yield_()

    def main():
        VARIABLE.set("main's")
        spawn(child)
        yield_()

    run(main)
    assert VARIABLE.get() == "unset"
    assert OTHER.get() == "outside"


def test_a_variable_costs_those_who_only_inherit_it_nothing():
    program = """
import contextvars, sys, tracemalloc
import csched
from csched import aio, spawn
async def idle():
    await aio.receive()
async def main():
    for _ in range(1_000):
        spawn(idle)
    await aio.yield_()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(10_000):
        spawn(idle)
    await aio.yield_()
    await aio.yield_()
    return (tracemalloc.get_traced_memory()[0] - before) / 10_000
if len(sys.argv) > 1:
    contextvars.ContextVar("variable").set("value")
tracemalloc.start()
print(csched.run(main))
"""
    sizes = [
        float(
            subprocess.run(
                [sys.executable, "-c", program, *args],
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            ).stdout
        )
        for args in ([], ["with a variable"])
    ]
    assert sizes[1] - sizes[0] < 8
