"""Instances, exceptions, methods and what copies itself: how an object is copied."""

from __future__ import annotations

import asyncio
import copyreg
import functools
import gc
import socket
import sys

import pytest
from copy_samples import Plain, SlottedWithDict, hooks_running

from csched._copy import CopyError, copy


@pytest.fixture(autouse=True)
def _hooks_are_counted_back():
    assert hooks_running() == 0
    yield
    assert hooks_running() == 0


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
    assert copy(Reduced((list, (), "state", None, None, list.append))) == ["state"]
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


def test_what_a_hook_makes_of_a_cause_must_be_an_exception():
    class Odd(Exception):
        def __deepcopy__(self, memo):
            return "odd"

    original = ValueError()
    original.__cause__ = Odd()
    with pytest.raises(CopyError, match="exception cause must be None or derive"):
        copy(original)
    assert copy(Odd()) == "odd"


def test_copying_an_exception_gives_it_no_dict():
    # Few exceptions have one, and asking for it makes it.
    original = ValueError([1])
    before = sys.getsizeof(original), len(gc.get_referents(original))
    copy([original, original])
    assert (sys.getsizeof(original), len(gc.get_referents(original))) == before


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
