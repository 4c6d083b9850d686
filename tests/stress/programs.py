"""Run a program that measures, in an interpreter of its own, and check its figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def figures_of(file: str, program: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, HERE / file, program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"\n{program}:", *(f"{name}={value:.4g}" for name, value in figures.items()))
    return figures


def measure(file: str, program: str, *, attempts: int = 1, **bounds: float) -> None:
    """Run `file program`, which prints its figures last; print and check them.

    What else the machine does can only make them worse: one good attempt is enough.
    """
    for _ in range(attempts):
        figures = figures_of(file, program)
        if all(figures[name] <= most for name, most in bounds.items()):
            return
    raise AssertionError(figures)
