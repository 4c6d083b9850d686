"""What is taken back while it happens either has happened or never does: no message is lost, none
comes twice."""

from __future__ import annotations

import random

import pytest
from kinds import both_kinds, drain

import csched
from csched import (
    ANY,
    Down,
    Exit,
    alias,
    cancel_timer,
    demonitor,
    link,
    monitor,
    process_flag,
    read_timer,
    register,
    self,
    send,
    send_after,
    spawn_monitor,
    spawn_opt,
    start_timer,
    unalias,
    unlink,
    unregister,
    whereis,
    yield_,
)

TIMEOUT = 60
ROUNDS = 20_000
# So short that slices end inside of rounds, here and there.
SLICE = 0.0001


async def pause(io, yields_len):
    for _ in range(yields_len):
        await io.yield_()


async def end_after(io, yields_len):
    await pause(io, yields_len)
    csched.exit("end")


def pauses(seed):
    """Pairs of small numbers: how long either side waits before it acts."""
    numbers = random.Random(seed)
    return [(numbers.randrange(4), numbers.randrange(4)) for _ in range(ROUNDS)]


# --- Names --------------------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("signal", ["link", "monitor"])
def test_a_name_is_free_whenever_its_process_is_known_to_be_gone(kind, signal):
    """register/2 after 'DOWN' or 'EXIT': never badarg, and messages reach the new process."""

    async def echo(io, user):
        send(user, await io.receive())

    async def main(io):
        process_flag("trap_exit", True)
        function = kind.function(echo)
        options = {signal: True}
        for number in range(ROUNDS):
            spawned = spawn_opt(function, self(), **options)
            pid = spawned[0] if signal == "monitor" else spawned
            register("echo", pid)
            send("echo", number)
            assert await io.receive(int, timeout=TIMEOUT) == number
            message = await io.receive(timeout=TIMEOUT)
            assert pid in message and message.reason == "normal"
        return await drain(io), whereis("echo")

    assert kind.run(main, slice=SLICE) == ([], None)


