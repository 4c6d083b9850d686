"""What the processes of `leak_paths` hold and do: Tokens, which are counted, and bodies.

A path is an ``async def`` that takes the waiting calls and the kind (`kinds`). It returns when all
that it has spawned is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import csched
from csched import ANY, Down, self, send

Path = Callable[..., Any]
PATHS: dict[str, Path] = {}


class Token:
    """One that is counted while it lives. It is garbage as soon as nobody refers to it."""

    alive: ClassVar[int] = 0

    def __init__(self) -> None:
        # No process is stopped between these two. It may be killed before, and then does not count.
        Token.alive += 1
        self.data = [{}, {}]

    def __deepcopy__(self, memo: Any) -> Token:
        return Token()

    def __del__(self) -> None:
        if hasattr(self, "data"):
            Token.alive -= 1


class Knot(Token):
    """The same, but only a collection finds it."""

    def __init__(self) -> None:
        super().__init__()
        self.me = self

    def __deepcopy__(self, memo: Any) -> Knot:
        return Knot()


def path(function: Path) -> Path:
    PATHS[function.__name__] = function
    return function


async def down(calls, pid):
    """Wait for the end of a process; why it has ended."""
    return (await calls.receive(Down(csched.monitor(pid), ANY, ANY, ANY), timeout=60)).reason


async def begun(calls, kind, body, *args):
    """A process that has begun, and says so itself, as the last that it does before it waits."""
    pid = kind.spawn(body, self(), *args)
    await calls.receive(("begun", pid), timeout=60)
    return pid


# --- What they do ------------------------------------------------------------------------------


async def idle(calls, parent, *rest):
    held = Token()
    send(parent, ("begun", self()))
    await calls.receive()
    del held


async def stubborn(calls, parent, *rest):
    """It traps exits, and has a mailbox that is full of what it does not want."""
    held = Token()
    csched.process_flag("trap_exit", True)
    send(parent, ("begun", self()))
    await calls.receive("end")
    del held


async def take(calls, *args):
    held = Token()
    del held


async def crash(calls, *args):
    held = Token()
    await calls.yield_()
    raise ValueError("expected", held)


async def wait_for_ever(calls, parent):
    held = Token()
    send(parent, ("begun", self()))
    await calls.receive(("never", Token), timeout=1e6)
    del held


async def sleep_for_ever(calls, parent):
    held = Token()
    send(parent, ("begun", self()))
    try:
        await calls.sleep(1e6)
    finally:
        held.data.append(Token())


def spin():
    held = Token()
    while True:
        held.data[0] = {}


async def hog(calls, parent):
    held = Token()
    send(parent, ("begun", self()))
    spin()
    del held


async def sort(calls, parent):
    def key(token):
        send(parent, ("begun", self()))
        spin()

    sorted([Token() for _ in range(5)], key=key)


async def repeat(calls, kind, name, times):
    for _ in range(times):
        await PATHS[name](calls, kind)
