"""`hibernate`: to wait for a message with as little memory as possible."""

from __future__ import annotations

import pytest
from heap_nodes import Node, cycle, make_cycles
from kinds import both_kinds

import csched
from csched import (
    ANY,
    Down,
    hibernate,
    process_info,
    receive,
    run,
    self,
    send,
    spawn,
    spawn_monitor,
    yield_,
)


@both_kinds
def test_hibernating_ends_with_a_message_and_leaves_it_there(kind):
    async def body(calls, parent):
        send(parent, "hibernates")
        await calls.hibernate()
        send(parent, process_info(self(), "message_queue_len"))
        send(parent, await calls.receive())

    def main():
        pid = spawn(kind.function(body), self())
        receive("hibernates", timeout=60)
        yield_()
        asleep = process_info(pid, "status")
        send(pid, "first")
        return asleep, receive(timeout=60), receive(timeout=60)

    assert run(main) == ("waiting", 1, "first")


@both_kinds
def test_hibernating_with_a_message_in_the_mailbox_returns_at_once(kind):
    async def main(calls):
        send(self(), "here")
        await calls.hibernate()
        return await calls.receive()

    assert kind.run(main) == "here"


@both_kinds
def test_hibernating_collects_the_garbage_first(kind):
    async def body(calls, parent):
        make_cycles(5)
        send(parent, "hibernates")
        await calls.hibernate()

    def main():
        before = Node.alive
        spawn(kind.function(body), self())
        receive("hibernates", timeout=60)
        yield_()
        return Node.alive - before

    assert run(main) == 0


@both_kinds
def test_a_message_that_a_finalizer_sends_ends_the_hibernation(kind):
    async def main(calls):
        cycle(lambda: send(self(), "from the finalizer"))
        await calls.hibernate()
        return await calls.receive()

    assert kind.run(main) == "from the finalizer"


@both_kinds
def test_a_priority_message_ends_the_hibernation(kind):
    async def body(calls, parent):
        send(parent, csched.alias(priority=True))
        await calls.hibernate()
        send(parent, await calls.receive())

    def main():
        spawn(kind.function(body), self())
        alias = receive(timeout=60)
        yield_()
        send(alias, "urgent")
        return receive(timeout=60)

    assert run(main) == "urgent"


@both_kinds
def test_a_process_that_hibernates_can_be_told_to_exit(kind):
    async def body(calls, parent):
        send(parent, "hibernates")
        await calls.hibernate()

    def main():
        pid, ref = spawn_monitor(kind.function(body), self())
        receive("hibernates", timeout=60)
        csched.exit(pid, "stop")
        return receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    assert run(main) == "stop"


def test_who_is_no_process_cannot_hibernate():
    with pytest.raises(csched.NotRunning):
        hibernate()
