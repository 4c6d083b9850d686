"""The mailbox against a list: order, marks, positions that only grow, reference counts."""

from __future__ import annotations

import sys

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

counts = st.one_of(st.integers(1, 3), st.integers(1, 40))


class Message:
    def __init__(self, number):
        self.number = number

    def __repr__(self):
        return f"message {self.number}"


class MailboxMachine(RuleBasedStateMachine):
    def __init__(self, module):
        super().__init__()
        self.module = module
        self.mailbox = module.Mailbox()
        # Every message there ever was; `queued` are the numbers of those that were not taken.
        self.messages = []
        self.words = []
        self.queued = []
        # Where a message was seen last, by number.
        self.positions = {}
        # (`tail`, messages pushed) at some time.
        self.marks = []

    @rule(count=counts, words=st.integers(0, 2**33))
    def push(self, count, words):
        for _ in range(count):
            number = len(self.messages)
            self.messages.append(Message(number))
            self.words.append(min(words, 2**32 - 1))
            self.queued.append(number)
            self.positions[number] = self.mailbox.tail
            self.mailbox.push(self.messages[number], words)
            assert self.mailbox.tail == self.positions[number] + 1

    def expect_take(self, index):
        number = self.queued.pop(index)
        position = self.mailbox.find(self.messages[number], self.positions[number])
        assert self.mailbox.take(position) is self.messages[number]
        assert self.mailbox.holes_are_right()

    @precondition(lambda self: self.queued)
    @rule(count=counts)
    def take_the_oldest(self, count):
        for _ in range(min(count, len(self.queued))):
            assert self.mailbox.at(self.mailbox.head) is self.messages[self.queued[0]]
            self.expect_take(0)

    @precondition(lambda self: self.queued)
    @rule(count=counts, data=st.data())
    def take_neighbours(self, count, data):
        index = data.draw(st.integers(0, len(self.queued) - 1))
        for _ in range(min(count, len(self.queued) - index)):
            self.expect_take(index)

    @precondition(lambda self: self.queued)
    @rule(count=counts, data=st.data())
    def take_here_and_there(self, count, data):
        for _ in range(min(count, len(self.queued))):
            self.expect_take(data.draw(st.integers(0, len(self.queued) - 1)))

    @precondition(lambda self: self.queued)
    @rule(count=counts)
    def take_the_newest(self, count):
        for _ in range(min(count, len(self.queued))):
            self.expect_take(len(self.queued) - 1)

    @precondition(lambda self: len(self.queued) > 1)
    @rule()
    def take_all_but_the_oldest(self):
        while len(self.queued) > 1:
            self.expect_take(1)

    @rule()
    def mark(self):
        self.marks.append((self.mailbox.tail, len(self.messages)))

    @rule()
    def clear(self):
        tail = self.mailbox.tail
        self.mailbox.clear()
        self.queued.clear()
        assert self.mailbox.head == self.mailbox.tail == tail
        assert self.mailbox.is_inline

    @precondition(lambda self: self.marks)
    @rule(data=st.data())
    def look_from_a_mark(self, data):
        mark, pushed = data.draw(st.sampled_from(self.marks))
        found = [message.number for _, message in self.mailbox.messages(mark)]
        # All the later ones, after a few of the older ones that have moved beyond the mark.
        assert found == self.queued[len(self.queued) - len(found) :]
        assert found[-1:] == self.queued[-1:] or self.queued[-1] < pushed
        assert {number for number in self.queued if number >= pushed} <= set(found)

    @invariant()
    def it_is_the_list(self):
        seen = self.mailbox.messages()
        assert [message.number for _, message in seen] == self.queued
        assert len(self.mailbox) == len(self.queued)
        assert self.mailbox.words == sum(self.words[number] for number in self.queued)
        assert self.mailbox.holes_are_right()
        capacity = self.mailbox.capacity
        assert capacity <= max(8 * len(self.queued) + 8, 2 * self.module.RING_KEPT)
        if not seen:
            assert self.mailbox.head == self.mailbox.tail
        for position, message in seen:
            assert position >= self.positions[message.number]
            assert self.mailbox.head <= position < self.mailbox.tail
            self.positions[message.number] = position

    def teardown(self):
        self.mailbox.clear()
        untouched = [Message(0)]
        expected = {sys.getrefcount(message) for message in untouched}
        assert {sys.getrefcount(message) for message in self.messages} <= expected


def test_the_mailbox_behaves_as_a_list(probe):
    module = probe("mailbox_probe")
    run_state_machine_as_test(
        lambda: MailboxMachine(module),
        settings=settings(max_examples=150, stateful_step_count=60, deadline=None),
    )
