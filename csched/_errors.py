"""Exceptions, exit reasons and the runtime's own messages, which both halves of csched use."""

from __future__ import annotations

from collections import namedtuple

__all__ = [
    "Crash",
    "Down",
    "Exit",
    "MailboxFull",
    "NoProc",
    "NotRunning",
    "ProcessExit",
    "SystemLimit",
    "Undef",
]


class NotRunning(RuntimeError):
    """The call needs a running scheduler, or a process that makes it, and there is none."""


class SystemLimit(RuntimeError):
    """There are as many processes as `run(process_limit=...)` allows (``system_limit``)."""


class NoProc(LookupError):
    """The process that a link was asked for is dead (``noproc``)."""


class MailboxFull(RuntimeError):
    """The mailbox is full, and the sender cannot wait: it is no process, or the receiver itself."""


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


class Exit(namedtuple("Exit", ["pid", "reason"])):
    """What a process that traps exits gets for an exit signal (``{'EXIT', Pid, Reason}``).

    As a pattern it matches such messages: ``receive(Exit(child, ANY))``.

    Attributes
    ----------
    pid : Pid
        Who sent it: a linked process that has ended, or the caller of ``exit(pid, reason)``.
    reason : object
        Why.
    """

    __slots__ = ()


class Down(namedtuple("Down", ["ref", "type", "object", "reason"])):
    """What a monitor sends when its process ends (``{'DOWN', Ref, process, Object, Reason}``).

    As a pattern it matches such messages: ``receive(Down(ref, ANY, ANY, ANY))``.

    Attributes
    ----------
    ref : Ref
        What `monitor` returned.
    type : str
        ``"process"``.
    object : Pid or tuple
        Whom it watched: the pid, or ``(name, node())`` if it was asked for by name.
    reason : object
        Why it ended; ``"noproc"`` if it was dead or unknown when the monitor was made.
    """

    __slots__ = ()
