"""`to_thread`: blocking calls and long C code in threads, while processes run."""

from __future__ import annotations

import contextvars
import os
import threading
import time

import pytest
from kinds import both_kinds

import csched
from csched import ANY, Down, NotRunning, aio, receive, run, self, send, spawn, spawn_monitor

variable = contextvars.ContextVar("variable", default="default")


async def in_thread(calls, function, *args):
    """`to_thread`, as either kind of process calls it."""
    if calls is aio:
        return await aio.to_thread(function, *args)
    return csched.to_thread(function, *args)


def fail():
    raise ZeroDivisionError("in the thread")


@both_kinds
def test_to_thread_returns_what_the_function_returned(kind):
    async def main(calls):
        thread = await in_thread(calls, threading.current_thread)
        return await in_thread(calls, sum, [1, 2, 3]), thread is threading.current_thread()

    assert kind.run(main) == (6, False)


@both_kinds
def test_to_thread_raises_what_the_function_raised(kind):
    async def main(calls):
        with pytest.raises(ZeroDivisionError, match="in the thread") as raised:
            await in_thread(calls, fail)
        assert "fail" in [entry.name for entry in raised.traceback]
        return await in_thread(calls, len, "goes on")

    assert kind.run(main) == 7


@both_kinds
def test_arguments_and_results_are_not_copied(kind):
    async def main(calls):
        mine = [1]
        return (await in_thread(calls, lambda given: given, mine)) is mine

    assert kind.run(main) is True


@both_kinds
def test_the_function_sees_the_context_of_its_process(kind):
    async def main(calls):
        before = await in_thread(calls, variable.get)
        variable.set("of the process")
        await in_thread(calls, variable.set, "of the thread")
        return before, await in_thread(calls, variable.get), variable.get()

    assert kind.run(main) == ("default", "of the process", "of the process")


@both_kinds
def test_other_processes_run_meanwhile(kind):
    gate = threading.Event()

    async def main(calls):
        csched.share(gate)
        pid = spawn(lambda parent: [receive(), gate.set(), send(parent, "opened")], self())
        csched.send_after(pid, "now", 0.002)
        return await in_thread(calls, gate.wait, 60), await calls.receive(timeout=60)

    assert kind.run(main) == (True, "opened")


@both_kinds
def test_a_killed_process_ends_at_once_and_the_thread_goes_on(kind):
    gate, done = threading.Event(), threading.Event()

    def block(started):
        send(started, "begun")
        assert gate.wait(60)
        done.set()

    async def child(calls, parent):
        await in_thread(calls, block, parent)

    async def main(calls):
        pid, ref = spawn_monitor(kind.function(child), self())
        await calls.receive("begun", timeout=60)
        csched.exit(pid, "kill")
        down = await calls.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        was_done = done.is_set()
        gate.set()
        assert await in_thread(calls, done.wait, 60)
        return down.reason, was_done

    csched.register_immutable(threading.Event)
    assert kind.run(main) == ("killed", False)


@both_kinds
def test_no_more_threads_than_dirty_schedulers_run_at_once(kind):
    lock = threading.Lock()
    inside, most = 0, 0

    def count():
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.005)
        with lock:
            inside -= 1

    async def child(calls, parent, work):
        await in_thread(calls, work.function)
        send(parent, "done")

    async def main(calls):
        work = csched.share(Work(count))
        for _ in range(10):
            spawn(kind.function(child), self(), work)
        for _ in range(10):
            await calls.receive("done", timeout=60)
        return csched.system_info("dirty_schedulers")

    assert kind.run(main, dirty_schedulers=2) == 2
    assert most == 2


class Work:
    """A function that closures of processes share, with what it has captured."""

    def __init__(self, function):
        self.function = function


@both_kinds
def test_what_is_still_queued_when_its_process_is_killed_never_runs(kind):
    ran = []
    gate = threading.Event()

    def hold(started):
        send(started, "begun")
        assert gate.wait(60)

    async def child(calls, parent, work):
        await in_thread(calls, work.function, parent)

    async def queued(calls, work):
        await in_thread(calls, work.function, "ran")

    async def main(calls):
        spawn(kind.function(child), self(), csched.share(Work(hold)))
        await calls.receive("begun", timeout=60)
        pid, ref = spawn_monitor(kind.function(queued), csched.share(Work(ran.append)))
        await calls.yield_()
        await calls.yield_()
        csched.exit(pid, "kill")
        await calls.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        gate.set()
        return await in_thread(calls, len, "abc")

    assert kind.run(main, dirty_schedulers=1) == 3
    assert ran == []


def test_there_are_threads_for_what_computes_and_for_what_blocks():
    assert run(csched.system_info, "dirty_schedulers") == os.cpu_count() + 10


@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (1025, ValueError), ("2", TypeError), (1.5, TypeError)]
)
def test_a_bad_number_of_dirty_schedulers_is_refused(value, error):
    with pytest.raises(error, match="dirty_schedulers"):
        run(len, "abc", dirty_schedulers=value)


@both_kinds
def test_what_is_no_function_is_refused(kind):
    async def main(calls):
        for bad in (None, 1, "len"):
            with pytest.raises(TypeError):
                await in_thread(calls, bad)

    kind.run(main)


def test_only_a_process_can_wait_for_a_thread():
    with pytest.raises(NotRunning):
        csched.to_thread(len, "abc")
    outcome = []

    def ask():
        try:
            csched.to_thread(len, "abc")
        except NotRunning as error:
            outcome.append(error)

    def main():
        worker = threading.Thread(target=ask)
        worker.start()
        while worker.is_alive():
            csched.yield_()

    run(main)
    assert len(outcome) == 1


def test_the_run_does_not_wait_for_threads_that_nobody_waits_for():
    gate = threading.Event()

    def block(parent):
        send(parent, "begun")
        gate.wait(60)

    def main():
        spawn(lambda parent: csched.to_thread(block, parent), self())
        receive("begun", timeout=60)

    csched.share(gate)
    run(main)
    assert not gate.is_set()
    gate.set()
