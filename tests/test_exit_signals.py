"""Exit signals: what a process that gets one does; SEMANTICS.md, section 3."""

from __future__ import annotations

import contextvars
import logging
import queue
import sys
import threading
import time

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    ANY,
    CopyError,
    Crash,
    Down,
    Exit,
    ProcessExit,
    is_alive,
    link,
    monitor,
    process_flag,
    process_info,
    self,
    send,
    unlink,
)

TIMEOUT = 60


async def subject(io, user, traps):
    """Does what it is told; anything else, an `Exit` too, it passes on to its user."""
    process_flag("trap_exit", traps)
    send(user, "ready")
    while True:
        match await io.receive():
            case ("link", pid):
                link(pid)
                send(user, "ready")
            case ("unlink", pid):
                unlink(pid)
                send(user, "ready")
            case ("tell yourself", reason):
                csched.exit(self(), reason)
                send(user, "ready")
            case ("end", reason):
                csched.exit(reason)
            case message:
                send(user, message)


# --- The table, row by row ----------------------------------------------------------------------


async def by_link(io, kind, pid, reason, *, unlink_before=False):
    sender = kind.spawn(subject, self(), False)
    await io.receive("ready", timeout=TIMEOUT)
    end = monitor(sender)
    for command in ["link", "unlink"] if unlink_before else ["link"]:
        send(pid, (command, sender))
        await io.receive("ready", timeout=TIMEOUT)
    send(sender, ("end", reason))
    await io.receive(Down(end, ANY, ANY, ANY), timeout=TIMEOUT)
    return sender


async def by_former_link(io, kind, pid, reason):
    return await by_link(io, kind, pid, reason, unlink_before=True)


async def by_exit(io, kind, pid, reason):
    assert csched.exit(pid, reason) is True
    return self()


async def by_exit_to_itself(io, kind, pid, reason):
    end = monitor(pid)
    send(pid, ("tell yourself", reason))
    await io.receive(lambda message: message == "ready" or end in message, timeout=TIMEOUT)
    return pid


OTHERS = ["shutdown", ("shutdown", {"of": [1]}), "killed", 5, ""]
EVERY = ["normal", "kill", *OTHERS]
EITHER = [False, True]
TABLE = [
    # By, reasons, receiver traps, effect.
    (by_former_link, EVERY, EITHER, "dropped"),
    (by_link, ["normal"], [False], "dropped"),
    (by_link, ["kill", *OTHERS], [False], "dies"),
    (by_link, EVERY, [True], "message"),
    (by_exit, ["kill"], EITHER, "killed"),
    (by_exit_to_itself, ["kill"], EITHER, "killed"),
    (by_exit, ["normal"], [False], "dropped"),
    (by_exit_to_itself, ["normal"], [False], "dies"),
    (by_exit, ["normal"], [True], "message"),
    (by_exit_to_itself, ["normal"], [True], "message"),
    (by_exit, OTHERS, [False], "dies"),
    (by_exit_to_itself, OTHERS, [False], "dies"),
    (by_exit, OTHERS, [True], "message"),
    (by_exit_to_itself, OTHERS, [True], "message"),
]
ROWS = [
    pytest.param(cause, reason, traps, effect, id=f"{cause.__name__}-{reason}-traps={traps}")
    for cause, reasons, trap_flags, effect in TABLE
    for reason in reasons
    for traps in trap_flags
]


@both_kinds
@pytest.mark.parametrize(("cause", "reason", "traps", "effect"), ROWS)
def test_the_receiver_of_an_exit_signal_does_what_the_table_says(
    kind, cause, reason, traps, effect
):
    """erlang:exit/2, link/1: the effect depends on how, the reason, trap_exit and the sender."""

    async def main(io):
        pid = kind.spawn(subject, self(), traps)
        await io.receive("ready", timeout=TIMEOUT)
        end = monitor(pid)
        sender = await cause(io, kind, pid, reason)
        send(pid, "ping")
        first = await io.receive(timeout=TIMEOUT)
        if isinstance(first, Exit):
            assert await io.receive(timeout=TIMEOUT) == "ping"
        return first, {
            "dropped": "ping",
            "dies": Down(end, "process", pid, reason),
            "killed": Down(end, "process", pid, "killed"),
            "message": Exit(sender, reason),
        }[effect]

    seen, expected = kind.run(main)
    assert (type(seen), seen) == (type(expected), expected)


# --- A process's own ends -----------------------------------------------------------------------


def raise_(error):
    raise error


ENDS = {
    "returns": (lambda: 42, "normal"),
    "exit normal": (lambda: csched.exit("normal"), "normal"),
    "exit": (lambda: csched.exit({"any": ["value"]}), {"any": ["value"]}),
    "exit kill": (lambda: csched.exit("kill"), "kill"),
    "exit a pid": (lambda: csched.exit(self()), None),
    "ProcessExit": (lambda: raise_(ProcessExit("raised")), "raised"),
    "SystemExit": (lambda: sys.exit(), "normal"),
    "SystemExit 0": (lambda: sys.exit(0), "normal"),
    "SystemExit 3": (lambda: sys.exit(3), ("system_exit", 3)),
    "SystemExit text": (lambda: sys.exit("text"), ("system_exit", "text")),
}


