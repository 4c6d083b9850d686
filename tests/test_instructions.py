"""The gate that counts instructions: what it lets pass, and what not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import csched  # noqa: E402
from bench import counted, instructions  # noqa: E402

HERE = "CPython 3.11.7, GCC 12.2.0, x86_64"
KEPT = {
    HERE: {"round_trip": 1000.0, "yardstick": 100.0},
    "CPython 3.13.0, Clang 18, arm64": {"round_trip": 5000.0, "yardstick": 500.0},
}


@pytest.mark.parametrize(
    ("count", "passed", "verdict"),
    [
        (1000.0, True, " |  |"),
        (1029.0, True, " |  |"),
        (1031.0, False, "more than 1.03 times"),
        (960.0, True, "better: keep it"),
    ],
)
def test_a_build_is_held_to_its_own_figures(count, passed, verdict):
    rows, result = instructions.compare({"round_trip": count, "yardstick": 100.0}, KEPT, HERE)
    assert result is passed
    assert verdict in next(row for row in rows if "round_trip" in row)


@pytest.mark.parametrize(("count", "passed"), [(2280.0, True), (2320.0, False)])
def test_another_build_is_held_to_multiples_of_the_yardstick(count, passed):
    name = "CPython 3.11.9, GCC 14.1.0, x86_64"
    rows, result = instructions.compare({"round_trip": count, "yardstick": 200.0}, KEPT, name)
    assert result is passed
    assert any("multiples of the yardstick: CPython 3.11.7" in row for row in rows)


def test_without_valgrind_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert instructions.main([]) == 2
    assert "apt-get install valgrind" in capsys.readouterr().err


def test_figures_are_kept_of_each_workload():
    for counts in json.loads(instructions.KEPT.read_text()).values():
        assert counts.keys() == counted.WORKLOADS.keys()


@pytest.mark.parametrize("name", counted.WORKLOADS)
def test_a_workload_ends(name):
    csched.run(counted.WORKLOADS[name], 200, preempt=False)
