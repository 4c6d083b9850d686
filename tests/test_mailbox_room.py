"""How room comes about in a full mailbox, and what is let in then; SEMANTICS.md, section 9."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kinds import both_kinds, drain

import csched
from csched import (
    ANY,
    Down,
    alias,
    monitor,
    process_flag,
    process_info,
    receive,
    run,
    self,
    send,
    spawn,
    spawn_opt,
)

# Globals are one for all processes.
world = SimpleNamespace()


class Counted:
    """A message that counts its copies."""

    def __init__(self):
        world.counted += 1

    def __deepcopy__(self, memo):
        return Counted()

    def __del__(self):
        world.counted -= 1


async def wait(io):
    await io.receive("end")


async def sender(io, parent, dest, *messages):
    for message in messages:
        send(dest, message)
    send(parent, ("sent", self()))


@both_kinds
def test_a_higher_limit_lets_blocked_senders_in(kind):
    """process_flag("mailbox_limit", n): room that a new limit makes is given at once."""

    async def child(io, parent, gate):
        monitor(gate)
        await io.receive(Down)
        old = process_flag("mailbox_limit", None)
        send(parent, ("old", old))
        await io.receive("last")
        send(parent, ("read", await drain(io)))

    async def main(io):
        gate = kind.spawn(wait)
        pid = spawn_opt(kind.function(child), self(), gate, mailbox_limit=2)
        while process_info(gate, "monitored_by") != [pid]:
            await io.yield_()
        fills = [
            kind.spawn(sender, self(), pid, *range(3)),
            kind.spawn(sender, self(), pid, 3, "last"),
        ]
        while {process_info(one, "status") for one in fills} != {"waiting"}:
            await io.yield_()
        send(gate, "end")
        old = (await io.receive(("old", ANY), timeout=60))[1]
        return (
            old,
            process_info(pid, "mailbox_limit"),
            (await io.receive(("read", ANY), timeout=60))[1],
        )

    assert kind.run(main) == (2, None, [0, 1, 2, 3])


def room_by_selective_receive(ref):
    return receive("second", timeout=0)


def room_by_flush(ref):
    csched.flush()
    return "flushed"


def room_by_demonitor(ref):
    return csched.demonitor(ref, flush=True, info=True)


def wait_until_blocked(pid):
    while process_info(pid, "status") != "waiting":
        csched.yield_()


@pytest.mark.parametrize(
    ("make_room", "result", "left"),
    [
        (room_by_selective_receive, "second", [Down, "first", "waiting"]),
        (room_by_flush, "flushed", []),
        (room_by_demonitor, False, ["first", "second", "waiting"]),
    ],
)
def test_whatever_takes_a_message_out_lets_the_next_one_in(make_room, result, left, capsys):
    """on_full="block": a Down counts too, and a message is let in wherever one was taken."""
    world.go = False

    def receiver(parent, gate):
        ref = monitor(gate)
        send(parent, "begun")
        while not world.go:
            csched.yield_()
        send(parent, (make_room(ref), process_info(self(), "messages")))

    def main():
        gate = spawn(receive)
        pid = spawn_opt(receiver, self(), gate, mailbox_limit=3)
        receive("begun", timeout=60)
        csched.exit(gate, "kill")
        while process_info(pid, "message_queue_len") < 1:
            csched.yield_()
        send(pid, "first")
        send(pid, "second")
        wait_until_blocked(spawn(send, pid, "waiting"))
        world.go = True
        return receive(tuple, timeout=60)

    outcome, messages = run(main)
    kinds = [Down if type(message) is Down else message for message in messages]
    assert (outcome, kinds) == (result, left)
    assert ("waiting" in capsys.readouterr().out) == (make_room is room_by_flush)


def test_a_priority_message_that_waited_goes_before_the_others():
    """on_full="block": a blocked message by a priority alias comes in at its turn, at its place."""
    world.go = False

    def receiver(parent):
        send(parent, alias(priority=True))
        while not world.go:
            csched.yield_()
        send(parent, [receive(timeout=60) for _ in range(4)])

    def main():
        pid = spawn_opt(receiver, self(), mailbox_limit=2)
        priority = receive(csched.Ref, timeout=60)
        send(pid, "a")
        send(pid, "b")
        wait_until_blocked(spawn(send, pid, "c"))
        wait_until_blocked(spawn(send, priority, "d"))
        world.go = True
        return receive(list, timeout=60)

    assert run(main) == ["a", "b", "d", "c"]


@both_kinds
@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_a_message_that_never_came_in_is_let_go(kind, who):
    """on_full="block": the death of the sender or of the receiver frees what was waiting."""
    world.counted = 0

    async def blocked(io, dest):
        send(dest, Counted())
        await io.receive("end")

    async def main(io):
        dest = spawn_opt(kind.function(wait), mailbox_limit=1)
        send(dest, "first")
        pids = [kind.spawn(blocked, dest) for _ in range(20)]
        while world.counted < 20 or {process_info(pid, "status") for pid in pids} != {"waiting"}:
            await io.yield_()
        for pid in pids if who == "sender" else [dest]:
            csched.exit(pid, "kill")
        # Those who live let go when they run on.
        while world.counted:
            await io.yield_()
        return process_info(dest, "messages")

    assert kind.run(main) == (["first"] if who == "sender" else None)
