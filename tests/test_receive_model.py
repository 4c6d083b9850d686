"""A process's mailbox against a list: patterns, markers, aliases, limits; all by public calls.

One process does a list of steps that hypothesis made, and does the same to a plain list. What is
sent is `(number, ...)` with a number of its own, so that no message can stand for another one.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import both_kinds

import csched
from csched import ANY, Down, Exit, MailboxFull, process_flag, process_info, run, send

REFS = 4
NOTHING = "nothing"

# The steps: ("name", argument...).
refs = st.integers(0, REFS - 1)
sends = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["plain", "text", "list"])),
    st.tuples(st.just("send_ref"), refs),
    st.just(("send_by_alias",)),
    st.just(("exit",)),
    st.just(("down",)),
)
takes = st.one_of(
    st.tuples(
        st.just("receive"),
        st.sampled_from(["any", "tuple", "text", "list", "exit", "down", "even", "never", "raise"]),
    ),
    st.tuples(st.just("receive_number"), st.integers(0, 12)),
    st.tuples(st.just("receive_ref"), refs),
    st.tuples(st.just("receive_ref_deep"), refs),
    st.tuples(st.just("make_ref"), refs),
    st.tuples(st.just("abandon"), refs),
    st.tuples(st.just("limit"), st.sampled_from([None, 1, 2, 3, 5])),
    st.just(("flush",)),
)
steps = st.lists(st.one_of(sends, sends, takes), max_size=60)
priority_steps = st.lists(
    st.one_of(sends, sends, takes, st.just(("send_by_priority",)),
              st.tuples(st.just("send_ref_by_priority"), refs)),
    max_size=60,
)  # fmt: skip


def is_signal(message):
    return type(message) in (Exit, Down)


class Oops(Exception):
    pass


def raise_on_text(message):
    if message[1:2] == ("text",):
        raise Oops
    return False


class Model:
    """The list, and the rules of SEMANTICS.md sections 2, 4 and 9."""

    def __init__(self, on_full, limit):
        self.on_full = on_full
        self.limit = limit
        self.messages = []
        # So many messages at the head of the list are priority messages.
        self.priority = 0

    def send(self, message, priority=False):
        """Put a message in; whether the sender is told that there is no room."""
        full = self.limit is not None and len(self.messages) >= self.limit
        if full and not is_signal(message):
            if self.on_full == "block":
                return True
            if self.on_full == "drop":
                return False
        self.messages.insert(self.priority if priority else len(self.messages), message)
        self.priority += priority
        if full and not is_signal(message):
            self.drop_oldest()
        return False

    def drop_oldest(self):
        """The oldest ordinary message; a priority message if there is none."""
        ordinary = range(self.priority, len(self.messages))
        oldest = [index for index in ordinary if not is_signal(self.messages[index])]
        self.remove(oldest[0] if oldest else 0)

    def remove(self, index):
        self.priority -= index < self.priority
        return self.messages.pop(index)

    def receive(self, matches):
        for index, message in enumerate(self.messages):
            if matches(message):
                return self.remove(index)
        return NOTHING


class Twin:
    """A process's mailbox and its model, which every step changes alike."""

    def __init__(self, io, on_full, limit, dead):
        self.io = io
        self.model = Model(on_full, limit)
        self.dead = dead
        self.number = 0
        self.refs = [csched.make_ref() for _ in range(REFS)]
        self.alias = csched.alias()
        self.priority = csched.alias(priority=True)

    def new(self, *rest):
        self.number += 1
        return (self.number, *rest)

    def do_send(self, what, dest=None, priority=False):
        message = what if is_signal(what) else self.new(*what)
        full = self.model.send(message, priority)
        try:
            send(csched.self() if dest is None else dest, message)
        except MailboxFull:
            assert full
        else:
            assert not full

    async def step(self, name, *args):
        await getattr(self, f"step_{name}")(*args)

    async def step_send(self, what):
        self.do_send({"plain": (), "text": ("text",), "list": ([1],)}[what])

    async def step_send_ref(self, number):
        self.do_send((self.refs[number],))

    async def step_send_by_alias(self):
        self.do_send(("alias",), self.alias)

    async def step_send_by_priority(self):
        self.do_send(("priority",), self.priority, True)

    async def step_send_ref_by_priority(self, number):
        self.do_send((self.refs[number],), self.priority, True)

    async def step_exit(self):
        csched.link(self.dead)
        self.model.send(Exit(self.dead, "noproc"))

    async def step_down(self):
        ref = csched.monitor(self.dead)
        self.model.send(Down(ref, "process", self.dead, "noproc"))

    async def step_limit(self, limit):
        assert process_flag("mailbox_limit", limit) == self.model.limit
        self.model.limit = limit

    async def step_make_ref(self, number):
        self.refs[number] = csched.make_ref()

    async def take(self, pattern, matches):
        taken = await self.io.receive(pattern, timeout=0, default=NOTHING)
        assert taken == self.model.receive(matches)

    async def step_receive(self, what):
        if what == "raise":
            texts = any(message[1:2] == ("text",) for message in self.model.messages)
            try:
                await self.io.receive(raise_on_text, timeout=0, default=NOTHING)
            except Oops:
                assert texts
            else:
                assert not texts
            return
        await self.take(*{
            "any": (ANY, lambda m: True),
            "tuple": ((int,), lambda m: len(m) == 1),
            "text": ((ANY, "text"), lambda m: m[1:] == ("text",)),
            "list": ((int, [int]), lambda m: m[1:] == ([1],)),
            "exit": (Exit, lambda m: type(m) is Exit),
            "down": (Down(ANY, "process", self.dead, "noproc"), lambda m: type(m) is Down),
            "even": (is_even, is_even),
            "never": ((str, ANY), lambda m: False),
        }[what])  # fmt: skip

    async def step_receive_number(self, back):
        number = self.number - back
        pattern = (number,) if back % 2 else lambda m: m[0] == number and len(m) == 1
        await self.take(pattern, lambda m: m == (number,))

    async def step_receive_ref(self, number):
        ref = self.refs[number]
        await self.take((int, ref), lambda m: m[1:] == (ref,))

    async def step_receive_ref_deep(self, number):
        """By a predicate that receives for another reference before it answers."""
        ref, other = self.refs[number], self.refs[number - 1]

        def predicate(message):
            taken = csched.receive((int, other), timeout=0, default=NOTHING)
            assert taken == self.model.receive(lambda m: m[1:] == (other,))
            return message[1:] == (ref,)

        await self.take(predicate, lambda m: m[1:] == (ref,))

    async def step_abandon(self, number):
        """Look for a reference and for more, which is not there."""
        ref = self.refs[number]
        await self.take((int, ref, "more"), lambda m: False)

    async def step_flush(self):
        while self.model.messages:
            await self.take(ANY, lambda m: True)
        await self.take(ANY, lambda m: True)

    def check(self):
        info = dict(process_info(csched.self(), ["messages", "message_queue_len"]))
        assert info == {
            "messages": self.model.messages,
            "message_queue_len": len(self.model.messages),
        }


