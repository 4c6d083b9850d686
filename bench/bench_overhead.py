"""What csched costs a program that has no use for it.

`program`: pure Python that computes, as the one process of a run, beside the same without csched,
in turns. Unit: one run of the program, in processor time, so that what the ticker's thread does
counts too. `extra_info` has "more_percent", the median of the pairs: at most 2. It makes next to
nothing that the collector would look at, which within a run is another one (`bench_gc_pause`).

`import`: ``import csched`` beside ``import greenlet``, which it needs anyway, each in a fresh
interpreter, in turns. Unit: one import of csched, in processor time. "more_ms" is the median of the
differences: at most 15.

Not measured: the start and the end of a run, a program with other processes beside it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

ITEMS = 200_000
PAIRS = 15


def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def program(items: int) -> int:
    """Calls, arithmetic, dicts, strings and sorting, in loops of Python."""
    total = 0
    for n in range(items // 1_000):
        total += fibonacci(10 + n % 5)
    counts: dict[str, int] = {}
    for n in range(items):
        key = f"key {n % 997}"
        counts[key] = counts.get(key, 0) + n
    for name in sorted(map(str, range(items)), key=lambda text: text[::-1]):
        total += len(name) % 7
    return total + sum(counts.values())


def seconds_of_program(items: int) -> float:
    start = time.process_time()
    program(items)
    return time.process_time() - start


def seconds_of_import(module: str) -> float:
    code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
    command = [sys.executable, "-c", code]
    # An installed package has its bytecode; a checkout, after the first import, if that may write.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def test_program(measure, size, benchmark):
    items = size(ITEMS)
    without: list[float] = []
    within: list[float] = []

    def body() -> float:
        within.append(seconds_of_program(items))
        return within[-1]

    def setup() -> None:
        without.append(seconds_of_program(items))

    measure(body, operations=1, rounds=PAIRS, warmup_rounds=0, setup=setup)
    ratio = statistics.median(a / b for a, b in zip(within, without, strict=True))
    benchmark.extra_info["more_percent"] = round((ratio - 1) * 100, 2)


def test_import(measure, benchmark):
    least: list[float] = []
    ours: list[float] = []

    def body() -> float:
        ours.append(seconds_of_import("csched"))
        return ours[-1]

    def setup() -> None:
        least.append(seconds_of_import("greenlet"))

    seconds_of_import("csched")
    measure(body, operations=1, rounds=PAIRS, warmup_rounds=0, setup=setup)
    more = statistics.median(a - b for a, b in zip(ours, least, strict=True))
    benchmark.extra_info["more_ms"] = round(more * 1e3, 2)