@both_kinds
def test_a_name_passes_from_one_to_the_next_without_two_holders(kind):
    """register/2, unregister/1 by many: the name is somebody's or nobody's."""

    async def holder(io, user, rounds):
        held = 0
        while held < rounds:
            try:
                register("lock", self())
            except ValueError:
                await io.yield_()
                continue
            held += 1
            assert whereis("lock") == self()
            await io.yield_()
            assert whereis("lock") == self()
            unregister("lock")
            await io.yield_()
        register(f"holder {self()}", self())
        csched.exit("done")

    async def main(io):
        function = kind.function(holder)
        spawned = [spawn_monitor(function, self(), ROUNDS // 4) for _ in range(4)]
        reasons = [
            (await io.receive(Down(ref, ANY, ANY, ANY), timeout=TIMEOUT)).reason
            for _, ref in spawned
        ]
        return reasons, csched.registered(), await drain(io)

    assert kind.run(main, slice=SLICE) == (["done"] * 4, [], [])


# --- Links and monitors -------------------------------------------------------------------------


@both_kinds
def test_unlink_against_exit(kind):
    """unlink/1: after it, the exit message is there already or never comes."""

    async def main(io):
        process_flag("trap_exit", True)
        function = kind.function(end_after)
        early = 0
        for theirs, ours in pauses(1):
            pid = csched.spawn_link(function, theirs)
            await pause(io, ours)
            unlink(pid)
            message = await io.receive(Exit(pid, ANY), timeout=0, default=None)
            early += message is not None
        await pause(io, 10)
        return early, await drain(io)

    early, left = kind.run(main, slice=SLICE)
    assert left == []
    assert 0 < early < ROUNDS


@both_kinds
@pytest.mark.parametrize("flush", [False, True])
def test_demonitor_against_exit(kind, flush):
    """demonitor/2: info tells whether a message is or will be there; after flush none is."""

    async def main(io):
        function = kind.function(end_after)
        early = 0
        for theirs, ours in pauses(2):
            pid, ref = spawn_monitor(function, theirs)
            await pause(io, ours)
            found = demonitor(ref, flush=flush, info=True)
            message = await io.receive(Down(ref, ANY, pid, "end"), timeout=0, default=None)
            assert (message is None) == (found or flush)
            early += not found
        await pause(io, 10)
        return early, await drain(io)

    early, left = kind.run(main, slice=SLICE)
    assert left == []
    assert 0 < early < ROUNDS


@both_kinds
def test_link_against_exit(kind):
    """link/1 to a process that ends: one exit message, of its end or noproc."""

    async def main(io):
        process_flag("trap_exit", True)
        function = kind.function(end_after)
        reasons = {"end": 0, "noproc": 0}
        for theirs, ours in pauses(3):
            pid = csched.spawn(function, theirs)
            await pause(io, ours)
            link(pid)
            reasons[(await io.receive(Exit(pid, ANY), timeout=TIMEOUT)).reason] += 1
        await pause(io, 10)
        return reasons, await drain(io)

    reasons, left = kind.run(main, slice=SLICE)
    assert left == []
    assert sum(reasons.values()) == ROUNDS and all(reasons.values())


@both_kinds
def test_two_exits_and_an_end_of_its_own_make_one_death(kind):
    """exit/2: of several deaths at once one happens, and each monitor tells of that one."""

    async def killer(io):
        while True:
            pid, yields_len, reason = await io.receive()
            await pause(io, yields_len)
            csched.exit(pid, reason)

    async def main(io):
        function = kind.function(end_after)
        killers = [kind.spawn(killer) for _ in range(2)]
        reasons = {"end": 0, "first": 0, "killed": 0}
        for theirs, ours in pauses(4):
            pid, ref = spawn_monitor(function, theirs)
            second = monitor(pid)
            send(killers[0], (pid, ours, "first"))
            send(killers[1], (pid, 3 - ours, "kill"))
            one = await io.receive(Down(ref, ANY, ANY, ANY), timeout=TIMEOUT)
            other = await io.receive(Down(second, ANY, ANY, ANY), timeout=TIMEOUT)
            # It may be gone before the second monitor is made.
            assert other.reason in (one.reason, "noproc")
            reasons[one.reason] += 1
        return reasons, await drain(io)

    reasons, left = kind.run(main, slice=SLICE)
    assert left == []
    assert sum(reasons.values()) == ROUNDS and all(reasons.values())


# --- Aliases and timers -------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("reply", [False, True])
def test_unalias_against_a_reply(kind, reply):
    """unalias/1: after it, the reply is there or never comes; one that is used up is off."""

    async def server(io):
        while True:
            ref, yields_len, number = await io.receive()
            await pause(io, yields_len)
            send(ref, ("reply", number))
            if reply:
                send(ref, ("reply twice", number))

    async def main(io):
        pids = [kind.spawn(server) for _ in range(4)]
        early = 0
        for number, (theirs, ours) in enumerate(pauses(5)):
            ref = alias(reply=reply)
            send(pids[number % 4], (ref, theirs, number))
            await pause(io, ours)
            was_on = unalias(ref)
            answer = await io.receive(("reply", number), timeout=0, default=None)
            assert was_on == (answer is None) if reply else was_on
            early += answer is not None
        await pause(io, 10)
        return early, await drain(io)

    early, left = kind.run(main, slice=SLICE)
    assert left == []
    assert 0 < early < ROUNDS


@both_kinds
@pytest.mark.parametrize("set_timer", [send_after, start_timer])
def test_cancel_against_expiry(kind, set_timer):
    """cancel_timer/1: the time left and no message, or none left and the message is there."""

    async def main(io):
        numbers = random.Random(6)
        expired = 0
        for number in range(ROUNDS):
            ref = set_timer(self(), number, numbers.choice([0, 1e-6, 1e-5, 3e-5, 1e-4]))
            await pause(io, numbers.randrange(4))
            before = read_timer(ref)
            left = cancel_timer(ref)
            assert cancel_timer(ref) is read_timer(ref) is None
            messages = await drain(io)
            if left is None:
                expected = number if set_timer is send_after else ("timeout", ref, number)
                assert messages == [expected]
                expired += 1
            else:
                assert messages == []
                assert 0 <= left <= before
        await io.sleep(0.002)
        return expired, await drain(io)

    expired, left = kind.run(main, slice=SLICE)
    assert left == []
    assert 0 < expired < ROUNDS


@both_kinds
def test_a_timer_against_the_end_of_its_receiver(kind):
    """send_after/3 to a pid: the timer goes with the process, or the message got there."""

    async def main(io):
        function = kind.function(end_after)
        timers = []
        for theirs, ours in pauses(7):
            pid, ref = spawn_monitor(function, theirs)
            timers.append(send_after(pid, "late", 0.0001 * ours))
            await io.receive(Down(ref, ANY, ANY, ANY), timeout=TIMEOUT)
            assert read_timer(timers[-1]) is None
        return await drain(io)

    assert kind.run(main, slice=SLICE) == []


def test_preempted_anywhere_links_stay_on_both_sides():
    """link/1, unlink/1 by two at once: there is a link or there is none, for both of them."""

    def partner(user):
        while True:
            link(user)
            unlink(user)
            unlink(user)
            link(user)

    def main():
        pid = csched.spawn(partner, self())
        linked = 0
        for number in range(20 * ROUNDS):
            if number > ROUNDS and linked:
                break
            link(pid)
            unlink(pid)
            yield_()
            csched.suspend(pid)
            here = csched.process_info(self(), "links")
            there = csched.process_info(pid, "links")
            csched.resume(pid)
            assert (here, there) in (([], []), ([pid], [self()]))
            linked += len(here)
        return linked

    assert csched.run(main, slice=SLICE) > 0
