"""Timers that send messages: when, what, to whom, and how they end; SEMANTICS.md, section 6."""

from __future__ import annotations

import math
import sys
import threading
import time

import pytest
from kinds import both_kinds, drain

import csched
from csched import (
    ANY,
    Down,
    alias,
    cancel_timer,
    process_info,
    read_timer,
    receive,
    register,
    run,
    self,
    send,
    send_after,
    spawn,
    spawn_monitor,
    start_timer,
    unalias,
    unregister,
)

LONG = 3600.0


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

# --- What arrives, and when -----------------------------------------------------------------------


@both_kinds
def test_send_after_delivers_the_message_as_it_is(kind):
    """erlang:send_after/3: the message itself is sent."""

    async def main(io):
        ref = send_after(self(), {"key": [1, (2,)]}, 0.001)
        assert type(ref) is csched.Ref
        return await io.receive(timeout=60), await drain(io)

    assert kind.run(main) == ({"key": [1, (2,)]}, [])


@both_kinds
def test_start_timer_delivers_the_message_with_its_reference(kind):
    """erlang:start_timer/3: the message is {timeout, TimerRef, Msg}."""

    async def main(io):
        ref = start_timer(self(), ["x"], 0.001)
        message = await io.receive(("timeout", ref, ANY), timeout=60)
        return message == ("timeout", ref, ["x"]), await drain(io)

    assert kind.run(main) == (True, [])


@both_kinds
@both_timers
def test_a_timer_is_never_early(kind, set_timer):
    """erlang:start_timer/4: a timer does not time out before its time."""

    async def main(io):
        for seconds in [0, 0.0001, 0.001, 0.0123, 0.03] * 3:
            begin = time.monotonic()
            set_timer(self(), "message", seconds)
            await io.receive(timeout=60)
            assert time.monotonic() - begin >= seconds

    kind.run(main)


@both_kinds
def test_a_timer_of_no_seconds_fires_before_a_sleep_is_over(kind):
    """erlang:send_after/3: 0 is a time like any other, and the shortest."""

    async def main(io):
        send_after(self(), "message", 0)
        await io.sleep(0.001)
        return await drain(io)

    assert kind.run(main) == ["message"]


@both_kinds
def test_timers_fire_in_order_of_their_deadlines(kind):
    """timer_bif_SUITE: several timers set in any order arrive by time."""

    async def main(io):
        for number in (7, 2, 9, 4, 0, 5, 8, 1, 6, 3):
            send_after(self(), number, 0.02 + number / 200)
        return [await io.receive(timeout=60) for _ in range(10)]

    assert kind.run(main) == list(range(10))


@both_kinds
def test_equal_deadlines_fire_in_order_of_setting(kind):
    """Timers for one receiver and one time keep the order in which they were set."""

    async def main(io):
        for number in range(500):
            send_after(self(), number, 0.01)
        return [await io.receive(timeout=60) for _ in range(500)], await drain(io)

    assert kind.run(main) == (list(range(500)), [])


@both_timers
def test_the_message_is_copied_when_the_timer_is_set(set_timer):
    """What the setter does to the message later is not seen."""

    def main():
        message = [1]
        set_timer(self(), message, 0.001)
        message.append(2)
        received = receive(timeout=60)
        return received if set_timer is send_after else received[2]

    assert run(main) == [1]


@both_timers
def test_a_message_that_cannot_be_copied_sets_no_timer(set_timer):
    """A CopyError comes from the call that sets the timer."""

    def main():
        with pytest.raises(csched.CopyError):
            set_timer(self(), [threading.Lock()], LONG)
        return timers_of(self())

    assert run(main) == []


@both_kinds
def test_a_timer_wakes_a_process_that_waits(kind):
    """A message of a timer is received as any other, by whoever waits for it."""

    async def main(io):
        pid = kind.spawn(forward, self())
        for number in range(3):
            send_after(pid, number, 0.001)
            _, who, message = await io.receive(("forwarded", ANY, ANY), timeout=60)
            assert (who, message) == (pid, number)
        send_after(self(), "mine", 0.001)
        return await io.receive("mine", timeout=60)

    assert kind.run(main) == "mine"


def test_a_timer_fires_beside_a_process_that_does_not_let_go():
    """SEMANTICS 7: timers are looked at, however many processes are runnable."""

    def hog():
        while True:
            pass

    def main():
        for _ in range(5):
            spawn(hog)
        send_after(self(), "message", 0.005)
        return receive(timeout=60)

    assert run(main) == "message"


