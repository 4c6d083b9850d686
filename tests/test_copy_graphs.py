"""Closures, sharing, cycles and depth: a copy has the shape of its original."""

from __future__ import annotations

import collections
import copy as copy_module
import threading
from typing import Any

import pytest
from copy_samples import (
    Deep,
    Frozen,
    FrozenSlotted,
    Plain,
    Point,
    copy_spawn,
    first,
    hooks_running,
    in_closure,
    in_dict,
    in_list,
    in_method,
    in_plain,
    in_tuple,
    make_counter,
    nest,
    refused,
    unnest,
    words,
)

from csched._copy import copy, share


@pytest.fixture(autouse=True)
def _hooks_are_counted_back():
    assert hooks_running() == 0
    yield
    assert hooks_running() == 0


# Functions.


def test_a_closure_is_copied_with_its_variables():
    increment, read = make_counter()
    other_increment, other_read = copy((increment, read))
    assert [other_increment(), other_increment()] == [1, 2]
    assert (read(), other_read()) == ((0, []), (2, [1, 2]))


def test_a_recursive_closure_calls_its_copy():
    def outer(marks):
        def walk(n):
            marks.append(n)
            return walk if n == 0 else walk(n - 1)

        return walk

    marks = []
    original = outer(marks)
    result = copy(original)
    assert result is not original and result(2) is result and marks == []
    assert copy_spawn(original, ())[0] is not original


def test_an_empty_cell_stays_empty():
    def outer():
        def inner():
            return later

        result = copy(inner)
        later = 5
        assert inner() == 5
        return result

    with pytest.raises(NameError):
        outer()()


def test_a_function_with_mutable_defaults_is_copied_whole():
    def function(a, b=[], *, c={"x": []}):  # noqa: B006
        "Text."
        b.append(a)
        return b, c

    function.note = ["n"]
    result = copy(function)
    assert result(1) == ([1], {"x": []}) and function(2) == ([2], {"x": []})
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "note"):
        assert getattr(result, name) == getattr(function, name)
    assert result.note is not function.note and result.__globals__ is function.__globals__
    assert result.__kwdefaults__["c"] is not function.__kwdefaults__["c"]


def test_a_function_without_variables_or_mutable_defaults_is_shared():
    def function(a=1, *, b=(2, "x")):
        return a

    function.mark = True
    assert copy(function) is function
    assert copy([function, function]) == [function, function]
    assert words(function) == 0


def test_spawn_copies_function_and_arguments_as_one_message():
    items = [1]

    def body(argument):
        return argument is items

    function, args = copy_spawn(body, [items, 5])
    assert type(args) is tuple and function(args[0]) and not body(args[0])
    assert copy_spawn(len, (1, 2)) == (len, (1, 2))


# Sharing and cycles.


def test_sharing_within_a_message_is_kept():
    part = [1]
    result = copy([part, (part, {"a": part}), part])
    assert result[0] is result[1][0] is result[1][1]["a"] is result[2] is not part


def test_sharing_does_not_multiply():
    node = [1]
    for _ in range(200):
        node = [node, node]
    result = copy(node)
    assert result[0] is result[1]
    node = ([1],)
    for _ in range(200):
        node = (node, node)
    assert words(node) < 5000
    node = (frozenset(),)
    for _ in range(200):
        node = (node, node)
    assert copy(node) is node


def test_cycles_are_kept():
    items = [1]
    items.append(items)
    result = copy(items)
    assert result[1] is result is not items
    table = {}
    table["self"] = (table, [table])
    result = copy(table)
    assert result["self"][0] is result["self"][1][0] is result
    knot = ([],)
    knot[0].append(knot)
    result = copy(knot)
    assert result[0][0] is result is not knot
    ring = Plain()
    ring.me = {frozenset({ring}): Point(ring, [ring])}
    result = copy(ring)
    [(keys, point)] = result.me.items()
    assert next(iter(keys)) is point.x is point.y[0] is result
    queue = collections.deque()
    queue.append([queue])
    result = copy(queue)
    assert result[0][0] is result is not queue


def test_a_thousand_shared_parts_are_told_apart():
    parts = [[i] for i in range(1000)]
    result = copy([parts, parts[::-1]])
    assert result[0] == parts and result[1] == parts[::-1]
    assert all(a is b for a, b in zip(result[0], reversed(result[1]), strict=True))


def test_the_memo_that_hooks_get_knows_the_rest_of_the_message():
    part = [1]
    result = copy([part, Deep([part, Deep(part)]), part])
    assert result[0] is result[1].inner[0] is result[1].inner[1].inner is result[2] is not part


