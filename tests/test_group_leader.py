"""Group leaders: whose it is, who inherits it, how it changes."""

from __future__ import annotations

import pytest
from kinds import both_kinds, gone

import csched
from csched import (
    Pid,
    group_leader,
    process_info,
    processes,
    receive,
    register,
    run,
    self,
    send,
    spawn,
    spawn_link,
    spawn_monitor,
    spawn_opt,
)


async def wait(io):
    await io.receive("end")


async def tell(io, parent):
    send(parent, ("leader", group_leader()))
    await io.receive("end")


def leaders(*pids):
    return [process_info(pid, "group_leader") for pid in pids]


@both_kinds
def test_the_first_process_leads_itself_and_those_it_spawns(kind):
    """erlang:group_leader/0: inherited from the spawner, down from the first process."""

    async def main(io):
        pid = kind.spawn(tell, self())
        leader = (await io.receive(("leader", Pid), timeout=60))[1]
        return group_leader() == leader == self(), leaders(self(), pid) == [self(), self()]

    assert kind.run(main) == (True, True)


@both_kinds
def test_a_new_group_leader_holds_for_the_process_and_its_later_children(kind):
    """erlang:group_leader/2: True; children spawned before keep theirs."""

    async def parent_of_two(io, top):
        before = kind.spawn(wait)
        send(top, ("before", before))
        await io.receive("go on")
        after = kind.spawn(wait)
        send(top, ("after", after))
        await io.receive("end")

    async def main(io):
        leader, pid = kind.spawn(wait), kind.spawn(parent_of_two, self())
        before = (await io.receive(("before", Pid), timeout=60))[1]
        assert group_leader(leader, pid) is True
        send(pid, "go on")
        after = (await io.receive(("after", Pid), timeout=60))[1]
        me = self()
        return leaders(me, leader, pid, before, after) == [me, me, leader, me, leader]

    assert kind.run(main)


def test_a_process_may_change_its_own_group_leader():
    """erlang:group_leader/2 of self(): group_leader/0 gives the new one at once."""

    def main():
        leader = spawn(receive)
        group_leader(leader, self())
        assert group_leader() == leader
        children = [
            spawn(receive),
            spawn_link(receive),
            spawn_monitor(receive)[0],
            spawn_opt(receive),
        ]
        assert leaders(*children) == [leader] * 4
        group_leader(self(), self())
        return group_leader() == self(), leaders(children[0]) == [leader]

    assert run(main) == (True, True)


@both_kinds
def test_a_group_leader_that_has_died_is_still_named(kind):
    """erlang:group_leader/0: the pid stays, whoever it belonged to."""

    async def main(io):
        leader, pid = kind.spawn(wait), kind.spawn(wait)
        group_leader(leader, pid)
        csched.exit(leader, "kill")
        await gone(io, leader)
        return leaders(pid) == [leader], csched.is_alive(pid)

    assert kind.run(main) == (True, True)


def test_a_group_is_no_link():
    """A group leader's death concerns nobody by itself, nor does that of a member."""

    def main():
        leader = spawn(receive)
        pid = spawn(receive)
        group_leader(leader, pid)
        return process_info(leader, ["links", "monitored_by"]), process_info(
            pid, ["links", "monitors"]
        )

    assert run(main, preempt=False) == (
        [("links", []), ("monitored_by", [])],
        [("links", []), ("monitors", [])],
    )


def test_only_live_processes_have_group_leaders():
    """erlang:group_leader/2: badarg if an argument is no pid or the process is dead."""

    def main():
        pid, dead = spawn(receive), spawn(int)
        while dead in processes():
            csched.yield_()
        register("name", pid)
        for value in (None, 1, "name", csched.make_ref()):
            with pytest.raises(TypeError):
                group_leader(value, pid)
            with pytest.raises(TypeError):
                group_leader(pid, value)
        with pytest.raises(ValueError):
            group_leader(pid, dead)
        with pytest.raises(TypeError):
            group_leader(pid)
        return leaders(self(), pid) == [self(), self()], group_leader() == self()

    assert run(main) == (True, True)


def test_outside_a_process_there_is_no_group_leader():
    """Calls outside a running scheduler raise NotRunning."""
    pid = run(self)
    with pytest.raises(csched.NotRunning):
        group_leader()
    with pytest.raises(csched.NotRunning):
        group_leader(pid, pid)