@both_kinds
def test_a_timer_outlives_its_setter(kind):
    """erlang:send_after/3: the death of the setter does not cancel a timer."""

    async def setter(io, dest):
        send_after(dest, "legacy", 0.01)

    async def main(io):
        pid, ref = spawn_monitor(kind.function(setter), self())
        await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return csched.is_alive(pid), await io.receive(timeout=60)

    assert kind.run(main) == (False, "legacy")


@both_kinds
def test_a_run_does_not_wait_for_its_timers(kind):
    """Timers go with the node."""

    async def main(io):
        send_after(self(), "never", LONG)
        start_timer("nobody", "never", LONG)
        return "ended"

    begin = time.monotonic()
    assert kind.run(main) == "ended"
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("seconds", [1e6, 3e11, 10**15, sys.float_info.max, math.inf])
def test_a_timer_may_be_set_for_years(seconds):
    """timer_bif_SUITE, big timeouts: what is far away does not fire now."""

    def main():
        ref = send_after(self(), "never", seconds)
        assert receive(timeout=0.005, default=None) is None
        assert read_timer(ref) > 0
        left = cancel_timer(ref)
        return left, timers_of(self())

    left, timers = run(main)
    assert timers == []
    assert 1e5 < left <= seconds


# --- To whom --------------------------------------------------------------------------------------


@both_kinds
@both_timers
def test_a_name_is_resolved_when_the_timer_fires(kind, set_timer):
    """erlang:send_after/3: a registered name is looked up at the time of delivery."""

    async def main(io):
        before, after = kind.spawn(forward, self()), kind.spawn(forward, self())
        register("name", before)
        set_timer("name", "first", 0.02)
        set_timer("later", "second", 0.02)
        unregister("name")
        register("name", after)
        register("later", before)
        got = [(await io.receive(("forwarded", ANY, ANY), timeout=60))[1] for _ in range(2)]
        return got == [after, before]

    assert kind.run(main)


@both_timers
def test_a_message_to_a_name_that_is_unknown_is_dropped(set_timer):
    """erlang:send_after/3: no error if there is nobody of that name, then or now."""

    def main():
        register("known", self())
        refs = [set_timer("known", 1, 0.001), set_timer("unknown", 2, 0.001)]
        unregister("known")
        send_after(self(), "last", 0.002)
        return receive(timeout=60), receive(timeout=0, default=None), [read_timer(r) for r in refs]

    assert run(main) == ("last", None, [None, None])


@both_kinds
def test_a_timer_to_an_alias_obeys_the_alias_of_then(kind):
    """erlang:send_after/3 to an alias: dropped if inactive; a reply alias serves once."""

    async def main(io):
        active, off, once = alias(), alias(), alias(reply=True)
        for number in range(2):
            for ref, name in ((active, "active"), (off, "off"), (once, "once")):
                send_after(ref, (name, number), 0.001)
        unalias(off)
        send_after(self(), "last", 0.005)
        messages = []
        while (message := await io.receive(timeout=60)) != "last":
            messages.append(message)
        return sorted(messages), unalias(active), unalias(once)

    assert kind.run(main) == ([("active", 0), ("active", 1), ("once", 0)], True, False)


@both_kinds
def test_a_timer_to_a_process_goes_with_it(kind):
    """erlang:start_timer/4: the timer is cancelled if the process given as pid is not alive."""

    async def main(io):
        pid, down = spawn_monitor(kind.function(wait))
        refs = [send_after(pid, "x", LONG), start_timer(pid, "y", LONG)]
        assert timers_of(pid) == refs
        send(pid, "end")
        await io.receive(Down(down, ANY, ANY, ANY), timeout=60)
        return [read_timer(ref) for ref in refs], [cancel_timer(ref) for ref in refs]

    assert kind.run(main) == ([None, None], [None, None])


@both_timers
def test_a_timer_to_the_dead_is_none(set_timer):
    """erlang:start_timer/4: no timer is there if the process is already dead."""

    def main():
        pid, down = spawn_monitor(int)
        receive(Down(down, ANY, ANY, ANY), timeout=60)
        refs = [set_timer(pid, "x", seconds) for seconds in (0, 0.001, LONG)]
        assert {type(ref) for ref in refs} == {csched.Ref}
        return [read_timer(ref) for ref in refs], [cancel_timer(ref) for ref in refs]

    assert run(main) == ([None] * 3, [None] * 3)
