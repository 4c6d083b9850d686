"""What cannot be copied is named, and leaves nothing behind; no hook does harm."""

from __future__ import annotations

import collections
import dataclasses
import functools
import gc
import socket
import sys
import threading
import types
import weakref
from typing import Any

import pytest
from copy_samples import (
    Deep,
    Failing,
    Frozen,
    Plain,
    Point,
    Slotted,
    copy_spawn,
    hooks_running,
    refused,
)

from csched._copy import CopyError, copy


@pytest.fixture(autouse=True)
def _hooks_are_counted_back():
    assert hooks_running() == 0
    yield
    assert hooks_running() == 0


# Refusals.


def test_what_cannot_be_copied_is_named_with_its_path():
    connection = socket.socket()
    with connection:
        assert refused({"conn": [connection]}) == (
            'message["conn"][0]: socket cannot be copied; '
            "csched.share() lets an object be passed by reference"
        )


async def coroutine():
    pass


def handles():
    started = coroutine()
    started.close()
    yield "generator", (n for n in ())
    yield "coroutine", started
    yield "frame", sys._getframe()
    yield "TextIOWrapper", sys.__stdout__
    yield "lock", threading.Lock()
    yield "RLock", threading.RLock()
    yield "ReferenceType", weakref.ref(Plain)
    yield "dict_keys", {}.keys()


@pytest.mark.parametrize(
    ("name", "handle"), list(handles()), ids=lambda value: type(value).__name__
)
def test_a_handle_is_refused(name, handle):
    assert refused((1, handle)).startswith(f"message[1]: {name} cannot be copied; ")


def test_paths_name_every_kind_of_step():
    bad = (n for n in ())

    def closure():
        return bad

    def defaults(a=[bad]):  # noqa: B006
        return a

    def keyword(*, a=bad):
        return a

    slotted = Slotted()
    slotted.left = [bad]
    error = ValueError(1, bad)
    caused = ValueError()
    caused.__cause__ = error
    cases = [
        ([1, bad], "[1]"),
        ({"a b": bad}, '["a b"]'),
        ({'"': bad}, "['\"']"),
        ({5: bad}, "[5]"),
        ({(1, "x"): (bad,)}, '[(1, "x")][0]'),
        ({Frozen(1, 2): bad}, "[<Frozen>]"),
        ({1: 1, bad: 2}, ".keys()[1]"),
        ({bad}, "{<generator>}"),
        (frozenset({(1, bad)}), '{(1, <generator>)}[1]'),
        (Plain(a=Plain(b=bad)), ".a.b"),
        (slotted, ".left[0]"),
        (error, ".args[1]"),
        (caused, ".__cause__.args[1]"),
        (closure, '.closure["bad"]'),
        (defaults, ".__defaults__[0][0]"),
        (keyword, '.__kwdefaults__["a"]'),
        (Plain(a=bad).__init__, ".__self__.a"),
        (collections.deque([1, bad]), "[1]"),
        (collections.OrderedDict(a=bad), '["a"]'),
        (Point(1, [bad]), "[1][0]"),
        (types.SimpleNamespace(a=[bad]), ".a[0]"),
        ([[[[[[[[[[Plain(a={"b": (bad,)})]]]]]]]]]], '[0]' * 10 + '.a["b"][0]'),
    ]  # fmt: skip
    for message, path in cases:
        assert refused(message).startswith(f"message{path}: generator cannot be copied")


def test_paths_of_a_spawn_begin_with_the_variable_or_the_argument():
    bad = [], (n for n in ())

    def closure():
        return bad

    with pytest.raises(CopyError, match=r'^closure\["bad"\]\[1\]: generator'):
        copy_spawn(closure, ())
    with pytest.raises(CopyError, match=r"^args\[1\]\[0\]: generator"):
        copy_spawn(len, [1, [(n for n in ())]])
    with pytest.raises(CopyError, match=r"^function\.__self__\.a: generator"):
        copy_spawn(types.MethodType(len, Plain(a=(n for n in ()))), ())


def test_a_very_long_path_is_abbreviated_in_the_middle():
    message: Any = (n for n in ())
    for _ in range(1000):
        message = [message]
    path = "message" + "[0]" * 16 + " ... " + "[0]" * 16
    assert refused({"a": message}).startswith(path.replace("[0]", '["a"]', 1) + ": generator")


