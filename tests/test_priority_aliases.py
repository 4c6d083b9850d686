"""Priority messages: what is sent through an alias that asks for it; SEMANTICS.md, section 4."""

from __future__ import annotations

import pytest
from kinds import both_kinds, drain, fill, gone
from servants import TIMEOUT, start, tell

import csched
from csched import ANY, alias, make_ref, monitor, self, send, unalias


@both_kinds
def test_a_priority_message_goes_before_all_others_and_after_its_like(kind):
    """erlang:alias/1, priority: such messages are put before ordinary ones, in their own order."""

    async def main(io):
        ref, ordinary = alias(priority=True), alias()
        for number in range(3):
            send(self(), ("plain", number))
            send(ref, ("priority", number))
            send(ordinary, ("alias", number))
        first = await io.receive(timeout=0)
        send(ref, ("priority", 3))
        return [first, *await drain(io)]

    assert kind.run(main) == [
        *[("priority", number) for number in range(4)],
        *[(name, number) for number in range(3) for name in ("plain", "alias")],
    ]


@both_kinds
def test_a_priority_message_after_the_others_were_taken_goes_first_again(kind):
    """What has been received counts no more."""

    async def main(io):
        ref = alias(priority=True)
        fill(1, 2, 3, 4)
        send(ref, "a")
        taken = [await io.receive(3, timeout=0), await io.receive("a", timeout=0)]
        send(ref, "b")
        taken.append(await io.receive(timeout=0))
        fill(5)
        send(ref, "c")
        send(ref, "d")
        taken.append(await io.receive("d", timeout=0))
        send(ref, "e")
        return taken, await drain(io)

    assert kind.run(main) == ([3, "a", "b", "d"], ["c", "e", 1, 2, 4, 5])


@both_kinds
def test_a_priority_reply_alias_takes_one_message(kind):
    """erlang:alias/1: the options may be joined."""

    async def main(io):
        ref = alias(reply=True, priority=True)
        fill("plain")
        send(ref, 1)
        send(ref, 2)
        return await drain(io), unalias(ref)

    assert kind.run(main) == ([1, "plain"], False)


@both_kinds
@pytest.mark.parametrize("waits", [False, True])
def test_a_wait_for_a_reference_finds_it_in_a_priority_message(kind, waits):
    """A receive marker skips what is older, not what was put in front later."""

    async def main(io):
        other = await start(io, kind)
        fill(*range(10))
        priority = alias(priority=True)
        send(priority, "earlier")
        ref = make_ref()
        fill(10)
        if waits:
            send(other, ("send", priority, (ref, "answer")))
        else:
            await tell(io, other, "send", priority, (ref, "answer"))
        answer = await io.receive((ref, str), timeout=TIMEOUT)
        if waits:
            await io.receive(("send", ANY), timeout=TIMEOUT)
        return answer[1], await drain(io)

    assert kind.run(main) == ("answer", ["earlier", *range(11)])


@both_kinds
def test_several_waits_for_references_find_theirs_among_priority_messages(kind):
    """Receive markers stay right however many messages come before them."""

    async def main(io):
        priority = alias(priority=True)
        fill("old", "old")
        refs = []
        for number in range(6):
            refs.append(make_ref())
            fill(("plain", number))
            send(priority, (refs[number], "priority"))
            fill((refs[number], "plain"))
        seen = []
        for number in [3, 0, 5, 5, 0, 3, 1, 4, 2, 2, 4, 1]:
            _, how = await io.receive((refs[number], str), timeout=0)
            seen.append(how)
        # Each reference: what came by priority first.
        firsts = [seen[index] for index in (0, 1, 2, 6, 7, 8)]
        lasts = [seen[index] for index in (3, 4, 5, 9, 10, 11)]
        return set(firsts), set(lasts), await drain(io)

    assert kind.run(main) == (
        {"priority"}, {"plain"}, ["old", "old", *[("plain", number) for number in range(6)]],
    )  # fmt: skip


@both_kinds
def test_who_waits_for_anything_takes_what_comes_by_priority_first(kind):
    """receive: the mailbox is looked at in its order when the process goes on."""

    async def sender(io, user, priority):
        send(user, "plain")
        send(priority, "priority")

    async def main(io):
        priority = alias(priority=True)
        kind.spawn(sender, self(), priority)
        return [await io.receive(timeout=TIMEOUT) for _ in range(2)]

    assert kind.run(main, preempt=False) == ["priority", "plain"]


@both_kinds
def test_a_selective_wait_sees_a_priority_message_that_comes_later(kind):
    """A priority message is put before messages that the wait has looked at already."""

    async def sender(io, user, priority):
        send(user, "no")
        await io.yield_()
        send(priority, "yes, by priority")
        send(user, "yes")

    async def main(io):
        priority = alias(priority=True)
        fill("no", "no")
        kind.spawn(sender, self(), priority)
        found = await io.receive(lambda message: message.startswith("yes"), timeout=TIMEOUT)
        return found, await drain(io)

    assert kind.run(main, preempt=False) == ("yes, by priority", ["no", "no", "no", "yes"])


@both_kinds
def test_exit_and_down_messages_are_ordinary_beside_priority_ones(kind):
    """erlang:alias/1: only what is sent through a priority alias has priority."""

    async def main(io):
        csched.process_flag("trap_exit", True)
        pid = await start(io, kind)
        csched.link(pid)
        monitor(pid)
        priority = alias(priority=True)
        fill("plain")
        csched.exit(pid, "why")
        await gone(io, pid)
        send(priority, "priority")
        return [message if isinstance(message, str) else type(message).__name__
                for message in await drain(io)]  # fmt: skip

    assert kind.run(main) == ["priority", "plain", "Exit", "Down"]
