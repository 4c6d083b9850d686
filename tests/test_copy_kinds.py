"""Kinds of objects of the standard library and others: shared, copied or refused; the cost."""

from __future__ import annotations

import abc
import array
import asyncio
import collections
import concurrent.futures
import contextvars
import ctypes
import dataclasses
import functools
import gc
import importlib.util
import io
import ipaddress
import random
import socket
import sys
import tempfile
import threading
import types
import weakref
from typing import Any

import pytest
from copy_samples import Plain, Point, SlottedWithDict, in_closure, in_method, refused, words

from csched._copy import CopyError, copy, share

# What is shared.


@pytest.mark.parametrize(
    "value",
    [
        contextvars.ContextVar("variable", default=1),
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::/8"),
        ipaddress.ip_interface("10.0.0.1/8"),
        ipaddress.ip_interface("::1/8"),
    ],
    ids=repr,
)
def test_names_and_addresses_are_shared(value):
    assert copy([value])[0] is value and words(value) == 0


def test_a_class_is_shared_wherever_it_was_defined():
    class Meta(abc.ABCMeta):
        pass

    class Local(metaclass=Meta):
        marks = ()

    class Inner(Local):
        def parent(self):
            return super()

    for kind in (Local, Inner, type("Made", (), {}), collections.namedtuple("Pair", "a b")):
        assert copy({"kind": [kind]})["kind"][0] is kind
    result = copy(Inner())
    assert type(result) is Inner and type(result.parent()) is super


# What is copied.


def test_a_number_or_string_with_attributes_is_copied_with_them():
    for kind, value in ((int, 5), (str, "a"), (float, 1.5), (bytes, b"b")):
        original = type("Own", (kind,), {})(value)
        original.note = ["a"]
        result = copy(original)
        assert type(result) is type(original) and result == original
        assert result.note == ["a"] and result.note is not original.note


def test_a_view_of_a_mapping_views_the_copy_of_its_mapping():
    table = {"a": [1]}
    view, other = copy((types.MappingProxyType(table), table))
    assert type(view) is types.MappingProxyType and view == table
    assert view["a"] is other["a"] is not table["a"]
    other["b"] = 2
    assert view["b"] == 2 and "b" not in table
    view = copy(types.MappingProxyType(collections.ChainMap(table)))
    assert view["a"] == [1] and view["a"] is not table["a"]
    assert refused(types.MappingProxyType({"a": (n for n in ())})).startswith('message["a"]: gen')


def test_a_view_of_a_mapping_may_be_part_of_it():
    table: dict[str, Any] = {}
    table["view"] = types.MappingProxyType(table)
    for message in (table, table["view"]):
        result = copy(message)
        assert result["view"]["view"] is result["view"] is not table["view"]


def test_weak_containers_refer_to_what_was_copied_with_them():
    held = [Plain(n=0), Plain(n=1)]
    values = weakref.WeakValueDictionary(enumerate(held))
    keys = weakref.WeakKeyDictionary((one, [one.n]) for one in held)
    several = weakref.WeakSet(held)
    other, values, keys, several = copy((held, values, keys, several))
    assert list(values.items()) == list(enumerate(other))
    assert {one: keys[one] for one in other} == {other[0]: [0], other[1]: [1]}
    assert set(several) == set(other) and not set(other) & set(held)
    del other[0]
    gc.collect()
    assert len(values) == len(keys) == len(several) == 1


def test_weak_containers_lose_what_nobody_else_holds():
    one = Plain(n=0)
    for container in (
        weakref.WeakValueDictionary({1: one}), weakref.WeakKeyDictionary({one: 1}),
        weakref.WeakSet([one]),
    ):  # fmt: skip
        result = copy([container])[0]
        gc.collect()
        assert type(result) is type(container) and len(result) == 0 and len(container) == 1
    classes = copy(weakref.WeakKeyDictionary({Plain: [1]}))
    assert dict(classes) == {Plain: [1]}


