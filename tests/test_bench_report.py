"""How the numbers of the rounds become ratios, verdicts, tables and pictures."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of the folder `bench`, which is no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))

    def module(name: str) -> ModuleType:
        return importlib.import_module(f"bench.{name}")

    return SimpleNamespace(
        report=module("report"), workloads=module("workloads"), pictures=module("pictures")
    )


def workload(bench: SimpleNamespace, **targets: float) -> object:
    return bench.workloads.Workload("hop", 1_000, kinds=("async",), targets={"async": targets})


def test_a_ratio_is_of_two_numbers_of_the_same_round(bench: SimpleNamespace) -> None:
    # The machine was ten times slower in the last round: the medians alone would give 1.
    numbers = {"csched async": [10.0, 10.0, 1000.0], "beam": [10.0, 30.0, 2000.0]}
    found = bench.report.ratio(workload(bench), "async", "beam", numbers)
    assert (found.median, found.least, found.most) == (2.0, 1.0, 3.0)
    assert (found.holds, str(found)) == (None, "2.00 (1.00 to 3.00)")


@pytest.mark.parametrize(
    ("target", "holds", "verdict"),
    [(1.5, True, "target 1.5 holds"), (2, True, "target 2 holds"), (3, False, "target 3 missed")],
)
def test_a_target_holds_if_the_median_reaches_it(
    target: float, holds: bool, verdict: str, bench: SimpleNamespace
) -> None:
    row = workload(bench, go=target)
    numbers = {"csched async": [10.0, 10.0, 10.0], "go": [10.0, 20.0, 90.0]}
    assert bench.report.ratio(row, "async", "go", numbers).holds is holds
    assert verdict in bench.report.table_of_ratios({"hop": (row, numbers)})
    missed = bench.report.missed({"hop": (row, numbers)})
    line = "hop, async def, against Go: 2.00 (1.00 to 9.00), target 3 missed"
    assert missed == ([] if holds else [line])


def test_who_did_not_take_part_has_an_empty_cell(bench: SimpleNamespace) -> None:
    one = (workload(bench, go=1), {"csched async": [10.0], "go": [1234.0]})
    other = (workload(bench, go=1), {"csched async": [20.0], "asyncio": [80.0]})
    assert bench.report.table_of_medians({"one": one, "other": other}) == (
        "| one operation takes | csched, async def | Go | asyncio |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| hop, ns | 10 | 1,234 |  |\n"
        "| hop, ns | 20 |  | 80 |\n"
    )
    assert bench.report.missed({"other": other}) == []


def test_the_floor_stands_beside_csched_and_beside_who_there_is_a_target_for(
    bench: SimpleNamespace,
) -> None:
    row = workload(bench, go=2.0)
    numbers = {"csched async": [30.0], "floor async": [20.0], "beam": [10.0], "go": [50.0]}
    assert bench.report.table_of_floors({"hop": (row, numbers)}) == (
        "| the interpreter's own part | the floor | csched, times that |"
        " less than BEAM, times | less than Go, times |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| hop, ns, async def | 20 | 1.50 |  | 2.50 (target 2) |\n"
    )
    assert "floor" not in bench.report.table_of_medians({"hop": (row, numbers)})


def test_a_part_of_the_work_is_still_work(bench: SimpleNamespace) -> None:
    rows = bench.workloads.WORKLOADS
    for name, row in rows.items():
        for program in ("csched async", "trio"):
            least = row.size_for(program, 1e-9)
            assert least == (1 if name == "skynet" else 1_000)
            assert row.warm_up(least) == least
    assert rows["pingpong"].size_for("beam", 0.0333) == 3_000
    # Each of skynet's processes has ten children.
    assert rows["skynet"].size_for("beam", 0.5) == 100_000
    assert rows["skynet"].operations(1_000) == 1_111
    assert rows["ring"].operations(1_000) == 1_000


def test_without_matplotlib_it_is_said_how_to_get_it(
    bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(bench.pictures.Missing, match=r"pip install csched\[bench\]"):
        bench.pictures.draw_bars({"hop": {"Go": 1.0}}, tmp_path / "bars.svg")
    assert list(tmp_path.iterdir()) == []
