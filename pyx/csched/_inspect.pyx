"""Inspection; its theory of operation is in `_inspect.pxd`."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from csched._bif cimport any_scheduler
from csched._cpython cimport csched_thread_state
from csched._heap cimport heap_bytes
from csched._ids cimport Pid
from csched._mailbox cimport mailbox_t, message_t
from csched._process cimport Attributes, attributes_or_none, coroutine_of, messages_of, process_t
from csched._scheduler cimport Scheduler
from csched._types cimport CONTEXT_REDS, WORD_SIZE

import sys
import types

from csched._names import call_name, code_name, is_runtime, label_text


cdef extern from "interp.h":
    PyObject* csched_generator_globals(object generator) noexcept
    int csched_generator_lasti(object generator) noexcept

# How the attributes of each kind of generator begin.
PREFIXES = {types.GeneratorType: "gi", types.CoroutineType: "cr", types.AsyncGeneratorType: "ag"}


cdef enum:
    # Words that the interpreter adds to each frame, beside variables and value stack (`FRAME_SPECIALS_SIZE`).
    FRAME_WORDS = 10


# --- Stacks --------------------------------------------------------------------------------------


cdef str module_name(object names):
    """The name of the module that these globals are of."""
    name = names.get("__name__")
    return name if type(name) is str else "?"


cdef list thread_stack(object frame):
    """The frames of a process, innermost first, from the innermost of a thread or a greenlet."""
    cdef list frames = []
    while frame is not None:
        module = module_name(frame.f_globals)
        if module == "csched._run":
            break  # Whoever called `run` is no part of the process.
        frames.append((frame.f_code, module, frame.f_lasti))
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
        frames.append((
            getattr(awaitable, prefix + "_code"), module_name(<object>names), csched_generator_lasti(awaitable)))
        awaitable = getattr(awaitable, prefix + ("_yieldfrom" if prefix == "gi" else "_await"))
    frames.reverse()
    return frames


cdef list stack_of(Scheduler scheduler, process_t* process):
    if process == scheduler.current:
        # Another thread does not see the stack of this one.
        return thread_stack(sys._getframe()) if scheduler.thread == csched_thread_state() else []
    if process.fiber != NULL:
        return thread_stack((<object>process.fiber).gr_frame)
    if coroutine_of(process) != NULL:
        return await_stack(<object>process.coroutine)
    return []


cdef list own_frames(list frames):
    return [frame for frame in frames if not is_runtime(frame[1])]


cdef int64_t stack_words(list frames) except -1:
    cdef int64_t words = 0
    for code, _, _ in frames:
        words += FRAME_WORDS + code.co_stacksize + code.co_nlocals + len(code.co_cellvars) + len(code.co_freevars)
    return words


# --- Sizes ---------------------------------------------------------------------------------------


cdef int64_t ring_size(mailbox_t* mailbox) noexcept:
    """Bytes that a mailbox has taken for its ring."""
    return 0 if mailbox.ring == &mailbox.slot else <int64_t>(mailbox.mask + 1) * <int64_t>sizeof(message_t)


cdef int64_t heap_words(Scheduler scheduler, process_t* process) except -1:
    cdef Attributes attributes = attributes_or_none(process)
    cdef int64_t size = ring_size(&process.mailbox)
    cdef int64_t words = 0
    if attributes is not None and attributes.urgent != NULL:
        size += ring_size(attributes.urgent)
    if scheduler.heaps.private:
        size += heap_bytes(&process.heap)
    else:
        words += <int64_t>process.mailbox.words
        if attributes is not None and attributes.urgent != NULL:
            words += <int64_t>attributes.urgent.words
        if coroutine_of(process) != NULL:
            size += sys.getsizeof(<object>process.coroutine)
    return size // WORD_SIZE + words


cdef int64_t reductions_of(Scheduler scheduler, process_t* process) noexcept:
    cdef int64_t reductions = process.reductions
    if process == scheduler.current:
        reductions += CONTEXT_REDS - scheduler.reductions_left - scheduler.virtual_reductions
    return reductions


# --- The listing ---------------------------------------------------------------------------------


cdef tuple row(Scheduler scheduler, Pid pid):
    """What a listing shows of a process that lives."""
    cdef process_t* process = <process_t*>pid.process
    cdef Attributes attributes = attributes_or_none(process)
    cdef int64_t reductions = reductions_of(scheduler, process)
    cdef int64_t messages = <int64_t>messages_of(process)
    cdef int64_t heap = heap_words(scheduler, process)
    cdef int arity = process.arity
    cdef object function = <object>process.function
    cdef object name = attributes.name if attributes is not None else None
    cdef object label = attributes.label if attributes is not None else None
    cdef list frames = stack_of(scheduler, process)
    # The process may be gone from here on.
    frames = own_frames(frames)
    initial_call = call_name(function, arity)
    current_function = code_name(frames[0][0], frames[0][1]) if frames else initial_call
    if name is None:
        name = label_text(label)
    return pid, initial_call, name, current_function, heap, reductions, messages, stack_words(frames)


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
