"""Whatever way processes end, wait or fail: after 20 rounds all is as after the first.

The paths are in `leak_paths`; what a run holds is asked of a probe (`native/leaks_probe.pyx`).
`crash/leaks.py` runs the same for as long as one likes, and looks at the memory of the program.
"""

from __future__ import annotations

import array
import gc
import json
import logging
import os
import statistics
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from kinds import both_kinds
from leak_bodies import PATHS, Token, repeat
from leak_runs import RUNS

import csched

# Free lists fill, and the modules that some path needs are imported, in the first.
WARM_UP = 3
ROUNDS = 20
TIMES = 5

# What these leave is found by a collection of what dead processes have left, and that is put off.
LEFT_TO_A_COLLECTION = {"cycles", "cycles_in_what_is_spawned"}


@pytest.fixture(autouse=True)
def quiet():
    """No records, which pytest would keep; nothing of before for all the collections to see."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    logging.disable(logging.NOTSET)


@pytest.fixture
def held(probe):
    return probe("leaks_probe").held


def blocks():
    """Blocks of memory that are in use, but for what the interpreter may let go of at any time."""
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # A new class displaces some of the names that it holds, an old one's.
        sys._clear_type_cache()
    return sys.getallocatedblocks()


def numbers(count):
    """Room for results, so that to keep them takes no memory."""
    return array.array("q", bytes(8 * count))


@both_kinds
@pytest.mark.parametrize("name", PATHS)
def test_after_each_round_a_run_is_as_it_was(kind, name, held):
    async def main(calls):
        await repeat(calls, kind, name, WARM_UP)
        before = held()
        used, alive = numbers(ROUNDS), numbers(ROUNDS)
        for number in range(ROUNDS):
            await repeat(calls, kind, name, TIMES)
            await calls.yield_()  # What was received last is kept until the slice ends.
            assert held() == before
            used[number] = blocks()
            alive[number] = Token.alive
        return used, alive

    used, alive = kind.run(main)
    if name not in LEFT_TO_A_COLLECTION:
        assert set(alive) == {0}
        assert_flat(used)
    gc.collect()
    assert Token.alive == 0


def assert_flat(used):
    """Less than a block for two rounds: threads end late, and leave `threading` to forget them."""
    third = len(used) // 3
    growth = statistics.median_low(used[-third:]) - statistics.median_low(used[:third])
    assert abs(growth) < (len(used) - third) / 2, used


def measure(once):
    used = numbers(WARM_UP + ROUNDS)
    for number in range(WARM_UP + ROUNDS):
        once()
        used[number] = blocks()
        assert Token.alive == 0
    assert_flat(used[WARM_UP:])


@both_kinds
@pytest.mark.parametrize("name", PATHS)
def test_after_each_run_memory_is_as_it_was(kind, name):
    measure(lambda: kind.run(repeat, kind, name, TIMES))


@both_kinds
@pytest.mark.parametrize("function", RUNS, ids=lambda function: function.__name__)
def test_a_run_leaves_nothing_however_it_ends(kind, function):
    measure(lambda: function(kind))


@pytest.mark.parametrize("heap", ["process", "interpreter"])
def test_the_program_does_not_grow_by_what_its_runs_do(heap):
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "crash" / "leaks.py", "12", "1"],
        env={
            **os.environ,
            "CSCHED_HEAP": heap,
            "PYTHONPATH": os.path.dirname(os.path.dirname(csched.__file__)),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["tokens"] == 0
    assert figures["growth"] < 1.03, done.stderr
