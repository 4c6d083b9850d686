"""Receive patterns: what matches, what is refused, and what callbacks may do meanwhile."""

from __future__ import annotations

import contextlib
import copy
import enum
import gc
import math
import pickle
import sys
import weakref
from collections import OrderedDict, namedtuple
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csched._ids import restore_pid, restore_ref
from csched._match import ANY, matches

Point = namedtuple("Point", "x y")


class Down(NamedTuple):
    ref: object
    type: object
    object: object
    reason: object


class Colour(enum.IntEnum):
    RED = 1


class Word(str):
    __slots__ = ()


class Table(dict):
    pass


def make_ref(number, owner=1, mark=0, run=1):
    return restore_ref(0, run, number, owner, mark)


def make_pid(number, run=1):
    return restore_pid(0, run, number)


@pytest.fixture
def native(probe):
    return probe("match_probe")


# ANY


@pytest.mark.parametrize("message", [None, 0, "", (), [1], object(), ANY])
def test_any_matches_every_message(message):
    assert matches(ANY, message)
    assert matches((ANY,), (message,))


def test_any_is_one_object_even_after_copying_and_pickling():
    assert copy.copy(ANY) is ANY
    assert copy.deepcopy([ANY])[0] is ANY
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(ANY, protocol)) is ANY
    with pytest.raises(TypeError, match="there is one ANY"):
        type(ANY)()


def test_any_is_printed_by_its_name():
    assert repr(("ping", ANY)) == "('ping', ANY)"


# Types


def test_a_type_matches_its_instances_and_those_of_its_subclasses():
    assert matches(int, 3)
    assert matches(int, True)
    assert matches(str, Word("a"))
    assert matches(tuple, Point(1, 2))
    assert matches(object, None)
    assert not matches(int, "3")
    assert not matches(dict, ("a",))
    assert not matches(Point, (1, 2))


def test_a_type_is_asked_whether_a_message_is_its_instance():
    class Even(type):
        def __instancecheck__(cls, instance):
            return instance % 2 == 0

    class EvenNumber(metaclass=Even):
        pass

    assert matches(EvenNumber, 2)
    assert not matches(EvenNumber, 3)
    with pytest.raises(TypeError):
        matches((EvenNumber,), ("x",))


def test_a_proxy_is_an_instance_of_what_it_claims_to_be():
    class Proxy:
        __class__ = dict

    assert matches(dict, Proxy())
    assert not matches(list, Proxy())


# Values


VALUES = [
    None, True, False, 0, 1, -1, 2**80, 0.0, 1.0, 1j, 1 + 0j, "", "a", "1", "é", b"", b"a",
    Colour.RED, Word("a"), make_pid(1), make_pid(2), make_pid(1, run=2), make_ref(1), make_ref(2),
    make_ref(1, run=2),
]  # fmt: skip


@pytest.mark.parametrize("pattern", VALUES, ids=repr)
def test_a_value_matches_what_is_equal_and_of_its_type(pattern):
    for message in VALUES:
        assert matches(pattern, message) is (type(pattern) is type(message) and pattern == message)


def test_equal_values_need_not_be_the_same_object():
    assert matches(10**30, int("1" + "0" * 30))
    assert matches("ab" * 50, "".join(["ab"] * 50))
    assert matches(b"ab" * 50, bytes(bytearray(b"ab" * 50)))
    assert matches(make_pid(7), make_pid(7))
    assert matches(make_ref(7), make_ref(7))
    assert matches(0.0, -0.0)


def test_not_a_number_matches_nothing():
    assert not matches(math.nan, math.nan)


def test_a_subclass_decides_itself_what_it_is_equal_to():
    class Caseless(str):
        __slots__ = ()
        __hash__ = None

        def __eq__(self, other):
            return self.lower() == other.lower()

    assert matches(Caseless("A"), Caseless("a"))
    assert not matches(Caseless("A"), "a")


def test_what_a_comparison_raises_goes_on():
    class Stubborn(int):
        __hash__ = None

        def __eq__(self, other):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        matches([{"a": Stubborn(1)}], [{"a": Stubborn(1)}])


# Tuples, lists, dicts


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_sequence_matches_part_by_part(kind):
    pattern = kind(["ping", int, ANY])
    assert matches(pattern, kind(["ping", 1, None]))
    assert not matches(pattern, kind(["pong", 1, None]))
    assert not matches(pattern, kind(["ping", "1", None]))
    assert not matches(pattern, kind(["ping", 1]))
    assert not matches(pattern, kind(["ping", 1, None, None]))
    assert matches(kind(), kind())


