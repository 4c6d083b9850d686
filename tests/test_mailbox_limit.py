"""What happens when a mailbox is full: four ways; SEMANTICS.md, section 9."""

from __future__ import annotations

import threading

import pytest
from kinds import both_kinds, drain, fill, gone

import csched
from csched import (
    ANY,
    Down,
    Exit,
    MailboxFull,
    alias,
    is_alive,
    link,
    make_ref,
    monitor,
    process_flag,
    process_info,
    receive,
    run,
    self,
    send,
    send_after,
    spawn,
    spawn_opt,
)


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


# --- Who never blocks -----------------------------------------------------------------------------


def test_a_foreign_thread_gets_mailbox_full():
    """on_full="block": a sender that is no process cannot be suspended."""

    def outside(pid, results):
        for number in range(4):
            try:
                results.append(send(pid, number))
            except MailboxFull:
                results.append("full")

    def main():
        pid = spawn_opt(receive, "never", mailbox_limit=2)
        results = []
        thread = threading.Thread(target=outside, args=(pid, results))
        thread.start()
        thread.join()
        return results, process_info(pid, "messages")

    assert run(main, preempt=False) == ([0, 1, "full", "full"], [0, 1])


@both_kinds
@pytest.mark.parametrize("on_full", ["block", "drop", "drop_oldest"])
def test_exits_and_downs_are_delivered_past_any_limit(kind, on_full):
    """Signals that become messages are never lost, and never block who dies."""

    async def watcher(io, parent, pids):
        process_flag("trap_exit", True)
        send(self(), "own message")
        for pid in pids:
            link(pid)
            monitor(pid)
        send(parent, "watching")
        await io.receive("never")

    async def main(io):
        pids = [kind.spawn(wait) for _ in range(5)]
        pid = spawn_opt(
            kind.function(watcher), self(), pids, mailbox_limit=1, on_full=on_full
        )  # fmt: skip
        await io.receive("watching", timeout=60)
        for victim in pids:
            send(victim, "end")
        await gone(io, *pids)
        first, *messages = process_info(pid, "messages")
        assert first == "own message"
        assert sorted(m.pid for m in messages if type(m) is Exit) == pids
        return sorted(m.object for m in messages if type(m) is Down) == pids

    assert kind.run(main)


def test_drop_oldest_takes_no_exit_or_down():
    """on_full="drop_oldest": the oldest message is dropped, but no Exit or Down."""

    def child(parent):
        process_flag("trap_exit", True)
        dead = receive(csched.Pid)
        link(dead)
        ref = monitor(dead)
        for number in range(5):
            send(self(), number)
        send(parent, (process_info(self(), "messages"), [Exit(dead, "noproc"),
                      Down(ref, "process", dead, "noproc")]))  # fmt: skip

    def main():
        dead = spawn(int)
        while is_alive(dead):
            csched.yield_()
        pid = spawn_opt(child, self(), mailbox_limit=3, on_full="drop_oldest")
        send(pid, dead)
        messages, signals = receive(timeout=60)
        return messages == [*signals, 4]

    assert run(main)


@pytest.mark.parametrize(
    ("on_full", "expected"),
    [("drop", ["first"]), ("drop_oldest", ["by timer"]), ("block", ["first", "by timer"])],
)
def test_a_timers_message_never_blocks_and_obeys_the_other_ways(on_full, expected):
    """A timer delivers past the limit of "block"; drop and drop_oldest hold for it."""

    def main():
        pid = spawn_opt(receive, "never", mailbox_limit=1, on_full=on_full)
        send(pid, "first")
        send_after(pid, "by timer", 0.001)
        while process_info(pid, "timers"):
            csched.sleep(0.001)
        return process_info(pid, "messages")

    assert run(main) == expected


def test_a_timers_message_may_be_the_one_too_many():
    """on_full="exit": a message of a timer kills the full receiver too."""

    def main():
        pid, ref = spawn_opt(receive, "never", mailbox_limit=1, on_full="exit", monitor=True)
        send(pid, "first")
        send_after(pid, "by timer", 0.001)
        return receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    assert run(main) == "mailbox_full"


# --- drop, drop_oldest, exit ----------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize(
    ("on_full", "expected"), [("drop", [0, 1, 2]), ("drop_oldest", [7, 8, 9])]
)  # fmt: skip
def test_what_is_too_much_is_dropped_and_the_sender_goes_on(kind, on_full, expected):
    """on_full="drop" drops the new message, "drop_oldest" the oldest; send returns its message."""

    async def main(io):
        dam = await Dam(kind, 3, 3, on_full).begun(io)
        assert [send(dam.pid, number) for number in range(10)] == list(range(10))
        assert process_info(dam.pid, "messages") == expected
        return await dam.read(io)

    assert kind.run(main) == expected


def test_a_message_to_oneself_obeys_the_limit():
    """drop and drop_oldest hold for the receiver's own messages."""

    def child(parent):
        fill(1, 2, 3)
        first = receive(timeout=0)
        fill(4, 5)
        send(parent, (first, process_info(self(), "messages")))

    def main():
        results = []
        for on_full in ("drop", "drop_oldest"):
            spawn_opt(child, self(), mailbox_limit=2, on_full=on_full)
            results.append(receive(timeout=60))
        return results

    assert run(main) == [(1, [2, 4]), (2, [4, 5])]


