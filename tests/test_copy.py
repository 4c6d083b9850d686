"""What a message may contain, and what becomes of it: shared, copied, or refused."""

from __future__ import annotations

import array
import asyncio
import collections
import copy as copy_module
import copyreg
import ctypes
import dataclasses
import datetime
import decimal
import doctest
import enum
import fractions
import functools
import gc
import io
import pathlib
import re
import socket
import sys
import threading
import types
import uuid
import weakref
from typing import Any, NamedTuple

import pytest

from csched import _copy, _copy_kinds
from csched._copy import CopyError, copy, register_immutable, share


def native(name: str, *argument_types: Any) -> Any:
    """A function of the C interface, as other compiled modules find it."""
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = _copy.__pyx_capi__[name]
    pointer = get_pointer(capsule, get_name(capsule))
    if not argument_types:
        return ctypes.c_int.from_address(pointer)
    return ctypes.PYFUNCTYPE(ctypes.py_object, *argument_types)(pointer)


SIZE = ctypes.POINTER(ctypes.c_size_t)
hooks_running = native("hooks_running")


def words(message: Any) -> int:
    size = ctypes.c_size_t(12345)
    native("copy_message", ctypes.py_object, SIZE)(message, ctypes.byref(size))
    return size.value


def copy_spawn(function: Any, args: Any) -> tuple[Any, Any]:
    size = ctypes.c_size_t(12345)
    return native("copy_spawn", ctypes.py_object, ctypes.py_object, SIZE)(
        function, args, ctypes.byref(size)
    )


@pytest.fixture(autouse=True)
def _hooks_are_counted_back():
    assert hooks_running.value == 0
    yield
    assert hooks_running.value == 0


class Point(NamedTuple):
    x: Any
    y: Any


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("__weakref__", "left", "right")


class SlottedWithDict(Slotted):
    __slots__ = ("__dict__", "middle")


@dataclasses.dataclass
class Order:
    number: int
    lines: list[Any]


@dataclasses.dataclass(frozen=True)
class Frozen:
    first: Any
    second: Any


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlotted:
    first: Any


class Colour(enum.Enum):
    RED = [1]