def test_a_hook_that_reaches_what_was_copied_before_finds_its_copy():
    class Reaching:
        def __init__(self, parent):
            self.parent = parent

        def __deepcopy__(self, memo):
            return copy_module.deepcopy(self.parent[0], memo)

    message = [[1], None]
    message[1] = Reaching(message)
    result = copy(message)
    assert result[1] is result[0]


def test_hooks_share_what_is_shared():
    lock = share(threading.Lock())
    assert copy(Deep([lock])).inner[0] is lock


def test_hooks_of_the_standard_library_get_a_real_dict():
    from xml.etree import ElementTree

    element = ElementTree.fromstring("<a><b>text</b></a>")
    result = copy([element])[0]
    assert ElementTree.tostring(result) == ElementTree.tostring(element) and result is not element


def test_process_switches_are_held_off_while_a_hook_runs():
    seen = []

    class Watching:
        def __deepcopy__(self, memo):
            seen.append(hooks_running())
            copy([self] if len(seen) < 3 else [])
            seen.append(hooks_running())
            return self

    copy(Watching())
    assert seen == [1, 2, 3, 3, 2, 1]


# Depth.


@pytest.mark.parametrize(
    "wraps",
    [(in_list,), (in_tuple,), (in_dict,), (in_list, in_tuple, in_dict, in_plain)],
    ids=["list", "tuple", "dict", "mixed"],
)
def test_nesting_a_million_deep_is_copied(wraps):
    message = nest(1_000_000, *wraps)
    result = copy(message)
    assert unnest(result, first) == 1_000_001
    assert result is not message


@pytest.mark.parametrize(
    "wrap", [in_plain, in_closure, in_method, lambda x: ValueError(x), lambda x: Frozen(x, 1)],
    ids=["instance", "closure", "method", "exception", "frozen"],
)  # fmt: skip
def test_objects_may_be_nested_deeply(wrap):
    part = first if wrap([1]).__class__ is not Frozen else (
        lambda x: x.first if isinstance(x, Frozen) else x[0]
    )  # fmt: skip
    assert unnest(copy(nest(20_000, wrap)), part) == 20_001


def test_deep_tuples_of_shared_parts_are_shared():
    message: Any = (1,)
    for _ in range(100_000):
        message = (message, 2)
    assert copy(message) is message


def test_sharing_and_cycles_are_kept_at_any_depth():
    bottom: list[Any] = []
    message = nest(5_000, in_list, in_tuple)
    top = [message, bottom, lambda: top]
    bottom.append(top)
    result = copy([nest(500, in_list, lambda x: (x, bottom)), top])
    assert result[1][1][0] is result[1]
    assert result[0][1] is result[1][1]


@pytest.mark.parametrize("depth", [0, 1000])
@pytest.mark.parametrize("table", [{}, {"a": 1}])
def test_a_dict_is_copied_wherever_it_is(table, depth):
    for wrap, unwrap in (
        (lambda x: (x, 1), lambda x: x[0]),
        (in_list, lambda x: x[0]),
        (in_dict, lambda x: x["a"]),
        (in_method, lambda x: x.__self__),
        (in_closure, first),
        (in_plain, first),
        (lambda x: Point(x, 1), lambda x: x.x),
        (FrozenSlotted, lambda x: x.first),
        (lambda x: Frozen(x, 1), lambda x: x.first),
        (lambda x: Frozen((x, 1), 1), lambda x: x.first[0]),
        (ValueError, first),
    ):  # fmt: skip
        message: Any = wrap(table)
        for _ in range(depth):
            message = [message]
        result = copy(message)
        for _ in range(depth):
            result = result[0]
        found = unwrap(result)
        assert found == table and found is not table


def test_a_million_deep_failure_is_reported():
    message: Any = (n for n in ())
    for _ in range(1_000_000):
        message = [message]
    assert ": generator cannot be copied; " in refused(message)


def test_objects_that_copy_themselves_may_not_be_nested_without_limit():
    def queue(x):
        return collections.deque([x])

    assert unnest(copy(nest(199, queue)), first) == 200
    text = refused(nest(100_000, queue))
    assert "too many objects that copy themselves within one another" in text
    assert "RecursionError" in refused(nest(100_000, Deep))


def test_a_hook_that_copies_itself_without_end_ends():
    class Endless:
        def __deepcopy__(self, memo):
            return copy([[[[[[[[[[self]]]]]]]]]])

    assert "RecursionError" in refused(Endless())
