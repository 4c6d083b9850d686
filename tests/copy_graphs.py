"""Random messages of all kinds, and what a copy of one must be like, for the models of `_copy`."""

from __future__ import annotations

import collections
import copy as copy_module
import functools
import types
from typing import Any

from hypothesis import strategies as st


class Pair(tuple[Any, ...]):
    __slots__ = ()


class Bag(list[Any]):
    pass


class Plain:
    pass


class Slotted:
    __slots__ = ("parts",)


class Hooked:
    def __deepcopy__(self, memo: dict[int, Any]) -> Hooked:
        result = memo[id(self)] = Hooked()
        result.parts = copy_module.deepcopy(self.parts, memo)
        return result


class Reduced:
    def __reduce__(self) -> Any:
        return Reduced, (), {"parts": self.parts}


class Broken:
    """Fails in one of the ways in which a part of a message can."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.way == "raise":
            raise ValueError
        if self.way == "make":
            return int, ("no number",)
        if self.way == "state":
            return Plain, (), 5
        raise TypeError("cannot pickle 'Broken' object")


def in_closure(parts: list[Any]) -> Any:
    def closure() -> Any:
        return parts

    return closure


def fill(kind: str, parts: list[Any]) -> Any:
    """An object of a kind, with the parts in it."""
    if kind in ("plain", "slotted", "hooked", "reduced"):
        made = {"plain": Plain, "slotted": Slotted, "hooked": Hooked, "reduced": Reduced}[kind]()
        made.parts = parts
        return made
    return {
        "tuple": tuple,
        "pair": Pair,
        "bag": Bag,
        "deque": collections.deque,
        "dict": lambda parts: dict(enumerate(parts)),
        "keyed": lambda parts: {(i, str(i)): part for i, part in enumerate(parts)},
        "ordered": lambda parts: collections.OrderedDict(enumerate(parts)),
        "error": lambda parts: ValueError(*parts),
        "partial": lambda parts: functools.partial(max, *parts),
        "method": lambda parts: types.MethodType(max, parts),
        "closure": in_closure,
        "list": list,
    }[kind](parts)


KINDS = [
    *("plain", "slotted", "hooked", "reduced", "tuple", "pair", "bag", "deque", "dict"),
    *("keyed", "ordered", "error", "partial", "method", "closure", "list"),
]
ATOMS = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.binary(max_size=3))
LEAVES = st.one_of(
    ATOMS,
    st.frozensets(ATOMS, max_size=2),
    st.sets(ATOMS, max_size=2),
    st.binary(max_size=3).map(bytearray),
    st.tuples(ATOMS, ATOMS),
)


def parts_of(thing: Any) -> list[Any] | None:
    """The parts of an object in a fixed order; None for what has none."""
    if isinstance(thing, Plain | Hooked | Slotted | Reduced):
        return [getattr(thing, "parts", None)]
    if isinstance(thing, dict):
        return [part for pair in thing.items() for part in pair]
    if isinstance(thing, ValueError):
        return list(thing.args)
    if isinstance(thing, functools.partial):
        return [thing.func, *thing.args]
    if isinstance(thing, types.MethodType):
        return [thing.__self__]
    if isinstance(thing, types.FunctionType):
        return [thing.__closure__[0].cell_contents]
    if isinstance(thing, tuple | list | collections.deque):
        return list(thing)
    if isinstance(thing, set) and len(thing) == 1:
        return list(thing)
    return None


def is_immutable(thing: Any) -> bool:
    return isinstance(thing, int | str | bytes | frozenset | types.BuiltinFunctionType) or (
        thing is None or (isinstance(thing, tuple) and all(map(is_immutable, thing)))
    )


def is_copied_in_hooks(thing: Any) -> bool:
    """Whether the copy module, which copies within a hook, makes another one of it."""
    return isinstance(thing, frozenset | Pair) or (
        type(thing) is tuple and any(map(is_copied_in_hooks, thing))
    )


def compare(original: Any, result: Any) -> None:
    """Walk both graphs side by side: the same shape, and no mutable object in common."""
    images: dict[int, Any] = {}
    sources: dict[int, Any] = {}
    left = [(original, result)]
    while left:
        old, new = left.pop()
        assert type(old) is type(new)
        if is_immutable(old):
            assert old is new or (is_copied_in_hooks(old) and old == new)
            continue
        assert old is not new
        if id(old) in images or id(new) in sources:
            assert images[id(old)] is new and sources[id(new)] is old
            continue
        images[id(old)], sources[id(new)] = new, old
        old_parts, new_parts = parts_of(old), parts_of(new)
        if old_parts is None or new_parts is None:
            assert old == new
            continue
        assert len(old_parts) == len(new_parts)
        left.extend(zip(old_parts, new_parts, strict=True))


@st.composite
def messages(draw: st.DrawFn, without: str | None = None) -> Any:
    """A graph: later objects refer to earlier ones, and lists to any, themselves included."""
    made: list[Any] = [draw(LEAVES) for _ in range(draw(st.integers(1, 3)))]
    lists: list[list[Any]] = []
    # The copy module, which hooks call, shares closures.
    absent = without or draw(st.sampled_from(["closure", "hooked"]))
    kinds = [kind for kind in KINDS if kind != absent]
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=12)):
        chosen = draw(st.lists(st.sampled_from(range(len(made))), max_size=3))
        parts = [made[i] for i in chosen]
        made.append(fill(kind, parts))
        if kind in ("list", "bag"):
            lists.append(made[-1])
        made.append(draw(LEAVES))
    for items in lists:
        for i in draw(st.lists(st.sampled_from(range(len(made))), max_size=2)):
            items.append(made[i])
    depth = draw(st.sampled_from([0, 0, 1, 7, 12, 250]))
    top: Any = made[-3:]
    for _ in range(depth):
        top = [top]
    return top


def reachable(message: Any) -> list[Any]:
    """Each mutable object of a message once, with no reference to it left but the list's."""
    seen: dict[int, Any] = {}
    left = [message]
    while left:
        thing = left.pop()
        if id(thing) in seen or is_immutable(thing):
            continue
        seen[id(thing)] = thing
        left.extend(parts_of(thing) or ())
    return list(seen.values())