async def do(io, end):
    await io.receive("go")
    return end()


async def ends_of(io, kind, end):
    """The reasons that a link and a monitor give, and the pid."""
    process_flag("trap_exit", True)
    pid = kind.spawn(do, end)
    link(pid)
    monitor(pid)
    send(pid, "go")
    linked = await io.receive(Exit, timeout=TIMEOUT)
    down = await io.receive(Down, timeout=TIMEOUT)
    assert linked.pid == down.object == pid
    return linked.reason, down.reason, pid


@both_kinds
@pytest.mark.parametrize(("end", "reason"), ENDS.values(), ids=ENDS)
def test_links_and_monitors_learn_how_a_process_ended(kind, end, reason, caplog):
    """erlang:exit/1: the reason of a process's end goes to all that are linked or monitor it."""

    async def main(io):
        linked, down, pid = await ends_of(io, kind, end)
        return linked, down, pid if reason is None else reason

    linked, down, expected = kind.run(main)
    assert linked == down == expected
    assert caplog.records == []


@both_kinds
def test_a_process_that_raises_has_crashed_and_is_logged_once(kind, caplog):
    """Reference manual, errors: an uncaught exception is the reason, with its stack."""

    async def main(io):
        return await ends_of(io, kind, lambda: raise_(ValueError("a", 1)))

    linked, down, _ = kind.run(main)
    for crash in linked, down:
        assert isinstance(crash, Crash)
        assert (type(crash.exception), crash.exception.args) == (ValueError, ("a", 1))
        assert crash.exception.__traceback__ is None
        assert "in raise_" in crash.traceback
        assert crash.traceback.rstrip().endswith("ValueError: ('a', 1)")
    assert [(record.name, record.levelno) for record in caplog.records] == [
        ("csched", logging.ERROR)
    ]


class Unpicklable(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


@both_kinds
@pytest.mark.parametrize(
    ("end", "error", "text"),
    [
        (lambda: raise_(Unpicklable("held")), RuntimeError, "Unpicklable: held"),
        (lambda: raise_(ProcessExit(threading.Lock())), CopyError, "lock"),
        (lambda: csched.exit([threading.Lock()]), CopyError, "lock"),
    ],
    ids=["exception", "ProcessExit", "exit"],
)
def test_an_end_that_cannot_be_copied_is_told_as_one_that_can(kind, end, error, text):
    """A reason is a term like any other: it is copied to each who learns it."""

    async def main(io):
        return await ends_of(io, kind, end)

    linked, down, _ = kind.run(main)
    for crash in linked, down:
        assert type(crash.exception) is error
        assert text in str(crash.exception)


@both_kinds
def test_an_exit_with_what_cannot_be_copied_raises_and_nothing_happens(kind):
    """exit/1, exit/2: a bad argument is an error of the caller."""

    async def main(io):
        pid = kind.spawn(subject, self(), False)
        await io.receive("ready", timeout=TIMEOUT)
        with pytest.raises(CopyError):
            csched.exit(pid, threading.Lock())
        with pytest.raises(CopyError):
            csched.exit(threading.Lock())
        with pytest.raises(CopyError):
            csched.exit(self(), threading.Lock())
        send(pid, "ping")
        return is_alive(pid), await io.receive(timeout=TIMEOUT)

    assert kind.run(main) == (True, "ping")


@both_kinds
def test_everybody_gets_a_reason_of_his_own(kind):
    """Signals carry copies: what one does to a reason, no other sees."""

    async def watcher(io, user, pid):
        process_flag("trap_exit", True)
        link(pid)
        monitor(pid)
        send(user, "ready")
        for message in [await io.receive(Exit), await io.receive(Down)]:
            send(user, list(message.reason))
            message.reason.append("changed")

    async def main(io):
        pid = kind.spawn(subject, self(), False)
        for _ in range(3):
            kind.spawn(watcher, self(), pid)
        for _ in range(4):
            await io.receive("ready", timeout=TIMEOUT)
        reason = ["why"]
        csched.exit(pid, reason)
        reason.append("changed too")
        return [await io.receive(timeout=TIMEOUT) for _ in range(6)]

    assert kind.run(main) == [["why"]] * 6


# --- Wherever it stands -------------------------------------------------------------------------


def spin():
    while True:
        pass


def blocked_in_a_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


async def receiving(io):
    await io.receive()


async def receiving_with_timeout(io):
    await io.receive("other", timeout=600)


async def sleeping(io):
    await io.sleep(600)


async def runnable(io):
    while True:
        await io.yield_()


async def preempted(io):
    spin()


async def blocked(io):
    blocked_in_a_lock()


async def blocked_in_the_system(io):
    time.sleep(600)


async def in_the_middle_of_the_stack(io):
    sorted([2, 1], key=lambda _: csched.receive())


PLACES = [
    receiving, receiving_with_timeout, sleeping, runnable, preempted, blocked,
    blocked_in_the_system, in_the_middle_of_the_stack,
]  # fmt: skip

name = contextvars.ContextVar("name")


async def standing(io, user, place):
    name.set("its own")
    try:
        send(user, "begun")
        await place(io)
    except ProcessExit as error:
        send(user, (error.reason, name.get(), is_alive(self())))
        raise
    finally:
        send(user, "finally")


@both_kinds
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("told", "reason"), [("why", "why"), ("kill", "killed")])
def test_a_process_dies_wherever_it_stands(kind, place, told, reason):
    """exit/2: the receiver dies, be it waiting, runnable or running; finally blocks run first."""

    async def main(io):
        pid = kind.spawn(standing, self(), place)
        end = monitor(pid)
        begun = await io.receive(timeout=TIMEOUT)
        csched.exit(pid, told)
        seen = [begun, *[await io.receive(timeout=TIMEOUT) for _ in range(3)]]
        last = Down(end, "process", pid, reason)
        return seen, ["begun", (reason, "its own", False), "finally", last]

    seen, expected = kind.run(main, slice=0.0002)
    assert seen == expected


