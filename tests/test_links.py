"""Links: made, undone, and what goes along them; SEMANTICS.md, section 3."""

from __future__ import annotations

import itertools

import pytest
from kinds import both_kinds, drain, gone
from servants import TIMEOUT, down, servant, start, tell

import csched
from csched import (
    Crash,
    Exit,
    NoProc,
    NotRunning,
    link,
    monitor,
    process_flag,
    process_info,
    self,
    send,
    unlink,
)


def links(pid=None):
    return process_info(pid or self(), "links")


# --- Made and undone ----------------------------------------------------------------------------


@both_kinds
def test_a_link_shows_on_both_sides_until_either_takes_it_back(kind):
    """erlang:link/1: links are bidirectional, and so is unlink/1."""

    async def main(io):
        pid = await start(io, kind)
        seen = []
        for takes_back in [lambda: unlink(pid), lambda: tell(io, pid, "unlink", self())]:
            seen.append(link(pid))
            seen.append((links() == [pid], links(pid) == [self()]))
            answer = takes_back()
            seen.append(answer if answer is True else await answer)
            seen.append((links(), links(pid)))
        return seen

    assert kind.run(main) == [True, (True, True), True, ([], [])] * 2


@both_kinds
@pytest.mark.parametrize("who", [*itertools.product([0, 1], repeat=2)], ids=str)
def test_a_link_is_set_up_once_however_often_it_is_asked_for(kind, who):
    """erlang:link/1: at most one link between two processes; asking again has no effect."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = await start(io, kind)
        for side in who:
            if side:
                await tell(io, pid, "link", self())
            else:
                link(pid)
        once = (links() == [pid], links(pid) == [self()])
        csched.exit(pid, "why")
        await gone(io, pid)
        return once, await drain(io) == [Exit(pid, "why")]

    assert kind.run(main) == ((True, True), True)


@both_kinds
@pytest.mark.parametrize("who", [*itertools.product([0, 1], repeat=2)], ids=str)
def test_one_unlink_undoes_a_link_however_often_it_was_asked_for(kind, who):
    """erlang:unlink/1: removes the link, whoever asked for it."""

    async def main(io):
        pid = await start(io, kind)
        link(pid)
        await tell(io, pid, "link", self())
        link(pid)
        for side in who:
            if side:
                assert await tell(io, pid, "unlink", self()) is True
            else:
                assert unlink(pid) is True
        csched.exit(pid, "kill")
        await gone(io, pid)
        return links(), await drain(io)

    assert kind.run(main) == ([], [])


@both_kinds
def test_a_link_to_oneself_does_nothing(kind):
    """erlang:link/1, unlink/1: true, and nothing happens."""

    async def main(io):
        process_flag("trap_exit", True)
        return link(self()), links(), unlink(self()), await drain(io)

    assert kind.run(main) == (True, [], True, [])


@both_kinds
def test_what_was_never_linked_can_be_unlinked(kind):
    """erlang:unlink/1: true if there is no link, or no such process."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = await start(io, kind)
        other = await start(io, kind)
        link(other)
        living = unlink(pid)
        csched.exit(pid, "why")
        await gone(io, pid)
        return living, unlink(pid), links() == [other], await drain(io)

    assert kind.run(main) == (True, True, True, [])


@both_kinds
def test_a_link_can_be_made_again(kind):
    """erlang:unlink/1: after it, link/1 sets up a new link."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = await start(io, kind)
        for _ in range(3):
            link(pid)
            unlink(pid)
        link(pid)
        csched.exit(pid, "why")
        await gone(io, pid)
        return await drain(io) == [Exit(pid, "why")]

    assert kind.run(main)


@both_kinds
def test_links_are_shown_in_order_of_creation_of_the_processes(kind):
    """erlang:process_info/2, links: each once; those that are undone are gone."""

    async def main(io):
        pids = [await start(io, kind) for _ in range(5)]
        for number in [3, 0, 4, 1, 0, 3]:
            link(pids[number])
        unlink(pids[4])
        return [pids.index(pid) for pid in links()]

    assert kind.run(main) == [0, 1, 3]


@both_kinds
def test_a_link_to_a_process_that_has_not_begun_holds(kind):
    """erlang:link/1: a process can be linked from its spawn on."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = kind.spawn(servant, self())
        link(pid)
        csched.exit(pid, "early")
        return await io.receive(timeout=TIMEOUT) == Exit(pid, "early")

    assert kind.run(main)


# --- Dead processes -----------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("reason", ["normal", "why", "kill"])
def test_a_link_to_a_dead_process_is_an_exit_message_to_who_traps(kind, reason):
    """erlang:link/1: an exit signal with reason noproc, whatever the process died of."""

    async def main(io):
        pid = await start(io, kind)
        send(pid, ("exit", reason))
        await gone(io, pid)
        process_flag("trap_exit", True)
        return [link(pid), link(pid), links(), await drain(io) == [Exit(pid, "noproc")] * 2]

    assert kind.run(main) == [True, True, [], True]


@both_kinds
def test_a_link_to_a_dead_process_is_an_error_to_who_does_not_trap(kind):
    """erlang:link/1: error noproc; not dying of it."""

    async def main(io):
        pid = await start(io, kind)
        csched.exit(pid, "why")
        await gone(io, pid)
        for _ in range(2):
            with pytest.raises(NoProc) as raised:
                link(pid)
            assert isinstance(raised.value, LookupError)
        return links(), await drain(io)

    assert kind.run(main) == ([], [])


