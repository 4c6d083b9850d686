"""Signals from one process to another arrive in the order in which they were sent, of all kinds;
SEMANTICS.md, section 1."""

from __future__ import annotations

import itertools
import queue
import random
import threading

import pytest
from kinds import both_kinds, drain, fill, gone
from servants import TIMEOUT

import csched
from csched import (
    Down,
    Exit,
    NoProc,
    alias,
    demonitor,
    is_alive,
    link,
    monitor,
    process_flag,
    process_info,
    register,
    self,
    send,
    unlink,
)

# --- Signals that leave a message: every pair ---------------------------------------------------

# How a sender signals, with a value: `pid` is the receiver, `ref` an alias of it.
SIGNALS = {
    "message": lambda pid, ref, value: send(pid, value),
    "to name": lambda pid, ref, value: send("receiver", value),
    "to alias": lambda pid, ref, value: send(ref, value),
    "exit": lambda pid, ref, value: csched.exit(pid, value),
}
# How it ends, with a value: the first one is linked, the second one monitored, the third one both.
ENDS = ["link", "monitor", "link and monitor"]


async def sender(io, names, end):
    """Sends these signals, numbered, in one go."""
    pid, ref = await io.receive()
    for number, name in enumerate(names):
        SIGNALS[name](pid, ref, number)
    if end:
        csched.exit(len(names))
    await io.receive()


async def numbers_of_signals(io, kind, names, end=""):
    """Get these signals; the numbers that they carry, in the order in which they came."""
    process_flag("trap_exit", True)
    register("receiver", self())
    pid = kind.spawn(sender, names, bool(end))
    if "link" in end:
        link(pid)
    if "monitor" in end:
        monitor(pid)
    send(pid, (self(), alias()))
    seen = []
    for _ in range(len(names) + (len(end.split(" and ")) if end else 0)):
        message = await io.receive(timeout=TIMEOUT)
        if isinstance(message, Exit | Down):
            assert pid in message
            seen.append((type(message).__name__, message.reason))
        else:
            seen.append(("message", message))
    return seen, await drain(io)


def expected(names, end=""):
    last = len(names)
    return [
        *[("Exit" if name == "exit" else "message", number) for number, name in enumerate(names)],
        *([("Exit", last)] if "link" in end else []),
        *([("Down", last)] if "monitor" in end else []),
    ]


@both_kinds
@pytest.mark.parametrize("names", [*itertools.product(SIGNALS, repeat=2)], ids=" then ".join)
def test_two_signals_arrive_in_the_order_in_which_they_were_sent(kind, names):
    """Reference manual, processes, delivery of signals: order is kept among all kinds."""

    async def main(io):
        return await numbers_of_signals(io, kind, names)

    assert kind.run(main) == (expected(names), [])


@both_kinds
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", SIGNALS)
def test_the_end_of_a_process_never_overtakes_what_it_sent(kind, name, end):
    """Exit and down signals of a process that ends come after all that it sent."""
    names = [name] * 3

    async def main(io):
        return await numbers_of_signals(io, kind, names, end)

    assert kind.run(main) == (expected(names, end), [])


@both_kinds
@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_signals_of_all_kinds_arrive_in_order(kind, seed):
    """signal_SUITE: order holds however many signals there are, across slices too."""
    names = random.Random(seed).choices(list(SIGNALS), k=1_000)

    async def main(io):
        return await numbers_of_signals(io, kind, names, "link and monitor")

    assert kind.run(main, slice=0.0001) == (expected(names, "link and monitor"), [])


@both_kinds
def test_each_of_many_senders_keeps_its_order(kind):
    """Between different senders nothing is promised; each one's order is."""
    senders, count = 20, 100

    async def one_of_many(io, pid, who):
        for number in range(count):
            SIGNALS[random.Random(who * number).choice(list(SIGNALS))](pid, pid, (who, number))
            if number % 7 == who % 7:
                await io.yield_()

    async def main(io):
        process_flag("trap_exit", True)
        register("receiver", self())
        for who in range(senders):
            kind.spawn(one_of_many, self(), who)
        seen = {who: [] for who in range(senders)}
        for _ in range(senders * count):
            message = await io.receive(timeout=TIMEOUT)
            who, number = message.reason if isinstance(message, Exit) else message
            seen[who].append(number)
        return seen, await drain(io)

    assert kind.run(main) == ({who: list(range(count)) for who in range(senders)}, [])