def test_containers_match_only_their_own_type():
    assert not matches((1,), [1])
    assert not matches([1], (1,))
    assert not matches((1, 2), Point(1, 2))
    assert not matches(Point(1, 2), (1, 2))
    assert not matches({}, OrderedDict())
    assert not matches(Table(), {})
    assert matches(Table(a=1), Table(a=1))


def test_a_named_tuple_is_a_pattern():
    pattern = Down(make_ref(3), ANY, ANY, ANY)
    assert matches(pattern, Down(make_ref(3), "process", make_pid(1), "normal"))
    assert not matches(pattern, Down(make_ref(4), "process", make_pid(1), "normal"))
    assert not matches(pattern, (make_ref(3), "process", make_pid(1), "normal"))


def test_a_dict_matches_by_the_keys_that_it_names():
    pattern = {"op": "add", "n": int}
    assert matches(pattern, {"op": "add", "n": 1})
    assert matches(pattern, {"n": 1, "more": None, "op": "add"})
    assert not matches(pattern, {"op": "add"})
    assert not matches(pattern, {"op": "add", "x": 1})
    assert not matches(pattern, {"op": "add", "n": "1"})
    assert matches({}, {"a": 1})


def test_a_key_that_raises_when_compared_raises_out_of_the_match():
    class Key:
        def __hash__(self):
            return hash("a")

        def __eq__(self, other):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        matches({"a": ANY}, {Key(): 1})


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda part: (
        st.lists(part)
        | st.lists(part).map(tuple)
        | st.dictionaries(st.text() | st.integers(), part)
    ),
    max_leaves=20,
)


def model(pattern, message):
    if type(pattern) is not type(message):
        return False
    if isinstance(pattern, (tuple, list)):
        return len(pattern) == len(message) and all(map(model, pattern, message))
    if isinstance(pattern, dict):
        return all(key in message and model(pattern[key], message[key]) for key in pattern)
    return pattern == message


@given(json_like)
def test_a_message_matches_its_own_copy(message):
    assert matches(message, copy.deepcopy(message))
    assert matches((ANY, message), (None, message))


@given(json_like, json_like)
def test_matching_agrees_with_its_description(pattern, message):
    assert matches(pattern, message) is model(pattern, message)


# Predicates


def test_a_predicate_is_asked_about_the_message():
    assert matches(lambda message: message > 3, 4)
    assert not matches(lambda message: message > 3, 3)
    assert matches(("n", str.isdigit), ("n", "12"))
    assert matches(len, [0])
    assert not matches(len, [])


def test_what_a_predicate_raises_goes_on():
    def refuse(message):
        raise LookupError(message)

    with pytest.raises(LookupError, match="1"):
        matches(["a", {"b": refuse}], ["a", {"b": 1}])


def test_a_predicate_without_a_truth_value_raises():
    class Undecided:
        def __bool__(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        matches(lambda message: Undecided(), 1)


# What is no pattern


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (bytearray(), "pattern: bytearray is no pattern"),
        (("a", bytearray()), "pattern[1]: bytearray is no pattern"),
        ([(), {"conn": [ANY, {1}]}], "pattern[1]['conn'][1]: set is no pattern"),
        (Down(ANY, ANY, object(), ANY), "pattern[2]: object is no pattern"),
        ({1: int | str}, "pattern[1]: UnionType is no pattern"),
        (..., "pattern: ellipsis is no pattern"),
        ([range(3), set()], "pattern[0]: range is no pattern"),
    ],
)
def test_a_bad_pattern_is_refused_with_the_place_of_the_culprit(native, pattern, text):
    with pytest.raises(TypeError) as caught:
        native.newest_mark(pattern)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "pattern", [ANY, int, len, (), [], {}, *VALUES, (1, [{"a": ANY}, str, len])], ids=repr
)
def test_every_kind_of_pattern_is_accepted(native, pattern):
    native.newest_mark(pattern)


def test_keys_of_a_dict_are_no_patterns(native):
    assert native.newest_mark({frozenset(): ANY, make_ref(1, mark=5): ANY}) == 0


def test_matching_refuses_what_has_become_no_pattern():
    pattern = [lambda message: pattern.__setitem__(1, bytearray()) is None, ANY]
    with pytest.raises(TypeError, match="bytearray is no pattern"):
        matches(pattern, [1, 2])


# Marks


def test_the_newest_reference_sets_the_mark(native):
    pattern = (make_ref(1, mark=10), [{"a": make_ref(2, mark=30)}, make_ref(3, mark=20)], ANY)
    assert native.newest_mark(pattern) == 30
    assert native.newest_mark(Down(make_ref(1, mark=7), ANY, ANY, ANY)) == 7
    assert native.newest_mark(make_ref(1, mark=2**64 - 1)) == 2**64 - 1