def test_a_hook_that_fails_is_the_cause():
    error = ZeroDivisionError("boom")
    with pytest.raises(CopyError) as caught:
        copy([1, Failing(error)])
    assert str(caught.value) == "message[1]: Failing could not be copied; ZeroDivisionError: boom"
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_what_is_no_failure_of_the_message_passes_through(kind):
    with pytest.raises(kind):
        copy([[Failing(kind())]])


def test_a_failing_hash_or_constructor_is_reported():
    class Key:
        def __init__(self):
            self.armed = []

        def __hash__(self):
            if not self.__dict__["armed"]:
                return 1
            raise ValueError("no hash")

    key = Key()
    message = {key: 1}
    key.armed.append(1)
    assert refused([message]).endswith("ValueError: no hash")
    assert refused([{"s": {1}}, Failing(OSError("x"))]).endswith("OSError: x")


def test_a_failing_copy_leaves_no_reference_behind():
    parts = [[1], {"a": [2]}, {3}, bytearray(b"4"), Plain(a=[5]), ValueError([6]), Deep([7])]
    bad = [Failing(ValueError), (n for n in ())]
    shapes = [
        lambda x: [parts, x],
        lambda x: (parts, x),
        lambda x: {"a": parts, "b": x},
        lambda x: {"a": parts, (1, Frozen(2, 3)): x},
        lambda x: Plain(a=parts, b=[x]),
        lambda x: ValueError(parts, x),
        lambda x: collections.deque([parts, x]),
        lambda x: (lambda: (parts, x)),
        lambda x: functools.partial(len, parts, x),
        lambda x: [[[[[[[[[[parts, (x,)]]]]]]]]]],
        lambda x: {Frozen(1, 2), Frozen(x, 1)},
    ]  # fmt: skip
    everything = [*parts, parts, *bad]
    messages = [shape(x) for shape in shapes for x in bad]

    def fail_all():
        for message in messages:
            with pytest.raises(CopyError):
                copy(message)
        gc.collect()

    fail_all()
    before = [sys.getrefcount(part) for part in everything], len(gc.get_objects())
    for _ in range(5):
        fail_all()
    after = [sys.getrefcount(part) for part in everything], len(gc.get_objects())
    assert after[0] == before[0] and abs(after[1] - before[1]) < 20


def test_a_copy_leaves_no_reference_to_the_original_behind():
    parts = [[1], {"a": [2]}, {3}, bytearray(b"4"), Plain(a=[5]), ValueError([6]), Deep([7])]
    message = [parts, parts, [[[[[[[[[[parts, lambda: parts]]]]]]]]]], (parts, Point(1, parts))]
    copy(message)
    before = [sys.getrefcount(part) for part in (*parts, parts)]
    for _ in range(10):
        copy(message)
    gc.collect()
    assert [sys.getrefcount(part) for part in (*parts, parts)] == before


GIVEN_BACK: list[Any] = []


class Owner:
    """Gives back what it owns, as files do."""

    __slots__ = ("handle", "lock")

    def __init__(self, handle, lock):
        self.handle, self.lock = handle, lock

    def __del__(self):
        GIVEN_BACK.append(self.handle)


class OwnerWithDict(Owner):
    pass


class OwningError(ValueError):
    __del__ = Owner.__del__

    @property
    def handle(self):
        return self.args[0]


class OwningList(list[Any]):
    __del__ = Owner.__del__
    handle = 7

    def __init__(self, handle, lock):
        super().__init__([lock])


@pytest.mark.parametrize("kind", [Owner, OwnerWithDict, OwningError, OwningList])
@pytest.mark.parametrize("depth", [0, 1000])
def test_a_copy_that_was_not_finished_is_never_finalized(kind, depth):
    message: Any = kind(7, threading.Lock())
    for _ in range(depth):
        message = [message]
    GIVEN_BACK.clear()
    refused(message)
    gc.collect()
    assert GIVEN_BACK == []
    del message
    gc.collect()
    assert GIVEN_BACK == [7]


