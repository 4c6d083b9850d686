"""What a message may contain, and what becomes of it: shared, or copied."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import doctest
import fractions
import gc
import io
import pathlib
import re
import subprocess
import sys
import threading
import types
import uuid
import weakref

import pytest
from copy_samples import (
    Colour,
    Frozen,
    FrozenSlotted,
    Order,
    Plain,
    Point,
    hooks_running,
    native,
    words,
)

from csched import _copy, _copy_kinds
from csched._copy import CopyError, copy, register_immutable, share


@pytest.fixture(autouse=True)
def _hooks_are_counted_back():
    assert hooks_running() == 0
    yield
    assert hooks_running() == 0


# What is shared.


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        10**30,
        1.5,
        2j,
        "text",
        b"bytes",
        range(3),
        Ellipsis,
        NotImplemented,
        int,
        Plain,
        len,
        str.join,
        sys,
        compile("1", "x", "eval"),
        Colour.RED,
        re.compile("a"),
        datetime.datetime(2020, 1, 1),
        datetime.date(2020, 1, 1),
        datetime.time(1),
        datetime.timedelta(1),
        datetime.UTC,
        decimal.Decimal("1.5"),
        fractions.Fraction(1, 3),
        uuid.UUID(int=5),
        pathlib.Path("/tmp"),
        pathlib.PurePosixPath("a"),
        property(len),
        list[int],
        int | str,
        (),
        (1, ("a", (None,))),
        frozenset({1, (2, 3)}),
        Point(1, "a"),
        Frozen(1, ("a", Frozen(2, 3))),
        FrozenSlotted("a"),
        native,
    ],
    ids=repr,
)
def test_what_cannot_be_changed_is_shared_and_costs_nothing(value):
    assert copy(value) is value
    assert copy([value, value])[1] is value
    assert words(value) == 0


def test_a_builtin_is_shared_but_a_method_of_a_list_goes_with_a_copy_of_the_list():
    items = [1]
    assert copy(sys.getsizeof) is sys.getsizeof
    other, append = copy([items, items.append])
    append(2)
    assert (items, other) == ([1], [1, 2])


def test_a_frozen_dataclass_with_a_list_is_copied():
    original = Frozen(1, [2])
    result = copy(original)
    assert result == original and result.second is not original.second


def test_a_subclass_of_a_frozen_dataclass_is_copied():
    class Open(Frozen):
        pass

    original = Open(1, 2)
    assert copy(original) is not original


def test_a_shared_object_is_passed_by_identity():
    lock = share(threading.Lock())
    assert copy({"lock": lock})["lock"] is lock
    with pytest.raises(CopyError):
        copy(threading.Lock())


def test_share_returns_its_argument_and_may_be_repeated():
    handle = io.StringIO()
    assert share(share(handle)) is handle
    assert share(5) == 5
    assert share(Plain) is Plain


def test_share_does_not_keep_alive_what_allows_weak_references():
    handle = share(Plain())
    watch = weakref.ref(handle)
    before = len(gc.get_objects())
    del handle
    assert watch() is None
    assert len(gc.get_objects()) <= before


def test_a_new_object_at_the_address_of_a_shared_one_is_not_shared():
    for _ in range(100):
        share(Plain())
    for _ in range(100):
        fresh = Plain(a=[1])
        assert copy(fresh) is not fresh


def test_a_list_can_be_shared():
    items = share([1])
    assert copy((items,))[0] is items
    assert copy([1]) == [1]


def test_a_weak_reference_can_be_shared():
    target = Plain()
    reference = share(weakref.ref(target))
    assert copy([reference])[0] is reference


def test_a_registered_type_is_shared_and_its_subclasses_are_not():
    @register_immutable
    class Money:
        pass

    class Foreign(Money):
        pass

    assert copy(price := Money()) is price
    assert copy(price := Foreign()) is not price


def test_registering_counts_for_types_that_were_copied_before():
    original = type("Late", (), {})()
    assert copy(original) is not original
    register_immutable(type(original))
    assert copy(original) is original


def test_register_immutable_takes_types_only():
    with pytest.raises(TypeError, match="takes a type, not int"):
        register_immutable(5)


# Containers.


@pytest.mark.parametrize(
    "value",
    [
        [], [1, [2, [3]]], {}, {"a": {"b": [1]}}, {(1, 2): [3]}, {1, 2}, {(1,), frozenset({2})},
        bytearray(b"abc"), ([1], "a"), frozenset({Point(1, 2)}), Point(1, [2]),
        array.array("i", [1, 2]), collections.deque([1, [2]], maxlen=5),
        collections.OrderedDict(a=[1], b=2), collections.defaultdict(list, a=[1]),
        collections.Counter("hello"), types.SimpleNamespace(a=[1]), slice(1, 2), Order(1, [2]),
        collections.UserDict(a=1), collections.ChainMap({"a": 1}), datetime.tzinfo(),
    ],
    ids=repr,
)  # fmt: skip
def test_a_container_is_copied_with_its_class(value):
    result = copy(value)
    assert type(result) is type(value)
    if not isinstance(value, datetime.tzinfo):
        assert result == value
    if value.__class__.__hash__ is None:
        assert result is not value
    assert words([value]) > 0


def test_a_default_dict_keeps_its_factory_and_a_deque_its_length():
    result = copy(collections.defaultdict(list))
    result["new"].append(1)
    assert result == {"new": [1]}
    assert copy(collections.deque([1], maxlen=3)).maxlen == 3


def test_a_tuple_is_copied_only_if_a_part_is():
    atoms = (1, ("a", "b"))
    result = copy((atoms, [1], atoms))
    assert result[0] is result[2] is atoms


def test_a_named_tuple_does_not_call_its_constructor():
    class Checked(Point):
        __slots__ = ()

        def __new__(cls, x):
            return super().__new__(cls, x, [])

    original = Checked(5)
    result = copy(original)
    assert type(result) is Checked and result == original and result.y is not original.y


def test_subclasses_of_containers_keep_their_attributes():
    for kind in (list, dict, set, tuple, frozenset, bytearray, collections.deque):
        original = type("Own", (kind,), {})()
        original.note = ["a"]
        result = copy(original)
        assert type(result) is type(original) and result == original
        assert result.note == ["a"] and result.note is not original.note


def test_the_order_of_a_dict_is_kept_also_after_deletions():
    original = {i: [i] for i in range(100)}
    for i in range(90):
        del original[i]
    original[5] = [5]
    assert list(copy(original).items()) == list(original.items())


def test_keys_are_copied_before_they_are_hashed():
    class Key:
        def __init__(self, parts):
            self.parts = parts

        def __hash__(self):
            return len(self.parts)

        def __eq__(self, other):
            return self.parts == other.parts

    key = Key(["a"])
    result = copy({key: 1})
    assert result[Key(["a"])] == 1 and next(iter(result)) is not key
    assert copy({key}) == {key} and next(iter(copy({key}))) is not key


def test_a_view_of_memory_gets_memory_of_its_own():
    memory = bytearray(b"\1\0\2\0")
    view = memoryview(memory).cast("H")
    result = copy([view, view])
    memory[0] = 9
    assert result[0].tolist() == [1, 2] and result[0] is result[1] and not result[0].readonly
    assert copy(memoryview(b"abc")).readonly
    square = memoryview(b"abcd").cast("B", (2, 2))
    assert copy(square).tolist() == square.tolist()


# Cost and documentation.


def test_the_cost_is_the_size_of_what_was_copied():
    assert 1000 <= words(list(range(1000))) <= 1100
    assert words([(1, 2, 3)] * 100) < 200
    assert 12_500 <= words(bytearray(100_000)) <= 12_600
    assert 12_500 <= words(array.array("b", bytes(100_000))) <= 12_600
    assert words(["x" * 100_000]) < 100
    assert 400 < words({i: i for i in range(100)}) < 2_500


@pytest.mark.parametrize("function", [copy, share, register_immutable, CopyError])
def test_the_examples_run(function):
    runner = doctest.DocTestRunner()
    tests = doctest.DocTestFinder(recurse=False).find(function, function.__name__, module=False)
    assert tests and tests[0].examples
    for test in tests:
        assert runner.run(test).failed == 0


def test_importing_brings_in_none_of_the_well_known_modules():
    # The package itself may import more: a bare one takes its place.
    script = (
        "import sys, types; package = types.ModuleType('csched'); package.__path__ = sys.argv[1:];"
        "sys.modules['csched'] = package; import csched._copy;"
        "print(*{'decimal', 'uuid', 'datetime', 'fractions', 'pathlib', 're', 'enum'}"
        ".intersection(sys.modules))"
    )
    command = [sys.executable, "-I", "-S", "-c", script, str(pathlib.Path(_copy.__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_recipes_keep_no_class_alive():
    def make():
        kind = type("Passing", (), {})
        copy([kind()])
        return weakref.ref(kind)

    watch = make()
    gc.collect()
    assert watch() is None
    assert _copy_kinds.share is share
