"""A full mailbox that blocks: who waits for room, and in which order; SEMANTICS.md, section 9."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from kinds import both_kinds, drain, fill, gone

import csched
from csched import (
    ANY,
    Down,
    MailboxFull,
    alias,
    is_alive,
    monitor,
    process_flag,
    process_info,
    self,
    send,
    spawn_monitor,
    spawn_opt,
)

# Globals are one for all processes.
world = SimpleNamespace()


async def wait(io):
    await io.receive("end")


async def reader(io, parent, gate, count):
    """Do nothing until `gate` has ended, then read `count` messages and tell the parent.

    What opens the gate is a Down, which comes past any limit.
    """
    monitor(gate)
    await io.receive(Down)
    send(parent, ("read", [await io.receive() for _ in range(count)]))
    await io.receive("never")


async def sender(io, parent, dest, *messages):
    for message in messages:
        send(dest, message)
    send(parent, ("sent", self()))


class Dam:
    """A gate and a reader behind it."""

    def __init__(self, kind, count, limit, on_full="block", **options):
        self.kind = kind
        self.gate = kind.spawn(wait)
        self.pid = spawn_opt(
            kind.function(reader), csched.self(), self.gate, count,
            mailbox_limit=limit, on_full=on_full, **options,
        )  # fmt: skip

    async def begun(self, io):
        while process_info(self.gate, "monitored_by") != [self.pid]:
            await io.yield_()
        return self

    async def blocked_sender(self, io, *messages):
        """A process that waits for room."""
        pid = self.kind.spawn(sender, csched.self(), self.pid, *messages)
        while process_info(pid, "status") != "waiting":
            await io.yield_()
        return pid

    async def read(self, io):
        """Open the gate."""
        send(self.gate, "end")
        return (await io.receive(("read", list), timeout=60))[1]


@both_kinds
def test_a_sender_waits_until_there_is_room(kind):
    """on_full="block": the sender is suspended, nothing is lost, nothing goes past the limit."""

    async def main(io):
        dam = await Dam(kind, 6, 2).begun(io)
        pid = await dam.blocked_sender(io, *range(6))
        for _ in range(20):
            await io.yield_()
            assert process_info(dam.pid, "messages") == [0, 1]
            assert process_info(pid, "status") == "waiting"
        return await dam.read(io), await io.receive(("sent", pid), timeout=60) == ("sent", pid)

    assert kind.run(main) == (list(range(6)), True)


@both_kinds
def test_a_mailbox_with_room_blocks_nobody(kind):
    """on_full="block": up to the limit a send returns at once."""

    async def main(io):
        dam = await Dam(kind, 3, 3).begun(io)
        kind.spawn(sender, self(), dam.pid, "a", "b", "c")
        await io.receive(("sent", ANY), timeout=60)
        return process_info(dam.pid, "messages"), await dam.read(io)

    assert kind.run(main) == (["a", "b", "c"], ["a", "b", "c"])


@both_kinds
def test_blocked_senders_are_served_in_the_order_in_which_they_came(kind):
    """on_full="block": first come, first served; the messages come in that order too."""

    async def main(io):
        dam = await Dam(kind, 21, 1).begun(io)
        send(dam.pid, "first")
        pids = [await dam.blocked_sender(io, number) for number in range(20)]
        messages = await dam.read(io)
        served = [(await io.receive(("sent", ANY), timeout=60))[1] for _ in pids]
        return messages, served == pids

    assert kind.run(main) == (["first", *range(20)], True)


@both_kinds
def test_a_late_sender_does_not_overtake_a_blocked_one(kind):
    """on_full="block": room that was made belongs to who has waited for it."""

    async def main(io):
        dam = await Dam(kind, 4, 1).begun(io)
        send(dam.pid, 0)
        await dam.blocked_sender(io, 1, 3)
        await dam.blocked_sender(io, 2)
        return await dam.read(io)

    # The first one's second message comes behind the message of the other.
    assert kind.run(main) == [0, 1, 2, 3]


@both_kinds
def test_a_blocked_sender_that_is_killed_delivers_nothing(kind):
    """on_full="block": the message of one that died while it waited never comes in."""

    async def main(io):
        dam = await Dam(kind, 3, 1).begun(io)
        send(dam.pid, "first")
        victim = await dam.blocked_sender(io, "never")
        other = await dam.blocked_sender(io, "second", "third")
        csched.exit(victim, "kill")
        await gone(io, victim)
        messages = await dam.read(io)
        return messages, await io.receive(("sent", ANY), timeout=60) == ("sent", other)

    assert kind.run(main) == (["first", "second", "third"], True)


@both_kinds
def test_a_blocked_sender_that_is_told_to_exit_is_unwound_at_its_send(kind):
    """on_full="block": ProcessExit is raised out of the send; the finally blocks run."""

    async def unlucky(io, parent, dest):
        try:
            send(dest, "never")
            send(parent, "sent after all")
        except csched.ProcessExit as error:
            send(parent, ("unwound", error.reason))
            raise

    async def main(io):
        dam = await Dam(kind, 1, 1).begun(io)
        send(dam.pid, "first")
        pid, ref = spawn_monitor(kind.function(unlucky), self(), dam.pid)
        while process_info(pid, "status") != "waiting":
            await io.yield_()
        csched.exit(pid, "enough")
        down = await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return await drain(io), down.reason, await dam.read(io)

    assert kind.run(main) == ([("unwound", "enough")], "enough", ["first"])


@both_kinds
def test_blocked_senders_go_on_when_the_receiver_dies(kind):
    """on_full="block": a dead receiver swallows what was waiting, as it does any message."""

    async def main(io):
        dam = await Dam(kind, 1, 1).begun(io)
        send(dam.pid, "first")
        pids = [await dam.blocked_sender(io, number, "more") for number in range(10)]
        csched.exit(dam.pid, "kill")
        sent = [(await io.receive(("sent", ANY), timeout=60))[1] for _ in pids]
        await gone(io, dam.pid, *pids)
        return sorted(sent) == pids

    assert kind.run(main)


@both_kinds
def test_a_chain_of_full_mailboxes_drains_from_its_end(kind):
    """on_full="block": each process is blocked by the next; all goes on when the last one reads."""
    length = 8

    async def stage(io, dest):
        while True:
            send(dest, await io.receive())

    async def main(io):
        dam = await Dam(kind, 40, 1).begun(io)
        stages = [dam.pid]
        for _ in range(length):
            stages.append(spawn_opt(kind.function(stage), stages[-1], mailbox_limit=1))
        pid = kind.spawn(sender, self(), stages[-1], *range(40))
        # One message in each mailbox, and one in the hands of each stage and of the sender.
        while not all(process_info(stage, "message_queue_len") for stage in stages):
            await io.yield_()
        assert is_alive(pid)
        return await dam.read(io), await io.receive(("sent", pid), timeout=60) == ("sent", pid)

    assert kind.run(main) == (list(range(40)), True)


@both_kinds
def test_a_ring_of_full_mailboxes_can_be_killed(kind):
    """on_full="block": processes that block each other for ever still die when told to."""

    async def stage(io):
        dest = await io.receive()
        for number in range(3):
            send(dest, number)

    async def main(io):
        pids = [spawn_opt(kind.function(stage), mailbox_limit=1) for _ in range(5)]
        for number, pid in enumerate(pids):
            send(pid, pids[number - 1])
        while {process_info(pid, "message_queue_len") for pid in pids} != {1}:
            await io.yield_()
        while {process_info(pid, "status") for pid in pids} != {"waiting"}:
            await io.yield_()
        for pid in pids:
            csched.exit(pid, "kill")
        await gone(io, *pids)
        return csched.processes() == [self()]

    assert kind.run(main, preempt=False)


@both_kinds
def test_a_process_cannot_wait_for_room_in_its_own_mailbox(kind):
    """on_full="block": a send to oneself with a full mailbox raises MailboxFull."""

    async def main(io):
        process_flag("mailbox_limit", 2)
        fill(1, 2)
        for dest in (self(), alias()):
            with pytest.raises(MailboxFull):
                send(dest, 3)
        assert issubclass(MailboxFull, RuntimeError)
        taken = await io.receive()
        fill(4)
        return taken, await drain(io)

    assert kind.run(main) == (1, [2, 4])


@both_kinds
def test_a_message_by_name_or_alias_waits_too(kind):
    """on_full="block": however the receiver was addressed."""

    async def main(io):
        dam = await Dam(kind, 2, 1, name="reader").begun(io)
        send("reader", "first")
        pid = kind.spawn(sender, self(), "reader", "second")
        while process_info(pid, "status") != "waiting":
            await io.yield_()
        return await dam.read(io)

    assert kind.run(main) == ["first", "second"]


@both_kinds
def test_a_dying_process_may_not_wait_for_room(kind):
    """A send that would block while its process unwinds raises ProcessExit again."""

    async def unlucky(io, parent, dest):
        try:
            await io.receive("never")
        finally:
            try:
                send(dest, "last words")
            except csched.ProcessExit as error:
                send(parent, ("again", error.reason))

    async def main(io):
        dam = await Dam(kind, 1, 1).begun(io)
        send(dam.pid, "first")
        pid = kind.spawn(unlucky, self(), dam.pid)
        await io.yield_()
        csched.exit(pid, "enough")
        await gone(io, pid)
        return await drain(io), await dam.read(io)

    assert kind.run(main) == ([("again", "enough")], ["first"])


@both_kinds
def test_a_message_that_cannot_be_copied_blocks_nobody(kind):
    """The CopyError comes before any wait for room."""

    async def main(io):
        dam = await Dam(kind, 1, 1).begun(io)
        send(dam.pid, "first")
        with pytest.raises(csched.CopyError):
            send(dam.pid, threading.Lock())
        return await dam.read(io)

    assert kind.run(main) == ["first"]


@both_kinds
def test_what_was_sent_is_the_value_at_the_time_of_the_send(kind):
    """on_full="block": the message is that of the call, and send returns it."""

    async def careful(io, parent, dest):
        message = ["x"]
        result = send(dest, message)
        result.append("later")
        send(parent, ("same", result is message))

    async def main(io):
        dam = await Dam(kind, 2, 1).begun(io)
        send(dam.pid, "first")
        kind.spawn(careful, self(), dam.pid)
        messages = await dam.read(io)
        return messages, await io.receive(("same", bool), timeout=60)

    assert kind.run(main) == (["first", ["x"]], ("same", True))


@both_kinds
def test_among_many_senders_nothing_is_lost_doubled_or_out_of_order(kind):
    """on_full="block": all of the living's messages come in order, of the killed's the first."""

    async def slow(io, parent, count):
        for _ in range(count):
            send(parent, await io.receive())
            await io.yield_()

    async def main(io):
        dest = spawn_opt(kind.function(slow), self(), 600, mailbox_limit=3)
        senders = {}
        for name in range(20):
            numbers = [(name, number) for number in range(40)]
            senders[kind.spawn(sender, self(), dest, *numbers)] = name
        arrived = {name: [] for name in range(20)}
        for count in range(600):
            name, number = await io.receive((int, int), timeout=60)
            arrived[name].append(number)
            if count in (50, 51, 130, 200, 201):
                csched.exit(min(filter(is_alive, senders)), "kill")
        killed = {name for pid, name in senders.items() if not is_alive(pid)}
        assert all(numbers == list(range(len(numbers))) for numbers in arrived.values())
        return len(killed & {0, 1, 2, 3, 4})

    assert kind.run(main, slice=0.0002) == 5
