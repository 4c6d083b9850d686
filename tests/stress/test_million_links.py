"""A million links, monitors and timers: nobody recurses, nobody pauses, nothing is left.

Each test prints what it measured (`pytest -m stress -s`), in an interpreter of its own.
"""

from __future__ import annotations

import pytest
from programs import measure

pytestmark = [pytest.mark.stress, pytest.mark.timeout(600)]


def test_a_chain_of_a_million_linked_processes_dies_from_one_end():
    measure("links.py", "chain_of_links", died_s=60)


def test_a_hub_with_a_million_links_dies_without_a_pause():
    measure("links.py", "hub_of_links", attempts=3, died_s=60, gap_ms=100)


def test_a_million_who_watch_one_are_each_told_without_a_pause():
    measure("links.py", "one_with_many_watchers", attempts=3, told_s=60, gap_ms=100)


def test_a_reason_that_is_costly_to_copy_for_thousands_is_no_pause():
    measure("links.py", "costly_reason", attempts=3, told_s=60, gap_ms=100)


def test_one_who_watches_a_million_is_told_of_each():
    measure("links.py", "one_who_watches_many", told_s=60, left=0)


def test_the_end_of_one_with_a_million_monitors_is_no_pause_and_leaves_none():
    measure(
        "links.py", "one_who_watches_many_ends", attempts=3, ended_s=30, gap_ms=100, target_ms=1000
    )


def test_a_link_takes_at_most_200_bytes():
    measure("links.py", "memory_of_links", bytes_each=200)


def test_a_monitor_takes_at_most_200_bytes():
    measure("links.py", "memory_of_monitors", bytes_each=200)


def test_a_million_ties_that_were_undone_leave_nothing_behind():
    # A byte for each would be seen in the blocks; memory may come to lie differently.
    kinds = ["timers", "timers_of_a_name", "monitors", "links"]
    measure(
        "links.py",
        "ties_made_and_undone",
        **{f"{kind}_mb": 20 for kind in kinds},
        **{f"{kind}_blocks": 100 for kind in kinds},
    )