def test_another_thread_is_a_sender_that_keeps_its_order():
    """Signals of one sender keep their order, be it a process or not."""
    handover = queue.SimpleQueue()
    count = 2_000

    def signal():
        pid, ref = handover.get()
        for number in range(count):
            SIGNALS[["message", "exit", "to alias", "to name"][number % 4]](pid, ref, number)

    thread = threading.Thread(target=signal)
    thread.start()

    def main():
        process_flag("trap_exit", True)
        register("receiver", self())
        handover.put((self(), alias()))
        seen = []
        while len(seen) < count:
            message = csched.receive(timeout=TIMEOUT)
            seen.append(message.reason if isinstance(message, Exit) else message)
        return seen

    assert csched.run(main) == list(range(count))
    thread.join()


# --- Signals with an effect: what another one sees, in either order -----------------------------


async def receiver(io, user, traps):
    process_flag("trap_exit", traps)
    send(user, "ready")
    await io.receive("never")


def no_proc(pid):
    try:
        link(pid)
    except NoProc:
        return "NoProc"
    return "linked"


def is_linked(pid):
    return self() in process_info(pid, "links")


def is_monitored(pid):
    return self() in process_info(pid, "monitored_by")


# Each line: whether the receiver traps, what is done to it in one step, what the last call returns.
EFFECTS = {
    "message, messages": (True, [lambda p: send(p, 1), lambda p: process_info(p, "messages")], [1]),
    "exit, messages": (
        True,
        [lambda p: csched.exit(p, "x"), lambda p: process_info(p, "messages")[0].reason],
        "x",
    ),
    "messages, message": (
        True,
        [lambda p: (process_info(p, "messages"), send(p, 1))[0]],
        [],
    ),
    "link, links": (True, [link, is_linked], True),
    "links, link": (True, [lambda p: (is_linked(p), link(p))[0]], False),
    "link, unlink, links": (True, [link, unlink, is_linked], False),
    "unlink, link, links": (True, [unlink, link, is_linked], True),
    "link, link, unlink, links": (True, [link, link, unlink, is_linked], False),
    "monitor, monitored_by": (True, [monitor, is_monitored], True),
    "monitor, demonitor, monitored_by": (
        True,
        [lambda p: demonitor(monitor(p)), is_monitored],
        False,
    ),
    "link, unlink, monitor, links": (True, [link, unlink, monitor, is_linked], False),
    "exit, is_alive": (False, [lambda p: csched.exit(p, "x"), is_alive], False),
    "exit that is trapped, is_alive": (True, [lambda p: csched.exit(p, "x"), is_alive], True),
    "kill, is_alive": (True, [lambda p: csched.exit(p, "kill"), is_alive], False),
    "exit, status": (
        False,
        [lambda p: csched.exit(p, "x"), lambda p: process_info(p, "status")],
        "exiting",
    ),
    "exit, link": (False, [lambda p: csched.exit(p, "x"), no_proc], "NoProc"),
    "exit that is dropped, link": (False, [lambda p: csched.exit(p, "normal"), no_proc], "linked"),
    "message, exit, message_queue_len of the trapping": (
        True,
        [
            lambda p: send(p, 1),
            lambda p: csched.exit(p, 2),
            lambda p: send(p, 3),
            lambda p: process_info(p, "message_queue_len"),
        ],
        3,
    ),
}


@both_kinds
@pytest.mark.parametrize(("traps", "calls", "last"), EFFECTS.values(), ids=EFFECTS)
def test_a_request_sees_all_signals_that_its_sender_sent_before(kind, traps, calls, last):
    """erlang:process_info/2 and others are signals too, and keep their place among them."""

    async def main(io):
        pid = kind.spawn(receiver, self(), traps)
        await io.receive("ready", timeout=TIMEOUT)
        return [call(pid) for call in calls][-1]

    assert kind.run(main, preempt=False) == last


def downs(messages):
    return [(type(message).__name__, message.reason) for message in messages]


