"""The mailbox: order, holes, markers, memory, reference counts."""

from __future__ import annotations

import random
import sys
import time

import pytest


@pytest.fixture
def module(probe):
    return probe("mailbox_probe")


@pytest.fixture
def mailbox(module):
    return module.Mailbox()


def fill(mailbox, values):
    for value in values:
        mailbox.push(value)


def contents(mailbox, mark=0):
    return [value for _, value in mailbox.messages(mark)]


def test_a_mailbox_takes_at_most_64_bytes(module):
    assert module.MAILBOX_SIZE <= 64


def test_messages_are_taken_in_order_of_arrival(mailbox):
    fill(mailbox, range(100))
    assert [mailbox.take(mailbox.head) for _ in range(100)] == list(range(100))
    assert len(mailbox) == 0
    assert mailbox.head == mailbox.tail == 100


def test_one_message_needs_no_ring(mailbox):
    for value in range(1000):
        mailbox.push(value)
        assert mailbox.is_inline
        assert mailbox.take(mailbox.head) == value
    assert mailbox.is_inline


def test_taking_from_the_middle_keeps_the_others_in_order(mailbox):
    fill(mailbox, range(10))
    assert mailbox.take(4) == 4
    assert mailbox.take(7) == 7
    assert contents(mailbox) == [0, 1, 2, 3, 5, 6, 8, 9]
    assert len(mailbox) == 8
    assert mailbox.head == 0


def test_the_head_passes_over_holes(mailbox):
    fill(mailbox, range(16))
    for position in (1, 2, 3, 5):
        mailbox.take(position)
    mailbox.take(0)
    assert mailbox.head == 4
    mailbox.take(4)
    assert mailbox.head == 6


def test_a_mark_finds_all_that_was_pushed_after_it(mailbox):
    fill(mailbox, range(5))
    mark = mailbox.tail
    assert mailbox.seek(mark) == mark
    fill(mailbox, range(5, 10))
    assert contents(mailbox, mark) == [5, 6, 7, 8, 9]
    # Whatever happens to the others, and however the mailbox grows.
    for position in range(5):
        mailbox.take(position)
    fill(mailbox, range(10, 1000))
    assert contents(mailbox, mark)[-995:] == list(range(5, 1000))


def test_a_mark_from_before_the_oldest_message_starts_there(mailbox):
    fill(mailbox, range(8))
    mark = mailbox.tail - 4
    for _ in range(6):
        mailbox.take(mailbox.head)
    assert mailbox.seek(mark) == mailbox.head == 6
    assert mailbox.seek(0) == 6


def test_a_mark_at_the_end_of_a_drained_mailbox_finds_what_comes_next(mailbox):
    fill(mailbox, range(100))
    mark = mailbox.tail
    while len(mailbox):
        mailbox.take(mailbox.head)
    assert mailbox.seek(mark) == mark == mailbox.tail
    mailbox.push("next")
    assert mailbox.at(mailbox.seek(mark)) == "next"


def test_a_mark_within_holes_finds_the_next_message(mailbox):
    fill(mailbox, range(64))
    for position in random.Random(1).sample(range(10, 40), 30):
        mailbox.take(position)
        assert mailbox.holes_are_right()
    for mark in range(10, 41):
        assert mailbox.seek(mark) == 40
    assert mailbox.holes_are_right()


def test_holes_never_fill_more_than_half_of_the_ring(mailbox):
    fill(mailbox, range(1000))
    for value in range(1, 999):
        assert mailbox.take(mailbox.seek(mailbox.head + 1)) == value
        assert mailbox.holes_are_right()
    assert contents(mailbox) == [0, 999]


def test_a_mailbox_that_is_nearly_drained_gives_up_most_of_its_ring(module, mailbox):
    fill(mailbox, range(100_000))
    for _ in range(99_999):
        mailbox.take(mailbox.seek(mailbox.head + 1))
    assert contents(mailbox) == [0]
    assert mailbox.capacity <= 2 * module.RING_KEPT


def test_a_mailbox_that_is_never_empty_gives_up_a_large_ring(mailbox):
    fill(mailbox, range(100_000))
    for value in range(99_900):
        assert mailbox.take(mailbox.head) == value
    assert mailbox.capacity <= 1024
    assert contents(mailbox) == list(range(99_900, 100_000))


def test_a_drained_mailbox_gives_up_a_large_ring(mailbox):
    fill(mailbox, range(1000))
    assert mailbox.capacity == 1024
    while len(mailbox):
        mailbox.take(mailbox.head)
    assert mailbox.is_inline
    assert mailbox.capacity == 1


def test_a_drained_mailbox_keeps_a_small_ring(module, mailbox):
    fill(mailbox, range(module.RING_KEPT))
    while len(mailbox):
        mailbox.take(mailbox.head)
    assert mailbox.capacity == module.RING_KEPT
    fill(mailbox, range(module.RING_KEPT))
    assert mailbox.capacity == module.RING_KEPT


def test_holes_are_reused_before_the_ring_grows(mailbox):
    fill(mailbox, range(64))
    for position in range(20, 40):
        mailbox.take(position)
    fill(mailbox, range(64, 84))
    assert mailbox.capacity == 64
    assert contents(mailbox) == [*range(20), *range(40, 84)]


def test_words_are_those_of_the_queued_messages(mailbox):
    for words in range(1, 101):
        mailbox.push(None, words)
    assert mailbox.words == 5050
    mailbox.take(49)
    assert mailbox.words == 5000
    mailbox.take(mailbox.head)
    assert mailbox.words == 4999
    mailbox.clear()
    assert mailbox.words == 0


