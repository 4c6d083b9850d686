"""Where a process may wait: below coroutines, callbacks, generators, and while it is traced."""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
import threading
import time
import types

import pytest
from kinds import both_kinds, drain, fill, gone

import csched
from csched import ANY, aio, run, self, send, spawn

# --- Where a process may wait -------------------------------------------------------------------


def test_an_async_process_may_wait_by_plain_calls_too():
    async def inner(parent):
        send(parent, ("plain", csched.receive(timeout=60)))
        csched.sleep(0.001)
        csched.yield_()
        send(parent, ("awaited", await aio.receive(timeout=60)))
        send(parent, ("plain", csched.receive(timeout=60)))

    async def main():
        pid = spawn(inner, self())
        for number in range(3):
            send(pid, number)
        return [await aio.receive(timeout=60) for _ in range(3)]

    assert run(main) == [("plain", 0), ("awaited", 1), ("plain", 2)]


def test_a_process_may_wait_below_a_callback_of_c_code():
    def main():
        fill(*range(10))
        keys = sorted(range(10), key=lambda number: -csched.receive(timeout=0))
        spawn(send, self(), "last")
        return keys, functools.reduce(lambda _, __: csched.receive(timeout=60), range(2))

    assert run(main) == (list(reversed(range(10))), "last")


def test_a_process_may_wait_in_a_generator():
    def messages():
        while True:
            yield csched.receive(timeout=60)

    def main():
        child = spawn(lambda parent: [send(parent, n) for n in range(5)], self())
        return child is not None and list(itertools.islice(messages(), 5))

    assert run(main) == list(range(5))


def test_an_await_may_be_any_number_of_coroutines_deep():
    async def deep(levels):
        if levels:
            return await deep(levels - 1) + 1
        return await aio.receive(timeout=60)

    async def main():
        spawn(send, self(), 0)
        return await deep(200)

    assert run(main) == 200


def test_awaitables_work_in_async_generators_with_and_for():
    class Session:
        async def __aenter__(self):
            return await aio.receive(("enter", ANY), timeout=60)

        async def __aexit__(self, *exc):
            send(self_pid, ("left", await aio.receive(("exit", ANY), timeout=60)))

    async def numbers():
        try:
            while (number := await aio.receive(int, timeout=60)) >= 0:
                yield number
        finally:
            await aio.yield_()
            send(self_pid, "closed")

    async def child(parent):
        for message in (1, ("exit", "b"), 2, ("enter", "a"), 3, -1):
            send(parent, message)
            await aio.yield_()

    self_pid = None

    async def main():
        nonlocal self_pid
        self_pid = self()
        spawn(child, self())
        async with Session() as entered:
            got = [number async for number in numbers()]
        squares = [await aio.receive(timeout=60) for _ in range(2)]
        return entered, got, squares

    assert run(main) == (("enter", "a"), [1, 2, 3], ["closed", ("left", ("exit", "b"))])


def test_an_async_generator_that_is_left_early_may_wait_while_it_is_closed():
    async def numbers():
        try:
            while True:
                yield await aio.receive(int, timeout=60)
        finally:
            await aio.sleep(0.001)
            send(self(), "closed")

    async def main():
        fill(1, 2)
        async with contextlib.aclosing(numbers()) as stream:
            async for number in stream:
                assert number == 1
                break
        return await drain(aio)

    assert run(main) == [2, "closed"]


@pytest.mark.parametrize(
    "make",
    [lambda: aio.receive(), lambda: aio.receive(int, timeout=1), lambda: aio.sleep(0), aio.yield_],
    ids=["receive", "receive with options", "sleep", "yield"],
)
def test_an_awaitable_can_be_made_anywhere_but_awaited_in_a_process_only(make):
    async def outside():
        await make()

    coroutine = outside()
    with pytest.raises(csched.NotRunning):
        coroutine.send(None)

    result = []

    def thread():
        coroutine = outside()
        try:
            coroutine.send(None)
        except Exception as error:
            result.append(type(error))

    def main():
        worker = threading.Thread(target=thread)
        worker.start()
        while worker.is_alive():
            csched.yield_()
        worker.join()

    run(main)
    assert result == [csched.NotRunning]


