"""Receiving: which message, in which order; SEMANTICS.md, section 2."""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest
from kinds import both_kinds, drain, fill

import csched
from csched import ANY, make_ref, run, self, send, spawn

# --- Which message ------------------------------------------------------------------------------


@both_kinds
def test_without_a_pattern_the_oldest_message_is_taken(kind):
    async def main(io):
        fill(1, "two", None, (3,))
        return [await io.receive() for _ in range(3)], await io.receive(ANY)

    assert kind.run(main) == ([1, "two", None], (3,))


@both_kinds
def test_the_first_message_that_matches_is_taken_and_the_others_keep_their_order(kind):
    async def main(io):
        fill("a", 1, "b", 2, "c", 3)
        taken = [await io.receive(int), await io.receive("c"), await io.receive(int)]
        return taken, await drain(io)

    assert kind.run(main) == ([1, "c", 2], ["a", "b", 3])


@both_kinds
def test_messages_are_the_outer_loop_and_patterns_the_inner_one(kind):
    async def main(io):
        fill("second pattern", "first pattern")

        def either(message):
            return message == "first pattern" or message == "second pattern"

        return await io.receive(either), await io.receive(either)

    assert kind.run(main) == ("second pattern", "first pattern")


@both_kinds
def test_a_new_message_is_matched_after_all_older_ones(kind):
    async def sender(io, parent):
        for message in ("no", "no", ("yes", 1), ("yes", 2)):
            send(parent, message)

    async def main(io):
        fill("old")
        kind.spawn(sender, self())
        first = await io.receive(("yes", int), timeout=60)
        second = await io.receive(("yes", int), timeout=60)
        return first, second, await drain(io)

    assert kind.run(main) == (("yes", 1), ("yes", 2), ["old", "no", "no"])


class Point(NamedTuple):
    x: int
    y: int


class Animal:
    pass


class Dog(Animal):
    pass


PATTERNS = [
    (int, 5, "5"),
    (bool, True, 1),
    ((int, str), (1, "x"), ("x", 1)),
    ((int, str), (1, "x"), [1, "x"]),
    ((int, str), (1, "x"), (1, "x", 2)),
    ((), (), []),
    ([ANY, ANY], [1, 2], [1]),
    ([int, [int]], [1, [2]], [1, ["x"]]),
    ({"a": int}, {"a": 1, "b": 2}, {"b": 1}),
    ({"a": {"b": str}}, {"a": {"b": "x"}}, {"a": {"b": 1}}),
    ({}, {}, []),
    (1, 1, True),
    (1, 1, 1.0),
    (1.0, 1.0, 1),
    (True, True, 1),
    (None, None, False),
    ("text", "text", b"text"),
    (b"bytes", b"bytes", "bytes"),
    (1j, 1j, 1),
    (Point(int, 2), Point(1, 2), (1, 2)),
    (Point(ANY, ANY), Point(1, 2), (1, 2)),
    (lambda m: m == 7, 7, 8),
    (callable, len, 7),
    ((lambda m: m > 3, ANY), (4, 1), (3, 1)),
]


@both_kinds
@pytest.mark.parametrize(("pattern", "match", "other"), PATTERNS)
def test_a_pattern_takes_what_matches_and_leaves_what_does_not(kind, pattern, match, other):
    async def main(io):
        fill(other, match)
        taken = await io.receive(pattern, timeout=0)
        return taken, await drain(io)

    taken, left = kind.run(main)
    assert (type(taken), taken) == (type(match), match)
    assert [(type(message), message) for message in left] == [(type(other), other)]


@both_kinds
def test_a_type_takes_its_subclasses(kind):
    async def main(io):
        fill(object, Dog())
        return type(await io.receive(Animal, timeout=0)), await drain(io)

    assert kind.run(main) == (Dog, [object])


@both_kinds
def test_a_pid_or_reference_takes_itself_only(kind):
    async def main(io):
        one, two = make_ref(), make_ref()
        pid = spawn(int)
        fill(two, one, pid, self())
        taken = [await io.receive(self(), timeout=0), await io.receive(one, timeout=0)]
        return taken == [self(), one] and await drain(io) == [two, pid]

    assert kind.run(main)


@both_kinds
@pytest.mark.parametrize(
    "pattern",
    [object(), {1, 2}, frozenset(), bytearray(), range(3), (1, object()), [{1}], {"a": object()},
     NotImplemented, memoryview(b"")],
)  # fmt: skip
def test_what_is_no_pattern_is_a_type_error_even_if_nothing_is_there(kind, pattern):
    async def main(io):
        with pytest.raises(TypeError):
            await io.receive(pattern, timeout=0, default=None)
        fill(1)
        with pytest.raises(TypeError):
            await io.receive(pattern)
        return await drain(io)

    assert kind.run(main) == [1]


