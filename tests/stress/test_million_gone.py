"""What a million leave when they have gone, and one that makes garbage beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stress, pytest.mark.timeout(900)]

PROGRAMS = Path(__file__).with_name("leak_programs.py")
ROOT = Path(__file__).parents[2]


def figures_of(program):
    done = subprocess.run(
        [sys.executable, PROGRAMS, program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    print(f"\n{program}:", *(f"{name}={value:,.10g}" for name, value in figures.items()))
    return figures


def test_memory_goes_back_when_a_million_end():
    """All but some 3 bytes for each, of 450, go back; another million add nothing.

    Objects, control blocks and coroutines are in the interpreter's arenas, which are unmapped when
    they are empty: all but a handful are. What is in the heap of the C library (the leaves of the
    process table, the list that `processes` has made) it keeps for the next million unless it is
    told to give it back, which the hub does when nothing else is to be done. What stays is the
    interpreter's map of its arenas (0.7 MB), and the arenas in which the free lists lie (process
    control blocks, pids, references, timers, runners), which are bounded.
    """
    figures = figures_of("a_million_thrice")
    assert figures["kept_each"] < 10
    assert figures["peak_3"] < 1.05 * figures["peak_1"]
    assert figures["after_3"] - figures["after_2"] < 0.02 * figures["peak_1"]
    assert figures.get("trimmed", 1) < 1.2


def test_one_that_makes_cycles_for_ever_beside_a_million_keeps_a_bounded_heap_and_leaves_nothing():
    figures = figures_of("cycles_beside_a_million")
    assert figures["made"] > 100_000
    assert figures["most_alive"] < 50_000
    assert figures["most_words"] < 1_000_000
    assert figures["grown"] < 50e6
    assert figures["left"] <= 10_000
    # It may have been killed between making one and counting it.
    assert abs(figures["left_after"]) <= 1
