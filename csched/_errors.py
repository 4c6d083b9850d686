"""Exceptions and exit reasons that both halves of csched use."""

from __future__ import annotations

from collections import namedtuple

__all__ = ["Crash", "NotRunning", "ProcessExit", "SystemLimit", "Undef"]


class NotRunning(RuntimeError):
    """The call needs a running scheduler, or a process that makes it, and there is none."""


class SystemLimit(RuntimeError):
    """There are as many processes as `run(process_limit=...)` allows (``system_limit``)."""


class ProcessExit(BaseException):
    """Unwinds a process that ends by an exit: its own `exit`, or one that it was told.

    It is a `BaseException`, so that ``except Exception`` lets it pass. `run` raises it if its first
    process ended with a reason other than ``"normal"``.

    Parameters
    ----------
    reason : object
        Why; any value that can be copied.
    """

    def __init__(self, reason: object = "normal") -> None:
        super().__init__(reason)
        self.reason = reason


class Crash(namedtuple("Crash", ["exception", "traceback"])):
    """The exit reason of a process that raised.

    Attributes
    ----------
    exception : BaseException
        What it raised, without its frames.
    traceback : str
        The traceback as Python prints it.
    """

    __slots__ = ()


class Undef(namedtuple("Undef", ["module", "function", "args"])):
    """The exit reason of a process whose MFA does not exist (Erlang's ``undef``).

    Attributes
    ----------
    module : object
        The module, class or dotted name that was given.
    function : str
        The name that it does not have, or that does not take so many arguments.
    args : list
        The arguments.
    """

    __slots__ = ()