# --- Signals along links ------------------------------------------------------------------------


@both_kinds
def test_either_side_of_a_link_dies_of_the_other(kind):
    """Reference manual, processes: exit signals go both ways, whoever made the link."""

    async def main(io):
        reasons = []
        for dies in [0, 1]:
            pids = [await start(io, kind) for _ in range(2)]
            await tell(io, pids[0], "link", pids[1])
            ref = monitor(pids[1 - dies])
            send(pids[dies], ("exit", "why"))
            message = await io.receive(csched.Down, timeout=TIMEOUT)
            assert message.ref == ref
            reasons.append(message.reason)
        return reasons

    assert kind.run(main) == ["why", "why"]


@both_kinds
def test_the_link_is_gone_once_its_signal_has_come(kind):
    """Reference manual, processes: links go with a process, dropped signals or not."""

    async def main(io):
        pid = await start(io, kind)
        link(pid)
        await tell(io, pid, "link", self())
        send(pid, ("exit", "normal"))
        await gone(io, pid)
        return links(), await drain(io)

    assert kind.run(main) == ([], [])


@both_kinds
def test_an_exit_message_that_is_queued_outlives_unlink(kind):
    """erlang:unlink/1: no exit signal after it, but the message may be there already."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = await start(io, kind)
        link(pid)
        csched.exit(pid, "why")
        await gone(io, pid)
        return unlink(pid), await drain(io) == [Exit(pid, "why")]

    assert kind.run(main) == (True, True)


@both_kinds
def test_an_unlink_beside_a_death_that_is_on_its_way_is_in_time(kind):
    """erlang:unlink/1: once it has returned, no exit signal over that link comes."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = await start(io, kind)
        link(pid)
        csched.exit(pid, "why")
        unlink(pid)
        await gone(io, pid)
        return await drain(io)

    assert kind.run(main, preempt=False) == []


@both_kinds
def test_who_stops_trapping_dies_of_the_next_signal_but_keeps_its_messages(kind):
    """process_flag(trap_exit, ...): counts when the signal arrives; the old value is returned."""

    async def main(io):
        pid = await start(io, kind, traps=True)
        ends = [await start(io, kind) for _ in range(2)]
        for end in ends:
            await tell(io, pid, "link", end)
        csched.exit(ends[0], "one")
        first = await io.receive(Exit, timeout=TIMEOUT)
        flags = [await tell(io, pid, "process_flag", "trap_exit", flag) for flag in (True, False)]
        csched.exit(ends[1], "two")
        return first == Exit(ends[0], "one"), flags, await down(io, pid)

    # The monitor is in time: the exit needs a step of its sender.
    assert kind.run(main, preempt=False) == (True, [True, True], "two")


@both_kinds
def test_a_crash_goes_along_links_as_it_is(kind, caplog):
    """Reference manual, errors: links carry the reason; only who raised is logged."""

    async def main(io):
        process_flag("trap_exit", True)
        first, second = await start(io, kind), await start(io, kind)
        await tell(io, first, "link", second)
        link(second)
        send(first, ("no such call",))
        return (await io.receive(Exit, timeout=TIMEOUT)).reason

    reason = kind.run(main)
    assert isinstance(reason, Crash)
    assert isinstance(reason.exception, AttributeError)
    assert len(caplog.records) == 1


# --- Atomic with the spawn, arguments -----------------------------------------------------------


@both_kinds
@pytest.mark.parametrize(
    "spawn_linked",
    [csched.spawn_link, lambda function, *args: csched.spawn_opt(function, *args, link=True)],
    ids=["spawn_link", "spawn_opt"],
)
@pytest.mark.parametrize("end", ["normal", "why", "kill"])
def test_who_is_spawned_with_a_link_cannot_end_unseen(kind, spawn_linked, end):
    """erlang:spawn_link/1: spawn and link are one step."""

    async def child(io, end):
        csched.exit(end)

    async def main(io):
        process_flag("trap_exit", True)
        pid = spawn_linked(kind.function(child), end)
        linked = links() == [pid] and links(pid) == [self()]
        return linked, await io.receive(timeout=TIMEOUT) == Exit(pid, end)

    assert kind.run(main, preempt=False) == (True, True)


@both_kinds
def test_a_parent_that_dies_takes_whom_it_spawned_linked_with_it(kind):
    """erlang:spawn_link/1: the link holds both ways."""

    async def child(io):
        await io.receive()

    async def parent(io, user, kind):
        send(user, csched.spawn_link(kind.function(child)))
        await io.receive()

    async def main(io):
        pid = kind.spawn(parent, self(), kind)
        grandchild = await io.receive(csched.Pid, timeout=TIMEOUT)
        ref = monitor(grandchild)
        csched.exit(pid, "why")
        message = await io.receive(timeout=TIMEOUT)
        return message.ref == ref, message.reason

    assert kind.run(main) == (True, "why")


@both_kinds
@pytest.mark.parametrize("call", [link, unlink])
def test_only_pids_of_this_run_can_be_linked(kind, call):
    """erlang:link/1, unlink/1: badarg for what is no pid."""

    async def main(io, stranger):
        csched.register("main", self())
        for wrong in ["main", None, 5, csched.make_ref()]:
            with pytest.raises(TypeError):
                call(wrong)
        with pytest.raises(ValueError):
            call(stranger)
        return links()

    async def own_pid(io):
        return self()

    stranger = kind.run(own_pid)
    assert kind.run(main, stranger) == []
    with pytest.raises(NotRunning):
        call(stranger)
