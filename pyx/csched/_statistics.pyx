"""Statistics; their theory of operation is in `_statistics.pxd`."""

from libc.stdint cimport int64_t

from csched._bif cimport any_scheduler
from csched._inspect cimport reductions_of
from csched._scheduler cimport Scheduler
from csched._timer cimport monotonic_ns
from csched._types cimport WORD_SIZE

import gc
import os
import sys
import time


cdef object version():
    import importlib.metadata  # Here because it is slow to import and hardly ever needed.

    try:
        return importlib.metadata.version("csched")
    except importlib.metadata.PackageNotFoundError:
        return None


def system_info(item):
    """What the running system is.

    Parameters
    ----------
    item : str
        ``"process_count"`` (O(1)), ``"process_limit"``: ints. ``"preemption"``: ``"signals"`` if a process is
        interrupted wherever it is, ``"calls"`` if slices end at csched's own calls only, because `run` was
        told so or was called outside the main thread. ``"schedulers"``, ``"schedulers_online"``: 1.
        ``"dirty_schedulers"``: threads that `to_thread` has, as `run` was told.
        ``"logical_processors"``: of this machine; None if unknown. ``"wordsize"``: bytes in a word, the unit of sizes.
        ``"garbage_collection"``: what is collected at a time, the memory of a ``"process"``, or that of the whole
        ``"interpreter"``. ``"start_time"``: when the run began, on the clock of `time.monotonic`. ``"machine"``:
        the interpreter, ``"CPython 3.11.7"``. ``"version"``: csched's; None if it is
        not installed.

    Raises
    ------
    ValueError
        Unknown item.
    NotRunning
        No scheduler is running.

    Notes
    -----
    Source: ``erlang:system_info/1``.
    """
    cdef Scheduler scheduler = any_scheduler()
    if item == "process_count":
        return scheduler.table.processes_len
    if item == "process_limit":
        return scheduler.process_limit
    if item == "preemption":
        return "signals" if scheduler.preemption.by_signal else "calls"
    if item == "schedulers" or item == "schedulers_online":
        return 1
    if item == "dirty_schedulers":
        return scheduler.dirty_schedulers
    if item == "logical_processors":
        return os.cpu_count()
    if item == "wordsize":
        return WORD_SIZE
    if item == "garbage_collection":
        return "process" if scheduler.heaps.private else "interpreter"
    if item == "start_time":
        return scheduler.started_ns / 1e9
    if item == "machine":
        return "CPython " + sys.version.split()[0]
    if item == "version":
        return version()
    raise ValueError(f"system_info() knows no item {item!r}")


cdef tuple since_last(Scheduler scheduler, str item, object total):
    """(total, what of it is new since the last call)."""
    last = scheduler.told.get(item, 0)
    scheduler.told[item] = total
    return total, total - last


cdef int64_t reductions(Scheduler scheduler) noexcept:
    """Of all processes that have ever been, those of the slice that runs included."""
    cdef int64_t total = scheduler.reductions
    if scheduler.current != NULL:
        total += reductions_of(scheduler, scheduler.current) - scheduler.current.reductions
    return total


def statistics(item):
    """What the running system has done.

    Parameters
    ----------
    item : str
        ``"context_switches"``: the tuple (slices since the start, 0). ``"preemptions"``: slices that were
        ended by a tick. ``"run_queue"``, ``"total_run_queue_lengths"``: processes that are runnable now.
        ``"total_active_tasks"``: these and the one that runs. ``"reductions"``: the tuple (used by all processes so
        far, and since the last such call). ``"wall_clock"``: the same of the seconds that the run has lasted.
        ``"runtime"``: the same of the seconds of CPU time that the program has used. ``"garbage_collection"``:
        (collections of the interpreter, 0, 0), for it does not tell how much they have freed.

    Raises
    ------
    ValueError
        Unknown item.
    NotRunning
        No scheduler is running.

    Notes
    -----
    Cost: O(1). Source: ``erlang:statistics/1``, whose times are milliseconds.
    """
    cdef Scheduler scheduler = any_scheduler()
    if item == "context_switches":
        return scheduler.slices, 0
    if item == "preemptions":
        return scheduler.preemptions
    if item == "run_queue" or item == "total_run_queue_lengths":
        return scheduler.runq.runnable_len + scheduler.runq.blocked_len
    if item == "total_active_tasks":
        return scheduler.runq.runnable_len + scheduler.runq.blocked_len + (scheduler.current != NULL)
    if item == "reductions":
        return since_last(scheduler, item, reductions(scheduler))
    if item == "wall_clock":
        return since_last(scheduler, item, (monotonic_ns() - scheduler.started_ns) / 1e9)
    if item == "runtime":
        return since_last(scheduler, item, time.process_time())
    if item == "garbage_collection":
        return sum([generation["collections"] for generation in gc.get_stats()]), 0, 0
    raise ValueError(f"statistics() knows no item {item!r}")
