"""The timer wheel: never early, in order, nothing left behind."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest

FOREVER = 2**63 - 1
YEAR = 365 * 24 * 3600 * 10**9


@pytest.fixture
def timer(probe):
    return probe("timer_probe")


@pytest.fixture
def wheel(timer):
    return timer.Wheel()


def pop_all(wheel, now):
    popped = []
    while (expired := wheel.pop(now)) is not None:
        assert not expired.is_set
        popped.append(expired)
    return popped


def set_all(timer, wheel, deadlines):
    timers = [timer.Timer() for _ in deadlines]
    for each, deadline in zip(timers, deadlines, strict=True):
        wheel.set(each, deadline)
    return timers


def test_a_timer_takes_at_most_48_bytes(timer):
    assert timer.TIMER_SIZE <= 48


def test_an_empty_wheel_has_no_deadline(wheel):
    assert wheel.next_deadline() == FOREVER
    assert wheel.pop(0) is None
    assert wheel.pop(FOREVER) is None
    assert wheel.is_clean()


@pytest.mark.parametrize("deadline", [1, 65535, 65536, 10**6, 10**9 + 7, YEAR, 200 * YEAR, FOREVER])
def test_a_timer_expires_at_its_nanosecond_and_not_before(timer, wheel, deadline):
    (one,) = set_all(timer, wheel, [deadline])
    assert one.is_set
    assert wheel.next_deadline() == deadline
    assert wheel.pop(deadline - 1) is None
    assert one.is_set
    assert wheel.pop(deadline) is one
    assert not one.is_set
    assert wheel.is_clean()


def test_a_timer_of_the_present_granule_waits_for_its_exact_deadline(timer, wheel):
    now = 5 * timer.GRANULE + 100
    assert wheel.pop(now) is None
    (one,) = set_all(timer, wheel, [now + 1])
    assert wheel.next_deadline() == now + 1
    assert wheel.pop(now) is None
    assert wheel.pop(now + 1) is one


@pytest.mark.parametrize("deadline", [-(2**63), -1, 0, 1, 10**9 - 1])
def test_a_deadline_that_is_past_is_due_at_once(timer, wheel, deadline):
    assert wheel.pop(10**9) is None
    (one,) = set_all(timer, wheel, [deadline])
    assert wheel.next_deadline() <= 10**9
    assert wheel.pop(10**9) is one


def test_timers_expire_in_order_of_deadline(timer, wheel):
    deadlines = [3 * timer.GRANULE, 5, 2 * YEAR, 4, 10**9, 5 * 10**6, 10**9 + 1, 6, YEAR]
    set_all(timer, wheel, deadlines)
    assert [each.deadline for each in pop_all(wheel, FOREVER)] == sorted(deadlines)


def test_equal_deadlines_expire_in_order_of_setting(timer, wheel):
    choice = random.Random(1)
    deadlines = [choice.choice([7, 8, 10**7, 10**7 + 1, YEAR]) for _ in range(1000)]
    timers = set_all(timer, wheel, deadlines)
    expected = sorted(range(1000), key=deadlines.__getitem__)
    assert pop_all(wheel, FOREVER) == [timers[index] for index in expected]


def test_equal_deadlines_that_are_set_at_different_times_expire_in_order_of_setting(timer, wheel):
    deadline = 10**10 + 12345
    expected = []
    # From far away, from near, within the granule, after the deadline.
    for now in [0, 10**9, 9 * 10**9, deadline - 10**6, deadline - 200, deadline - 1]:
        assert wheel.pop(now) is None
        expected += set_all(timer, wheel, [deadline])
    popped = [wheel.pop(deadline + 5)]
    expected += set_all(timer, wheel, [deadline])
    assert popped + pop_all(wheel, deadline + 5) == expected


def test_a_granule_in_reverse_order_is_sorted(timer, wheel):
    deadlines = list(range(5000, 0, -1)) * 2
    timers = set_all(timer, wheel, deadlines)
    expected = sorted(range(10_000), key=deadlines.__getitem__)
    assert pop_all(wheel, 5000) == [timers[index] for index in expected]
    assert wheel.is_clean()


def test_a_cancelled_timer_never_expires(timer, wheel):
    timers = set_all(timer, wheel, [1, 2, 10**7, 10**7, 10**9, YEAR])
    for each in timers[::2]:
        wheel.cancel(each)
        assert not each.is_set
    assert len(wheel) == 3
    assert pop_all(wheel, FOREVER) == timers[1::2]
    assert wheel.is_clean()


def test_cancelling_what_is_not_set_does_nothing(timer, wheel):
    one = timer.Timer()
    wheel.cancel(one)
    wheel.set(one, 5)
    wheel.cancel(one)
    wheel.cancel(one)
    assert wheel.is_clean()
    wheel.set(one, 5)
    assert wheel.pop(5) is one
    wheel.cancel(one)
    assert wheel.is_clean()


def test_an_expired_timer_that_was_not_popped_yet_can_be_cancelled(timer, wheel):
    first, second, third = set_all(timer, wheel, [10, 10, 10])
    assert wheel.pop(20) is first
    wheel.cancel(second)
    assert pop_all(wheel, 20) == [third]


def test_a_timer_that_is_set_again_moves_and_counts_as_set_now(timer, wheel):
    first, second = set_all(timer, wheel, [10**6, 10**9])
    wheel.set(first, 10**9)
    assert len(wheel) == 2
    assert pop_all(wheel, FOREVER) == [second, first]


def test_a_timer_may_be_set_again_while_others_are_popped(timer, wheel):
    set_all(timer, wheel, [10, 20])
    popped = []
    for now in range(0, 100, 10):
        while (expired := wheel.pop(now)) is not None:
            popped.append(now)
            wheel.set(expired, now + 20)
    assert popped == [10, 20, 30, 40, 50, 60, 70, 80, 90]


def test_a_million_timers_set_and_cancelled_leave_nothing_behind(timer, wheel):
    one = timer.Timer()
    choice = random.Random(2)
    deadlines = [choice.randrange(FOREVER) for _ in range(1000)]
    for _ in range(1000):
        for deadline in deadlines:
            wheel.set(one, deadline)
        wheel.cancel(one)
    timers = set_all(timer, wheel, deadlines)
    for each in choice.sample(timers, len(timers)):
        wheel.cancel(each)
    assert wheel.is_clean()
    assert wheel.next_deadline() == FOREVER


def test_the_pool_of_free_timers_is_bounded(timer, wheel):
    assert wheel.from_pool(10) == 10
    assert wheel.from_pool(10 * timer.POOL) == timer.POOL
    assert wheel.is_clean()


def test_years_without_a_timer_are_passed_over_at_once(timer, wheel):
    started = time.perf_counter()
    now = 0
    for _ in range(100):
        (one,) = set_all(timer, wheel, [now + 2 * YEAR])
        now += YEAR
        assert wheel.pop(now) is None
        now += YEAR
        assert wheel.pop(now) is one
    # A look at each granule of 200 years would take months.
    assert time.perf_counter() - started < 5


def test_a_sleeper_looks_again_at_most_once_a_level(timer):
    choice = random.Random(3)
    for _ in range(200):
        now = choice.randrange(2**40)
        wheel = timer.Wheel(now)
        # Neighbours in every slot, so that no deadline stands alone in one.
        nearest = now + choice.randrange(2 ** choice.randrange(1, 62))
        set_all(timer, wheel, [nearest, nearest, nearest + choice.randrange(2**50)])
        looks = 0
        while wheel.pop(now) is None:
            looks += 1
            following = wheel.next_deadline()
            assert now < following <= nearest
            now = following
        assert now == nearest
        assert looks <= timer.LEVELS + 1


def test_the_wheel_starts_at_the_time_it_is_given(timer):
    now = 123 * YEAR // 7
    wheel = timer.Wheel(now)
    timers = set_all(timer, wheel, [now + 3, now + 2, now - 1, now + YEAR])
    assert pop_all(wheel, now) == [timers[2]]
    assert pop_all(wheel, now + 3) == [timers[1], timers[0]]
    assert pop_all(wheel, now + YEAR) == [timers[3]]


def test_a_clock_that_goes_back_does_not_turn_the_wheel_back(timer, wheel):
    now = 10**9
    assert wheel.pop(now) is None
    elapsed = wheel.elapsed
    assert wheel.pop(0) is None
    assert wheel.elapsed == elapsed == now // timer.GRANULE


def test_the_clock_is_the_one_of_time_monotonic(timer):
    before = time.monotonic_ns()
    assert before <= timer.monotonic_ns() <= time.monotonic_ns()


@pytest.mark.parametrize(
    "seconds",
    [5e-324, 1e-9, 1e-6, 0.001, 0.1, 0.3, 0.5, 1, 1.0000000001, 1 - 2**-53, 3600.7, 3e7 / 7, 9e9],
)
def test_a_deadline_is_never_early_and_at_most_a_microsecond_late(timer, seconds):
    for now in [0, 10**15 + 1]:
        late = timer.deadline_after(seconds, now) - now - Fraction(seconds) * 10**9
        assert 0 <= late <= 1000


@pytest.mark.parametrize("seconds", [9.3e9, 1e12, 1.7e308, float("inf")])
def test_a_deadline_out_of_range_is_for_ever(timer, seconds):
    assert timer.deadline_after(seconds, 10**15) == FOREVER
    assert timer.deadline_after(9e9, FOREVER - 10**9) == FOREVER


@pytest.mark.parametrize("seconds", [0.0, -0.0, -1, float("-inf")])
def test_a_wait_of_nothing_ends_now(timer, seconds):
    assert timer.deadline_after(seconds, 1234) == 1234
