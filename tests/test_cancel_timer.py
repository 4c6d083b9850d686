"""Reading and cancelling timers, and many of them; SEMANTICS.md, section 6."""

from __future__ import annotations

import math
import threading
import time
from types import SimpleNamespace

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    NotRunning,
    alias,
    cancel_timer,
    make_ref,
    monitor,
    process_info,
    read_timer,
    receive,
    run,
    self,
    send,
    send_after,
    spawn,
    start_timer,
)

LONG = 3600.0
# Globals are one for all processes.
world = SimpleNamespace()


async def wait(io):
    await io.receive("end")


async def forward(io, parent):
    """Tell the parent each message, and wait for the next one."""
    while True:
        send(parent, ("forwarded", self(), await io.receive()))


def timers_of(pid):
    return [ref for ref, _ in process_info(pid, "timers")]


def pass_time(seconds):
    """Let time pass in which the scheduler sees nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


both_timers = pytest.mark.parametrize(
    "set_timer", [send_after, start_timer], ids=["send_after", "start_timer"]
)

# --- Reading and cancelling -----------------------------------------------------------------------


def test_read_timer_gives_the_seconds_left_and_leaves_the_timer():
    """erlang:read_timer/1: the time left; false once the timer has timed out."""

    def main():
        begin = time.monotonic()
        ref = send_after(self(), "message", 0.5)
        seen = [read_timer(ref)]
        pass_time(0.01)
        seen.append(read_timer(ref))
        assert time.monotonic() - begin + seen[1] >= 0.5
        assert receive(timeout=60) == "message"
        return [*seen, read_timer(ref), cancel_timer(ref)]

    first, second, third, fourth = run(main)
    assert type(first) is type(second) is float
    assert 0.5 >= first >= second + 0.01
    assert (third, fourth) == (None, None)


@both_timers
def test_what_was_cancelled_never_arrives(set_timer):
    """erlang:cancel_timer/1: the time left, and no timeout message after it; then false."""

    def main():
        ref = set_timer(self(), "cancelled", 0.01)
        left = cancel_timer(ref)
        assert [cancel_timer(ref), read_timer(ref)] == [None, None]
        send_after(self(), "last", 0.02)
        return left, receive(timeout=60), timers_of(self())

    left, message, timers = run(main)
    assert 0 < left <= 0.01
    assert (message, timers) == ("last", [])


def test_one_of_many_may_be_cancelled():
    """timer_bif_SUITE: cancelling takes the very timer, whatever was set before and after it."""

    def main():
        refs = [send_after(self(), number, 0.02 + number % 7 / 1000) for number in range(100)]
        assert all(cancel_timer(ref) is not None for ref in refs[::3])
        assert timers_of(self()) == [ref for number, ref in enumerate(refs) if number % 3]
        left = [number for number in range(100) if number % 3]
        return sorted(receive(timeout=60) for _ in left) == left, receive(timeout=0, default=None)

    assert run(main) == (True, None)


@both_kinds
def test_any_process_may_read_and_cancel_a_timer(kind):
    """erlang:cancel_timer/1: also the timer of another process, given its reference."""

    async def canceller(io, parent):
        ref = await io.receive()
        send(parent, ("left", read_timer(ref), cancel_timer(ref), cancel_timer(ref)))

    async def main(io):
        ref = send_after(self(), "cancelled", LONG)
        send(kind.spawn(canceller, self()), ref)
        _, read, cancelled, again = await io.receive(timeout=60)
        return LONG >= read >= cancelled > LONG - 60, again, read_timer(ref), timers_of(self())

    assert kind.run(main) == (True, None, None, [])


@both_kinds
def test_cancelling_and_expiry_never_both_happen_nor_neither(kind):
    """erlang:cancel_timer/1: either it was cancelled, or its message has been or will be sent."""

    async def main(io):
        cancelled, delivered = set(), []
        for number in range(400):
            ref = start_timer(self(), number, 0.0001)
            pass_time(0.00005 + number % 5 * 0.00003)
            if number % 3 == 0:
                await io.yield_()
            if cancel_timer(ref) is not None:
                cancelled.add(number)
        await io.sleep(0.005)
        delivered.extend(message[2] for message in await drain(io))
        assert len(delivered) == len(set(delivered))
        assert cancelled.isdisjoint(delivered)
        return cancelled.union(delivered) == set(range(400))

    assert kind.run(main)


@pytest.mark.parametrize("call", [cancel_timer, read_timer])
def test_a_reference_of_something_else_is_no_timer(call):
    """erlang:cancel_timer/1: false for a reference that is no timer's; badarg for no reference."""

    def main():
        timer = send_after(self(), "message", LONG)
        for ref in (make_ref(), alias(), monitor(spawn(receive))):
            assert call(ref) is None
        for value in (None, 1, "name", self(), repr(timer), [timer]):
            with pytest.raises(TypeError):
                call(value)
        return timers_of(self()) == [timer]

    assert run(main)