def is_even(message):
    return isinstance(message[0], int) and message[0] % 2 == 0


def play(kind, on_full, limit, steps):
    """Do the steps in a process of that mailbox; the crash of that process, if it did."""

    async def player(io, dead):
        process_flag("trap_exit", True)
        twin = Twin(io, on_full, limit, dead)
        for step in steps:
            await twin.step(*step)
            twin.check()

    def main():
        dead = csched.spawn(int)
        while dead in csched.processes():
            csched.yield_()
        _, ref = csched.spawn_opt(
            kind.function(player), dead, mailbox_limit=limit, on_full=on_full, monitor=True
        )
        return csched.receive(Down(ref, ANY, ANY, ANY)).reason

    reason = run(main, preempt=False)
    if reason != "normal":
        raise AssertionError(f"{reason.traceback}") from reason.exception


limits = st.sampled_from([None, 1, 2, 3, 5, 8])


@both_kinds
@pytest.mark.parametrize("on_full", ["block", "drop", "drop_oldest"])
@settings(max_examples=60, deadline=None)
@given(limit=limits, steps=steps)
def test_a_mailbox_behaves_as_a_list_with_a_limit(kind, on_full, limit, steps):
    """erlang: receive takes the first message that matches; the others keep their order."""
    play(kind, on_full, limit, steps)


@both_kinds
@pytest.mark.parametrize("on_full", ["block", "drop", "drop_oldest"])
@settings(max_examples=60, deadline=None)
@given(limit=limits, steps=priority_steps)
def test_priority_messages_come_first_in_their_own_order(kind, on_full, limit, steps):
    """erlang:alias/1, priority: before all others, behind earlier priority messages."""
    play(kind, on_full, limit, steps)
