"""The processes of Erlang and Elixir in CPython: preemptive, isolated, a million at once."""

from __future__ import annotations

try:
    import csched._ids  # noqa: F401
except ModuleNotFoundError:
    raise ImportError(
        "csched is not built here: run `pip install -e .` in its source tree, "
        "or import it from another folder"
    ) from None

from csched import _shortcut, aio  # noqa: F401
from csched._backtrace import bt
from csched._bif import flush, receive, self, send, sleep, yield_
from csched._bif_flag import (
    erase,
    get,
    get_keys,
    get_label,
    process_flag,
    put,
    resume,
    set_label,
    suspend,
)
from csched._bif_leader import group_leader
from csched._bif_link import alias, demonitor, exit, link, monitor, node, unalias, unlink
from csched._bif_memory import garbage_collect, hibernate
from csched._bif_name import register, registered, unregister, whereis
from csched._bif_process import is_alive, make_ref, pid, processes
from csched._bif_spawn import spawn, spawn_link, spawn_monitor, spawn_opt
from csched._bif_thread import to_thread
from csched._bif_timer import cancel_timer, read_timer, send_after, start_timer
from csched._bif_wait import wait
from csched._copy import CopyError, register_immutable, share
from csched._errors import (
    Crash,
    Down,
    Exit,
    MailboxFull,
    NoProc,
    NotRunning,
    ProcessExit,
    SystemLimit,
    Undef,
)
from csched._ids import Pid, Ref
from csched._info import process_info
from csched._listing import i
from csched._match import ANY
from csched._registry_listing import regs
from csched._run import run
from csched._statistics import statistics, system_info
from csched._watch import system_monitor

__all__ = [
    "ANY",
    "CopyError",
    "Crash",
    "Down",
    "Exit",
    "MailboxFull",
    "NoProc",
    "NotRunning",
    "Pid",
    "ProcessExit",
    "Ref",
    "SystemLimit",
    "Undef",
    "aio",
    "alias",
    "bt",
    "cancel_timer",
    "demonitor",
    "erase",
    "exit",
    "flush",
    "garbage_collect",
    "get",
    "get_keys",
    "get_label",
    "group_leader",
    "hibernate",
    "i",
    "is_alive",
    "link",
    "make_ref",
    "monitor",
    "node",
    "pid",
    "process_flag",
    "process_info",
    "processes",
    "put",
    "read_timer",
    "receive",
    "register",
    "register_immutable",
    "registered",
    "regs",
    "resume",
    "run",
    "self",
    "send",
    "send_after",
    "set_label",
    "share",
    "sleep",
    "spawn",
    "spawn_link",
    "spawn_monitor",
    "spawn_opt",
    "start_timer",
    "statistics",
    "suspend",
    "system_info",
    "system_monitor",
    "to_thread",
    "unalias",
    "unlink",
    "unregister",
    "wait",
    "whereis",
    "yield_",
]
