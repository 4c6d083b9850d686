"""Random messages whose hooks raise, collect, copy, change what is copied, send and spawn."""

from __future__ import annotations

import collections
import contextlib
import copy as copy_module
import gc
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from copy_graphs import (
    Bag,
    Hooked,
    Pair,
    Plain,
    Reduced,
    Slotted,
    compare,
    messages,
    reachable,
)
from copy_models import only_the_objects_of_these_tests_are_looked_at, slow  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

import csched
from csched._copy import CopyError, copy


class Script:
    """What hooks do: `act` at the call of the number `at`, with the memo if the hook has one."""

    def __init__(self) -> None:
        self.calls, self.at = 0, -1
        self.act: Callable[[Any], object] = bool

    @contextlib.contextmanager
    def play(self, at: int, act: Callable[[Any], object]) -> Iterator[None]:
        self.calls, self.at, self.act = 0, at, act
        try:
            yield
        finally:
            self.at, self.act = -1, bool

    def __call__(self, memo: Any = None) -> None:
        self.calls += 1
        if self.calls - 1 == self.at:
            self.act(memo)


SCRIPT = Script()


class Deep(Plain):
    def __deepcopy__(self, memo: dict[int, Any]) -> Deep:
        SCRIPT(memo)
        result = memo[id(self)] = Deep()
        result.parts = copy_module.deepcopy(self.parts, memo)
        SCRIPT(memo)
        return result


class Rebuilt(Plain):
    def __reduce_ex__(self, protocol: Any) -> Any:
        SCRIPT()
        return Rebuilt, (), {"parts": self.parts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        SCRIPT(state)
        self.__dict__.update(state)


class Keyed(Plain):
    """A key: hashed and compared while its dict or set is being filled."""

    def __hash__(self) -> int:
        SCRIPT()
        return 1

    def __eq__(self, other: object) -> bool:
        SCRIPT()
        return self is other


class Dying(Plain):
    """Its copies are finalized when the message is dropped, half of it copied or all."""

    def __del__(self) -> None:
        copy([[1], {"a": [2]}])


PROBES = {"deep": Deep, "rebuilt": Rebuilt, "dying": Dying, "key": Keyed, "element": Keyed}
TYPES = [Bag, Hooked, Pair, Plain, Reduced, Slotted, Deep, Rebuilt, Keyed, Dying]


def probe(kind: str, parts: list[Any]) -> Any:
    made = PROBES[kind]()
    made.parts = parts
    if kind == "key":
        other = Keyed()
        other.parts = []
        return {made: parts, other: 1}
    return {made} if kind == "element" else made


@st.composite
def scripted(draw: st.DrawFn) -> Any:
    """A message with hooks in it, on the way to its other parts and beside them."""
    # The copy module, which hooks call, shares closures.
    message = draw(messages(without="closure"))
    for kind in draw(st.lists(st.sampled_from([*PROBES]), min_size=1, max_size=4)):
        lists = [part for part in reachable(message) if type(part) is list]
        made = probe(kind, draw(st.sampled_from(lists)))
        draw(st.sampled_from(lists)).append(made)
    return message


def calls_of(message: Any) -> int:
    with SCRIPT.play(-1, bool):
        copy(message)
    return SCRIPT.calls


def traces(message: Any) -> tuple[Any, ...]:
    """What a copy that left something behind would have changed."""
    gc.collect()
    types = collections.Counter(type(thing) for thing in gc.get_objects())
    return (
        [sys.getrefcount(part) for part in reachable(message)],
        [sys.getrefcount(kind) for kind in TYPES],
        [types[kind] for kind in TYPES],
    )


@given(scripted(), st.data())
@slow
def test_a_hook_that_raises_at_any_call_leaves_no_trace(message: Any, data: st.DataObject) -> None:
    calls = calls_of(message)
    before = traces(message)
    for at in data.draw(st.lists(st.integers(0, calls), max_size=4)):
        error = ZeroDivisionError("by the hook")

        def fail(memo: Any, error: Exception = error) -> None:
            raise error

        if at == calls:
            copy(message)
            continue
        with (
            SCRIPT.play(at, fail),
            pytest.raises(CopyError, match="ZeroDivisionError: by the hook") as caught,
        ):
            copy(message)
        assert caught.value.__cause__ is error
        del caught, error, fail
    assert traces(message) == before
    compare(message, copy(message))


def fail_to_copy(memo: Any) -> None:
    with pytest.raises(CopyError):
        copy([{"a": [1]}, (n for n in ())])


@given(scripted(), st.data())
@slow
def test_what_hooks_do_otherwise_is_nothing_to_the_copy(message: Any, data: st.DataObject) -> None:
    calls = calls_of(message)
    before = traces(message)
    for act in (
        lambda memo: gc.collect(),
        lambda memo: compare(message, copy(message)),
        lambda memo: copy_module.deepcopy(message),
        fail_to_copy,
    ):
        with SCRIPT.play(data.draw(st.integers(0, calls)), act):
            compare(message, copy(message))
    del act
    assert traces(message) == before


def change(thing: Any, choice: random.Random) -> None:
    """Change an object, in one of the ways in which a container can turn into another size."""
    fresh = choice.choice([[], [[1]], [[n] for n in range(100)]])
    if isinstance(thing, list | collections.deque | bytearray):
        if choice.random() < 0.5:
            thing.clear()
        if not isinstance(thing, bytearray):
            thing.extend(fresh)
    elif isinstance(thing, dict):
        for key in list(thing):
            if choice.random() < 0.5:
                del thing[key]
        thing.update((str(part), part) for part in fresh)
    elif isinstance(thing, set):
        thing.clear()
        thing.update(map(str, fresh))
    elif isinstance(thing, ValueError):
        thing.args = tuple(fresh)
    elif isinstance(thing, Plain | Hooked | Slotted | Reduced):
        thing.parts = fresh


@given(scripted(), st.data())
@slow
def test_hooks_may_change_the_message_and_its_copy(message: Any, data: st.DataObject) -> None:
    calls = calls_of(message)
    parts = reachable(message)
    choice = random.Random(data.draw(st.integers(0, 10_000)))

    def act(memo: Any) -> None:
        # The copies that exist already, if the hook is told of them.
        copies = [memo[id(part)] for part in parts if memo and id(part) in memo]
        for thing in choice.sample(parts, min(3, len(parts))) + copies[:3]:
            change(thing, choice)

    try:
        with SCRIPT.play(data.draw(st.integers(0, calls)), act):
            result = copy(message)
    except CopyError:
        return
    originals = {id(part) for part in parts + reachable(message)}
    assert not originals & {id(part) for part in reachable(result)}


@given(scripted(), st.data())
@slow
def test_hooks_may_send_receive_and_spawn(message: Any, data: st.DataObject) -> None:
    calls = calls_of(message)
    at = data.draw(st.integers(0, calls))
    held = csched.share(Bag([message]))

    def act(memo: Any) -> None:
        parent = csched.self()
        csched.send(parent, "by the hook")
        csched.spawn(csched.send, parent, "by its child")
        assert csched.receive("first", timeout=0) == "first"

    def main() -> Any:
        csched.send(csched.self(), "first")
        with SCRIPT.play(at, act):
            csched.send(csched.self(), held[0])
        assert csched.receive(timeout=0) == ("by the hook" if at < calls else "first")
        compare(held[0], csched.receive(timeout=0))
        return csched.receive(timeout=60) if at < calls else "by its child"

    assert csched.run(main) == "by its child"
