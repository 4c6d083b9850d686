"""The table of registered names that `regs()` prints."""

from __future__ import annotations

import sys

from csched._bif_name import registered, whereis
from csched._info import process_info
from csched._listing import printable, shorten

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

ITEMS = ["initial_call", "reductions", "message_queue_len"]


def regs(*, file: TextIO | None = None) -> None:
    """Print a table of the registered processes, sorted by name.

    The columns: name, pid, initial call, reductions, messages in the queue. Text that is too long
    is cut, but for a pid, which takes room from the initial call; numbers are shortened as by `i`.

    Parameters
    ----------
    file
        Where to print; ``sys.stdout`` if None.

    Raises
    ------
    NotRunning
        No scheduler is running.

    Source
    ------
    ``c:regs/0``

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     csched.register("waiter", csched.spawn(csched.receive))
    ...     csched.regs()
    >>> csched.run(main)
    Name                  Pid          Initial Call                      Reds Msgs
    waiter                #PID<0.1.0>  csched._bif:receive/0                0    0
    """
    lines = [_line("Name", "Pid", "Initial Call", "Reds", "Msgs")]
    for name in registered():
        pid = whereis(name)
        found = None if pid is None else process_info(pid, ITEMS)
        if found is not None:
            (_, initial_call), (_, reductions), (_, messages) = found
            reds, msgs = shorten(reductions, 12), shorten(messages, 4)
            lines.append(_line(name, repr(pid), initial_call, reds, msgs))
    (sys.stdout if file is None else file).write("".join(lines))


def _line(name: str, pid: str, initial_call: str, reductions: str, messages: str) -> str:
    who = f"{pid:<12} {printable(initial_call)}"
    return f"{printable(name):<21.21} {who:<38.38} {reductions:>12} {messages:>4}\n"
