"""What a process may do to the program around it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CRASH = Path(__file__).parent / "crash"


def test_a_process_may_fork_and_both_programs_go_on():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(CRASH / "fork.py")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert sorted(done.stdout.splitlines()) == ["child done", "parent done"]
