"""The processes of Erlang and Elixir in CPython: preemptive, isolated, a million at once."""

from __future__ import annotations

try:
    import csched._ids  # noqa: F401
except ModuleNotFoundError:
    raise ImportError(
        "csched is not built here: run `pip install -e .` in its source tree, "
        "or import it from another folder"
    ) from None

from csched import aio
from csched._bif import exit, flush, receive, self, send, sleep, yield_
from csched._bif_process import is_alive, make_ref, pid, processes, spawn
from csched._copy import CopyError, register_immutable, share
from csched._errors import Crash, NotRunning, ProcessExit, SystemLimit, Undef
from csched._ids import Pid, Ref
from csched._inspect import statistics, system_info
from csched._listing import i
from csched._match import ANY
from csched._run import run

__all__ = [
    "ANY",
    "CopyError",
    "Crash",
    "NotRunning",
    "Pid",
    "ProcessExit",
    "Ref",
    "SystemLimit",
    "Undef",
    "aio",
    "exit",
    "flush",
    "i",
    "is_alive",
    "make_ref",
    "pid",
    "processes",
    "receive",
    "register_immutable",
    "run",
    "self",
    "send",
    "share",
    "sleep",
    "spawn",
    "statistics",
    "system_info",
    "yield_",
]
