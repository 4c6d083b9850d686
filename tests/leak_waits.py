"""More of `leak_paths`: the ways in which a process may wait, and what it may have."""

from __future__ import annotations

import contextlib
import contextvars
import threading

from kinds import gone
from leak_bodies import Knot, Token, begun, idle, path, stubborn, take

import csched
from csched import ANY, CopyError, Down, MailboxFull, NotRunning, self, send

VARIABLE = contextvars.ContextVar("variable")

# --- Waits -------------------------------------------------------------------------------------


@path
async def a_timeout(calls, kind):
    held = Token()
    send(self(), Token())
    assert await calls.receive(("never", ANY), timeout=0.0001, default=None) is None
    with contextlib.suppress(TimeoutError):
        await calls.receive("never", timeout=0)
    await calls.receive(Token, timeout=0)
    del held


@path
async def timers_left_set(calls, kind):
    async def set_them(calls):
        me = self()
        csched.register("sleeper", me)
        for dest in (me, "sleeper", csched.alias()):
            csched.cancel_timer(csched.send_after(dest, Token(), 1e6))
            csched.start_timer(me, Token(), 1e6)

    pid = kind.spawn(set_them)
    csched.start_timer(pid, Token(), 1e6)
    await gone(calls, pid)
    assert csched.process_info(self(), "timers") == []


@path
async def timers_that_fire_too_late(calls, kind):
    csched.send_after("nobody", Token(), 0.0001)
    alias = csched.alias()
    csched.send_after(alias, Token(), 0.0001)
    csched.unalias(alias)
    csched.send_after(self(), "now", 0.0002)
    await calls.receive("now", timeout=60)


@path
async def awaitables_never_awaited(calls, kind):
    async def forget(calls, parent):
        unused = [csched.aio.receive(Token, timeout=5, default=Token()), csched.aio.sleep(5)]
        send(parent, ("begun", self()))
        waiting = csched.aio.receive((Token(), 1))
        await calls.receive()
        del unused, waiting

    csched.exit(await begun(calls, kind, forget), "kill")
    pid = await begun(calls, kind, forget)
    send(pid, "end")
    await gone(calls, pid)


@path
async def generators_left_open(calls, kind):
    async def leave_open(calls, parent):
        def numbers():
            try:
                yield Token()
            finally:
                held.data.append(Token())

        async def anumbers():
            try:
                yield Token()
            finally:
                held.data.append(Token())

        held = Token()
        one, other = numbers(), anumbers()
        next(one)
        with contextlib.suppress(StopIteration):
            other.__anext__().send(None)
        send(parent, ("begun", self()))
        await calls.receive()

    pids = [await begun(calls, kind, leave_open) for _ in range(2)]
    send(pids[0], "end")
    csched.exit(pids[1], "kill")
    await gone(calls, *pids)


@path
async def contexts_of_their_own(calls, kind):
    async def change(calls, parent):
        VARIABLE.set(Token())
        send(parent, ("begun", self()))
        await calls.receive()

    before = VARIABLE.set(Token())
    csched.exit(await begun(calls, kind, change), "kill")
    pid = await begun(calls, kind, change)
    send(pid, "end")
    await gone(calls, pid)
    VARIABLE.reset(before)


# --- Mailboxes that are full -------------------------------------------------------------------


@path
async def mailboxes_that_drop(calls, kind):
    pids = []
    for on_full in ("drop", "drop_oldest", "exit"):
        options = {"mailbox_limit": 2, "on_full": on_full, "monitor": True}
        pid, ref = csched.spawn_opt(kind.function(stubborn), self(), **options)
        await calls.receive(("begun", pid), timeout=60)
        for _ in range(5):
            send(pid, Token())
        csched.exit(pid, "kill")
        await calls.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        pids.append(pid)
    await gone(calls, *pids)


@path
async def senders_that_wait_for_room(calls, kind):
    async def push(calls, parent, dest):
        held = Token()
        send(parent, ("begun", self()))
        send(dest, [Token(), held])

    full = csched.spawn_opt(kind.function(stubborn), self(), mailbox_limit=1)
    await calls.receive(("begun", full), timeout=60)
    send(full, Token())
    pids = [await begun(calls, kind, push, full) for _ in range(3)]
    await calls.yield_()
    csched.exit(pids[1], "kill")
    await gone(calls, pids[1])
    csched.exit(full, "kill")
    await gone(calls, full, *pids)


@path
async def a_full_mailbox_of_its_own(calls, kind):
    async def overflow(calls):
        csched.process_flag("mailbox_limit", 1)
        send(self(), Token())
        with contextlib.suppress(MailboxFull):
            send(self(), Token())

    await gone(calls, kind.spawn(overflow))


# --- What a process has ------------------------------------------------------------------------


@path
async def dictionaries_labels_and_names(calls, kind):
    async def settle_down(calls, parent):
        csched.put("token", Token())
        csched.put(("key", 1), [Token()])
        csched.set_label(("label", Token()))
        csched.register("settler", self())
        send(parent, ("begun", self()))
        await calls.receive()

    pid = await begun(calls, kind, settle_down)
    csched.process_info(pid)
    csched.process_info(pid, ["messages", "dictionary", "label", "backtrace", "current_stacktrace"])
    csched.exit(pid, "kill")
    await gone(calls, pid)


@path
async def output_of_a_group(calls, kind):
    async def lead(calls):
        while True:
            _, pid, ref, request = await calls.receive(("io_request", ANY, ANY, ANY))
            if request[2].startswith("the end"):
                return
            send(pid, ("io_reply", ref, "ok"))

    async def speak(calls, leader, end):
        held = Token()
        csched.group_leader(leader, self())
        print("a line")
        print(end, end="")
        del held

    for end in ("the end of an unfinished line", "the end\n"):
        leader = kind.spawn(lead)
        await gone(calls, leader, kind.spawn(speak, leader, end))


@path
async def handles_that_are_shared(calls, kind):
    lock = csched.share(threading.Lock())
    token = csched.share(Token())
    pid = await begun(calls, kind, idle)
    send(pid, ("end", lock, token))
    await gone(calls, pid)


@path
async def finalizers_that_send(calls, kind):
    class Farewell:
        def __init__(self, dest):
            self.dest = dest

        def __del__(self):
            with contextlib.suppress(NotRunning):
                send(self.dest, Token())

    async def hold(calls, parent):
        held = Farewell(parent)
        send(parent, ("begun", self()))
        await calls.receive()
        del held

    csched.exit(await begun(calls, kind, hold), "kill")
    await calls.receive(Token, timeout=60)
    pid = await begun(calls, kind, hold)
    send(pid, "end")
    await calls.receive(Token, timeout=60)
    await gone(calls, pid)


@path
async def sends_of_other_threads(calls, kind):
    pid = await begun(calls, kind, idle)
    thread = threading.Thread(target=send, args=(pid, [Token()]))
    thread.start()
    await gone(calls, pid)
    thread.join()


@path
async def cycles(calls, kind):
    async def tangle(calls, parent):
        for _ in range(5):
            Knot()
        held = Knot()
        send(parent, [held])
        send(self(), held)

    pid = kind.spawn(tangle, self())
    await calls.receive(list, timeout=60)
    await gone(calls, pid)


@path
async def cycles_in_what_is_spawned(calls, kind):
    await gone(calls, kind.spawn(take, Knot(), [Knot()]))
    for arguments in ([Knot(), threading.Lock()], [Knot(), Knot(), [threading.Lock()]]):
        with contextlib.suppress(CopyError):
            kind.spawn(take, *arguments)
