"""Soft real time: a timer is hardly late, however many processes never wait."""

from __future__ import annotations

import time

import pytest

from csched import aio, run, sleep, spawn

pytestmark = pytest.mark.stress

HOGS = 1_000
TIMERS = 300
# The goal on an idle machine is 0.010.
P99 = 0.020


def hog():
    while True:
        pass


async def ahog():
    while True:
        pass


def lateness_of_timers():
    late = []
    for _ in range(TIMERS):
        due = time.perf_counter() + 0.01
        sleep(0.01)
        late.append(time.perf_counter() - due)
    return late


async def alateness_of_timers():
    late = []
    for _ in range(TIMERS):
        due = time.perf_counter() + 0.01
        await aio.sleep(0.01)
        late.append(time.perf_counter() - due)
    return late


@pytest.mark.parametrize("hog", [hog, ahog])
@pytest.mark.parametrize("measure", [lateness_of_timers, alateness_of_timers])
def test_a_timer_beside_a_thousand_loops_is_at_most_20_ms_late_at_p99(measure, hog):
    def spawn_hogs():
        for _ in range(HOGS):
            spawn(hog)
        sleep(1)

    def main():
        spawn_hogs()
        return measure()

    async def amain():
        spawn_hogs()
        return await measure()

    # What else the machine does can only make it worse: the best of three runs counts.
    p99 = P99 + 1
    for _ in range(3):
        late = sorted(run(main if measure is lateness_of_timers else amain))
        assert late[0] >= 0
        p99 = min(p99, late[-TIMERS // 100])
        print(f"median {late[TIMERS // 2] * 1e3:.1f} ms, p99 {late[-TIMERS // 100] * 1e3:.1f} ms")
        if p99 <= P99:
            return
    raise AssertionError(f"p99 {p99 * 1e3:.1f} ms")
