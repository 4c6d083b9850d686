"""What a message costs to copy, beside what Python has for it, and copium where it is installed.

A copier is called as its users call it, once for each copy; pickle's is `loads(dumps(x))`. The
eight messages at the head are those to judge by: csched shall take no longer than copium on any of
them, and at most a tenth of `copy.deepcopy` on all that have parts. Two copiers are compared best
with one message alone (``-k "dict of 5"``): what a copier keeps from earlier messages may slow down
the next ones.
"""

from __future__ import annotations

import copy as copy_module
import dataclasses
import importlib.util
import pickle
from typing import Any

import pytest

from csched._copy import copy


def by_pickle(message: Any) -> Any:
    return pickle.loads(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


COPIERS = {"csched": copy, "deepcopy": copy_module.deepcopy, "pickle": by_pickle}
if importlib.util.find_spec("copium") is not None:
    import copium

    COPIERS["copium"] = copium.deepcopy


@dataclasses.dataclass
class Order:
    number: int
    customer: str
    paid: float
    note: str | None
    lines: list[Any]


@dataclasses.dataclass(slots=True)
class SlottedOrder:
    number: int
    customer: str
    lines: list[Any]


SHARED = [1, 2, 3]

MESSAGES: dict[str, Any] = {
    "an int": 5,
    "a short str": "hello",
    "a tuple of 3": ("ping", 1, 2.5),
    "a dict of 5": {"a": 1, "b": "x", "c": None, "d": 4.5, "e": True},
    "nested, 1 KB": {
        "users": [
            {"name": f"u{i}", "tags": ["a", "b", i], "at": (i, i + 1), "more": {"k": i, "l": [i]}}
            for i in range(5)
        ],
        "meta": {"v": 1, "z": [1, 2, 3]},
    },
    "a list of 1,000 ints": list(range(1000)),
    "a dataclass of 5 fields": Order(1, "x", 2.5, None, [1, 2]),
    "a list of 100 dicts": [{"id": i, "name": f"n{i}", "score": i / 2} for i in range(100)],
    "a tuple with a list": ("put", 1, [1]),
    "a dataclass with slots": SlottedOrder(1, "x", [1, 2]),
    "an exception": ValueError("text", [1]),
    "100 references to one list": [SHARED] * 100,
    "1,000 lists": [[i] for i in range(1000)],
    "a set of 100": set(range(100)),
}


# Rounds of 2 ms: the clock costs as much as a small copy.
@pytest.mark.benchmark(min_time=0.002, max_time=0.2, disable_gc=True)
@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message(benchmark: Any, name: str, copier: str) -> None:
    benchmark.group = name
    benchmark(COPIERS[copier], MESSAGES[name])


def test_nesting_100_000_deep(benchmark: Any) -> None:
    message: Any = []
    for _ in range(100_000):
        message = [message]
    benchmark(copy, message)
