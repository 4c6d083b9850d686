"""Run queues: strict levels, first in first out, and nobody starves; SEMANTICS.md, section 7."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

MS = 1_000_000


@pytest.fixture
def queue(probe):
    return probe("runq_probe").Queue()


@pytest.fixture
def slice_reductions(probe):
    return probe("runq_probe").CONTEXT_REDS


def make(queue, *names, priority="normal"):
    for name in names:
        queue.make(name, priority)


def test_an_empty_queue_has_nobody(queue):
    assert queue.pop() is None
    assert queue.pop_first_blocked() is None
    assert queue.pop_blocked(2**62) is None
    assert queue.lengths == (0, 0)


@pytest.mark.parametrize("push", ["push_woken", "push_fresh", "push_preempted"])
@pytest.mark.parametrize("priority", ["max", "high", "normal", "low"])
def test_equals_run_first_in_first_out(queue, push, priority):
    make(queue, *range(100), priority=priority)
    for name in range(100):
        getattr(queue, push)(name)
    assert queue.lengths == (100, 0)
    assert [queue.pop() for _ in range(101)] == [*range(100), None]
    assert queue.lengths == (0, 0)


@pytest.mark.parametrize("push", ["push_woken", "push_fresh", "push_preempted"])
def test_levels_are_strict(queue, push):
    for priority in ("normal", "high", "max"):
        make(queue, *((priority, number) for number in range(3)), priority=priority)
    for number in range(3):
        for priority in ("normal", "high", "max"):
            getattr(queue, push)((priority, number))
    order = [queue.pop() for _ in range(9)]
    assert order == [(name, n) for name in ("max", "high", "normal") for n in range(3)]


def test_a_higher_level_starves_the_lower_ones(queue, slice_reductions):
    make(queue, "high", priority="high")
    make(queue, "normal")
    make(queue, "low", priority="low")
    queue.push_woken("normal")
    queue.push_woken("low")
    for ticks in range(100):
        queue.push_preempted("high", ticks)
        assert queue.pop(ticks) == "high"
        queue.charge("high", slice_reductions, ticks)
    assert {queue.pop(), queue.pop()} == {"normal", "low"}


def turns(queue, count):
    """Everybody uses up each slice; who ran how often."""
    ran = Counter()
    for ticks in range(count):
        name = queue.pop(ticks)
        ran[name] += 1
        queue.charge(name, 0, ticks + 1)
        queue.push_preempted(name, ticks + 1)
    return ran


@pytest.mark.parametrize("count", [1, 2, 10, 100])
def test_a_low_process_runs_a_sixteenth_to_a_quarter_as_often_as_a_normal_one(queue, count):
    normal = [("normal", number) for number in range(count)]
    low = [("low", number) for number in range(count)]
    make(queue, *normal)
    make(queue, *low, priority="low")
    for name in normal + low:
        queue.push_preempted(name)
    ran = turns(queue, 9 * 8 * count * 4)
    total = sum(ran[name] for name in low) / sum(ran[name] for name in normal)
    assert 1 / 16 <= total <= 1 / 4
    assert max(ran[name] for name in low) - min(ran[name] for name in low) <= 1
    assert max(ran[name] for name in normal) - min(ran[name] for name in normal) <= 1


@pytest.mark.parametrize(("normal_len", "low_len"), [(1, 50), (50, 1), (7, 3)])
def test_each_low_process_is_passed_over_eight_times_whatever_the_numbers(
    queue, normal_len, low_len
):
    normal = [("normal", number) for number in range(normal_len)]
    low = [("low", number) for number in range(low_len)]
    make(queue, *normal)
    make(queue, *low, priority="low")
    for name in normal + low:
        queue.push_preempted(name)
    ran = turns(queue, 100 * (8 * normal_len + low_len))
    ratio = (sum(ran[name] for name in low) / low_len) / (
        sum(ran[name] for name in normal) / normal_len
    )
    assert 1 / 16 <= ratio <= 1 / 4


def test_low_processes_run_at_once_when_no_normal_one_is_there(queue):
    make(queue, *range(5), priority="low")
    for name in range(5):
        queue.push_woken(name)
    assert [queue.pop() for _ in range(5)] == [*range(5)]


@pytest.mark.parametrize("push", ["push_woken", "push_fresh"])
def test_who_waited_runs_before_who_used_up_a_slice(queue, push):
    make(queue, "hog 1", "hog 2", "other")
    queue.push_preempted("hog 1")
    queue.push_preempted("hog 2")
    getattr(queue, push)("other")
    assert [queue.pop() for _ in range(3)] == ["other", "hog 1", "hog 2"]


def test_who_was_woken_and_who_yielded_run_in_order_of_arrival(queue):
    make(queue, *range(60))
    for name in range(60):
        (queue.push_woken if name % 3 else queue.push_fresh)(name)
    assert [queue.pop() for _ in range(60)] == [*range(60)]


@pytest.mark.parametrize("ticks_each", [1, 2])
def test_new_hogs_do_not_delay_who_was_woken(queue, slice_reductions, ticks_each):
    make(queue, "waiter", *range(100))
    for name in range(100):
        queue.push_fresh(name)
    queue.push_woken("waiter")
    pending = False
    order = []
    for ticks in range(0, 300 * ticks_each, ticks_each):
        name = queue.pop(ticks)
        order.append(name)
        if name == "waiter":
            # It waits, is woken in the next slice, and comes after all those who are new.
            queue.charge(name, 1, ticks)
            pending = True
        else:
            queue.charge(name, slice_reductions, ticks + ticks_each)
            queue.push_preempted(name, ticks + ticks_each)
            if pending:
                queue.push_woken("waiter")
            pending = False
    waits = [order.index("waiter"), *gaps(order, "waiter")]
    assert max(waits) <= 3
    # And each of the new ones had its turn.
    assert set(order) == {"waiter", *range(100)}


def test_new_processes_that_use_up_their_slices_get_equal_numbers_of_them(queue, slice_reductions):
    names = range(100)
    make(queue, *names)
    for name in names:
        queue.push_fresh(name)
    order = []
    for ticks in range(1000):
        order.append(queue.pop(ticks))
        queue.charge(order[-1], slice_reductions, ticks + 1)
        queue.push_preempted(order[-1], ticks + 1)
    assert order == [*names] * 10


def gaps(order, name):
    """How many others ran between the turns of one."""
    places = [place for place, other in enumerate(order) if other == name]
    return [after - before - 1 for before, after in itertools.pairwise(places)]


def test_the_new_do_not_starve_beside_those_who_wait_all_the_time(queue):
    make(queue, "waiter", "partner", *range(10))
    queue.push_woken("waiter")
    for name in range(10):
        queue.push_fresh(name)
    ran = Counter()
    for ticks in range(200):
        name = queue.pop(ticks)
        ran[name] += 1
        queue.charge(name, 1, ticks)
        if isinstance(name, int):
            queue.push_preempted(name, ticks + 1)
        else:
            queue.push_woken("partner" if name == "waiter" else "waiter")
    assert min(ran[name] for name in range(10)) >= 1


@pytest.mark.parametrize("slices", [1, 0.5, 0.1])
def test_those_who_used_up_their_slices_get_at_least_a_third(queue, slice_reductions, slices):
    make(queue, "hog", *range(10))
    used = Counter()
    queue.push_preempted("hog")
    for name in range(10):
        queue.push_woken(name)
    for _ in range(1000):
        # The clock stands still: only reductions tell that time passes.
        name = queue.pop(0)
        if name == "hog":
            used["hog"] += slice_reductions
            queue.charge("hog", slice_reductions, 0)
            queue.push_preempted("hog", 0)
        else:
            reductions = max(1, int(slices * slice_reductions))
            used["woken"] += reductions
            queue.charge(name, reductions, 0)
            queue.push_woken(name)
    share = used["hog"] / used.total()
    assert 1 / 3 - 0.03 <= share <= 1 / 2 + 0.03


def test_woken_processes_that_only_use_time_leave_a_third_too(queue):
    make(queue, "hog", *range(10))
    queue.push_preempted("hog", 0)
    for name in range(10):
        queue.push_woken(name)
    spent = Counter()
    for ticks in range(1000):
        # A slice takes a tick, and no reductions.
        name = queue.pop(ticks)
        spent["hog" if name == "hog" else "woken"] += 1
        queue.charge(name, 0, ticks + 1)
        if name == "hog":
            queue.push_preempted(name, ticks + 1)
        else:
            queue.push_woken(name)
    assert 0.25 <= spent["hog"] / spent.total() <= 0.5


@pytest.mark.parametrize(("slices", "ticks_each"), [(10, 1), (0, 10), (10, 10), (1, 1)])
def test_long_slices_of_those_who_used_them_up_starve_nobody(
    queue, slice_reductions, slices, ticks_each
):
    make(queue, "hog 1", "hog 2", "yielding", "woken")
    ticks = 0
    queue.push_preempted("hog 1", ticks)
    queue.push_preempted("hog 2", ticks)
    queue.push_fresh("yielding")
    queue.push_woken("woken")
    order = []
    for _ in range(60):
        name = queue.pop(ticks)
        order.append(name)
        if name.startswith("hog"):
            ticks += ticks_each
            queue.charge(name, slices * slice_reductions, ticks)
            queue.push_preempted(name, ticks)
        else:
            queue.charge(name, slice_reductions, ticks)
            ticks += 1
            (queue.push_fresh if name == "yielding" else queue.push_woken)(name)
    # The first queue is never empty: it has more turns than the second.
    assert order.count("hog 1") + order.count("hog 2") <= 30


def test_the_turn_of_a_level_does_not_come_from_what_others_used(queue, slice_reductions):
    make(queue, "woken", "preempted")
    make(queue, "high", priority="high")
    queue.push_preempted("preempted")
    queue.push_woken("woken")
    queue.charge("high", 10 * slice_reductions, 0)
    assert queue.pop() == "woken"


def test_who_begins_to_wait_alone_waits_its_two_slices(queue, slice_reductions):
    make(queue, "hog", "woken")
    queue.charge("woken", 100 * slice_reductions, 0)
    queue.push_preempted("hog", 500)
    queue.push_woken("woken")
    assert queue.pop(500) == "woken"


# --- Blocked in a system call ------------------------------------------------------------------


def test_who_blocks_is_asked_ever_more_rarely_up_to_fifty_milliseconds(queue):
    make(queue, "blocked")
    waits = []
    for _ in range(10):
        waits.append(queue.push_blocked("blocked", 0, MS) // MS)
        assert queue.pop_first_blocked() == "blocked"
    assert waits == [1, 2, 4, 8, 16, 32, 50, 50, 50, 50]


def test_a_long_slice_is_no_longer_wait_than_the_longest(queue):
    make(queue, "blocked")
    assert queue.push_blocked("blocked", 7, 900 * MS) == 7 + 50 * MS


def test_a_blocked_process_is_due_at_its_time_and_not_before(queue):
    make(queue, "blocked")
    due = queue.push_blocked("blocked", 10 * MS, MS)
    assert due == queue.next_due() == 11 * MS
    assert queue.lengths == (0, 1)
    assert queue.pop_blocked(due - 1) is None
    assert queue.pop() is None
    assert queue.pop_blocked(due) == "blocked"
    assert queue.lengths == (0, 0)


def test_the_one_that_is_due_first_comes_first_whatever_its_wait(queue, probe):
    make(queue, *range(7))
    for name in range(7):
        # Number n has been found blocked n times before.
        for _ in range(name):
            queue.push_blocked(name, 0, MS)
            queue.pop_first_blocked()
    dues = {name: queue.push_blocked(name, (7 - name) * 20 * MS, MS) for name in range(7)}
    assert queue.next_due() == min(dues.values())
    order = [queue.pop_first_blocked() for _ in range(7)]
    assert [dues[name] for name in order] == sorted(dues.values())
    assert queue.next_due() == probe("runq_probe").NEVER
