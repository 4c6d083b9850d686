"""What a running system tells of itself."""

from __future__ import annotations

import threading

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


@pytest.mark.parametrize("function", [system_info, statistics])
def test_an_unknown_item_is_named(function):
    with pytest.raises(ValueError, match="'no_such_item'"):
        run(function, "no_such_item")
    with pytest.raises(csched.NotRunning):
        function("process_count")
