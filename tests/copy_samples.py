"""Objects of all kinds to copy, and the C interface that copies them, for the tests of `_copy`."""

from __future__ import annotations

import copy as copy_module
import ctypes
import dataclasses
import enum
import types
from typing import Any, NamedTuple

import pytest

from csched import _copy
from csched._copy import CopyError, copy


def native(name: str, *argument_types: Any, result: Any = ctypes.py_object) -> Any:
    """A function of the C interface, as other compiled modules find it."""
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = _copy.__pyx_capi__[name]
    pointer = get_pointer(capsule, get_name(capsule))
    return ctypes.PYFUNCTYPE(result, *argument_types)(pointer)


SIZE = ctypes.POINTER(ctypes.c_size_t)
hooks_running = native("hooks_running", result=ctypes.c_int)


def words(message: Any) -> int:
    size = ctypes.c_size_t(12345)
    native("copy_message", ctypes.py_object, SIZE)(message, ctypes.byref(size))
    return size.value


def copy_spawn(function: Any, args: Any) -> tuple[Any, Any]:
    size = ctypes.c_size_t(12345)
    return native("copy_spawn", ctypes.py_object, ctypes.py_object, SIZE)(
        function, args, ctypes.byref(size)
    )


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
    RED = object()


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


def refused(message: Any) -> str:
    with pytest.raises(CopyError) as caught:
        copy(message)
    return str(caught.value)
