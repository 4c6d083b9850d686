"""Many linked processes: chains, rings, stars; SEMANTICS.md, section 3."""

from __future__ import annotations

import itertools

import pytest
from kinds import both_kinds, drain, gone
from servants import TIMEOUT, start, tell

import csched
from csched import Exit, is_alive, link, monitor, process_flag, process_info, self, unlink


def links(pid):
    return process_info(pid, "links")


async def chained(io, user, left, kind):
    """Links itself to a process like itself, as many times as are left."""
    if left:
        link(kind.spawn(chained, user, left - 1, kind))
    else:
        csched.send(user, self())
    await io.receive()


@both_kinds
def test_a_chain_dies_from_end_to_end(kind):
    """link_SUITE: an exit signal goes along any number of links, without recursion."""
    length = 3_000

    async def main(io):
        first = kind.spawn(chained, self(), length - 1, kind)
        last = await io.receive(csched.Pid, timeout=TIMEOUT)
        whole = len(csched.processes())
        process_flag("trap_exit", True)
        link(first)
        csched.exit(last, "why")
        seen = await io.receive(timeout=TIMEOUT)
        return whole, seen == Exit(first, "why"), len(csched.processes())

    assert kind.run(main) == (length + 1, True, 1)


def test_a_chain_of_a_hundred_thousand_dies_without_recursion():
    """A chain of any length dies in constant C stack."""
    length = 100_000

    async def wait(before, user=None):
        if before is not None:
            link(before)
        if user is not None:
            csched.send(user, "linked")
        await csched.aio.receive()

    def main():
        first = last = csched.spawn(wait, None)
        for _ in range(length - 2):
            last = csched.spawn(wait, last)
        last = csched.spawn(wait, last, self())
        # They begin in order of creation: all others are linked when the last one is.
        csched.receive("linked", timeout=TIMEOUT)
        ref = monitor(last)
        csched.exit(first, "why")
        reason = csched.receive(csched.Down(ref, *[csched.ANY] * 3), timeout=TIMEOUT).reason
        return reason, len(csched.processes())

    assert csched.run(main) == ("why", 1)


@both_kinds
def test_of_a_ring_nobody_is_left_and_nobody_is_told_twice(kind):
    """link_SUITE: a cycle of links ends; each process dies once."""

    async def main(io):
        pids = [await start(io, kind) for _ in range(50)]
        for one, next_one in itertools.pairwise([*pids, pids[0]]):
            await tell(io, one, "link", next_one)
        refs = {monitor(pid): pid for pid in pids}
        csched.exit(pids[17], "kill")
        await gone(io, *pids)
        seen = await drain(io)
        return (
            len(seen),
            {message.reason for message in seen},
            refs == {message.ref: message.object for message in seen},
        )

    assert kind.run(main) == (50, {"killed"}, True)


@both_kinds
def test_who_traps_in_the_middle_stops_the_signal(kind):
    """Reference manual, processes: a trapping process is where a failure ends."""

    async def main(io):
        ends = [await start(io, kind) for _ in range(20)]
        middle = await start(io, kind, traps=True)
        for pid in ends:
            await tell(io, middle, "link", pid)
        csched.exit(ends[4], "why")
        told = await io.receive(Exit, timeout=TIMEOUT)
        alive = [is_alive(pid) for pid in [middle, *ends]]
        left = links(middle) == [pid for pid in ends if pid != ends[4]]
        csched.exit(middle, "kill")
        await gone(io, middle, *ends)
        return told == Exit(ends[4], "why"), alive.count(True), left, await drain(io)

    assert kind.run(main) == (True, 20, True, [])


@both_kinds
def test_all_linked_processes_of_a_star_are_told_once(kind):
    """link_SUITE: as many exit signals as links, each once."""

    async def main(io):
        middle = await start(io, kind)
        ends = [await start(io, kind, traps=True) for _ in range(200)]
        for pid in ends:
            await tell(io, pid, "link", middle)
        kept, unlinked = ends[::2], ends[1::2]
        for pid in unlinked:
            await tell(io, middle, "unlink", pid)
        csched.exit(middle, "why")
        seen = [await io.receive(timeout=TIMEOUT) for _ in kept]
        for pid in ends:
            await tell(io, pid, "is_alive", pid)
        return seen == [Exit(middle, "why")] * len(kept), await drain(io)

    assert kind.run(main) == (True, [])


@both_kinds
@pytest.mark.parametrize("late_call", [unlink, lambda pid: [link(pid), unlink(pid)]])
def test_unlink_is_in_time_while_a_process_with_many_links_dies(kind, late_call):
    """erlang:unlink/1: no exit signal after it, however long the other takes to die."""
    links_len = 20_000

    async def end(io):
        await io.receive()

    async def hub(io, user):
        for _ in range(links_len):
            csched.spawn_link(kind.function(end))
        csched.send(user, "ready")
        await io.receive()

    async def late(io, user, pid):
        process_flag("trap_exit", True)
        link(pid)
        csched.send(user, "ready")
        while pid in csched.processes():
            await io.yield_()
        early = await drain(io)
        late_call(pid)
        at_once = await drain(io)
        while len(csched.processes()) > 2:
            await io.yield_()
        csched.send(user, (len(early), [exit.reason for exit in at_once], await drain(io)))

    async def main(io):
        pid = kind.spawn(hub, self())
        await io.receive("ready", timeout=TIMEOUT)
        kind.spawn(late, self(), pid)
        await io.receive("ready", timeout=TIMEOUT)
        csched.exit(pid, "why")
        return await io.receive(timeout=TIMEOUT)

    early, at_once, later = kind.run(main)
    assert later == []
    # One death is one signal, or the one that a link to a dead process is.
    assert early + len(at_once) <= (1 if late_call is unlink else 2)
