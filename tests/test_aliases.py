"""Aliases: references that work as destinations; SEMANTICS.md, section 4."""

from __future__ import annotations

import queue
import threading

import pytest
from kinds import both_kinds, drain, gone
from servants import TIMEOUT, start, tell

import csched
from csched import (
    ANY,
    Down,
    NotRunning,
    Ref,
    alias,
    demonitor,
    make_ref,
    monitor,
    process_info,
    self,
    send,
    unalias,
)

MODES = ["explicit_unalias", "demonitor", "reply_demonitor"]
modes = pytest.mark.parametrize("mode", MODES)


async def is_on(io, ref):
    """Whether a message through it arrives. Takes all messages that are there."""
    send(ref, "probe")
    return "probe" in await drain(io)


# --- Aliases of their own -----------------------------------------------------------------------


@both_kinds
def test_a_message_through_an_alias_arrives_until_unalias(kind):
    """erlang:alias/0, unalias/1: true if it was active and the caller's."""

    async def main(io):
        other = await start(io, kind)
        ref = alias()
        assert isinstance(ref, Ref)
        for number in range(3):
            assert await tell(io, other, "send", ref, number) == number
        arrived = await drain(io)
        unaliased = unalias(ref), unalias(ref)
        await tell(io, other, "send", ref, "late")
        return arrived, unaliased, await drain(io)

    assert kind.run(main) == ([0, 1, 2], (True, False), [])


@both_kinds
def test_only_its_owner_can_turn_an_alias_off(kind):
    """erlang:unalias/1: false for a reference that is no active alias of the caller."""

    async def main(io):
        other = await start(io, kind)
        ref = alias()
        theirs = await tell(io, other, "unalias", ref), unalias(make_ref())
        return theirs, await is_on(io, ref), unalias(ref)

    assert kind.run(main) == ((False, False), True, True)


@both_kinds
def test_a_process_has_many_aliases_each_of_its_own(kind):
    """erlang:alias/0: each call makes another one."""

    async def main(io):
        refs = [alias() for _ in range(10)]
        for ref in refs[::2]:
            unalias(ref)
        for number, ref in enumerate(refs):
            send(ref, number)
        return len(set(refs)), await drain(io)

    assert kind.run(main) == (10, [1, 3, 5, 7, 9])


@both_kinds
def test_a_reply_alias_takes_one_message(kind):
    """erlang:alias/1, reply: off after the first message through it."""

    async def main(io):
        other = await start(io, kind)
        ref = alias(reply=True)
        for number in range(3):
            await tell(io, other, "send", ref, number)
        used = unalias(ref)
        unused = alias(reply=True)
        return await drain(io), used, unalias(unused), await is_on(io, unused)

    assert kind.run(main) == ([0], False, True, False)


@both_kinds
def test_what_cannot_be_copied_does_not_use_a_reply_alias_up(kind):
    """A send that raises has sent nothing."""

    async def main(io):
        ref = alias(reply=True)
        with pytest.raises(csched.CopyError):
            send(ref, threading.Lock())
        return await is_on(io, ref)

    assert kind.run(main)


@both_kinds
def test_messages_are_swallowed_by_what_is_no_active_alias(kind):
    """erlang:send/2: a message to an inactive alias is dropped, and so is one to another ref."""

    async def main(io):
        pid = await start(io, kind)
        refs = [make_ref(), monitor(pid), alias(), await tell(io, pid, "alias")]
        unalias(refs[2])
        csched.exit(pid, "why")
        await gone(io, pid)
        await drain(io)
        return [send(ref, "message") for ref in refs], await drain(io)

    assert kind.run(main) == (["message"] * 4, [])


@both_kinds
def test_a_message_through_an_alias_is_a_copy(kind):
    """A message through an alias is a message like any other."""

    async def main(io):
        message = ["a"]
        send(alias(), message)
        message.append("b")
        return await io.receive(timeout=0)

    assert kind.run(main) == ["a"]


def test_an_alias_is_a_destination_for_other_threads_and_timers():
    """An alias works wherever a pid works as a destination."""
    handover = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: send(handover.get(), "thread"))
    thread.start()

    def main():
        handover.put(alias(reply=True))
        first = csched.receive(timeout=TIMEOUT)
        ref = alias()
        csched.send_after(ref, "timer", 0)
        second = csched.receive(timeout=TIMEOUT)
        csched.send_after(ref, "late", 0.001)
        unalias(ref)
        return first, second, csched.receive(timeout=0.01, default=None)

    assert csched.run(main) == ("thread", "timer", None)
    thread.join()


# --- Aliases of monitors ------------------------------------------------------------------------


@both_kinds
@modes
def test_an_alias_of_a_monitor_is_on_from_the_start(kind, mode):
    """erlang:monitor/3, {alias, Mode}: the monitor's reference is an alias too."""

    async def main(io):
        pid = await start(io, kind)
        ref = monitor(pid, alias=mode)
        send(pid, ("send", ref, "answer"))
        answers = [await io.receive("answer", timeout=TIMEOUT)]
        return answers, await is_on(io, ref)

    assert kind.run(main) == (["answer"], mode != "reply_demonitor")


