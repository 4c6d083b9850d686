"""Who runs first: strict levels, and `low` beside `normal`; SEMANTICS.md, section 7."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    ANY,
    Down,
    process_flag,
    process_info,
    receive,
    run,
    self,
    send,
    send_after,
    spawn,
    spawn_opt,
)

# Globals are one for all processes: what busy processes count by.
world = SimpleNamespace()


@pytest.fixture(autouse=True)
def counts():
    world.counts = {}
    world.log = []


def count_as(name):
    world.counts[name] = world.counts.get(name, 0) + 1


def busy(name):
    """Count for ever, without a call into the runtime."""
    while True:
        count_as(name)


async def turns(io, name, number):
    """Take so many turns."""
    for _ in range(number):
        world.log.append(name)
        await io.yield_()


async def turns_for_ever(io, name):
    while True:
        count_as(name)
        await io.yield_()


def start(kind, body, *args, priority):
    return spawn_opt(kind.function(body), *args, priority=priority)


# --- Strict levels --------------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize(
    ("above", "below"),
    [("max", "high"), ("max", "normal"), ("max", "low"), ("high", "normal"), ("high", "low")],
)
def test_while_a_higher_process_can_run_no_lower_one_does(kind, above, below):
    """erlang:process_flag(priority, Level): lower levels run when no higher one can."""

    async def main(io):
        process_flag("priority", "max")
        pids = [start(kind, turns, below, 5, priority=below) for _ in range(3)]
        pids += [start(kind, turns, above, 5, priority=above) for _ in range(3)]
        process_flag("priority", "low")
        await gone(io, *pids)

    kind.run(main, preempt=False)
    assert world.log == [above] * 15 + [below] * 15


@both_kinds
def test_all_four_levels_run_from_the_top_down(kind):
    """All processes of a level come before the first one of the next level."""

    async def main(io):
        process_flag("priority", "max")
        levels = ["low", "high", "normal", "max", "normal", "high", "low", "max"]
        pids = [start(kind, turns, level, 1, priority=level) for level in levels]
        process_flag("priority", "low")
        await gone(io, *pids)

    kind.run(main, preempt=False)
    assert world.log[:6] == ["max", "max", "high", "high", "normal", "normal"]
    assert world.log[6:] == ["low", "low"]


@both_kinds
@pytest.mark.parametrize("level", ["max", "high", "normal", "low"])
def test_within_a_level_it_is_first_come_first_served(kind, level):
    """Processes of one level take turns in the order in which they became runnable."""

    async def main(io):
        process_flag("priority", "max")
        pids = [start(kind, turns, name, 3, priority=level) for name in range(10)]
        process_flag("priority", "low")
        await gone(io, *pids)

    kind.run(main, preempt=False)
    assert world.log == list(range(10)) * 3


def test_a_busy_high_process_is_preempted_for_its_equals_but_not_for_normal_ones():
    """Strict: a high process that does not let go keeps all normal ones waiting."""

    def main():
        process_flag("priority", "max")
        spawn(busy, "normal")
        pids = [spawn_opt(busy, f"high {number}", priority="high") for number in range(2)]
        while len([name for name in world.counts if name.startswith("high")]) < 2:
            csched.sleep(0.005)
        csched.sleep(0.02)
        seen = dict(world.counts)
        for pid in pids:
            csched.exit(pid, "kill")
        while not world.counts.get("normal"):
            csched.sleep(0.005)
        return seen

    seen = run(main)
    assert "normal" not in seen
    assert min(seen["high 0"], seen["high 1"]) > 0


@both_kinds
def test_a_high_process_that_waits_lets_the_others_run(kind):
    """Strict levels concern who is runnable: waiting for a message or the time is not."""

    async def high(io, parent):
        for _ in range(3):
            await io.sleep(0.001)
        send(parent, "slept")
        await io.receive("never")

    async def main(io):
        start(kind, high, self(), priority="high")
        start(kind, turns_for_ever, "normal", priority="normal")
        await io.receive("slept", timeout=60)
        return world.counts["normal"]

    assert kind.run(main) > 0


@both_kinds
def test_a_high_process_that_is_woken_runs_next(kind):
    """A message to a high process: it runs before any normal one that has been waiting longer."""

    async def high(io):
        while True:
            world.log.append(await io.receive())

    async def main(io):
        pid = start(kind, high, priority="high")
        await io.yield_()
        for number in range(5):
            spawn(kind.function(turns), f"normal {number}", 1)
        send(pid, "high")
        await io.yield_()
        return world.log

    assert kind.run(main, preempt=False)[:2] == ["high", "normal 0"]


def test_a_timer_reaches_a_high_process_beside_busy_normal_ones():
    """A high process that is woken by its timer is not kept waiting by those of normal priority."""

    def high(parent):
        late = []
        for _ in range(10):
            due = time.monotonic() + 0.005
            csched.sleep(0.005)
            late.append(time.monotonic() - due)
        send(parent, late)

    def main():
        for number in range(20):
            spawn(busy, number)
        spawn_opt(high, self(), priority="high")
        return receive(list, timeout=100)

    # Twenty slices of 20 ms each would be 0.4 s.
    assert min(run(main, slice=0.02)) < 0.2


# --- low beside normal ----------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("number", [1, 4])
def test_low_processes_get_their_eighth_beside_normal_ones(kind, number):
    """process_SUITE, low_prio: the ratio of low to normal lies between 1/16 and 1/4."""

    async def main(io):
        process_flag("priority", "high")
        for _ in range(number):
            start(kind, turns_for_ever, "normal", priority="normal")
            start(kind, turns_for_ever, "low", priority="low")
        while world.counts.get("normal", 0) < 2000:
            await io.sleep(0.001)
        return dict(world.counts)

    counts = kind.run(main)
    assert 1 / 16 <= counts["low"] / counts["normal"] <= 1 / 4


def test_busy_low_processes_get_their_eighth_beside_busy_normal_ones():
    """process_SUITE, low_prio: the same for those who compute."""

    def main():
        process_flag("priority", "high")
        for _ in range(2):
            spawn_opt(busy, "normal", priority="normal")
            spawn_opt(busy, "low", priority="low")
        begun = csched.statistics("preemptions")
        while csched.statistics("preemptions") - begun < 600:
            csched.sleep(0.01)
        return dict(world.counts)

    counts = run(main, slice=0.0005)
    assert 1 / 16 <= counts["low"] / counts["normal"] <= 1 / 4


@both_kinds
def test_low_processes_alone_need_not_be_passed_over(kind):
    """A low process is only passed over while a normal one is there."""

    async def main(io):
        pids = [start(kind, turns, name, 3, priority="low") for name in "ab"]
        process_flag("priority", "low")
        await gone(io, *pids)

    kind.run(main, preempt=False)
    assert world.log == list("ababab")


# --- Changing it ----------------------------------------------------------------------------------


@both_kinds
def test_who_lowers_its_priority_waits_behind_the_others(kind):
    """erlang:process_flag(priority, Level): holds from the next time that the process lets go."""

    async def changing(io):
        world.log.append(process_flag("priority", "low"))
        await io.yield_()
        world.log.append(process_flag("priority", "high"))
        await io.yield_()
        world.log.append("high again")

    async def main(io):
        process_flag("priority", "max")
        pids = [
            start(kind, changing, priority="high"),
            start(kind, turns, "normal", 2, priority="normal"),
        ]
        process_flag("priority", "low")
        await gone(io, *pids)

    kind.run(main, preempt=False)
    # A low one may come between two turns of a normal one, but not before the first.
    assert world.log[:2] == ["high", "normal"]
    raised = world.log.index("low")
    assert world.log[raised + 1] == "high again"


@both_kinds
def test_who_raises_its_priority_overtakes_those_who_wait_to_run(kind):
    """erlang:process_flag(priority, Level): the old one is returned, the new one counts at once."""

    async def main(io):
        pids = [spawn(kind.function(turns), "normal", 2) for _ in range(3)]
        old = process_flag("priority", "high")
        for _ in range(4):
            world.log.append("main")
            await io.yield_()
        process_flag("priority", "normal")
        await gone(io, *pids)
        return old

    assert kind.run(main, preempt=False) == "normal"
    assert world.log == ["main"] * 4 + ["normal"] * 6


@both_kinds
def test_a_child_has_normal_priority_whatever_its_parent_has(kind):
    """erlang:spawn/1: the priority is not inherited."""

    async def main(io):
        process_flag("priority", "high")
        return process_info(kind.spawn(turns, "x", 1), "priority")

    assert kind.run(main) == "normal"


@both_kinds
@pytest.mark.parametrize("level", ["max", "high", "low"])
def test_processes_of_any_level_can_wait_be_told_to_exit_and_end(kind, level):
    """A priority says when a process runs and nothing else."""

    async def child(io, parent):
        send_after(self(), "timer", 0.001)
        send(parent, await io.receive("timer"))
        try:
            await io.receive("never")
        finally:
            send(parent, "finally")

    async def main(io):
        pid, ref = spawn_opt(kind.function(child), self(), priority=level, monitor=True)
        await io.receive("timer", timeout=60)
        csched.exit(pid, "enough")
        down = await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return down.reason, await drain(io)

    assert kind.run(main) == ("enough", ["finally"])