@both_timers
@pytest.mark.parametrize(
    ("seconds", "error"),
    [(-1, ValueError), (-1e-9, ValueError), (math.nan, ValueError), (-math.inf, ValueError),
     ("1", TypeError), (None, TypeError), (1j, TypeError), ([], TypeError)],
)  # fmt: skip
def test_what_is_no_length_of_time_is_refused(set_timer, seconds, error):
    """erlang:start_timer/3: badarg if the time is not a non-negative number."""

    def main():
        for dest in (self(), "nobody"):
            with pytest.raises(error):
                set_timer(dest, "message", seconds)
        return timers_of(self())

    assert run(main) == []


@both_timers
@pytest.mark.parametrize("dest", [None, 1, b"name", (), spawn])
def test_what_is_no_destination_is_refused(set_timer, dest):
    """erlang:start_timer/3: badarg if the destination is neither pid nor name."""

    def main():
        with pytest.raises(TypeError):
            set_timer(dest, "message", 0)

    run(main)


@both_timers
def test_timers_need_the_schedulers_thread(set_timer):
    """Neither a program without a scheduler nor a foreign thread has timers."""

    def outside(dest, errors):
        try:
            set_timer(dest, "message", 0)
        except NotRunning:
            errors.append("NotRunning")

    def main():
        errors = []
        thread = threading.Thread(target=outside, args=(self(), errors))
        thread.start()
        thread.join()
        csched.sleep(0.001)
        message = receive(timeout=0, default=None)
        return errors, message, self(), set_timer(self(), "message", LONG)

    errors, message, pid, ref = run(main)
    assert (errors, message) == (["NotRunning"], None)
    for call, *args in ((set_timer, pid, "message", 0), (cancel_timer, ref), (read_timer, ref)):
        with pytest.raises(NotRunning):
            call(*args)


# --- Many -----------------------------------------------------------------------------------------


def test_timers_that_were_cancelled_leave_nothing_behind():
    """timer_bif_SUITE, cleanup: set and cancelled timers take no memory."""

    def memory():
        return process_info(self(), "memory")

    def main():
        before = None
        for _ in range(3):
            refs = [send_after(self(), "never", LONG + n % 100) for n in range(20_000)]
            assert len(timers_of(self())) == 20_000
            assert all(cancel_timer(ref) is not None for ref in refs)
            refs = None
            assert timers_of(self()) == []
            if before is None:
                before = memory()
        return memory() - before

    assert run(main) < 64 * 1024


def set_and_cancel_seconds(standing):
    def main():
        for number in range(standing):
            send_after(self(), number, LONG + number)
        best = math.inf
        for _ in range(5):
            begin = time.perf_counter()
            for _ in range(500):
                cancel_timer(send_after(self(), "never", LONG))
            best = min(best, time.perf_counter() - begin)
        return best

    return run(main, preempt=False)


def test_setting_and_cancelling_do_not_take_longer_beside_many_timers():
    """Set and cancel are O(1)."""
    assert set_and_cancel_seconds(50_000) < 10 * set_and_cancel_seconds(0)


@both_kinds
def test_thousands_of_timers_to_a_process_that_dies_are_all_gone(kind):
    """erlang:start_timer/4: every timer to the dead process is cancelled."""

    async def main(io):
        pid = kind.spawn(wait)
        refs = [send_after(pid, number, LONG) for number in range(5000)]
        csched.exit(pid, "kill")
        await gone(io, pid)
        return {read_timer(ref) for ref in refs}

    assert kind.run(main) == {None}


class Counted:
    """A message that counts its copies."""

    def __init__(self):
        world.counted += 1

    def __deepcopy__(self, memo):
        return Counted()

    def __del__(self):
        world.counted -= 1


def lose_by_cancelling(timer):
    cancel_timer(timer(self(), LONG))


def lose_by_death(timer):
    pid = spawn(receive)
    timer(pid, LONG)
    csched.exit(pid, "kill")
    while pid in csched.processes():
        csched.yield_()


def lose_by_an_unknown_name(timer):
    read = timer("nobody", 0)
    while read_timer(read) is not None:
        csched.yield_()


def lose_by_an_alias_that_is_off(timer):
    ref = alias()
    read = timer(ref, 0)
    csched.unalias(ref)
    while read_timer(read) is not None:
        csched.yield_()


LOSE = [lose_by_cancelling, lose_by_death, lose_by_an_unknown_name, lose_by_an_alias_that_is_off]


@both_timers
@pytest.mark.parametrize("lose", [*LOSE, None])
def test_a_message_that_never_arrives_is_let_go(set_timer, lose):
    """timer_bif_SUITE, cleanup: however a timer ends, the end of the run included."""
    world.counted = 0

    def timer(dest, seconds):
        return set_timer(dest, Counted(), seconds)

    def main():
        if lose is None:
            timer(self(), LONG)
            return world.counted
        lose(timer)
        return world.counted

    assert run(main) == (1 if lose is None else 0)
    assert world.counted == 0
