"""What a message costs to copy, beside `copy.deepcopy` and, where it is installed, copium."""

from __future__ import annotations

import copy as copy_module
import dataclasses
import importlib.util
from typing import Any

import pytest

from csched._copy import copy

COPIERS = {"csched": copy, "deepcopy": copy_module.deepcopy}
if importlib.util.find_spec("copium") is not None:
    import copium

    COPIERS["copium"] = copium.deepcopy


@dataclasses.dataclass
class Order:
    number: int
    customer: str
    lines: list[Any]


@dataclasses.dataclass(slots=True)
class SlottedOrder:
    number: int
    customer: str
    lines: list[Any]


SHARED = [1, 2, 3]

MESSAGES: dict[str, Any] = {
    "a number": 5,
    "a tuple of atoms": ("ping", 1),
    "a tuple with a list": ("put", [1]),
    "a dict of 5": {"a": 1, "b": "x", "c": None, "d": 4.5, "e": True},
    "a list of 1,000 ints": list(range(1000)),
    "nested, 1 KB": {
        "users": [
            {"name": f"u{i}", "tags": ["a", "b", i], "at": (i, i + 1), "more": {"k": i, "l": [i]}}
            for i in range(5)
        ],
        "meta": {"v": 1, "z": [1, 2, 3]},
    },
    "a dataclass": Order(1, "x", [1, 2]),
    "a dataclass with slots": SlottedOrder(1, "x", [1, 2]),
    "an exception": ValueError("text", [1]),
    "100 references to one list": [SHARED] * 100,
    "1,000 lists": [[i] for i in range(1000)],
    "a set of 100": set(range(100)),
}


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
