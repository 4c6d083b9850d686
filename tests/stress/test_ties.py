"""All that ties processes together, at random, beside threads, finalizers and copying hooks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stress, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).parents[1] / "crash" / "ties.py"
ROOT = Path(__file__).parents[2]

WAYS = {
    "as usual": ([], {}),
    "in development mode": (["-X", "dev"], {}),
    "with a checking allocator": ([], {"PYTHONMALLOC": "debug"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_ties_at_random_bring_nothing_down_and_lose_no_down(way):
    options, environment = WAYS[way]
    done = subprocess.run(
        [sys.executable, *options, "-X", "faulthandler", SCRIPT, "1", "8"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    assert done.stdout.endswith("sound\n"), done.stdout + done.stderr
