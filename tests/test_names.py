"""Names of processes: who may have one, who has it, when it is free; SEMANTICS.md, section 5."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    Down,
    is_alive,
    monitor,
    process_info,
    receive,
    register,
    registered,
    run,
    self,
    send,
    spawn,
    unregister,
    whereis,
)

# Globals are one for all processes.
world = SimpleNamespace()


async def wait(io):
    await io.receive("end")


def names_of(*pids):
    return [process_info(pid, "registered_name") for pid in pids]


# --- Giving and taking ----------------------------------------------------------------------------


@both_kinds
def test_a_name_stands_for_its_process(kind):
    """erlang:register/2: the name can be used instead of the pid in a send."""

    async def echo(io, parent):
        send(parent, ("echo", await io.receive()))

    async def main(io):
        pid = kind.spawn(echo, self())
        assert register("echo", pid) is True
        assert whereis("echo") == pid
        assert registered() == ["echo"]
        assert send("echo", "by name") == "by name"
        return await io.receive(timeout=60)

    assert kind.run(main) == ("echo", "by name")


def test_a_process_may_register_itself_and_send_to_itself_by_name():
    """erlang:register/2: self() is a pid like any other."""

    def main():
        register("me", self())
        send("me", 1)
        return receive(timeout=0), names_of(self())

    assert run(main) == (1, ["me"])


def test_the_registered_names_are_sorted_and_the_list_is_the_callers_own():
    """erlang:registered/0: a list of all names, in a stable order here."""

    def main():
        for name in ("zoë", "b", "B", "a b", "\0", "a"):
            register(name, spawn(receive))
        registered().clear()
        return registered()

    assert run(main) == sorted(["zoë", "b", "B", "a b", "\0", "a"])


def test_a_name_that_is_taken_is_refused():
    """erlang:register/2: badarg if the name is already in use."""

    def main():
        one, two = spawn(receive), spawn(receive)
        register("name", one)
        for pid in (one, two, self()):
            with pytest.raises(ValueError):
                register("name", pid)
        return whereis("name") == one, names_of(one, two, self())

    assert run(main) == (True, ["name", "", ""])


def test_a_process_has_one_name_at_most():
    """erlang:register/2: badarg if the process is already registered."""

    def main():
        pid = spawn(receive)
        register("first", pid)
        with pytest.raises(ValueError):
            register("second", pid)
        return registered(), whereis("second"), names_of(pid)

    assert run(main) == (["first"], None, ["first"])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", ValueError),
        (None, TypeError),
        (1, TypeError),
        (b"name", TypeError),
        (("a",), TypeError),
    ],
)
def test_what_is_no_name_is_refused(name, error):
    """erlang:register/2: badarg if the name is no atom, or `undefined`."""

    def main():
        with pytest.raises(error):
            register(name, self())
        return registered(), names_of(self())

    assert run(main) == ([], [""])


@pytest.mark.parametrize("value", [None, 1, "name", "#PID<0.0.0>", csched])
def test_only_a_pid_can_have_a_name(value):
    """erlang:register/2: badarg if the second argument is no pid."""

    def main():
        ref = csched.make_ref()
        for target in (value, ref):
            with pytest.raises(TypeError):
                register("name", target)
        return registered(), whereis("name")

    assert run(main) == ([], None)


@both_kinds
def test_the_dead_get_no_name(kind):
    """erlang:register/2: badarg if the process is not alive."""

    async def main(io):
        pid = kind.spawn(wait)
        send(pid, "end")
        await gone(io, pid)
        with pytest.raises(ValueError):
            register("name", pid)
        return registered()

    assert kind.run(main) == []


def test_an_unknown_name_is_nobody():
    """erlang:whereis/1: undefined if the name is not registered; send to it is badarg."""

    def main():
        assert whereis("nobody") is None
        with pytest.raises(ValueError):
            send("nobody", 1)
        with pytest.raises(ValueError):
            unregister("nobody")
        with pytest.raises(ValueError):
            process_info(self(), "nobody")

    run(main)


def test_a_name_that_was_taken_back_is_free():
    """erlang:unregister/1: the name is unknown then, the process may have another."""

    def main():
        one, two = spawn(receive), spawn(receive)
        register("name", one)
        assert unregister("name") is True
        assert (whereis("name"), registered(), names_of(one)) == (None, [], [""])
        with pytest.raises(ValueError):
            unregister("name")
        register("name", two)
        register("other", one)
        return whereis("name") == two, whereis("other") == one, is_alive(one)

    assert run(main) == (True, True, True)


@both_kinds
def test_anybody_may_take_a_name_back(kind):
    """erlang:unregister/1: any process may unregister any name."""

    async def thief(io):
        unregister("main")
        register("mine", self())
        await io.receive("end")

    async def main(io):
        register("main", self())
        pid = kind.spawn(thief)
        while whereis("mine") is None:
            await io.yield_()
        return names_of(self(), pid)

    assert kind.run(main) == ["", "mine"]


@both_kinds
def test_a_message_goes_to_the_present_owner_of_the_name(kind):
    """erlang:send/2: the name is looked up when the message is sent."""

    async def owner(io, parent, number):
        send(parent, (number, [await io.receive(int), await io.receive(int)]))

    async def main(io):
        pids = [kind.spawn(owner, self(), number) for number in range(2)]
        for message in (1, 2):
            for pid in pids:
                register("owner", pid)
                send("owner", message)
                unregister("owner")
        return sorted([await io.receive(timeout=60) for _ in pids])

    assert kind.run(main) == [(0, [1, 2]), (1, [1, 2])]


def test_names_go_with_their_run():
    """A fresh node has no registered processes of ours."""

    def main():
        assert registered() == []
        register("name", self())
        register("other", spawn(receive))
        return registered()

    assert run(main) == run(main) == ["name", "other"]


# --- Names in other calls -------------------------------------------------------------------------


def test_exit_takes_a_pid_and_no_name():
    """erlang:exit/2: badarg if the first argument is no pid or port."""

    def main():
        pid = spawn(receive)
        register("name", pid)
        with pytest.raises(TypeError):
            csched.exit("name", "kill")
        return is_alive(pid), whereis("name") == pid

    assert run(main) == (True, True)


@both_kinds
def test_a_monitor_by_name_stays_with_the_process_that_had_the_name(kind):
    """erlang:monitor/2: the name is resolved once, when the monitor is made."""

    async def main(io):
        one, two = kind.spawn(wait), kind.spawn(wait)
        register("name", one)
        ref = monitor("name")
        unregister("name")
        register("name", two)
        send(two, "end")
        await gone(io, two)
        assert await drain(io) == []
        send(one, "end")
        return await io.receive(timeout=60) == Down(
            ref, "process", ("name", csched.node()), "normal"
        )

    assert kind.run(main)


def test_names_are_known_in_a_foreign_threads_send():
    """A send by name from outside reaches the owner; an unknown name is a ValueError there too."""

    def main():
        register("main", self())
        errors = []

        def outside():
            send("main", "from outside")
            try:
                send("nobody", "lost")
            except ValueError as error:
                errors.append(error)

        thread = threading.Thread(target=outside)
        thread.start()
        message = receive(timeout=60)
        thread.join()
        return message, len(errors)

    assert run(main) == ("from outside", 1)


def test_the_name_of_the_first_process_is_free_for_the_last_words_of_the_others():
    """When main has ended, its name is unknown to those who are shut down after it."""
    world.seen = []

    def other():
        try:
            receive("never")
        finally:
            world.seen.append(whereis("main"))

    def main():
        register("main", self())
        spawn(other)
        csched.yield_()

    run(main, preempt=False)
    assert world.seen == [None]
