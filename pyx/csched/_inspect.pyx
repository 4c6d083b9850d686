from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from csched._bif cimport any_scheduler
from csched._cpython cimport csched_thread_state
from csched._ids cimport Pid
from csched._mailbox cimport message_t
from csched._process cimport process_t
from csched._scheduler cimport Scheduler
from csched._types cimport CONTEXT_REDS, WORD_SIZE

import sys
import types

from csched._names import call_name, code_name, is_runtime


cdef extern from "interp.h":
    PyObject* csched_generator_globals(object generator) noexcept

# How the attributes of each kind of generator begin.
PREFIXES = {types.GeneratorType: "gi", types.CoroutineType: "cr", types.AsyncGeneratorType: "ag"}


cdef enum:
    # Words that the interpreter adds to each frame, beside variables and value stack (`FRAME_SPECIALS_SIZE`).
    FRAME_WORDS = 10


cdef list thread_stack(object frame):
    """The frames of a process, innermost first, from the innermost of a thread or a greenlet."""
    cdef list frames = []
    while frame is not None:
        module = frame.f_globals.get("__name__", "?")
        if module == "csched._run":
            break  # Whoever called `run` is no part of the process.
        if not is_runtime(module):
            frames.append((frame.f_code, module))
        frame = frame.f_back
    return frames


cdef list await_stack(object awaitable):
    """The frames of a suspended coroutine, innermost first: the chain of what it awaits."""
    cdef list frames = []
    cdef PyObject* names
    while awaitable is not None:
        names = csched_generator_globals(awaitable)
        if names == NULL:
            break
        prefix = PREFIXES[type(awaitable)]
        frames.append((getattr(awaitable, prefix + "_code"), (<object>names).get("__name__", "?")))
        awaitable = getattr(awaitable, prefix + ("_yieldfrom" if prefix == "gi" else "_await"))
    frames.reverse()
    return frames


cdef list stack_of(Scheduler scheduler, process_t* process):
    """(code, name of its module) of each frame of a process, innermost first."""
    if process == scheduler.current:
        # Another thread does not see the stack of this one.
        return thread_stack(sys._getframe()) if scheduler.thread == csched_thread_state() else []
    if process.fiber != NULL:
        return thread_stack((<object>process.fiber).gr_frame)
    if process.coroutine != NULL:
        return await_stack(<object>process.coroutine)
    return []


cdef int64_t heap_words(process_t* process) except -1:
    cdef int64_t size = sizeof(process_t)
    if process.coroutine != NULL:
        size += sys.getsizeof(<object>process.coroutine)
    if process.mailbox.ring != &process.mailbox.slot:
        size += <int64_t>(process.mailbox.mask + 1) * sizeof(message_t)
    return size // WORD_SIZE + <int64_t>process.mailbox.words


cdef tuple row(Scheduler scheduler, Pid pid):
    """What a listing shows of a process that lives."""
    cdef process_t* process = <process_t*>pid.process
    cdef int64_t reductions = process.reductions
    cdef int64_t heap = heap_words(process)
    cdef int64_t messages = process.mailbox.messages_len
    cdef int64_t stack_words = 0
    cdef list frames
    if process == scheduler.current:
        reductions += CONTEXT_REDS - scheduler.reductions_left - scheduler.virtual_reductions
    initial = (<object>process.function, process.arity)
    frames = stack_of(scheduler, process)
    initial_call = call_name(*initial)
    current_function = initial_call
    if frames:
        current_function = code_name(*frames[0])
    for code, _ in frames:
        stack_words += FRAME_WORDS + code.co_stacksize + code.co_nlocals + len(code.co_cellvars) + len(code.co_freevars)
    return pid, initial_call, "", current_function, heap, reductions, messages, stack_words


def next_rows(int64_t after, int count):
    """Rows of up to `count` processes whose id is above `after`, in order of creation, each with its id."""
    cdef Scheduler scheduler = any_scheduler()
    cdef list rows = []
    cdef Pid pid
    while len(rows) < count:
        pid = scheduler.table.at_or_after(<unsigned long long>(after + 1))
        if pid is None:
            break
        after = <int64_t>pid.id
        rows.append((after, row(scheduler, pid)))
    return rows


def system_info(item):
    """What the running system is.

    Parameters
    ----------
    item : str
        ``"process_count"`` (O(1)), ``"process_limit"``: ints. ``"preemption"``: ``"signals"`` if a process is
        interrupted wherever it is, ``"calls"`` if slices end at csched's own calls only, because `run` was
        told so or was called outside the main thread.

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
    raise ValueError(f"system_info() knows no item {item!r}")


def statistics(item):
    """What the running system has done.

    Parameters
    ----------
    item : str
        ``"context_switches"``: the tuple (slices since the start, 0). ``"preemptions"``: slices that were
        ended by a tick. ``"run_queue"``: processes that are runnable now.

    Raises
    ------
    ValueError
        Unknown item.
    NotRunning
        No scheduler is running.

    Notes
    -----
    Source: ``erlang:statistics/1``.
    """
    cdef Scheduler scheduler = any_scheduler()
    if item == "context_switches":
        return scheduler.slices, 0
    if item == "preemptions":
        return scheduler.preemptions
    if item == "run_queue":
        return scheduler.runq.runnable_len + scheduler.runq.blocked_len
    raise ValueError(f"statistics() knows no item {item!r}")
