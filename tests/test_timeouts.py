"""Timeouts of a receive, and sleeping: never early, never restarted; SEMANTICS.md, section 2."""

from __future__ import annotations

import sys
import time

import pytest
from kinds import both_kinds, drain, fill

import csched
from csched import ANY, run, self, send


@both_kinds
def test_a_timeout_raises_or_gives_the_default(kind):
    async def main(io):
        fill("left")
        with pytest.raises(TimeoutError):
            await io.receive(int, timeout=0.001)
        with pytest.raises(TimeoutError):
            await io.receive(int, timeout=0)
        results = []
        for default in (None, False, 0, "", (), TimeoutError, ANY):
            results.append(await io.receive(int, timeout=0, default=default) is default)
            results.append(await io.receive(int, timeout=0.001, default=default) is default)
        return all(results), await drain(io)

    assert kind.run(main) == (True, ["left"])


@both_kinds
def test_a_default_without_a_timeout_waits_for_ever(kind):
    async def sender(io, parent):
        await io.sleep(0.01)
        send(parent, "message")

    async def main(io):
        kind.spawn(sender, self())
        return await io.receive(default="unused")

    assert kind.run(main) == "message"


@both_kinds
def test_a_message_that_is_there_beats_any_timeout(kind):
    async def main(io):
        fill(*range(5))
        timeouts = (0, -0.0, 1e-9, 1, 1e9)
        return [await io.receive(timeout=timeout) for timeout in timeouts]

    assert kind.run(main) == list(range(5))


@both_kinds
def test_a_timeout_is_never_early(kind):
    async def main(io):
        for timeout in [0.0001, 0.001, 0.0123, 0.05] * 3:
            begin = time.monotonic()
            with pytest.raises(TimeoutError):
                await io.receive(timeout=timeout)
            assert time.monotonic() - begin >= timeout

    kind.run(main)


@both_kinds
def test_a_timeout_is_not_restarted_by_messages_that_do_not_match(kind):
    async def sender(io, parent):
        while True:
            send(parent, "no match")
            await io.sleep(0.005)

    async def main(io):
        kind.spawn(sender, self())
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            await io.receive(int, timeout=0.1)
        return time.monotonic() - begin, len(await drain(io))

    seconds, messages = kind.run(main)
    assert seconds >= 0.1
    assert messages >= 1


@both_kinds
def test_timeout_zero_lets_nobody_else_run(kind):
    async def sender(io, parent):
        send(parent, "sent")

    async def main(io):
        kind.spawn(sender, self())
        seen = [await io.receive(timeout=0, default=None) for _ in range(5)]
        return seen, await io.receive(timeout=60)

    assert kind.run(main, preempt=False) == ([None] * 5, "sent")


@both_kinds
@pytest.mark.parametrize("timeout", [1e6, 1e9, 3e11, sys.float_info.max, 10**15, float("inf")])
def test_years_can_be_waited_for(kind, timeout):
    async def sender(io, parent):
        send(parent, "early")

    async def main(io):
        kind.spawn(sender, self())
        return await io.receive(timeout=timeout)

    assert kind.run(main) == "early"


@both_kinds
@pytest.mark.parametrize(
    ("timeout", "error"),
    [(-1, ValueError), (-1e-9, ValueError), (float("nan"), ValueError), (float("-inf"), ValueError),
     ("1", TypeError), ([], TypeError), (1j, TypeError), (object(), TypeError), (b"1", TypeError)],
)  # fmt: skip
def test_a_timeout_that_is_no_length_of_time_is_refused(kind, timeout, error):
    async def main(io):
        with pytest.raises(error):
            await io.receive(timeout=timeout)
        with pytest.raises(error):
            await io.sleep(timeout)
        fill("there")
        with pytest.raises(error):
            await io.receive(timeout=timeout)
        return await drain(io)

    assert kind.run(main) == ["there"]


def test_a_sleep_needs_a_number():
    def main():
        with pytest.raises(TypeError):
            csched.sleep(None)

    run(main)


@both_kinds
def test_the_timeout_of_one_receive_does_not_reach_the_next(kind):
    async def sender(io, parent):
        send(parent, "soon")
        await io.sleep(0.05)
        send(parent, "later")

    async def main(io):
        kind.spawn(sender, self())
        first = await io.receive(timeout=0.02)
        return first, await io.receive()

    assert kind.run(main) == ("soon", "later")


@both_kinds
def test_sleepers_wake_in_order_of_their_deadlines(kind):
    async def sleeper(io, parent, seconds):
        await io.sleep(seconds)
        send(parent, seconds)

    async def main(io):
        times = [0.06, 0.02, 0.04]
        for seconds in times:
            kind.spawn(sleeper, self(), seconds)
        return [await io.receive(timeout=60) for _ in times]

    assert kind.run(main) == [0.02, 0.04, 0.06]


@both_kinds
def test_messages_do_not_wake_a_sleeper(kind):
    async def sleeper(io, parent):
        begin = time.monotonic()
        await io.sleep(0.05)
        send(parent, (time.monotonic() - begin, await io.receive(timeout=0)))

    async def main(io):
        pid = kind.spawn(sleeper, self())
        await io.yield_()
        send(pid, "wake up")
        return await io.receive(timeout=60)

    seconds, message = kind.run(main)
    assert seconds >= 0.05
    assert message == "wake up"