@both_kinds
def test_one_message_too_many_kills(kind, caplog):
    """on_full="exit": the receiver dies with reason mailbox_full, trapping or not."""

    async def child(io, parent, trap):
        process_flag("trap_exit", trap)
        try:
            send(parent, "begun")
            await io.receive("never")
        finally:
            send(parent, "finally")

    async def main(io):
        reasons = []
        for trap in (False, True):
            pid, ref = spawn_opt(
                kind.function(child), self(), trap, mailbox_limit=2, on_full="exit", monitor=True
            )  # fmt: skip
            await io.receive("begun", timeout=60)
            fills = [send(pid, number) for number in range(2)]
            assert is_alive(pid)
            assert send(pid, "too much") == "too much"
            assert not is_alive(pid)
            down = await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
            reasons.append((down.reason, await drain(io), fills))
        return reasons

    assert kind.run(main) == [("mailbox_full", ["finally"], [0, 1])] * 2


def test_one_message_too_many_to_oneself_kills_oneself():
    """on_full="exit": in the very call that sends it."""

    def child(parent):
        try:
            fill(1, 2, 3)
        finally:
            send(parent, process_info(self(), "message_queue_len"))

    def main():
        _, ref = spawn_opt(child, self(), mailbox_limit=2, on_full="exit", monitor=True)
        count = receive(int, timeout=60)
        return count, receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    assert run(main) == (2, "mailbox_full")


@both_kinds
def test_a_predicate_may_push_out_the_message_that_it_is_asked_about(kind):
    """on_full="drop_oldest": what is no longer there is not received, whatever a predicate says."""

    async def child(io, parent):
        fill(1, 2)

        def predicate(message):
            if message == 1:
                fill(3)
            return True

        send(parent, (await io.receive(predicate, timeout=0), await drain(io)))

    async def main(io):
        spawn_opt(kind.function(child), self(), mailbox_limit=2, on_full="drop_oldest")
        return await io.receive(timeout=60)

    assert kind.run(main) == (2, [3])


def test_priority_messages_have_the_same_limit():
    """What is sent by a priority alias goes first, not past the limit."""

    def child(parent):
        priority = alias(priority=True)
        fill("ordinary")
        for number in range(10):
            send(priority, number)
        send(parent, process_info(self(), "message_queue_len"))

    def main():
        results = []
        for on_full in ("drop", "drop_oldest"):
            spawn_opt(child, self(), mailbox_limit=2, on_full=on_full)
            results.append(receive(timeout=60))
        return results

    assert run(main) == [2, 2]


@both_kinds
@pytest.mark.parametrize("on_full", ["drop", "drop_oldest"])
def test_a_receive_marker_survives_what_was_dropped(kind, on_full):
    """A reference made before messages came and went is found, and hides nothing later."""

    async def child(io, parent):
        fill(*range(10))
        ref = make_ref()
        if on_full == "drop":
            await io.receive()
        else:
            fill("between")
        fill((ref, 1))
        found = await io.receive((ref, int), timeout=0, default="lost")
        fill("last")
        send(parent, (found != "lost", await drain(io)))

    async def main(io):
        spawn_opt(kind.function(child), self(), mailbox_limit=4, on_full=on_full)
        return await io.receive(timeout=60)

    expected = {"drop": [1, 2, 3, "last"], "drop_oldest": [8, 9, "between", "last"]}
    assert kind.run(main) == (True, expected[on_full])


# --- The limit itself -----------------------------------------------------------------------------


@both_kinds
def test_a_lower_limit_drops_nothing_that_is_there(kind):
    """process_flag("mailbox_limit", n): holds for what comes after it."""

    async def main(io):
        fill(1, 2, 3, 4)
        assert process_flag("mailbox_limit", 2) is None
        with pytest.raises(MailboxFull):
            send(self(), 5)
        seen = [await io.receive() for _ in range(3)]
        fill(6)
        with pytest.raises(MailboxFull):
            send(self(), 7)
        assert process_flag("mailbox_limit", None) == 2
        fill(8)
        return seen, await drain(io)

    assert kind.run(main) == ([1, 2, 3], [4, 6, 8])


def test_a_limit_is_not_inherited():
    """Each process has its own limit, none at first."""

    def main():
        process_flag("mailbox_limit", 5)
        pid = spawn(receive, "never")
        for number in range(100):
            send(pid, number)
        items = ["mailbox_limit", "message_queue_len"]
        return process_info(pid, items), process_info(self(), "mailbox_limit")

    assert run(main) == ([("mailbox_limit", None), ("message_queue_len", 100)], 5)


def test_what_happens_past_a_limit_may_be_chosen_before_there_is_one():
    """on_full holds for a limit that process_flag sets later."""

    def child(parent):
        process_flag("mailbox_limit", 2)
        fill(1, 2, 3)
        send(parent, process_info(self(), "messages"))

    def main():
        results = []
        for on_full in ("drop", "drop_oldest"):
            spawn_opt(child, self(), on_full=on_full)
            results.append(receive(timeout=60))
        return results

    assert run(main) == [[1, 2], [2, 3]]


@pytest.mark.parametrize("monitored", [False, True])
def test_a_send_that_is_refused_does_not_use_up_a_reply_alias(monitored):
    """An alias for one message is off after a message, and MailboxFull says that there was none."""

    def main():
        pid = spawn(receive)
        ref = monitor(pid, alias="reply_demonitor") if monitored else alias(reply=True)
        process_flag("mailbox_limit", 1)
        fill("first")
        with pytest.raises(MailboxFull):
            send(ref, "refused")
        assert receive() == "first"
        assert process_info(self(), "monitors") == [("process", pid)] * monitored
        send(ref, "reply")
        send(ref, "lost")
        return receive(timeout=0), receive(timeout=0, default="nothing")

    assert run(main) == ("reply", "nothing")
