"""`system_monitor`: who runs too long, and whose queue is too long."""

from __future__ import annotations

import time

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    ANY,
    process_info,
    receive,
    register,
    run,
    self,
    send,
    spawn,
    spawn_opt,
    system_monitor,
)

HERE = __name__


async def wait(io):
    await io.receive("end")


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def spin_in(seconds):
    spin(seconds)


def queue_alarms(messages):
    return [message[3] for message in messages if message[2] == "long_message_queue"]


# --- The setting ----------------------------------------------------------------------------------


@both_kinds
def test_the_former_setting_is_returned(kind):
    """erlang:system_monitor/2: {MonitorPid, Options} of the former setting, or undefined."""

    async def main(io):
        pid = kind.spawn(wait)
        options = {
            "long_schedule": 0.5, "long_gc": 1.5, "large_heap": 10**9, "long_message_queue": (5, 9),
        }  # fmt: skip
        assert system_monitor(None) is None
        assert system_monitor(self(), long_schedule=7) is None
        assert system_monitor(pid, **options) == (self(), {"long_schedule": 7})
        assert system_monitor(pid, large_heap=10**8) == (pid, options)
        assert system_monitor(None) == (pid, {"large_heap": 10**8})
        return system_monitor(None)

    assert kind.run(main) is None


@both_kinds
def test_the_setting_ends_with_the_monitor(kind):
    """erlang:system_monitor/2: if the monitor process dies, the settings are cleared."""

    async def main(io):
        for options in ({"long_schedule": 0.001}, {"long_message_queue": (1, 2)}):
            pid = kind.spawn(wait)
            system_monitor(pid, **options)
            csched.exit(pid, "kill")
            await gone(io, pid)
            for number in range(5):
                send(self(), number)
            assert system_monitor(None) is None
            await drain(io)

    kind.run(main)


def test_anybody_may_set_and_end_it():
    """erlang:system_monitor/2: one setting for the node, whoever set it."""

    def setter(parent):
        system_monitor(parent, long_message_queue=(2, 3))
        send(parent, "set")

    def ender(parent):
        send(parent, ("was", system_monitor(None)))

    def main():
        spawn(setter, self())
        receive("set", timeout=60)
        spawn(ender, self())
        former = receive(("was", ANY), timeout=60)[1]
        return former == (self(), {"long_message_queue": (2, 3)}), system_monitor(None)

    assert run(main) == (True, None)


def test_a_setting_goes_with_its_run():
    """A fresh node has no system monitor."""

    def main():
        return system_monitor(self(), large_heap=10**9)

    assert (run(main), run(main)) == (None, None)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"nonsense": 1}, TypeError), ({"busy_port": True}, TypeError),
        ({"long_schedule": -1}, ValueError), ({"long_schedule": float("nan")}, ValueError),
        ({"long_schedule": "1"}, TypeError), ({"long_gc": -0.5}, ValueError),
        ({"long_gc": []}, TypeError), ({"large_heap": -1}, ValueError),
        ({"large_heap": "1"}, TypeError), ({"large_heap": 1.5}, TypeError),
        ({"long_message_queue": 5}, TypeError),
        ({"long_message_queue": (1, 2, 3)}, (TypeError, ValueError)),
        ({"long_message_queue": ("1", 2)}, TypeError), ({"long_message_queue": (5, 2)}, ValueError),
        ({"long_message_queue": (-1, 2)}, ValueError),
        ({"long_schedule": 0.5, "long_message_queue": (5, 2)}, ValueError),
    ],
)  # fmt: skip
def test_a_bad_option_leaves_the_setting(options, error):
    """erlang:system_monitor/2: badarg, and the former setting holds."""

    def main():
        system_monitor(self(), long_gc=5.0)
        pid = spawn(receive)
        with pytest.raises(error):
            system_monitor(pid, **options)
        return system_monitor(None) == (self(), {"long_gc": 5.0})

    assert run(main)


@pytest.mark.parametrize("value", [1, "name", b"pid", csched])
def test_only_a_live_process_can_be_the_monitor(value):
    """erlang:system_monitor/2: badarg if the monitor is no local process that is alive."""

    def main():
        register("name", self())
        system_monitor(self(), long_gc=5.0)
        with pytest.raises(TypeError):
            system_monitor(value, long_gc=1.0)
        dead = spawn(int)
        while csched.is_alive(dead):
            csched.yield_()
        with pytest.raises(ValueError):
            system_monitor(dead, long_gc=1.0)
        return system_monitor(None) == (self(), {"long_gc": 5.0})

    assert run(main)


# --- long_message_queue ---------------------------------------------------------------------------


@both_kinds
def test_a_long_queue_is_told_at_the_high_mark_and_again_at_the_low_one(kind):
    """system_monitor, long_message_queue {Disable, Enable}: True at Enable, False at Disable."""

    async def reader(io, parent):
        while True:
            _, count = await io.receive(("read", int))
            for _ in range(count):
                await io.receive(int)
            send(parent, "done")

    async def main(io):
        pid = kind.spawn(reader, self())
        system_monitor(self(), long_message_queue=(2, 5))
        seen = []

        async def step(sends, reads):
            for number in range(sends):
                send(pid, number)
            if reads:
                send(pid, ("read", reads))
                await io.receive("done", timeout=60)
            messages = await drain(io)
            assert all(message[:2] == ("monitor", pid) for message in messages)
            seen.append((process_info(pid, "message_queue_len"), queue_alarms(messages)))

        for sends, reads in [
            (4, 0),
            (1, 0),
            (5, 0),
            (0, 6),
            (0, 1),
            (3, 0),
            (0, 4),
            (1, 0),
            (4, 0),
        ]:
            await step(sends, reads)
        return seen

    seen = kind.run(main)
    lengths, alarms = zip(*seen, strict=True)
    assert list(lengths) == [4, 5, 10, 4, 3, 6, 2, 3, 7]
    assert list(alarms) == [[], [True], [], [], [], [], [False], [], [True]]


