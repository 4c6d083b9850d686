"""What the benchmarks share: how a time per operation comes to stand in the table.

A benchmark is a body that `csched.run` runs as the first process; it prepares, times its own loop,
and returns the seconds that its operations took. So neither the start and end of a run nor the
preparation is in the figure, and an ``async def`` can be measured like a plain ``def``. They are
seconds of processor time, of all threads of the program: on a core of its own the time that passes,
and on a shared one without what others do there. Where waiting is what matters (`bench_latency`,
`bench_fairness`) they are those that pass. The timer that pytest-benchmark reads is a clock that
moves on by one operation's share of those seconds: the table shows the time of one operation, and
so does `extra_info` ("ns_per_operation"), where figures are kept. Figures that are no times (bytes,
shares) are in `extra_info` too, and printed at the end.

A round is one run. The least of the rounds is the one to compare: what else the machine does only
adds. With ``--benchmark-disable`` nothing is measured: each body runs once with a hundredth of its
operations, which shows in seconds that all of them work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import csched

Measure = Callable[..., None]
Size = Callable[[int], int]


class Clock:
    """A timer that moves only when it is told how long something took."""

    __name__ = "seconds per operation"

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


CLOCK = Clock()
# What is in `extra_info` and in the table of times.
IN_THE_TABLE = {"operations", "ns_per_operation"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "measure" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.benchmark(timer=CLOCK))


@pytest.fixture
def measure(benchmark: BenchmarkFixture) -> Measure:
    """`measure(body, *args, operations=n)` runs a body that returns the seconds that n took."""

    def measure(
        body: Callable[..., Any],
        *args: Any,
        operations: int,
        rounds: int = 5,
        warmup_rounds: int = 1,
        setup: Callable[[], None] | None = None,
        process_limit: int = 1_048_576,
    ) -> None:
        def one_round() -> None:
            seconds = csched.run(body, *args, process_limit=process_limit)
            CLOCK.seconds += seconds / operations

        benchmark.pedantic(one_round, setup=setup, rounds=rounds, warmup_rounds=warmup_rounds)
        benchmark.extra_info["operations"] = operations
        if benchmark.stats is not None:
            benchmark.extra_info["ns_per_operation"] = round(benchmark.stats.stats.min * 1e9, 1)

    return measure


@pytest.fixture
def size(benchmark: BenchmarkFixture) -> Size:
    """`size(n)` is n, or a hundredth of it where nothing is measured: the operations of a body."""
    return (lambda n: n) if benchmark.enabled else (lambda n: max(1, n // 100))


@pytest.fixture(params=["async", "plain"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which kind of process is measured: an ``async def`` or a plain ``def``."""
    return str(request.param)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What has no column in the table of times."""
    lines = [
        f"{benchmark['fullname']}: "
        + ", ".join(f"{name} {value}" for name, value in figures.items())
        for benchmark in config._benchmarksession.benchmarks  # type: ignore[attr-defined]
        if (figures := {k: v for k, v in benchmark.extra_info.items() if k not in IN_THE_TABLE})
    ]
    if lines:
        terminalreporter.section("figures that are no times")
        for line in lines:
            terminalreporter.line(line)