def test_a_generic_function_goes_with_its_registry():
    @functools.singledispatch
    def describe(value):
        return "anything"

    describe.register(int)(lambda value: "an int")
    result = copy(describe)
    result.register(str)(lambda value: "a str")
    assert [result(1), result(""), result(None)] == ["an int", "a str", "anything"]
    assert describe("") == "anything"


def test_a_partial_keeps_its_class_and_attributes():
    class Task(functools.partial):  # type: ignore[type-arg]
        pass

    original = Task(max, [1], key=len)
    original.note = ["n"]
    result = copy(original)
    assert type(result) is Task and result.args == ([1],) and result.keywords == {"key": len}
    assert result.note == ["n"] and result.note is not original.note
    assert result.args[0] is not original.args[0]


def test_a_dataclass_field_that_is_no_part_of_init_is_copied():
    @dataclasses.dataclass(frozen=True, slots=True)
    class Made:
        name: str
        parts: list[int] = dataclasses.field(init=False, default_factory=list)

    original = Made("a")
    result = copy(original)
    assert result == original and result.parts is not original.parts
    assert copy(dataclasses.fields(Made)[0]).name == "name"


def test_arrays_have_memory_of_their_own():
    numbers = array.array("d", [1.5, 2.5])
    block = (ctypes.c_int * 3)(1, 2, 3)
    part = memoryview(bytearray(b"abcdef"))[1:5:2]
    other, other_block, other_part = copy([numbers, block, part])
    numbers[0] = block[0] = 9
    part[0] = 0
    assert list(other) == [1.5, 2.5] and list(other_block) == [1, 2, 3]
    assert other_part.tolist() == list(b"bd")
    other_part[0] = 7
    assert part[0] == 0


def test_an_array_may_have_been_exported():
    for original in (array.array("b", b"abc"), bytearray(b"abc"), io.BytesIO(b"abc")):
        with memoryview(original.getbuffer() if isinstance(original, io.BytesIO) else original):
            result = copy(original)
        if isinstance(result, io.BytesIO):
            result.seek(0, io.SEEK_END)
            assert result.write(b"d") == 1 and result.getvalue() == b"abcd"
        else:
            result.extend(b"d")
            assert bytes(result) == b"abcd" and bytes(original) == b"abc"


@pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="numpy is not installed")
def test_arrays_of_numpy_are_copied_with_their_objects():
    import numpy as np

    numbers = np.arange(1000.0)
    every_other, table, empty = numbers[::2], np.zeros((3, 4), order="F"), np.array([])
    records = np.array([(1, "a")], dtype=[("n", "i4"), ("s", "U5")])
    part = [1]
    objects = np.array([part, None, share(threading.Lock())], dtype=object)
    originals = [numbers, every_other, table, empty, records]
    results = copy([*originals, objects, part])
    for original, result in zip(originals, results, strict=False):
        assert np.array_equal(original, result) and not np.shares_memory(original, result)
        assert result.dtype == original.dtype and result.flags.writeable
    assert results[5][0] is results[6] is not part and results[5][2] is objects[2]
    assert copy(np.float64(1.5)) == 1.5 and copy(np.dtype("i4")) == np.dtype("i4")
    assert 1000 <= words(numbers) <= 1100
    objects[1] = (n for n in ())
    with pytest.raises(CopyError, match=r"^message\[0\]: ndarray could not be copied; TypeError"):
        copy([objects])


# What is refused.


def a_future() -> Any:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    return future


def a_released_view() -> Any:
    view = memoryview(b"a")
    view.release()
    return view


def a_token() -> Any:
    return contextvars.Context().run(contextvars.ContextVar[int]("variable").set, 1)


def a_traceback() -> Any:
    try:
        raise ValueError
    except ValueError as error:
        return error.__traceback__


def a_file() -> Any:
    with tempfile.TemporaryFile() as file:
        return file


def a_socket() -> Any:
    with socket.socket() as made:
        return made


