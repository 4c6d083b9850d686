"""The ways in which a process may end, be tied to others, or fail."""

from __future__ import annotations

import contextlib
import threading

from kinds import gone
from leak_bodies import (
    Token,
    begun,
    crash,
    down,
    hog,
    idle,
    path,
    sleep_for_ever,
    sort,
    take,
    wait_for_ever,
)

import csched
from csched import ANY, CopyError, Exit, NoProc, Undef, self, send

# --- The ends of a process ---------------------------------------------------------------------


@path
async def a_normal_end(calls, kind):
    await gone(calls, kind.spawn(take, Token(), [Token()]))


@path
async def a_crash(calls, kind):
    await gone(calls, kind.spawn(crash, Token()))


@path
async def a_crash_that_is_told(calls, kind):
    reason = await down(calls, kind.spawn(crash, Token()))
    assert isinstance(reason.exception, ValueError)


@path
async def an_exit_with_a_reason(calls, kind):
    async def leave(calls):
        held = Token()
        csched.exit(("because", held))

    reason = await down(calls, kind.spawn(leave))
    assert type(reason[1]) is Token


@path
async def killed_before_it_began(calls, kind):
    pid = kind.spawn(take, Token())
    send(pid, Token())
    csched.exit(pid, "kill")
    await gone(calls, pid)


@path
async def killed_while_waiting(calls, kind):
    pid = await begun(calls, kind, wait_for_ever)
    send(pid, [Token()])
    await calls.yield_()
    csched.exit(pid, "kill")
    await gone(calls, pid)


@path
async def killed_while_asleep(calls, kind):
    pid = await begun(calls, kind, sleep_for_ever)
    csched.exit(pid, ("told", Token()))
    await gone(calls, pid)


@path
async def killed_while_preempted(calls, kind):
    pid = await begun(calls, kind, hog)
    csched.exit(pid, "kill")
    await gone(calls, pid)


@path
async def killed_while_preempted_in_sorted(calls, kind):
    pid = await begun(calls, kind, sort)
    csched.exit(pid, "kill")
    await gone(calls, pid)


@path
async def killed_while_suspended(calls, kind):
    pid = await begun(calls, kind, idle)
    csched.suspend(pid)
    send(pid, Token())
    await calls.yield_()
    csched.exit(pid, "kill")
    await gone(calls, pid)


@path
async def killed_while_it_suspends_another(calls, kind):
    async def suspend(calls, parent, victim):
        csched.suspend(victim)
        send(parent, ("begun", self()))
        await calls.receive()

    victim = await begun(calls, kind, idle)
    pid = await begun(calls, kind, suspend, victim)
    csched.exit(pid, "kill")
    send(victim, "end")
    await gone(calls, pid, victim)


@path
async def a_finally_block_that_sends(calls, kind):
    async def last_words(calls, parent):
        try:
            send(parent, ("begun", self()))
            await calls.receive()
        finally:
            send(parent, Token())

    csched.exit(await begun(calls, kind, last_words), "kill")
    await calls.receive(Token, timeout=60)


# --- Links and monitors ------------------------------------------------------------------------


@path
async def ended_by_a_link(calls, kind):
    async def linked(calls, parent, other):
        held = Token()
        csched.link(other)
        send(parent, ("begun", self()))
        await calls.receive()
        del held

    last = first = await begun(calls, kind, idle)
    pids = [first]
    for _ in range(3):
        last = await begun(calls, kind, linked, last)
        pids.append(last)
    csched.exit(last, ("told", Token()))
    await gone(calls, *pids)


@path
async def an_exit_that_is_trapped(calls, kind):
    csched.process_flag("trap_exit", True)
    pid = kind.spawn(crash)
    csched.link(pid)
    message = await calls.receive(Exit(pid, ANY), timeout=60)
    assert isinstance(message.reason.exception, ValueError)
    csched.process_flag("trap_exit", False)