def test_references_of_other_processes_and_runs_set_no_mark(native):
    assert native.newest_mark((make_ref(1, owner=2, mark=9), make_ref(2, mark=4))) == 4
    assert native.newest_mark((make_ref(1, run=2, mark=9),)) == 0
    assert native.newest_mark(make_ref(1, owner=2, mark=9), 2) == 9
    assert native.newest_mark(("a", ANY)) == 0


# Depth


def nest(depth, bottom, wrap):
    for _ in range(depth):
        bottom = wrap(bottom)
    return bottom


@pytest.mark.parametrize("wrap", [lambda x: (x,), lambda x: [x], lambda x: {0: x}])
def test_a_pattern_that_is_too_deep_raises_and_leaves_nothing_behind(native, wrap):
    deep = nest(200_000, ANY, wrap)
    for _ in range(3):
        with pytest.raises(RecursionError):
            native.newest_mark(deep)
        with pytest.raises(RecursionError):
            matches(deep, deep)
    usual = nest(100, 1, wrap)
    for _ in range(1_000):
        assert matches(usual, usual)
        native.newest_mark(usual)


def test_failures_in_the_depth_do_not_use_up_the_recursion_limit(native):
    def refuse(message):
        raise LookupError

    bad = nest(50, bytearray(), lambda x: (x,))
    raising = nest(50, refuse, lambda x: [x])
    message = nest(50, 1, lambda x: [x])
    for _ in range(sys.getrecursionlimit()):
        with pytest.raises(TypeError):
            native.newest_mark(bad)
        with pytest.raises(LookupError):
            matches(raising, message)
    assert matches(message, message)


def test_a_pattern_that_contains_itself_raises(native):
    pattern = []
    pattern.append(pattern)
    with pytest.raises(RecursionError):
        native.newest_mark(pattern)
    with pytest.raises(RecursionError):
        matches(pattern, pattern)


# Callbacks that change what is being matched


class Part:
    pass


def test_a_predicate_may_empty_the_message_and_the_pattern():
    def empty(message):
        pattern.clear()
        parts.clear()
        gc.collect()
        return isinstance(message, Part)

    pattern = [empty, ANY]
    parts = [Part(), Part()]
    with pytest.raises(RuntimeError, match="list changed size"):
        matches(pattern, parts)


def test_a_predicate_may_empty_dicts():
    def empty(message):
        pattern.clear()
        message_dict.clear()
        gc.collect()
        return isinstance(message, Part)

    pattern = {"a": empty, "b": ANY}
    message_dict = {"a": Part(), "b": Part()}
    with pytest.raises(RuntimeError, match="dict changed size"):
        matches(pattern, message_dict)


def test_a_comparison_of_keys_may_empty_dicts():
    class Key:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            pattern.clear()
            message.clear()
            gc.collect()
            return True

    pattern = {Key(): [Part, ANY]}
    message = {Key(): [Part(), Part()]}
    assert not matches(pattern, message)
    assert not pattern
    assert not message


def test_a_part_that_is_being_matched_is_kept_alive():
    class Asked(type):
        def __instancecheck__(cls, instance):
            pattern[0][0] = message[0][0] = pattern[0] = message[0] = None
            gc.collect()
            return alive() is not None and instance is alive()

    pattern = [[Asked("Wanted", (), {})]]
    message = [[Part()]]
    alive = weakref.ref(message[0][0])
    assert matches(pattern, message)
    gc.collect()
    assert alive() is None


# Leaks


def test_matching_keeps_no_references(native):
    def refuse(message):
        raise LookupError

    part, key = Part(), "key" * 9
    cases = [
        ((ANY, Part, refuse), (part, part, part)),
        ([ANY, {key: Part, 2: bytearray}], [part, {key: part, 2: part}]),
        ({key: [Part], "absent": ANY}, {key: [part], "other": part}),
        ((bytearray(), part), (part, part)),
    ]

    def run():
        for pattern, message in cases:
            for call in (lambda p=pattern, m=message: matches(p, m),
                         lambda p=pattern: native.newest_mark(p)):  # fmt: skip
                with contextlib.suppress(LookupError, TypeError):
                    call()

    run()
    before = [sys.getrefcount(thing) for thing in (part, key, ANY, refuse, Part, bytearray)]
    for _ in range(200):
        run()
    after = [sys.getrefcount(thing) for thing in (part, key, ANY, refuse, Part, bytearray)]
    assert after == before