# --- Predicates ---------------------------------------------------------------------------------


@both_kinds
def test_a_predicate_that_raises_leaves_the_mailbox_as_it_was(kind):
    async def main(io):
        fill(3, 1, 0, 2)
        with pytest.raises(ZeroDivisionError):
            await io.receive(lambda m: 1 / m > 5)
        with pytest.raises(ZeroDivisionError):
            await io.receive(lambda m: 1 / m > 5, timeout=5, default="none")
        return await drain(io)

    assert kind.run(main) == [3, 1, 0, 2]


@both_kinds
def test_a_predicate_that_raises_on_a_later_message_ends_the_wait(kind):
    async def sender(io, parent):
        send(parent, 1)
        await io.yield_()
        send(parent, 0)

    async def main(io):
        kind.spawn(sender, self())
        with pytest.raises(ZeroDivisionError):
            await io.receive(lambda m: 1 / m > 5, timeout=60)
        assert await drain(io) == [1, 0]
        # The timeout of that wait has gone with it.
        return await io.receive(timeout=0.01, default="in time")

    assert kind.run(main) == "in time"


@both_kinds
def test_any_true_value_of_a_predicate_matches(kind):
    async def main(io):
        fill([], [1])
        return await io.receive(lambda m: m, timeout=0), await io.receive(len, timeout=0, default=9)

    assert kind.run(main) == ([1], 9)


@both_kinds
def test_a_predicate_whose_answer_has_no_truth_raises(kind):
    class Vague:
        def __bool__(self):
            raise RuntimeError("neither")

    async def main(io):
        fill(1)
        with pytest.raises(RuntimeError, match="neither"):
            await io.receive(lambda m: Vague())
        return await drain(io)

    assert kind.run(main) == [1]


@both_kinds
def test_a_predicate_may_receive_other_messages(kind):
    async def main(io):
        fill("x", "skip", "skip", "wanted", "y")
        seen = []

        def predicate(message):
            if message == "x":
                seen.append(csched.receive("skip", timeout=0))
                seen.append(csched.receive("skip", timeout=0))
            return message == "wanted"

        return await io.receive(predicate), seen, await drain(io)

    assert kind.run(main) == ("wanted", ["skip", "skip"], ["x", "y"])


@both_kinds
def test_a_predicate_may_receive_the_very_message_that_it_is_asked_about(kind):
    async def main(io):
        fill("mine", "wanted", "left")
        stolen = []

        def predicate(message):
            if message == "mine":
                stolen.append(csched.receive("mine", timeout=0))
                return True
            return message == "wanted"

        return await io.receive(predicate), stolen, await drain(io)

    assert kind.run(main) == ("wanted", ["mine"], ["left"])


@both_kinds
def test_a_predicate_may_empty_the_mailbox(kind):
    async def main(io):
        fill(*range(100))

        def predicate(message):
            csched.receive(lambda m: m == message, timeout=0)
            return False

        return await io.receive(predicate, timeout=0, default="empty"), await drain(io)

    assert kind.run(main) == ("empty", [])


@both_kinds
def test_a_predicate_may_send_to_its_own_mailbox(kind):
    async def main(io):
        fill(1)

        def predicate(message):
            if message < 200:
                send(self(), message + 1)
            return message == 200

        return await io.receive(predicate, timeout=0), await drain(io)

    taken, left = kind.run(main)
    assert (taken, left) == (200, list(range(1, 200)))


@both_kinds
def test_a_predicate_may_spawn_wait_and_be_overtaken(kind):
    async def child(io, parent, message):
        send(parent, ("answer", message))

    async def main(io):
        fill("a", "b")

        def predicate(message):
            if not isinstance(message, str):
                return False
            kind.spawn(child, self(), message)
            return csched.receive(("answer", ANY), timeout=60)[1] == "b"

        return await io.receive(predicate, timeout=60), await drain(io)

    assert kind.run(main) == ("b", ["a"])


@both_kinds
def test_the_wait_inside_a_predicate_does_not_spend_the_timeout_of_the_outer_one(kind):
    async def main(io):
        fill("there")

        def predicate(message):
            csched.receive("never", timeout=0.001, default=None)
            csched.sleep(0.001)
            return False

        begin = time.monotonic()
        result = await io.receive(predicate, timeout=0.05, default="timed out")
        return result, time.monotonic() - begin, await drain(io)

    result, seconds, left = kind.run(main)
    assert (result, left) == ("timed out", ["there"])
    assert seconds >= 0.05


def test_an_exit_inside_a_predicate_ends_the_process(caplog):
    def child():
        csched.receive(lambda m: csched.exit("enough"))

    def main():
        pid = spawn(child)
        send(pid, 1)
        while pid in csched.processes():
            csched.yield_()

    run(main)
    assert caplog.records == []