def test_words_beyond_32_bits_are_counted_as_the_most_that_fits(mailbox):
    mailbox.push(None, 2**40)
    assert mailbox.words == 2**32 - 1
    mailbox.take(mailbox.head)
    assert mailbox.words == 0


def test_a_message_beside_half_a_million_others_is_found_at_once(mailbox):
    reply = object()
    started = time.perf_counter()
    mailbox.call(reply, 200_000)
    empty = time.perf_counter() - started
    fill(mailbox, range(500_000))
    started = time.perf_counter()
    mailbox.call(reply, 200_000)
    assert time.perf_counter() - started < 20 * empty + 0.5
    assert len(mailbox) == 500_000
    assert contents(mailbox) == list(range(500_000))


def test_one_message_that_nobody_takes_does_not_slow_down_the_rest(mailbox):
    stuck = object()
    mailbox.push(stuck)
    fill(mailbox, range(200_000))
    started = time.perf_counter()
    for value in range(200_000):
        assert mailbox.take(mailbox.seek(mailbox.head + 1)) == value
    # Looking at each hole behind the stuck message again would take minutes.
    assert time.perf_counter() - started < 5
    assert contents(mailbox) == [stuck]


def test_marks_within_a_long_row_of_holes_are_not_looked_up_step_by_step(mailbox):
    fill(mailbox, range(2**16))
    for position in range(1, 2**15):
        mailbox.take(position)
    started = time.perf_counter()
    for mark in range(1, 2**15):
        assert mailbox.seek(mark) == 2**15
    assert time.perf_counter() - started < 2
    assert mailbox.holes_are_right()


def test_every_reference_is_given_back(mailbox):
    value = object()
    before = sys.getrefcount(value)
    for _ in range(100):
        mailbox.push(value)
    assert sys.getrefcount(value) == before + 100
    for position in (3, 4, 5, 50, 99):
        mailbox.take(position)
    mailbox.take(mailbox.head)
    assert sys.getrefcount(value) == before + 94
    mailbox.clear()
    assert sys.getrefcount(value) == before
    mailbox.push(value)
    assert sys.getrefcount(value) == before + 1
    mailbox.clear()
    assert sys.getrefcount(value) == before


def test_a_mailbox_that_ends_drops_its_messages(module):
    value = object()
    before = sys.getrefcount(value)
    for messages in (1, 2, 100):
        mailbox = module.Mailbox()
        fill(mailbox, [value] * messages)
        del mailbox
        assert sys.getrefcount(value) == before


def test_clear_keeps_counting_positions(mailbox):
    fill(mailbox, range(10))
    mailbox.clear()
    assert mailbox.head == mailbox.tail == 10
    assert mailbox.is_inline
    mailbox.push("next")
    assert mailbox.messages() == [(10, "next")]


class Finalized:
    def __init__(self, action):
        self.action = action

    def __del__(self):
        self.action()


@pytest.mark.parametrize("messages", [1, 2, 100])
def test_what_a_finalizer_pushes_during_clear_stays(mailbox, messages):
    fill(mailbox, (Finalized(lambda: mailbox.push("late")) for _ in range(messages)))
    mailbox.clear()
    assert contents(mailbox) == ["late"] * messages


@pytest.mark.parametrize("messages", [1, 2, 100])
def test_a_finalizer_may_clear_the_mailbox_that_is_being_cleared(mailbox, messages):
    ended = []

    def action():
        ended.append(1)
        assert len(mailbox) == 0
        mailbox.push("late")
        mailbox.clear()

    fill(mailbox, (Finalized(action) for _ in range(messages)))
    mailbox.clear()
    assert len(ended) == messages
    assert len(mailbox) == 0
    assert mailbox.is_inline


def test_a_deeply_nested_message_is_dropped_without_overflow(mailbox):
    nested = None
    for _ in range(200_000):
        nested = (nested,)
    mailbox.push(nested)
    del nested
    mailbox.clear()
    assert len(mailbox) == 0


def test_a_push_without_memory_changes_nothing(mailbox):
    testcapi = pytest.importorskip("_testcapi")
    fill(mailbox, ["a", "b", "c", "d"])
    value = object()
    before = sys.getrefcount(value)
    push, refused = mailbox.push, False
    testcapi.set_nomemory(0, 1)
    try:
        push(value)
    except MemoryError:
        refused = True
    finally:
        testcapi.remove_mem_hooks()
    assert refused
    assert sys.getrefcount(value) == before
    assert contents(mailbox) == ["a", "b", "c", "d"]
    mailbox.push(value)
    assert contents(mailbox) == ["a", "b", "c", "d", value]


def test_a_take_without_memory_for_a_smaller_ring_keeps_the_larger_one(mailbox):
    testcapi = pytest.importorskip("_testcapi")
    fill(mailbox, range(1024))
    take = mailbox.take
    for value in range(1, 1000):
        position = mailbox.seek(mailbox.head + 1)
        testcapi.set_nomemory(0, 1)
        try:
            taken = take(position)
        finally:
            testcapi.remove_mem_hooks()
        assert taken == value
        assert mailbox.holes_are_right()
    assert mailbox.capacity == 1024
    assert contents(mailbox) == [0, *range(1000, 1024)]
    assert mailbox.take(mailbox.head) == 0
    assert mailbox.capacity < 128
    assert contents(mailbox) == list(range(1000, 1024))
