"""The longest pause that the collector makes, beside 1,000 and 1,000,000 idle processes.

Unit: the longest gap between two ticks of a process that wakes each millisecond, while another
makes cyclic garbage without end; `extra_info` has "longest_collection_ms", of CPU time. Three ways
to collect: a heap for each process, the fallback, and CPython's own (of as many waiting coroutines,
without csched). With heaps the pause does not depend on the number of idle processes. A round is a
program of its own, `gc_pause.py`: what starting it takes is not in the figure, what else the
machine does is in the gap.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import CLOCK

PROGRAM = Path(__file__).with_name("gc_pause.py")
SECONDS = 2.0
ROUNDS = 3


@pytest.mark.parametrize("idle_len", [1_000, 1_000_000])
@pytest.mark.parametrize("mode", ["process", "interpreter", "plain"])
@pytest.mark.benchmark(timer=CLOCK)
def test_the_longest_gap(benchmark: Any, mode: str, idle_len: int) -> None:
    collections = []

    def one_round() -> None:
        arguments = [sys.executable, str(PROGRAM), mode, str(idle_len), str(SECONDS)]
        printed = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        gap, collection = map(float, printed.split())
        collections.append(collection)
        CLOCK.seconds += gap

    benchmark.pedantic(one_round, rounds=ROUNDS)
    benchmark.extra_info["longest_collection_ms"] = round(min(collections) * 1e3, 3)
