"""A temporary: made, sent and received; moved, or copied since the call's result is kept.

Unit: one message to the process itself and the `receive` that takes it. Not measured: the first of
them, which the interpreter's instructions need to be specialised.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from csched import receive, self, send  # noqa: F401

MESSAGES = 2_000
WARM = 100
NUMBERS = tuple(range(1000))

TEMPORARIES = {
    "a list of 1": "[i]",
    "a dict of 5": "{'a': 1, 'b': 'x', 'c': None, 'd': 4.5, 'e': True}",
    "a tuple with a dict with a list": "('put', {'a': i, 'b': [i]})",
    "a list of 1,000 ints": "[*NUMBERS]",
    # Found out at its end, which is the worst: copied in either case.
    "a list of 1,000 ints and a class": "[*NUMBERS, int]",
}


def body_of(statement: str) -> Callable[[], float]:
    source = f"""
def body():
    me = self()
    for i in range({WARM + MESSAGES}):
        if i == {WARM}:
            start = time.perf_counter()
        {statement}
        receive()
    return time.perf_counter() - start
"""
    namespace: dict[str, Any] = dict(globals(), time=time)
    exec(source, namespace)
    body: Callable[[], float] = namespace["body"]
    return body


@pytest.mark.parametrize("how", ["moved", "copied"])
@pytest.mark.parametrize("name", TEMPORARIES)
def test_a_temporary(benchmark, measure, name, how):
    benchmark.group = name
    call = f"send(me, {TEMPORARIES[name]})"
    measure(body_of(call if how == "moved" else f"_ = {call}"), operations=MESSAGES)