@pytest.mark.parametrize("depth", [0, 1000])
def test_sharing_a_frozen_object_finalizes_nothing(depth):
    @dataclasses.dataclass(frozen=True)
    class Frozen:
        handle: Any
        __del__ = Owner.__del__

    original = Frozen((1, Point(1, Frozen)))
    message: Any = original
    for _ in range(depth):
        message = [message]
    GIVEN_BACK.clear()
    result = copy(message)
    for _ in range(depth):
        result = result[0]
    gc.collect()
    assert result is original and GIVEN_BACK == []


# Behind one's back.


def test_a_hook_may_change_what_is_being_copied():
    class Changing:
        def __init__(self, change):
            self.change = change

        def __deepcopy__(self, memo):
            self.change()
            return 0

    for clear in (list.clear, lambda items: items.extend([[1]] * 1000), lambda items: items.pop()):
        items: list[Any] = []
        items += [[1], Changing(lambda items=items, clear=clear: clear(items)), [2], [3]]
        try:
            copy(items)
        except CopyError as error:
            assert "changed while it was being copied" in str(error)
    for change in (dict.clear, lambda table: table.update({str(i): [i] for i in range(1000)})):
        for key in ("key", Frozen(1, 2)):
            table: dict[Any, Any] = {"a": [1]}
            table[key] = Changing(lambda table=table, change=change: change(table))
            table["z"] = [2]
            result = copy(table)
            assert list(result) == ["a", key, "z"]
    elements: set[Any] = set()
    elements |= {Changing(elements.clear), Frozen(1, [].__len__)}
    copy(elements)


def test_a_hook_may_change_the_copy_that_is_being_made():
    class Changing:
        def __init__(self, parent, change):
            self.parent, self.change = parent, change

        def __deepcopy__(self, memo):
            self.change(memo[id(self.parent)])
            return 0

    for change in (list.clear, lambda items: items.append(5), lambda items: list(map(repr, items))):
        items: list[Any] = [[1]]
        items += [Changing(items, change), [2]]
        try:
            copy(items)
        except CopyError as error:
            assert "changed while it was being copied" in str(error)


class Registered:
    """Enters itself into its owner, in one of the ways in which classes have themselves rebuilt."""

    def __init__(self, owner):
        self.owner = owner

    def enter(self):
        for i in range(1000):
            self.owner[f"new {i}"] = self

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.enter()


class RegisteredQueue(collections.deque[Any]):
    def append(self, owner):
        super().append(owner)
        Registered.enter(types.SimpleNamespace(owner=owner))  # type: ignore[arg-type]


class RegisteredDict(collections.OrderedDict[str, Any]):
    def __setitem__(self, key, owner):
        super().__setitem__(key, owner)
        Registered.enter(types.SimpleNamespace(owner=owner))  # type: ignore[arg-type]


def registered_queue(owner):
    made = RegisteredQueue()
    collections.deque.append(made, owner)
    return made


def registered_dict(owner):
    made = RegisteredDict()
    collections.OrderedDict.__setitem__(made, "owner", owner)
    return made


@pytest.mark.parametrize("make", [Registered, registered_queue, registered_dict])
def test_a_dict_that_a_hook_enters_something_into_holds_copies_only(make):
    owner: dict[str, Any] = {str(i): [i] for i in range(100)}
    owner["50"] = make(owner)
    for i in range(10, 40):
        del owner[str(i)]
    result = copy(owner)
    assert len(result) == 1070 and result["new 0"] is not None
    assert all(result[key] is not value and type(result[key]) is type(value)
               for key, value in owner.items())  # fmt: skip


def test_a_hook_may_run_the_collector():
    class Collecting:
        def __deepcopy__(self, memo):
            gc.collect()
            for thing in gc.get_objects():
                if type(thing) in (list, tuple):
                    len(thing)
            return self

    result = copy([[1], (Collecting(), [2], {"a": (Collecting(), [3])})])
    assert result[1][2]["a"][1] == [3]


def test_threads_may_copy_at_the_same_time():
    shared = [Deep([1]) for _ in range(20)]
    failures = []

    def work():
        try:
            for _ in range(50):
                assert len(copy([shared, shared])[0]) == 20
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
