"""The stack of a process, printed as Python prints one."""

from __future__ import annotations

import sys

from csched._info import process_info

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from csched._ids import Pid


def bt(pid: Pid, *, file: TextIO | None = None) -> None:
    """Print the stack of a process as Python prints one, the most recent call last.

    Of a process that has not begun, the function that it will begin with; of one that waits in a
    function that is not Python, that function. Frames of csched itself are not shown.

    Parameters
    ----------
    pid
        Any process, the caller among them. If it is dead, a line says so.
    file
        Where to print; ``sys.stdout`` if None.

    Raises
    ------
    TypeError
        Not a Pid.
    ValueError
        A pid of another run.
    NotRunning
        No scheduler is running.

    Source
    ------
    ``c:bt/1``

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     csched.bt(csched.spawn(csched.receive))
    ...     csched.bt(csched.pid(0, 107, 0))
    >>> csched.run(main)
    Stack of #PID<0.1.0> (most recent call last):
      in csched._bif:receive/0
    #PID<0.107.0> is not alive
    """
    text = process_info(pid, "backtrace")
    if text is None:
        text = f"{pid!r} is not alive\n"
    (sys.stdout if file is None else file).write(text)
