"""From the signal that a process dies of to its last word; SEMANTICS.md, section 3."""

from __future__ import annotations

import logging
import queue
import threading
import time

import pytest
from kinds import both_kinds, drain, gone

import csched
from csched import (
    ANY,
    Down,
    Exit,
    NoProc,
    NotRunning,
    ProcessExit,
    is_alive,
    link,
    monitor,
    process_flag,
    process_info,
    processes,
    register,
    self,
    send,
    unregister,
    whereis,
)

TIMEOUT = 60


async def waiter(io, user):
    """Waits for ever; says when it dies."""
    send(user, "begun")
    try:
        await io.receive()
    finally:
        send(user, "last words")


async def doomed_waiter(io, kind):
    """A process that has accepted a deadly signal and does not know yet, and its monitor."""
    pid = kind.spawn(waiter, self())
    end = monitor(pid)
    await io.receive("begun", timeout=TIMEOUT)
    register("doomed", pid)
    csched.exit(pid, "first")
    return pid, end


# --- The first deadly signal wins ---------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (["first", "second"], "first"),
        (["first", "kill"], "first"),
        (["kill", "second"], "killed"),
        (["normal", "second", "third"], "second"),
    ],
)
@pytest.mark.parametrize("begin", [False, True])
def test_the_first_deadly_signal_wins(kind, begin, told, reason):
    """Reference manual, processes: a process dies once, of the first signal that it cannot drop."""

    async def main(io):
        pid = kind.spawn(waiter, self())
        end = monitor(pid)
        if begin:
            await io.receive("begun", timeout=TIMEOUT)
        for one in told:
            csched.exit(pid, one)
        down = await io.receive(Down(end, ANY, ANY, ANY), timeout=TIMEOUT)
        return down.reason, await drain(io)

    assert kind.run(main, preempt=False) == (reason, ["last words"] if begin else [])


def crash():
    raise ValueError("in a finally block")


@both_kinds
@pytest.mark.parametrize(
    "second",
    [
        lambda: None,
        lambda: csched.exit("second"),
        lambda: csched.exit(self(), "second"),
        lambda: csched.exit(self(), "kill"),
        lambda: csched.exit("normal"),
        crash,
    ],
)
@pytest.mark.parametrize("swallow", [False, True])
def test_what_a_dying_process_does_never_changes_its_reason(kind, second, swallow):
    """A process that is exiting stays so: later signals and errors do not count."""

    async def body(io, user):
        try:
            send(user, "begun")
            await io.receive()
        except ProcessExit:
            if not swallow:
                raise
        finally:
            second()

    async def main(io):
        process_flag("trap_exit", True)
        pid = kind.spawn(body, self())
        link(pid)
        end = monitor(pid)
        await io.receive("begun", timeout=TIMEOUT)
        csched.exit(pid, "first")
        seen = [await io.receive(timeout=TIMEOUT) for _ in range(2)]
        return seen + await drain(io) == [Exit(pid, "first"), Down(end, "process", pid, "first")]

    assert kind.run(main)


@both_kinds
def test_an_error_in_a_finally_block_of_a_dying_process_is_logged(kind, caplog):
    """Nothing that goes wrong goes wrong silently."""

    async def body(io, user):
        try:
            send(user, "begun")
            await io.receive()
        finally:
            crash()

    async def main(io):
        pid = kind.spawn(body, self())
        await io.receive("begun", timeout=TIMEOUT)
        csched.exit(pid, "first")
        await gone(io, pid)

    kind.run(main)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info[0] is ValueError


@both_kinds
@pytest.mark.parametrize("told", ["why", "kill"])
def test_code_that_swallows_its_exit_does_not_survive(kind, told, caplog):
    """exit/2 cannot be caught: the process ends with the original reason."""

    async def stubborn(io, user):
        send(user, "begun")
        for _ in range(3):
            try:
                await io.receive()
                send(user, "survived")
            except BaseException:
                send(user, "swallowed")

    async def main(io):
        process_flag("trap_exit", True)
        pid = kind.spawn(stubborn, self())
        link(pid)
        await io.receive("begun", timeout=TIMEOUT)
        csched.exit(pid, told)
        exited = await io.receive(Exit, timeout=TIMEOUT)
        return exited.reason, set(await drain(io))

    reason = "killed" if told == "kill" else told
    assert kind.run(main) == (reason, {"swallowed"})
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert "swallowed" in caplog.text


