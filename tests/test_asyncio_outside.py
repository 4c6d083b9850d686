"""csched in an event loop that runs already: `aio.run`, `aio.scheduler`, `aio.ask`."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import csched
from csched import NotRunning, ProcessExit, aio, receive, self, send, spawn

log: list[object] = []


@pytest.fixture(autouse=True)
def fresh_log():
    log.clear()


def in_a_loop(function):
    """The test is a coroutine, and runs in a loop of its own."""

    def test(*args):
        asyncio.run(function(*args))

    test.__name__ = function.__name__
    return test


# --- aio.run --------------------------------------------------------------------------------------


def twice(number):
    spawn(send, self(), 2 * number)
    return receive(timeout=60)


async def twice_by_await(number):
    spawn(send, self(), 2 * number)
    await asyncio.sleep(0.001)
    return await aio.receive(timeout=60)


@pytest.mark.parametrize("main", [twice, twice_by_await])
def test_run_returns_what_main_returned(main):
    async def program():
        return [await aio.run(main, number) for number in range(3)]

    assert asyncio.run(program()) == [0, 2, 4]


@in_a_loop
async def test_run_raises_what_main_raised():
    with pytest.raises(ZeroDivisionError):
        await aio.run(lambda: 1 / 0)
    with pytest.raises(ProcessExit):
        await aio.run(csched.exit, "why")
    assert await aio.run(csched.exit, "normal") is None
    assert await aio.run(len, "abc") == 3


@in_a_loop
async def test_bad_options_are_refused_and_start_nothing():
    with pytest.raises(TypeError):
        await aio.run(1)
    with pytest.raises(TypeError):
        await aio.run(len, "abc", nonsense=1)
    with pytest.raises(TypeError):
        await aio.run(len, "abc", loop_factory=asyncio.new_event_loop)
    with pytest.raises(ValueError):
        await aio.run(len, "abc", slice=2)
    assert await aio.run(len, "abc") == 3


@in_a_loop
async def test_there_is_one_run_at_a_time():
    async def main():
        with pytest.raises(RuntimeError):
            await aio.run(len, "abc")
        with pytest.raises(RuntimeError):
            csched.run(len, "abc")
        return "goes on"

    first = asyncio.create_task(aio.run(main))
    await asyncio.sleep(0)
    assert await first == "goes on"


@in_a_loop
async def test_processes_and_tasks_take_turns():
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    def hog():
        while True:
            pass

    def main():
        for _ in range(3):
            spawn(hog)
        csched.sleep(0.1)

    ticker = asyncio.create_task(tick())
    await aio.run(main)
    ticker.cancel()
    # Each turn of the processes is 2 ms, so 50 of the loop's were possible.
    assert ticks >= 10


@in_a_loop
async def test_the_loop_stays_alive_beside_processes_that_talk():
    async def echo():
        while True:
            sender, message = await aio.receive()
            send(sender, message)

    async def main():
        echoes = spawn(echo)
        end = time.perf_counter() + 0.1
        while time.perf_counter() < end:
            send(echoes, (self(), "message"))
            await aio.receive()

    turns = 0

    async def tick():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    ticker = asyncio.create_task(tick())
    await aio.run(main)
    ticker.cancel()
    assert turns >= 10


@in_a_loop
async def test_a_hog_is_preempted_there_too():
    def main():
        parent = self()
        spawn(lambda: [send(parent, "begun"), endless()])
        receive("begun", timeout=60)
        return csched.system_info("preemption"), csched.statistics("preemptions") > 0

    def endless():
        while True:
            pass

    assert (await aio.run(main))[0] == "signals"


@in_a_loop
async def test_to_cancel_the_task_shuts_the_processes_down():
    async def process():
        try:
            await asyncio.sleep(60)
        finally:
            log.append("process")

    async def main():
        spawn(process)
        log.append("begun")
        try:
            await aio.receive()
        finally:
            log.append("main")

    task = asyncio.create_task(aio.run(main))
    while "begun" not in log:
        await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(log[1:]) == ["main", "process"]
    assert await aio.run(len, "abc") == 3


@in_a_loop
async def test_the_interpreter_is_as_before_afterwards():
    import gc
    import signal
    import sys

    def state():
        return (
            gc.isenabled(),
            gc.get_threshold(),
            len(gc.callbacks),
            signal.getsignal(signal.SIGURG),
            sys.meta_path[:],
            asyncio.current_task(),
            asyncio.get_running_loop(),
            sys.get_asyncgen_hooks(),
        )

    before = state()
    await aio.run(twice_by_await, 1)
    assert state() == before


@in_a_loop
async def test_what_the_loop_makes_meanwhile_is_collected_as_ever():
    import gc
    import weakref

    class Node:
        pass

    async with aio.scheduler():
        await asyncio.sleep(0.001)
        assert gc.isenabled()
        node = Node()
        node.itself = node
        gone = weakref.ref(node)
        del node
        gc.collect()
        assert gone() is None


@in_a_loop
async def test_a_task_is_the_current_task_outside_and_a_process_inside():
    me = asyncio.current_task()

    async def main():
        return asyncio.current_task() is me, asyncio.current_task() is None

    assert await aio.run(main) == (False, False)
    assert asyncio.current_task() is me


# --- aio.scheduler --------------------------------------------------------------------------------


def counter():
    total = 0
    while True:
        reply_to, number = receive()
        total += number
        send(reply_to, total)


@in_a_loop
async def test_processes_live_as_long_as_the_block():
    async def process(future):
        try:
            future.set_result(asyncio.current_task() is not None)
            await aio.receive()
        finally:
            log.append("process")

    async with aio.scheduler() as first:
        future = csched.share(asyncio.get_running_loop().create_future())
        spawn(process, future)
        assert await future is True
        assert csched.is_alive(first)
        assert log == []
    assert log == ["process"]
    with pytest.raises(NotRunning):
        spawn(len, "abc")


@in_a_loop
async def test_who_is_spawned_when_all_have_gone_ends_at_once():
    async with aio.scheduler() as first:
        csched.exit(first, "kill")
        while csched.is_alive(first):
            await asyncio.sleep(0)
        pid = spawn(receive)
        while csched.is_alive(pid):
            await asyncio.sleep(0)


@in_a_loop
async def test_what_the_block_raises_is_raised_when_all_have_gone():
    def process():
        try:
            receive()
        finally:
            log.append("process")

    with pytest.raises(ZeroDivisionError):
        async with aio.scheduler():
            spawn(process)
            await asyncio.sleep(0.002)
            raise ZeroDivisionError
    assert log == ["process"]


@in_a_loop
async def test_what_a_task_spawns_has_no_parent():
    async with aio.scheduler():
        pid = spawn(receive)
        assert csched.is_alive(pid)
        assert csched.process_info(pid, "parent") is None


# --- aio.ask --------------------------------------------------------------------------------------


def registered_counter():
    csched.register("counter", self())
    counter()


@in_a_loop
async def test_ask_returns_the_reply_to_this_request():
    async with aio.scheduler():
        pid = spawn(registered_counter)
        assert [await aio.ask(pid, 1), await aio.ask("counter", 2)] == [1, 3]
        answers = await asyncio.gather(*(aio.ask(pid, 10) for _ in range(20)))
        assert answers == [3 + 10 * (n + 1) for n in range(20)]


@in_a_loop
async def test_a_reply_that_comes_too_late_is_dropped():
    def slow():
        held = []
        while True:
            reply_to, what = receive()
            if what == "hold":
                held.append(reply_to)
            else:
                for late in held:
                    send(late, "late")
                send(reply_to, ("in time", len(held)))

    async with aio.scheduler():
        pid = spawn(slow)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await aio.ask(pid, "hold", timeout=0.005)
        assert await aio.ask(pid, "release", timeout=60) == ("in time", 3)
        assert await aio.ask(pid, "release", timeout=60) == ("in time", 3)
        # Nobody is left of those who have asked: the first process, and this one.
        assert len(csched.processes()) == 2


@in_a_loop
async def test_a_reply_counts_once():
    def twice_over():
        reply_to, _ = receive()
        send(reply_to, "first")
        send(reply_to, "second")
        counter()

    async with aio.scheduler():
        pid = spawn(twice_over)
        assert await aio.ask(pid, "request") == "first"
        assert await aio.ask(pid, 5) == 5


@in_a_loop
async def test_to_ask_who_is_dead_or_dies_raises_noproc():
    def dies():
        receive()

    async with aio.scheduler():
        pid = spawn(dies)
        with pytest.raises(csched.NoProc):
            await aio.ask(pid, "request", timeout=60)
        with pytest.raises(csched.NoProc):
            await aio.ask(pid, "request", timeout=60)
        with pytest.raises(csched.NoProc):
            await aio.ask("nobody", "request", timeout=60)
        with pytest.raises(TypeError):
            await aio.ask(1, "request", timeout=60)
        with pytest.raises(csched.CopyError):
            await aio.ask(pid, threading.Lock(), timeout=60)


@in_a_loop
async def test_to_give_up_asking_leaves_nobody_behind():
    async with aio.scheduler():
        pid = spawn(receive, "never")
        task = asyncio.create_task(aio.ask(pid, "request"))
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.005)
        assert len(csched.processes()) == 2


def test_processes_may_ask_each_other():
    async def main():
        pid = spawn(counter)
        return await aio.ask(pid, 1), await aio.ask(pid, 2)

    assert csched.run(main) == (1, 3)


@in_a_loop
async def test_without_a_scheduler_there_is_nobody_to_ask():
    with pytest.raises(NotRunning):
        await aio.ask("anybody", "request")