@both_kinds
@modes
@pytest.mark.parametrize("options", [{}, {"flush": True, "info": True}], ids=str)
def test_demonitor_turns_off_the_alias_that_is_tied_to_it(kind, mode, options):
    """erlang:monitor/3: all modes but explicit_unalias end with demonitor/1."""

    async def main(io):
        pid = await start(io, kind)
        ref = monitor(pid, alias=mode)
        assert demonitor(ref, **options) is True
        on = await is_on(io, ref)
        return on, unalias(ref), await is_on(io, ref)

    explicit = mode == "explicit_unalias"
    assert kind.run(main) == (explicit, explicit, False)


@both_kinds
@modes
@pytest.mark.parametrize("target", ["alive", "dead", "unknown name"])
def test_a_down_message_turns_off_the_alias_that_is_tied_to_it(kind, mode, target):
    """erlang:monitor/3: a monitor that fires is removed; noproc counts."""

    async def main(io):
        pid = await start(io, kind)
        if target == "dead":
            csched.exit(pid, "why")
            await gone(io, pid)
        ref = monitor("nobody" if target == "unknown name" else pid, alias=mode)
        if target == "alive":
            csched.exit(pid, "why")
            await gone(io, pid)
        down = await io.receive(Down(ref, ANY, ANY, ANY), timeout=0)
        return down.reason, await is_on(io, ref), unalias(ref)

    explicit = mode == "explicit_unalias"
    reason = "why" if target == "alive" else "noproc"
    assert kind.run(main) == (reason, explicit, explicit)


@both_kinds
@modes
def test_unalias_leaves_the_monitor(kind, mode):
    """erlang:unalias/1: only the alias goes; the monitor still fires."""

    async def main(io):
        pid = await start(io, kind)
        ref = monitor(pid, alias=mode)
        unaliased = unalias(ref), await is_on(io, ref)
        csched.exit(pid, "why")
        await gone(io, pid)
        return unaliased, await drain(io) == [Down(ref, "process", pid, "why")]

    assert kind.run(main) == ((True, False), True)


@both_kinds
@modes
@pytest.mark.parametrize("sender", ["monitored", "other"])
def test_a_reply_removes_the_monitor_in_mode_reply_demonitor_alone(kind, mode, sender):
    """erlang:monitor/3, reply_demonitor: the first message ends both; later ones are dropped."""

    async def main(io):
        pid, other = await start(io, kind), await start(io, kind)
        ref = monitor(pid, alias=mode)
        for number in range(2):
            await tell(io, pid if sender == "monitored" else other, "send", ref, number)
        arrived = await drain(io)
        shown = process_info(self(), "monitors") == [("process", pid)]
        shown_there = process_info(pid, "monitored_by") == [self()]
        csched.exit(pid, "why")
        await gone(io, pid)
        downs = await drain(io) == [Down(ref, "process", pid, "why")]
        return arrived, shown, shown_there, downs

    lasts = mode != "reply_demonitor"
    assert kind.run(main) == ([0, 1] if lasts else [0], lasts, lasts, lasts)


@both_kinds
def test_after_a_reply_there_is_nothing_to_demonitor(kind):
    """erlang:demonitor/2, info: false once the reply has removed the monitor."""

    async def main(io):
        pid = await start(io, kind)
        ref = monitor(pid, alias="reply_demonitor")
        await tell(io, pid, "send", ref, "reply")
        return demonitor(ref, info=True), demonitor(ref, flush=True, info=True), await drain(io)

    assert kind.run(main) == (False, True, ["reply"])


@both_kinds
def test_a_call_gets_an_answer_or_a_down_message_and_nothing_later(kind):
    """gen_server:call/3 rests on this: a late reply never gets into the mailbox."""

    async def server(io):
        while True:
            caller, ref, say = await io.receive()
            if say == "twice":
                send(ref, (ref, "first"))
                send(ref, (ref, "second"))
            elif say == "late":
                send(caller, "timed out")
                await io.receive("go on")
                send(ref, (ref, "late"))
                send(caller, "sent")
            else:
                csched.exit(say)

    async def main(io):
        pid = kind.spawn(server)
        answers = []
        for say in ["twice", "late", "why"]:
            ref = monitor(pid, alias="reply_demonitor")
            send(pid, (self(), ref, say))
            if say == "late":
                await io.receive("timed out", timeout=TIMEOUT)
                demonitor(ref, flush=True)
                send(pid, "go on")
                await io.receive("sent", timeout=TIMEOUT)
            else:
                message = await io.receive(lambda message, ref=ref: ref in message, timeout=TIMEOUT)
                answers.append(message[1] if len(message) == 2 else message.reason)
        return answers, await drain(io)

    assert kind.run(main) == (["first", "why"], [])


@both_kinds
def test_another_mode_is_an_error_and_makes_no_monitor(kind):
    """erlang:monitor/3, unalias/1: badarg."""

    async def main(io):
        pid = await start(io, kind)
        for wrong in ["reply", "", True, 1]:
            with pytest.raises(ValueError):
                monitor(pid, alias=wrong)
        with pytest.raises(TypeError):
            unalias(pid)
        return process_info(self(), "monitors"), process_info(pid, "monitored_by")

    assert kind.run(main) == ([], [])
    with pytest.raises(NotRunning):
        alias()