@both_kinds
def test_a_dying_process_may_send_but_not_wait(kind):
    """A process that is exiting executes no receive."""

    async def body(io, user):
        send(self(), "a message that is there")
        try:
            send(user, "begun")
            await io.sleep(600)
        finally:
            try:
                await io.receive(timeout=0, default=None)
            except ProcessExit as error:
                send(user, ("again", error.reason))

    async def main(io):
        pid = kind.spawn(body, self())
        await io.receive("begun", timeout=TIMEOUT)
        csched.exit(pid, "why")
        return await io.receive(timeout=TIMEOUT)

    assert kind.run(main) == ("again", "why")


@both_kinds
def test_what_a_dying_process_starts_lives_unless_it_is_linked(kind):
    """A process that is exiting makes no ties that last; whom it spawns is on its own."""

    async def child(io, user):
        send(user, self())
        await io.receive()

    async def body(io, user, kind):
        function = kind.function(child)
        try:
            send(user, "begun")
            await io.receive()
        finally:
            csched.spawn_monitor(function, user)
            csched.spawn_link(function, user)
            monitor(user)
            csched.send_after(self(), "late", 600)
            csched.alias()
            process_flag("trap_exit", True)
            with pytest.raises(ValueError):
                register("body", self())

    async def main(io):
        pid = kind.spawn(body, self(), kind)
        end = monitor(pid)
        await io.receive("begun", timeout=TIMEOUT)
        csched.exit(pid, "why")
        down = await io.receive(Down(end, ANY, ANY, ANY), timeout=TIMEOUT)
        free = await io.receive(csched.Pid, timeout=TIMEOUT)
        for _ in range(3):
            await io.yield_()
        return down.reason, processes() == [self(), free], process_info(self(), "monitored_by")

    assert kind.run(main, preempt=False) == ("why", True, [])


# --- Between the signal and the teardown --------------------------------------------------------


@both_kinds
def test_a_process_is_not_alive_from_the_signal_on(kind):
    """is_process_alive/1: false once the process is exiting; processes/0 shows it until the end."""

    async def main(io):
        pid, end = await doomed_waiter(io, kind)
        doomed = (is_alive(pid), pid in processes(), process_info(pid, "status"))
        await io.receive(Down(end, ANY, ANY, ANY), timeout=TIMEOUT)
        return doomed, (is_alive(pid), pid in processes(), process_info(pid))

    assert kind.run(main, preempt=False) == ((False, True, "exiting"), (False, False, None))


@both_kinds
def test_a_dying_process_keeps_its_name_and_gets_no_other(kind):
    """register/2: badarg for a process that is exiting; its name is free when it is gone."""

    async def main(io):
        pid, end = await doomed_waiter(io, kind)
        kept = whereis("doomed") == pid
        with pytest.raises(ValueError):
            register("other", pid)
        with pytest.raises(ValueError):
            register("doomed", self())
        await io.receive(Down(end, ANY, ANY, ANY), timeout=TIMEOUT)
        return kept, whereis("doomed"), register("doomed", self())

    assert kind.run(main, preempt=False) == (True, None, True)


@both_kinds
@pytest.mark.parametrize("traps", [False, True])
def test_a_link_to_a_dying_process_is_one_to_a_dead_process(kind, traps):
    """link/1: noproc, as an exit signal to those who trap and an error to others."""

    async def main(io):
        process_flag("trap_exit", traps)
        pid, _ = await doomed_waiter(io, kind)
        if traps:
            assert link(pid) is True
            return await io.receive(Exit, timeout=0) == Exit(pid, "noproc")
        with pytest.raises(NoProc):
            link(pid)
        return True

    assert kind.run(main, preempt=False)


@both_kinds
def test_a_monitor_of_a_dying_process_fires_when_it_is_gone(kind):
    """monitor/2: noproc if the process is exiting already."""

    async def main(io):
        pid, _ = await doomed_waiter(io, kind)
        late = monitor(pid)
        at_once = await io.receive(Down, timeout=0, default=None)
        down = await io.receive(Down(late, ANY, ANY, ANY), timeout=TIMEOUT)
        assert whereis("doomed") is None
        return at_once, down == Down(late, "process", pid, "noproc"), len(await drain(io))

    # What is left: its last words, and the monitor that was there before.
    assert kind.run(main, preempt=False) == (None, True, 2)


@both_kinds
def test_messages_to_a_dying_process_are_swallowed(kind):
    """A signal to a process that is exiting is dropped; sending never fails."""

    async def main(io):
        pid, end = await doomed_waiter(io, kind)
        assert send(pid, "late") == send("doomed", "late") == "late"
        assert csched.exit(pid, "late") is True
        down = await io.receive(Down(end, ANY, ANY, ANY), timeout=TIMEOUT)
        return down.reason, await drain(io)

    assert kind.run(main, preempt=False) == ("first", ["last words"])


# --- The order of teardown ----------------------------------------------------------------------