@path
async def links_and_monitors_undone(calls, kind):
    pid = await begun(calls, kind, idle)
    csched.link(pid)
    refs = [csched.monitor(pid, tag=Token()), csched.monitor(pid, alias="demonitor")]
    csched.unlink(pid)
    for ref in refs:
        csched.demonitor(ref, flush=True)
    send(pid, "end")
    await gone(calls, pid)


@path
async def ties_to_the_dead(calls, kind):
    pid = kind.spawn(take)
    await gone(calls, pid)
    with contextlib.suppress(NoProc):
        csched.link(pid)
    assert await down(calls, pid) == "noproc"
    send(pid, Token())
    csched.exit(pid, Token())


@path
async def a_watcher_that_dies_first(calls, kind):
    async def watch(calls, parent, other):
        csched.monitor(other, tag=Token())
        csched.alias()
        csched.send_after(self(), Token(), 1e6)
        send(parent, ("begun", self()))
        await calls.receive()

    pid = await begun(calls, kind, idle)
    csched.exit(await begun(calls, kind, watch, pid), "kill")
    send(pid, "end")
    await gone(calls, pid)


@path
async def replies_by_alias(calls, kind):
    async def server(calls):
        ref = await calls.receive()
        send(ref, (ref, Token()))
        send(ref, (ref, "too late"))

    pid = kind.spawn(server)
    ref = csched.monitor(pid, alias="reply_demonitor")
    send(pid, ref)
    await calls.receive((ref, Token), timeout=60)
    await gone(calls, pid)
    plain = csched.alias()
    send(plain, Token())
    csched.unalias(plain)
    send(plain, Token())
    await calls.receive(Token, timeout=0)


@path
async def priority_messages(calls, kind):
    async def urgent(calls, parent):
        send(parent, ("begun", csched.alias(priority=True)))
        await calls.receive("end")

    pid = kind.spawn(urgent, self())
    _, ref = await calls.receive(("begun", csched.Ref), timeout=60)
    for _ in range(3):
        send(ref, [Token()])
    csched.exit(pid, "kill")
    await gone(calls, pid)


@path
async def references_that_are_pickled(calls, kind):
    import pickle

    ref = csched.alias()
    assert pickle.loads(pickle.dumps(ref)) is ref
    csched.unalias(ref)
    pickle.dumps(csched.make_ref())


# --- Copies that fail --------------------------------------------------------------------------


@path
async def a_message_that_cannot_be_copied(calls, kind):
    pid = await begun(calls, kind, idle)
    for message in ([Token(), threading.Lock()], {"a": (Token(), [threading.Lock()])}):
        with contextlib.suppress(CopyError):
            send(pid, message)
        with contextlib.suppress(CopyError):
            csched.exit(pid, message)
        with contextlib.suppress(CopyError):
            csched.send_after(pid, message, 1)
    send(pid, "end")
    await gone(calls, pid)


@path
async def arguments_that_cannot_be_copied(calls, kind):
    for spawn in (csched.spawn, csched.spawn_link, csched.spawn_monitor):
        with contextlib.suppress(CopyError):
            spawn(take, [Token(), Token()], threading.Lock())


@path
async def a_crash_that_cannot_be_copied(calls, kind):
    async def fail(calls):
        raise ValueError(Token(), threading.Lock())

    reason = await down(calls, kind.spawn(fail))
    assert isinstance(reason.exception, RuntimeError)


@path
async def a_function_that_is_not_there(calls, kind):
    for target in (("string", "no_such_function"), ("no_such_module", "f")):
        reason = await down(calls, csched.spawn(*target, [Token()]))
        assert isinstance(reason, Undef)


@path
async def arguments_that_do_not_fit(calls, kind):
    reason = await down(calls, csched.spawn("os.path", "join", []))
    assert isinstance(reason, Undef)


@path
async def a_name_that_is_taken(calls, kind):
    pid = csched.spawn_opt(csched.receive, name="taken")
    with contextlib.suppress(ValueError):
        csched.spawn_opt(take, Token(), name="taken", link=True, monitor=True)
    csched.exit(pid, "kill")
    await gone(calls, pid)
    assert csched.registered() == []