class Deep:
    """Copies itself by calling back into the copy module."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __deepcopy__(self, memo: Any) -> Deep:
        return Deep(copy_module.deepcopy(self.inner, memo))


class Failing:
    def __init__(self, error: BaseException | type[BaseException]) -> None:
        self.error = error

    def __deepcopy__(self, memo: Any) -> Failing:
        raise self.error


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


# Objects.


def test_an_instance_is_copied_by_its_attributes_without_its_constructor():
    class Account:
        def __init__(self, owner):
            raise AssertionError

    original = Account.__new__(Account)
    original.lines = [1]
    result = copy(original)
    assert type(result) is Account and result.lines == [1] and result.lines is not original.lines


def test_slots_are_copied_and_unset_ones_stay_unset():
    original = SlottedWithDict()
    original.left, original.middle, original.other = [1], [2], [3]
    result = copy(original)
    assert (result.left, result.middle, result.other) == ([1], [2], [3])
    assert result.left is not original.left and not hasattr(result, "right")


def test_a_class_that_gets_a_hook_later_is_copied_by_it():
    class Changing:
        pass

    original = Changing()
    assert type(copy(original)) is Changing
    Changing.__deepcopy__ = lambda self, memo: "hooked"
    assert copy(original) == "hooked"


def test_a_class_that_is_entered_in_copyreg_later_is_copied_by_that():
    class Entered:
        pass

    original = Entered()
    assert type(copy(original)) is Entered
    copyreg.pickle(Entered, lambda self: (list, ((1, 2),)))
    try:
        assert copy(original) == [1, 2]
    finally:
        del copyreg.dispatch_table[Entered]
    assert type(copy(original)) is Entered


def test_getstate_and_setstate_are_used():
    class Counted:
        def __getstate__(self):
            return [self.n]

        def __setstate__(self, state):
            self.n = state[0] + 1

    original = Counted()
    original.n = 1
    assert copy(original).n == 2


def test_all_forms_of_reduce_are_understood():
    class Reduced:
        def __init__(self, reduction):
            self.reduction = reduction

        def __reduce_ex__(self, protocol):
            return self.reduction

    name = Reduced("a_global")
    assert copy(name) is name
    assert copy(Reduced((list, ([1],)))) == [1]
    assert copy(Reduced((list, (), None, iter([[1], 2])))) == [[1], 2]
    assert copy(Reduced((dict, (), None, None, iter([("a", [1])])))) == {"a": [1]}
    assert copy(Reduced((Plain, (), {"a": [1]}))).a == [1]
    assert copy(Reduced((SlottedWithDict, (), ({"a": 1}, {"left": 2})))).left == 2
    setter = lambda made, state: made.append(state)
    assert copy(Reduced((list, (), "state", None, None, setter))) == ["state"]
    with pytest.raises(CopyError, match="must return a str, or a tuple"):
        copy(Reduced(5))


def test_an_exception_keeps_all_but_its_traceback():
    class Custom(Exception):
        def __init__(self, code, *, detail):
            super().__init__(f"code {code}")
            self.detail = detail

    try:
        try:
            raise KeyError("inner")
        except KeyError as cause:
            raise Custom(5, detail=["d"]) from cause
    except Custom as error:
        original = error
    original.add_note("a note")
    result = copy(original)
    assert type(result) is Custom and result.args == ("code 5",) and result.detail == ["d"]
    assert result.detail is not original.detail
    assert result.__notes__ == ["a note"] and result.__notes__ is not original.__notes__
    assert type(result.__cause__) is KeyError and result.__cause__ is not original.__cause__
    assert result.__context__ is result.__cause__ and result.__suppress_context__
    assert result.__traceback__ is None and original.__traceback__ is not None
    assert result.__cause__.__traceback__ is None


@pytest.mark.parametrize(
    "error",
    [
        OSError(2, "No such file", "name"), UnicodeDecodeError("utf-8", b"ab", 0, 1, "bad"),
        ImportError("no", name="n", path="p"), SyntaxError("bad", ("f", 1, 2, "text")),
        SystemExit(3), StopIteration(4), ExceptionGroup("group", [ValueError([1]), KeyError(2)]),
        AttributeError("a", name="n", obj=[1]), KeyboardInterrupt(), socket.gaierror(1, "x"),
        asyncio.CancelledError("why"), BlockingIOError(1, "x", 3),
    ],
    ids=repr,
)  # fmt: skip
def test_a_builtin_exception_keeps_what_it_knows(error):
    result = copy(error)
    assert type(result) is type(error) and str(result) == str(error) and repr(result) == repr(error)
    for name in ("errno", "filename", "start", "end", "object", "name", "path", "text", "code",
                 "value", "message", "characters_written"):  # fmt: skip
        assert getattr(result, name, "none") == getattr(error, name, "none")


def test_an_exception_with_a_reduce_of_its_own_keeps_its_cause():
    class Reduced(Exception):
        def __reduce__(self):
            return Reduced, ("other",)

    original = Reduced("one")
    original.__cause__ = ValueError([1])
    result = copy(original)
    assert result.args == ("other",) and result.__cause__.args == ([1],)


def test_an_exception_may_be_its_own_context():
    original = ValueError()
    original.self = original
    result = copy(original)
    assert result.self is result is not original


def test_a_partial_is_copied_with_its_arguments():
    items = [1]
    original = functools.partial(max, items, key=functools.partial(len))
    result = copy([original, items])
    assert result[0].func is max and result[0].args == ([1],) and result[0].args[0] is result[1]
    assert result[1] is not items


def test_a_bound_method_goes_with_a_copy_of_its_object():
    class Counter:
        n = 0

        def increment(self):
            self.n += 1
            return self.n

    counter = Counter()
    increment, other = copy([counter.increment, counter])
    assert increment() == 1 and other.n == 1 and counter.n == 0
    assert increment.__func__ is Counter.increment


# Functions.


def make_counter():
    count, seen = 0, []

    def increment():
        nonlocal count
        count += 1
        seen.append(count)
        return count

    def read():
        return count, seen

    return increment, read


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
    assert copy(node)[0] is copy(node)[0] or True
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
            seen.append(hooks_running.value)
            copy([self] if len(seen) < 3 else [])
            seen.append(hooks_running.value)
            return self

    copy(Watching())
    assert seen == [1, 2, 3, 3, 2, 1]


# Refusals.


def refused(message: Any) -> str:
    with pytest.raises(CopyError) as caught:
        copy(message)
    return str(caught.value)


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
    yield "mappingproxy", Plain.__dict__
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
    bad = [n for n in ()], (n for n in ())

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


# Depth.


def nest(depth: int, *wraps: Any) -> Any:
    message: Any = [1]
    for i in range(depth):
        message = wraps[i % len(wraps)](message)
    return message


def unnest(message: Any, part: Any) -> int:
    depth = 0
    while type(message) is not int:
        message = part(message)
        depth += 1
    return depth


def first(message: Any) -> Any:
    if isinstance(message, Plain):
        return message.inner
    if isinstance(message, ValueError):
        return message.args[0]
    if isinstance(message, types.FunctionType):
        return message.__closure__[0].cell_contents
    if isinstance(message, types.MethodType):
        return message.__self__
    return message["a"] if isinstance(message, dict) else next(iter(message))


def in_list(x):
    return [x]


def in_tuple(x):
    return (x,)


def in_dict(x):
    return {"a": x}


def in_plain(x):
    return Plain(inner=x)


def in_closure(x):
    return lambda: x


def in_method(x):
    return types.MethodType(first, x)


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
    result = copy([nest(500, in_list, lambda x: (x, bottom))] + [top])
    assert result[1][1][0] is result[1]
    assert result[0][1] is result[1][1]


def test_a_million_deep_failure_is_reported():
    message: Any = (n for n in ())
    for _ in range(1_000_000):
        message = [message]
    assert refused(message).endswith(
        " cannot be copied; csched.share() lets an object be passed by reference"
    )


def test_objects_that_copy_themselves_may_not_be_nested_without_limit():
    def queue(x):
        return collections.deque([x])

    assert unnest(copy(nest(199, queue)), first) == 200
    text = refused(nest(100_000, queue))
    assert "too many objects within one another that copy themselves" in text
    assert "RecursionError" in refused(nest(100_000, Deep))


def test_a_hook_that_copies_itself_without_end_ends():
    class Endless:
        def __deepcopy__(self, memo):
            return copy(nest(300, in_list)[:0] + [[[[[[[[[[self]]]]]]]]]])

    assert "RecursionError" in refused(Endless())


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
    import subprocess

    script = (
        "import sys; import csched._copy;"
        "print([m for m in ('decimal', 'uuid', 'datetime', 'fractions', 'pathlib', 're', 'enum')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": ":".join(sys.path)})  # fmt: skip
    assert done.stdout == "[]\n"


def test_recipes_keep_no_class_alive():
    def make():
        kind = type("Passing", (), {})
        copy([kind()])
        return weakref.ref(kind)

    watch = make()
    gc.collect()
    assert watch() is None
    assert _copy_kinds.share is share
