"""The ways in which a run may end, each once: for tests that run them many times.

Whoever imports this has all paths too (`leak_paths`, `leak_waits`).
"""

from __future__ import annotations

import contextlib
import signal
import threading

import leak_paths  # noqa: F401
import leak_waits  # noqa: F401
from leak_bodies import (
    Knot,
    Token,
    begun,
    hog,
    idle,
    repeat,
    sleep_for_ever,
    sort,
    stubborn,
    take,
    wait_for_ever,
)

import csched
from csched import SystemLimit, self, send


def paths_in_another_thread(kind):
    thread = threading.Thread(target=kind.run, args=(repeat, kind, "killed_while_waiting", 3))
    thread.start()
    thread.join()


async def leave_some_alive(calls, kind):
    for body in (idle, hog, stubborn, wait_for_ever, sleep_for_ever, sort):
        send(await begun(calls, kind, body), Token())
    csched.suspend(await begun(calls, kind, idle))
    full = csched.spawn_opt(kind.function(stubborn), self(), mailbox_limit=1)
    await calls.receive(("begun", full), timeout=60)
    for _ in range(3):
        kind.spawn(push, full)
    csched.link(await begun(calls, kind, stubborn))
    csched.monitor(full, alias="reply_demonitor", tag=Token())
    csched.send_after(self(), Token(), 1e6)
    csched.send_after("nobody", Token(), 1e6)
    csched.system_monitor(full, long_schedule=60)
    csched.register("main", self())
    csched.put("token", Token())
    kind.spawn(take, Token())
    send(self(), [Token(), Knot()])


async def push(calls, dest):
    held = Token()
    send(dest, [Token(), held])


def processes_that_outlive_the_first(kind):
    kind.run(leave_some_alive, kind)


def a_first_process_that_crashes(kind):
    async def main(calls):
        held = Token()
        await leave_some_alive(calls, kind)
        raise ZeroDivisionError(held)

    with contextlib.suppress(ZeroDivisionError):
        kind.run(main)


def a_first_process_that_is_told_to_exit(kind):
    async def main(calls):
        await leave_some_alive(calls, kind)
        csched.exit(("because", Token()))

    with contextlib.suppress(csched.ProcessExit):
        kind.run(main)


def ctrl_c(kind):
    async def main(calls):
        await leave_some_alive(calls, kind)
        signal.raise_signal(signal.SIGINT)
        await calls.receive("never")

    with contextlib.suppress(KeyboardInterrupt):
        kind.run(main)


def as_many_processes_as_there_may_be(kind):
    async def main(calls):
        with contextlib.suppress(SystemLimit):
            while True:
                kind.spawn(idle, self(), Token(), Knot())
        for _ in range(3):
            with contextlib.suppress(SystemLimit):
                csched.spawn_monitor(take, Token(), Knot())

    kind.run(main, process_limit=1_024)


RUNS = [
    paths_in_another_thread,
    processes_that_outlive_the_first,
    a_first_process_that_crashes,
    a_first_process_that_is_told_to_exit,
    ctrl_c,
    as_many_processes_as_there_may_be,
]