def test_bad_arguments_of_an_awaitable_are_refused():
    for call in (aio.receive, aio.sleep, aio.yield_):
        with pytest.raises(TypeError):
            call(1, 2, 3)
    with pytest.raises(TypeError):
        aio.receive(ANY, 1)
    with pytest.raises(TypeError):
        aio.receive(nonsense=1)
    with pytest.raises(TypeError):
        aio.sleep()


def test_an_awaitable_without_options_may_be_awaited_again():
    async def main():
        anything = aio.receive()
        fill(1, 2)
        return await anything, await anything

    assert run(main) == (1, 2)


def test_an_awaitable_that_is_done_does_not_hang_when_it_is_awaited_again():
    async def main():
        once = aio.receive(int, timeout=0.01)
        fill(1)
        first = await once
        with contextlib.suppress(TimeoutError, RuntimeError):
            await once
        nap = aio.sleep(0.001)
        await nap
        with contextlib.suppress(RuntimeError):
            await nap
        fill("after")
        return first, await aio.receive(timeout=60)

    assert run(main) == (1, "after")


def test_an_awaitable_that_was_given_up_disturbs_no_later_wait():
    async def sender(parent):
        await aio.sleep(0.5)
        send(parent, "message")

    async def main():
        begun = aio.receive("never", timeout=0.001)
        next(iter(begun))
        spawn(sender, self())
        begin = time.process_time()
        assert await aio.receive() == "message"
        return time.process_time() - begin

    # One that wakes again and again would use all of it.
    assert run(main) < 0.25


class Foreign:
    def __await__(self):
        return (yield "foreign")


def test_to_await_something_foreign_is_a_type_error_there():
    async def main():
        with pytest.raises(TypeError, match="foreign"):
            await Foreign()
        fill("goes on")
        return await aio.receive(timeout=0)

    assert run(main) == "goes on"


def test_a_foreign_await_that_is_tried_again_and_again_is_refused_each_time():
    async def main():
        refused = 0
        for _ in range(100):
            try:
                await Foreign()
            except TypeError:
                refused += 1
        return refused

    assert run(main) == 100


@types.coroutine
def bare_yield():
    return (yield)


def test_a_bare_yield_lets_the_others_run():
    async def child(parent, number):
        for turn in range(3):
            send(parent, (turn, number))
            assert await bare_yield() is None

    async def main():
        for number in range(3):
            spawn(child, self(), number)
        return [await aio.receive(timeout=60) for _ in range(9)]

    expected = [(turn, number) for turn in range(3) for number in range(3)]
    assert run(main, preempt=False) == expected


# --- Traced -------------------------------------------------------------------------------------


@contextlib.contextmanager
def by_trace():
    def trace(frame, event, arg):
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@contextlib.contextmanager
def by_profile():
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: None)
    try:
        yield
    finally:
        sys.setprofile(before)


@contextlib.contextmanager
def by_monitoring():
    monitoring = sys.monitoring
    events = monitoring.events
    tool = next(number for number in (3, 4) if monitoring.get_tool(number) is None)
    monitoring.use_tool_id(tool, "test")
    wanted = events.PY_START | events.PY_RESUME | events.PY_RETURN | events.PY_YIELD
    wanted |= events.LINE | events.CALL | events.RAISE | events.PY_UNWIND
    for number in range(wanted.bit_length()):
        if wanted >> number & 1:
            monitoring.register_callback(tool, 1 << number, lambda *args: None)
    monitoring.set_events(tool, wanted)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


@both_kinds
@pytest.mark.parametrize("tracing", [by_trace, by_profile, by_monitoring])
@pytest.mark.parametrize("begun", ["outside", "inside"])
def test_processes_can_be_traced(kind, tracing, begun):
    if tracing is by_monitoring and sys.version_info < (3, 12):
        pytest.skip("sys.monitoring is new in 3.12")

    async def echo(io):
        while True:
            client, message = await io.receive()
            if message == "end":
                return
            send(client, message)

    async def talk(io):
        pids = [kind.spawn(echo) for _ in range(5)]
        for number in range(100):
            send(pids[number % 5], (self(), number))
            assert await io.receive(timeout=60) == number
            await io.yield_()
        for pid in pids:
            send(pid, (self(), "end"))
        await gone(io, *pids)
        return "talked"

    async def main(io):
        if begun == "outside":
            return await talk(io)
        with tracing():
            return await talk(io)

    if begun == "outside":
        with tracing():
            result = kind.run(main)
    else:
        result = kind.run(main)
    assert result == "talked"
