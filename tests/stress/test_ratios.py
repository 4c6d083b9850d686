"""What must not depend on how many there are: as ratios, and as generous bounds.

Each test prints what it measured (`pytest -m stress -s`), in an interpreter of its own.
"""

from __future__ import annotations

import pytest
from programs import measure

pytestmark = [pytest.mark.stress, pytest.mark.timeout(600)]


def test_a_timer_costs_at_most_twice_as_much_beside_a_million_others():
    measure("ratios.py", "timers", attempts=3, ratio=2)


def test_a_call_with_500_000_queued_messages_takes_less_than_three_times_as_long():
    measure("ratios.py", "calls", attempts=3, by_ref_ratio=3, by_monitor_ratio=3, by_alias_ratio=3)


def test_a_million_who_are_tied_are_listed_at_once():
    measure("ratios.py", "listing", attempts=3, processes_ms=100, page_ms=50)