HANDLES = [
    (a_future, ": Future cannot"),
    (a_token, ": Token cannot"),
    (a_released_view, ": memoryview could not be copied; ValueError"),
    (a_traceback, ": traceback cannot"),
    (a_file, ": BufferedRandom cannot"),
    (a_socket, ": socket cannot"),
    (contextvars.copy_context, ": Context cannot"),
    (concurrent.futures.Future, "._condition._lock: RLock cannot"),
    (threading.Event, "._cond._lock: lock cannot"),
    (threading.Condition, "._lock: RLock cannot"),
    (threading.local, ": _local cannot"),
    (random.SystemRandom, ": SystemRandom could not be copied; NotImplementedError"),
    (lambda: weakref.WeakMethod(Plain().__init__), ": WeakMethod cannot"),
    (lambda: ctypes.pointer(ctypes.c_int(1)), ": LP_c_int could not be copied; ValueError"),
    (lambda: classmethod(len), ": classmethod cannot"),
]


@pytest.mark.parametrize(("make", "text"), HANDLES)
def test_a_handle_is_refused_wherever_it_is_and_may_be_shared(make, text):
    handle = make()
    assert refused(handle).startswith(f"message{text}")
    assert refused({"a": [handle]}).startswith(f'message["a"][0]{text}')
    share(handle)
    assert copy({"a": [handle]})["a"][0] is handle


# Cost.


def owned(message: Any) -> dict[int, Any]:
    """What a message is made of, by identity, but for what belongs to the program."""
    seen: dict[int, Any] = {}
    left = [message]
    while left:
        thing = left.pop()
        if id(thing) in seen or isinstance(thing, type | types.ModuleType | types.CodeType):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, types.FunctionType):
            left += [thing.__closure__, thing.__defaults__, thing.__kwdefaults__]
        else:
            left += gc.get_referents(thing)
    return seen


def own(kind: type) -> type:
    return type("Own", (kind,), {})


def slotted() -> Any:
    made = SlottedWithDict()
    made.left, made.right = [1], 2
    return made


SAMPLES = [
    [], [1], list(range(1000)), ([1],), tuple([i] for i in range(1000)), Point([1], 2),
    {}, {"a": 1}, dict.fromkeys("abcdef"), dict.fromkeys(range(1000)),
    {(i, Plain()): i for i in range(100)}, types.MappingProxyType({"a": 1}),
    set(), {1}, set(range(5)), set(range(1000)), frozenset([Plain()]),
    bytearray(), bytearray(1000), memoryview(bytearray(3)), memoryview(bytes(1000)),
    array.array("d"), array.array("d", range(100)), (ctypes.c_int * 1000)(),
    io.BytesIO(bytes(1000)), Plain(), Plain(a=1), Plain(**dict.fromkeys("abcdefghij")), slotted(),
    [Plain(a=i) for i in range(100)], types.SimpleNamespace(a=1), slice(1, 2), random.Random(1),
    ValueError("a"), ValueError("a", [1]), OSError(2, "x", "y"), in_closure([1]), in_method([1]),
    lambda a=[1]: a, functools.partial(max, [1]),
    collections.deque(), collections.deque(range(1000)), collections.ChainMap({"a": 1}),
    collections.OrderedDict.fromkeys(range(100)), collections.defaultdict(list, {1: [1]}),
    own(int)(5), own(list)([1]), own(dict)(a=1), own(set)([1]),
    [{"name": f"n{i}", "tags": ["a", i]} for i in range(100)],
]  # fmt: skip


@pytest.mark.parametrize("message", SAMPLES, ids=lambda value: type(value).__name__)
def test_the_cost_is_within_a_factor_of_two_of_what_was_allocated(message):
    before = owned(message)
    after = owned(copy(message))
    size = sum(sys.getsizeof(after[address]) for address in after.keys() - before.keys())
    assert size > 0
    assert size / 2 <= 8 * words(message) <= size * 2
