"""The million: as many processes, messages and crashes as csched promises to bear.

Each test prints what it measured (`pytest -m stress -s`). Each runs in an interpreter of its own:
what memory a process takes is seen in the resident set of the whole program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stress, pytest.mark.timeout(900)]

PROGRAMS = Path(__file__).with_name("million.py")
ROOT = Path(__file__).parents[2]


def measure(program, **bounds):
    """Run a program of `million.py`; print and check its figures."""
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
    print(f"\n{program}:", *(f"{name}={value:.4g}" for name, value in figures.items()))
    for name, most in bounds.items():
        assert figures[name] <= most, figures


def test_a_million_async_processes_are_alive_at_once_and_each_answers():
    # Seconds for a million are microseconds for each.
    measure(
        "idle_bodies",
        bytes_each=512,
        spawn_us=30,
        start_us=30,
        answer_us=60,
        end_us=60,
        processes_ms=100,
        page_ms=50,
    )


def test_100_000_plain_processes_wait_in_the_middle_of_their_stacks():
    measure("blocked_bodies", bytes_each=20_000, block_us=400, answer_us=400, end_us=400)


def test_a_mailbox_bears_a_million_messages():
    # 16 bytes for its place, as much again while the ring doubles, 28 for the number.
    measure("mailbox_of_a_million", bytes_each=120, send_us=10, scan_us=10, receive_us=10)


def test_a_message_goes_round_a_ring_of_100_000():
    measure("ring_of_processes", spawn_us=30, hop_us=20)


def test_10_000_calls_with_500_000_queued_messages_take_less_than_ten_times_as_long():
    measure("calls_with_a_full_mailbox", ratio=10)


def test_10_000_crashes_are_logged_once_each():
    measure("crashes", crash_us=2000)


def test_nothing_is_left_after_a_hundred_thousand_processes():
    # Beyond what the first rounds have left in the allocator's pools.
    measure("rounds", growth=1.1, objects=10)