# What is done to a receiver that does not trap, in one step by one who does, and what comes of it.
ANSWERS = {
    "link, exit": ([link, lambda p: csched.exit(p, "x")], [("Exit", "x")]),
    "exit, link": ([lambda p: csched.exit(p, "x"), link], [("Exit", "noproc")]),
    "link, exit, link": ([link, lambda p: csched.exit(p, "x"), link], [("Exit", "x")]),
    "monitor, exit": ([monitor, lambda p: csched.exit(p, "x")], [("Down", "x")]),
    "exit, monitor": ([lambda p: csched.exit(p, "x"), monitor], [("Down", "noproc")]),
    "link, unlink, exit": ([link, unlink, lambda p: csched.exit(p, "x")], []),
    "link, exit, unlink": ([link, lambda p: csched.exit(p, "x"), unlink], []),
    "unlink, link, exit": ([unlink, link, lambda p: csched.exit(p, "x")], [("Exit", "x")]),
    "monitor, demonitor, exit": (
        [lambda p: demonitor(monitor(p)), lambda p: csched.exit(p, "x")],
        [],
    ),
    "monitor, exit, demonitor": (
        [lambda p: [demonitor(ref) for ref in [monitor(p)] if csched.exit(p, "x")]],
        [],
    ),
    "link, monitor, exit": (
        [link, monitor, lambda p: csched.exit(p, "x")],
        [("Exit", "x"), ("Down", "x")],
    ),
    "monitor, link, exit": (
        [monitor, link, lambda p: csched.exit(p, "x")],
        [("Exit", "x"), ("Down", "x")],
    ),
    "link, monitor, unlink, exit": (
        [link, monitor, unlink, lambda p: csched.exit(p, "x")],
        [("Down", "x")],
    ),
    "monitor, exit, monitor": (
        [monitor, lambda p: csched.exit(p, "x"), monitor],
        [("Down", "noproc"), ("Down", "x")],
    ),
    "exit normal, exit": (
        [monitor, lambda p: csched.exit(p, "normal"), lambda p: csched.exit(p, "x")],
        [("Down", "x")],
    ),
    "exit, kill": (
        [monitor, lambda p: csched.exit(p, "x"), lambda p: csched.exit(p, "kill")],
        [("Down", "x")],
    ),
}


@both_kinds
@pytest.mark.parametrize(("calls", "answers"), ANSWERS.values(), ids=ANSWERS)
def test_the_answer_to_a_signal_depends_on_what_was_sent_before_it(kind, calls, answers):
    """Links, monitors, their removal and exit signals keep their order."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = kind.spawn(receiver, self(), False)
        await io.receive("ready", timeout=TIMEOUT)
        for call in calls:
            call(pid)
        await gone(io, pid)
        seen = await drain(io)
        assert all(pid in message for message in seen)
        return sorted(downs(seen)) if len({type(m) for m in seen}) == 1 else downs(seen)

    assert kind.run(main, preempt=False) == answers


# --- Down and messages, timers ------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("tag", [None, "tag"])
def test_down_never_overtakes_messages(kind, blocked, tag):
    """erlang:monitor/2: also if the sender had to wait for room, and in its finally blocks."""
    count = 500

    async def talker(io, pid):
        try:
            for number in range(count):
                send(pid, number)
        finally:
            send(pid, "last words")

    async def main(io):
        if blocked:
            process_flag("mailbox_limit", 3)
        ref = monitor(kind.spawn(talker, self()), tag=tag)
        seen = [await io.receive(timeout=TIMEOUT) for _ in range(count + 2)]
        return seen[:-1], ref in seen[-1], await drain(io)

    assert kind.run(main) == ([*range(count), "last words"], True, [])


@both_kinds
def test_equal_timers_expire_in_order_of_setting_among_messages_that_are_not_lost(kind):
    """erlang:send_after/3 with time 0: equal times in order of setting, and none is lost."""

    async def main(io):
        for number in range(100):
            csched.send_after(self(), ("timer", number), 0)
            send(self(), ("message", number))
        seen = [await io.receive(timeout=TIMEOUT) for _ in range(200)]
        names = {name: [n for other, n in seen if other == name] for name in ("timer", "message")}
        return names, await drain(io)

    assert kind.run(main) == ({"timer": [*range(100)], "message": [*range(100)]}, [])


@both_kinds
def test_a_message_to_oneself_is_there_at_once(kind):
    """Signals to oneself keep their place among those of others."""

    async def main(io):
        process_flag("trap_exit", True)
        fill(1)
        csched.exit(self(), 2)
        fill(3)
        send(alias(), 4)
        return await drain(io) == [1, Exit(self(), 2), 3, 4], process_info(self(), "messages")

    assert kind.run(main) == (True, [])