@both_kinds
def test_a_queue_around_one_mark_gives_one_message(kind):
    """long_message_queue is edge-triggered: no news while the length stays above the low mark."""

    async def reader(io, parent):
        while True:
            await io.receive()
            send(parent, "read")
            await io.receive("go on")

    async def main(io):
        pid = kind.spawn(reader, self())
        await io.yield_()
        system_monitor(self(), long_message_queue=(1, 4))
        for _ in range(4):
            send(pid, "x")
        for _ in range(20):
            while process_info(pid, "message_queue_len") >= 4:
                send(pid, "go on")
                await io.yield_()
            while process_info(pid, "message_queue_len") < 5:
                send(pid, "x")
        return queue_alarms([m for m in await drain(io) if m != "read"])

    assert kind.run(main, preempt=False) == [True]


@both_kinds
def test_every_process_has_its_own_alarm(kind):
    """long_message_queue concerns each process alone, and names it."""

    async def main(io):
        pids = [kind.spawn(wait) for _ in range(5)]
        await io.yield_()
        system_monitor(self(), long_message_queue=(0, 3))
        for number, pid in enumerate(pids):
            for _ in range(number):
                send(pid, "x")
        messages = await drain(io)
        return messages == [("monitor", pid, "long_message_queue", True) for pid in pids[3:]]

    assert kind.run(main, preempt=False)


@both_kinds
def test_messages_past_a_limit_that_drops_them_raise_no_alarm(kind):
    """long_message_queue is about the queue, not about what was sent."""

    async def main(io):
        pid = spawn_opt(kind.function(wait), mailbox_limit=3, on_full="drop")
        system_monitor(self(), long_message_queue=(1, 4))
        for _ in range(20):
            send(pid, "x")
        return await drain(io)

    assert kind.run(main) == []


@both_kinds
def test_after_the_end_nothing_is_told(kind):
    """erlang:system_monitor(undefined): no further messages."""

    async def main(io):
        pid = kind.spawn(wait)
        system_monitor(self(), long_message_queue=(1, 4), long_schedule=0.001)
        system_monitor(None)
        for _ in range(20):
            send(pid, "x")
        spin(0.02)
        await io.yield_()
        return await drain(io)

    assert kind.run(main, preempt=False) == []


# --- long_schedule --------------------------------------------------------------------------------


@both_kinds
def test_a_long_slice_is_told_with_its_time_and_place(kind):
    """system_monitor, long_schedule: {timeout, T}, and where it was scheduled in and out."""

    async def child(io):
        await io.receive("go")
        spin_in(0.03)
        await io.receive("never")

    async def main(io):
        pid = kind.spawn(child)
        await io.yield_()
        system_monitor(self(), long_schedule=0.02)
        send(pid, "go")
        message = await io.receive(("monitor", pid, "long_schedule", dict), timeout=60)
        assert await drain(io) == []
        return message[3]

    info = kind.run(main, preempt=False)
    assert 0.03 <= info["timeout"] < 10
    for place in ("in", "out"):
        module, _, rest = info[place].partition(":")
        name, _, arity = rest.rpartition("/")
        assert module and name and arity.isdigit()
    # A plain process of `kinds` waits in its calls, an async one in its body.
    assert info["in"] in (f"{HERE}:child/1", "kinds:PlainCalls.receive/0")


def test_in_and_out_are_the_functions_at_both_ends_of_the_slice():
    """system_monitor, long_schedule: {in, MFA} and {out, MFA}."""

    def first_wait():
        receive("go")

    def last_wait():
        receive("never")

    def child():
        first_wait()
        spin_in(0.03)
        last_wait()

    def main():
        pid = spawn(child)
        csched.yield_()
        system_monitor(self(), long_schedule=0.02)
        send(pid, "go")
        return receive(("monitor", pid, "long_schedule", dict), timeout=60)[3]

    info = run(main, preempt=False)
    assert (info["in"], info["out"]) == (f"{HERE}:first_wait/0", f"{HERE}:last_wait/0")


@both_kinds
def test_short_slices_are_not_told(kind):
    """system_monitor, long_schedule: only what runs without a break for that long."""

    async def child(io, parent):
        for _ in range(30):
            spin(0.001)
            await io.yield_()
        send(parent, "done")

    async def main(io):
        system_monitor(self(), long_schedule=30)
        kind.spawn(child, self())
        await io.receive("done", timeout=60)
        return await drain(io)

    assert kind.run(main, preempt=False) == []


@both_kinds
def test_the_monitor_itself_is_not_watched(kind):
    """system_monitor: the monitor process causes no messages, or it would never come to an end."""

    async def main(io):
        system_monitor(self(), long_schedule=0.005, long_message_queue=(1, 2))
        spin(0.02)
        await io.yield_()
        for number in range(5):
            send(self(), number)
        await io.yield_()
        return await drain(io)

    assert kind.run(main, preempt=False) == [0, 1, 2, 3, 4]


@both_kinds
def test_a_long_last_slice_is_told_too(kind):
    """system_monitor, long_schedule: of a process that ends in that slice as well."""

    async def child(io):
        spin(0.03)

    async def main(io):
        system_monitor(self(), long_schedule=0.02)
        pid = kind.spawn(child)
        message = await io.receive(("monitor", pid, "long_schedule", dict), timeout=60)
        return message[3]["timeout"] >= 0.03

    assert kind.run(main, preempt=False)
