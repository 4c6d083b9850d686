"""Processes that do what a test sends them, one call at a time."""

from __future__ import annotations

from typing import Any

import csched
from csched import ANY, Down, Exit, monitor, process_flag, self, send

TIMEOUT = 60


async def servant(io: Any, user: csched.Pid, traps: bool = False) -> None:
    """Calls what it is sent, answers what that returns; passes on the exit messages that it gets.

    What it is sent is a tuple of a name in csched and arguments.
    """
    process_flag("trap_exit", traps)
    send(user, "ready")
    while True:
        message = await io.receive()
        if isinstance(message, Exit):
            send(user, message)
        else:
            name, *args = message
            send(user, (name, getattr(csched, name)(*args)))


async def start(io: Any, kind: Any, *, traps: bool = False) -> csched.Pid:
    """A servant that waits for a call."""
    pid = kind.spawn(servant, self(), traps)
    await io.receive("ready", timeout=TIMEOUT)
    return pid


async def tell(io: Any, pid: csched.Pid, *command: Any) -> Any:
    """Let a servant call something, and wait until it has."""
    send(pid, command)
    _, value = await io.receive((command[0], ANY), timeout=TIMEOUT)
    return value


async def down(io: Any, pid: csched.Pid) -> Any:
    """The reason of a process that ends."""
    ref = monitor(pid)
    return (await io.receive(Down(ref, *[ANY] * 3), timeout=TIMEOUT)).reason