@both_kinds
@pytest.mark.parametrize("place", [receiving, preempted, blocked_in_the_system])
def test_a_running_process_dies_by_the_exit_of_another_thread(kind, place):
    """exit/2 comes from anywhere, at any time."""
    handover = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: csched.exit(handover.get(), "thread"))
    thread.start()

    async def main(io):
        pid = kind.spawn(standing, self(), place)
        end = monitor(pid)
        await io.receive("begun", timeout=TIMEOUT)
        handover.put(pid)
        # For ever: a timeout would make it do something else than run that process.
        return (await io.receive(Down(end, ANY, ANY, ANY))).reason

    reason = kind.run(main)
    thread.join()
    assert reason == "thread"


@both_kinds
def test_a_process_that_has_not_begun_never_begins(kind):
    """spawn/1, exit/2: the signal is there before the first instruction."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = kind.spawn(standing, self(), receiving)
        link(pid)
        end = monitor(pid)
        csched.exit(pid, "early")
        seen = [await io.receive(timeout=TIMEOUT) for _ in range(2)]
        return seen + await drain(io) == [Exit(pid, "early"), Down(end, "process", pid, "early")]

    assert kind.run(main)


@both_kinds
def test_a_sender_that_waits_for_room_dies_and_its_message_is_never_there(kind):
    """A suspended sender gets exit signals as any other."""

    async def send_second(io, user, receiver):
        send(receiver, "first")
        send(user, "full")
        send(receiver, "second")

    async def main(io):
        waiting = kind.function(subject)
        receiver = csched.spawn_opt(waiting, self(), False, mailbox_limit=1, on_full="block")
        await io.receive("ready", timeout=TIMEOUT)
        csched.suspend(receiver)
        sender = kind.spawn(send_second, self(), receiver)
        end = monitor(sender)
        await io.receive("full", timeout=TIMEOUT)
        while process_info(sender, "status") != "waiting":
            await io.yield_()
        csched.exit(sender, "enough")
        reason = (await io.receive(Down(end, ANY, ANY, ANY), timeout=TIMEOUT)).reason
        csched.resume(receiver)
        first = await io.receive(timeout=TIMEOUT)
        send(receiver, "ping")
        return reason, first, await io.receive(timeout=TIMEOUT)

    assert kind.run(main) == ("enough", "first", "ping")


@both_kinds
def test_an_exit_signal_wins_over_a_message_that_came_just_before(kind):
    """A process that gets a deadly signal executes no further code."""

    async def taker(io, user):
        send(user, "ready")
        send(user, ("took", await io.receive()))

    async def main(io):
        pid = kind.spawn(taker, self())
        await io.receive("ready", timeout=TIMEOUT)
        send(pid, "message")
        csched.exit(pid, "why")
        await gone(io, pid)
        return await drain(io)

    assert kind.run(main, preempt=False) == []


@both_kinds
def test_an_exit_signal_wins_over_a_timeout_that_expires_with_it(kind):
    """receive ... after: a process that is told to exit does not time out."""

    async def waiter(io, user):
        send(user, "begun")
        await io.receive(timeout=0.001, default=None)
        send(user, "timed out")

    async def main(io):
        pid = kind.spawn(waiter, self())
        await io.receive("begun", timeout=TIMEOUT)
        until = time.monotonic() + 0.003
        while time.monotonic() < until:
            pass
        csched.exit(pid, "why")
        await gone(io, pid)
        return await drain(io)

    assert kind.run(main, preempt=False) == []
