"""What a running system tells of itself."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time

import pytest

import csched
from csched import aio, run, spawn, statistics, system_info


def test_the_process_count_is_that_of_the_table():
    def main():
        for _ in range(10):
            spawn(csched.receive)
        return system_info("process_count"), len(csched.processes())

    assert run(main) == (11, 11)


def test_the_process_limit_is_the_one_given():
    assert run(lambda: system_info("process_limit"), process_limit=2_000) == 2_000


def test_preemption_is_by_signals_in_the_main_thread():
    assert run(lambda: system_info("preemption")) == "signals"


def test_preemption_is_at_calls_where_there_are_no_signals():
    assert run(lambda: system_info("preemption"), preempt=False) == "calls"
    told = []
    thread = threading.Thread(target=lambda: told.append(run(system_info, "preemption")))
    thread.start()
    thread.join()
    assert told == ["calls"]


def test_each_slice_is_a_context_switch():
    async def main():
        before, nothing = statistics("context_switches")
        for _ in range(100):
            await aio.yield_()
        return statistics("context_switches")[0] - before, nothing

    assert run(main) == (100, 0)


def test_a_hog_is_preempted_and_counted():
    def hog():
        while True:
            pass

    def main():
        spawn(hog)
        csched.sleep(0.05)
        return statistics("preemptions")

    assert run(main) >= 1


def test_the_run_queue_is_of_those_who_are_runnable():
    def main():
        spawn(csched.receive)
        csched.sleep(0.001)
        for _ in range(5):
            spawn(int)
        return statistics("run_queue")

    assert run(main, preempt=False) == 5


def test_all_reductions_are_counted_those_of_the_dead_and_of_this_slice_too():
    def child():
        for _ in range(1000):
            csched.make_ref()

    def main():
        statistics("reductions")
        pid = spawn(child)
        while pid in csched.processes():
            csched.yield_()
        of_child = statistics("reductions")
        for _ in range(500):
            csched.make_ref()
        return of_child, statistics("reductions")

    (total, new), (later, newer) = run(main, preempt=False)
    assert total >= new >= 1000
    assert newer >= 500
    assert later == total + newer


def test_what_is_since_the_last_call_begins_anew_with_a_run():
    def main():
        for _ in range(100):
            csched.make_ref()
        return statistics("reductions"), statistics("wall_clock")

    for _ in range(2):
        (total, new), (seconds, new_seconds) = run(main, preempt=False)
        assert total == new >= 100
        assert seconds == new_seconds > 0


def test_times_are_seconds_and_go_on():
    def main():
        wall, cpu = statistics("wall_clock"), statistics("runtime")
        csched.sleep(0.02)
        later = statistics("wall_clock")
        assert later[1] >= 0.02
        assert later[0] == pytest.approx(wall[0] + later[1])
        begun = system_info("start_time")
        assert begun <= time.monotonic() - later[0] + 1e-6
        return cpu[0] <= statistics("runtime")[0] <= time.process_time()

    assert run(main)


def test_the_one_that_runs_is_an_active_task_beside_those_in_the_queue():
    def main():
        for _ in range(5):
            spawn(int)
        items = ("run_queue", "total_run_queue_lengths", "total_active_tasks")
        return [statistics(item) for item in items]

    assert run(main, preempt=False) == [5, 5, 6]


def test_a_collection_is_counted():
    def main():
        before = statistics("garbage_collection")
        gc.collect()
        after = statistics("garbage_collection")
        return after[0] - before[0], before[1:], after[1:]

    collections, *rest = run(main)
    assert collections >= 1
    assert rest == [(0, 0), (0, 0)]


def test_the_system_is_one_scheduler_in_this_interpreter():
    items = ("schedulers", "schedulers_online", "wordsize", "machine", "garbage_collection")
    version = ".".join(map(str, sys.version_info[:3]))
    told = run(lambda: [system_info(item) for item in items])
    assert told[:3] == [1, 1, 8]
    assert told[3].startswith(f"CPython {version}")
    assert told[4] in ("process", "interpreter")
    assert run(lambda: system_info("logical_processors")) == os.cpu_count()
    assert isinstance(run(lambda: system_info("version")), str | None)


@pytest.mark.parametrize("function", [system_info, statistics])
def test_an_unknown_item_is_named(function):
    with pytest.raises(ValueError, match="'no_such_item'"):
        run(function, "no_such_item")
    with pytest.raises(csched.NotRunning):
        function("process_count")