@both_kinds
def test_last_words_come_before_exit_and_that_before_down(kind):
    """Signals of one process keep their order: messages, then exit signals, then down."""

    async def main(io):
        process_flag("trap_exit", True)
        pid = kind.spawn(waiter, self())
        before = monitor(pid)
        link(pid)
        after = monitor(pid)
        await io.receive("begun", timeout=TIMEOUT)
        csched.exit(pid, "why")
        seen = [await io.receive(timeout=TIMEOUT) for _ in range(4)]
        downs = {Down(ref, "process", pid, "why") for ref in (before, after)}
        return seen[:2] == ["last words", Exit(pid, "why")] and set(seen[2:]) == downs

    assert kind.run(main)


@both_kinds
@pytest.mark.parametrize("signal", [Exit, Down])
def test_the_name_is_free_when_exit_or_down_arrives(kind, signal):
    """The order of teardown: the name goes before the exit signals and before down."""

    async def named(io, user):
        register("named", self())
        try:
            send(user, "begun")
            await io.receive()
        finally:
            send(user, whereis("named") == self())

    async def watcher(io, user, pid):
        process_flag("trap_exit", True)
        link(pid) if signal is Exit else monitor(pid)
        send(user, "watching")
        await io.receive(signal)
        send(user, (whereis("named"), is_alive(pid), pid in processes()))
        register("named", self())
        unregister("named")

    async def main(io):
        pid = kind.spawn(named, self())
        await io.receive("begun", timeout=TIMEOUT)
        ends = []
        for _ in range(3):
            ends.append(kind.spawn(watcher, self(), pid))
            await io.receive("watching", timeout=TIMEOUT)
        csched.exit(pid, "why")
        return [await io.receive(timeout=TIMEOUT) for _ in range(4)]

    assert kind.run(main) == [True, *[(None, False, False)] * 3]


@both_kinds
def test_timers_links_and_monitors_go_with_a_process(kind):
    """The order of teardown: timers cancelled, links and monitors undone on both sides."""

    async def watching(io, user):
        monitor(user)
        monitor(user)
        link(user)
        await waiter(io, user)

    async def main(io):
        process_flag("trap_exit", True)
        pid = kind.spawn(watching, self())
        await io.receive("begun", timeout=TIMEOUT)
        timer = csched.send_after(pid, "late", 600)
        items = ["links", "monitored_by"]
        before = process_info(self(), items)
        csched.exit(pid, "why")
        await io.receive(Exit(pid, ANY), timeout=TIMEOUT)
        after = process_info(self(), items)
        timers = csched.read_timer(timer), csched.cancel_timer(timer)
        return before == [("links", [pid]), ("monitored_by", [pid, pid])], after, timers

    assert kind.run(main) == (True, [("links", []), ("monitored_by", [])], (None, None))


# --- The first process --------------------------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("to", [lambda r: csched.exit(r), lambda r: csched.exit(self(), r)])
def test_run_raises_the_reason_of_the_first_process(kind, to):
    """The first process is one like any other; `run` is who hears of its end."""

    async def main(io, reason):
        to(reason)

    with pytest.raises(ProcessExit) as ended:
        kind.run(main, "why")
    assert ended.value.reason == "why"
    assert kind.run(main, "normal") is None


@both_kinds
def test_the_first_process_dies_by_the_exit_of_a_child_or_a_thread(kind):
    """exit/2: whoever has a pid may tell it to exit."""

    async def child(io, user):
        csched.exit(user, "child")

    async def main(io):
        kind.spawn(child, self())
        await io.receive()

    with pytest.raises(ProcessExit, match="child"):
        kind.run(main)

    handover = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: csched.exit(handover.get(), "thread"))
    thread.start()

    async def busy_main(io):
        handover.put(self())
        give_up = time.monotonic() + TIMEOUT
        while time.monotonic() < give_up:
            pass

    with pytest.raises(ProcessExit, match="thread"):
        kind.run(busy_main)
    thread.join()


# --- Arguments ----------------------------------------------------------------------------------


@both_kinds
def test_exit_takes_pids_of_this_run_alone_dead_ones_too(kind):
    """exit/2: badarg for what is no pid; a signal to a dead process is dropped."""

    async def ended(io):
        pass

    async def main(io, stranger):
        pid = kind.spawn(ended)
        register("main", self())
        for wrong in ["main", None, 7, csched.make_ref()]:
            with pytest.raises(TypeError):
                csched.exit(wrong, "why")
        with pytest.raises(ValueError):
            csched.exit(stranger, "why")
        await gone(io, pid)
        return csched.exit(pid, "kill")

    async def own_pid(io):
        return self()

    stranger = kind.run(own_pid)
    assert kind.run(main, stranger) is True
    with pytest.raises(NotRunning):
        csched.exit(stranger, "why")
