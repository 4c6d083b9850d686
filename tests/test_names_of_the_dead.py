"""When a name is free again; SEMANTICS.md, sections 3 and 5."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    ANY,
    Down,
    Exit,
    is_alive,
    process_flag,
    process_info,
    receive,
    register,
    registered,
    run,
    self,
    send,
    spawn_link,
    spawn_monitor,
    unregister,
    whereis,
)

# Globals are one for all processes.
world = SimpleNamespace()


async def wait(io):
    await io.receive("end")


def names_of(*pids):
    return [process_info(pid, "registered_name") for pid in pids]


# --- Death ----------------------------------------------------------------------------------------


async def end_by_return(io):
    await io.receive("end")


async def end_by_exit(io):
    await io.receive("end")
    csched.exit("reason")


async def end_by_doom(io):
    await io.receive("end")
    csched.exit(self(), "kill")


async def end_with_a_finally_block(io):
    try:
        await io.receive("end")
    finally:
        assert whereis("name") == self()


ENDS = [end_by_return, end_by_exit, end_by_doom, end_with_a_finally_block]
ends = pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])


@both_kinds
@ends
def test_the_name_is_free_when_the_news_of_a_death_arrive(kind, end):
    """erlang:register/2: a process is unregistered before exit and down signals are sent."""

    async def main(io):
        process_flag("trap_exit", True)
        pid, ref = spawn_monitor(kind.function(end))
        csched.link(pid)
        register("name", pid)
        send("name", "end")
        seen = []
        for _ in range(2):
            message = await io.receive(timeout=60)
            seen.append(type(message))
            assert pid in message or ref in message
            assert (whereis("name"), registered()) == (None, [])
            register("name", self())
            unregister("name")
        return set(seen)

    assert kind.run(main) == {Exit, Down}


@both_kinds
def test_a_name_can_be_passed_on_at_each_death(kind):
    """register_SUITE, otp_8099: register, exit and register again, many times."""

    async def main(io):
        for number in range(300):
            pid, ref = spawn_monitor(kind.function(wait))
            register("name", pid)
            send("name", "end")
            await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
            assert whereis("name") is None, number
        return registered()

    assert kind.run(main) == []


@both_kinds
def test_the_doomed_keep_their_name_until_their_teardown(kind):
    """An exiting process is registered still, and can get no name."""

    async def main(io):
        named, nameless = kind.spawn(wait), kind.spawn(wait)
        register("named", named)
        await io.yield_()
        for pid in (named, nameless):
            csched.exit(pid, "kill")
        assert whereis("named") == named and registered() == ["named"]
        with pytest.raises(ValueError):
            register("other", nameless)
        with pytest.raises(ValueError):
            register("named", self())
        assert send("named", "swallowed") == "swallowed"
        await gone(io, named, nameless)
        return registered()

    assert kind.run(main, preempt=False) == []


@both_kinds
def test_a_dying_process_has_its_name_in_its_finally_blocks(kind):
    """The name goes in the teardown, after the process has been unwound."""

    async def child(io, parent):
        register("child", self())
        try:
            send(parent, "begun")
            await io.receive("never")
        finally:
            send(parent, (whereis("child") == self(), is_alive(self()), registered()))

    async def main(io):
        pid, ref = spawn_monitor(kind.function(child), self())
        await io.receive("begun", timeout=60)
        csched.exit(pid, "enough")
        seen = await io.receive((bool, bool, list), timeout=60)
        down = await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return seen, down.reason, registered()

    assert kind.run(main) == ((True, False, ["child"]), "enough", [])


@both_kinds
def test_a_dying_process_gets_no_new_name(kind):
    """erlang:register/2: badarg for a process that is exiting, be it the caller."""

    async def child(io, parent):
        try:
            await io.receive("never")
        finally:
            try:
                register("child", self())
            except ValueError:
                send(parent, "refused")

    async def main(io):
        pid, ref = spawn_monitor(kind.function(child), self())
        await io.yield_()
        csched.exit(pid, "enough")
        await io.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return await drain(io), registered()

    assert kind.run(main, preempt=False) == (["refused"], [])


def test_a_name_taken_back_before_death_stays_with_its_next_owner():
    """A death frees the name that the process has, not one that it had."""

    def main():
        pid, ref = spawn_monitor(receive)
        register("name", pid)
        unregister("name")
        register("name", self())
        send(pid, "end")
        receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return whereis("name") == self(), names_of(self())

    assert run(main) == (True, ["name"])


def test_thousands_of_names_are_freed_by_thousands_of_deaths():
    """register_SUITE: the table of names is empty after all owners have gone."""

    def main():
        process_flag("trap_exit", True)
        pids = [spawn_link(receive) for _ in range(3000)]
        for number, pid in enumerate(pids):
            register(f"n{number:04}", pid)
        assert registered() == [f"n{number:04}" for number in range(3000)]
        for number in range(0, 3000, 2):
            send(f"n{number:04}", "end")
        for number in range(0, 3000, 2):
            receive(Exit(pids[number], "normal"), timeout=60)
        assert registered() == [f"n{number:04}" for number in range(1, 3000, 2)]
        for pid in pids[1::2]:
            csched.exit(pid, "kill")
        for pid in pids[1::2]:
            receive(Exit(pid, "killed"), timeout=60)
        return registered()

    assert run(main) == []
