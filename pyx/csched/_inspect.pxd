"""Inspection: what can be read of a process from outside.

Purpose: the listing, and what `process_info` and debugging tools build on, without stopping or changing anything.

1. Everything here reads. What a process has is read first, all at once, and put into words afterwards: the
   names of functions and labels run Python code, in which processes can come and go, so nothing here
   keeps a process across it. A listing looks each up anew by its id.
2. The stack of a process is found where it is: of a fiber, in its greenlet; of a suspended coroutine,
   in the chain of what it awaits; of the process that asks, on the thread. No frame object is made for a
   coroutine: it would stay with it.
3. The runtime's own frames are never part of what is shown.
4. Sizes are in words of 8 bytes. The heap is the objects on the process's list, its coroutine and the messages in
   its queue among them, and the queue itself. What several processes may share (numbers, text, whatever cannot be
   changed) is nobody's. The stack is the sum of its Python frames.

Sources: erl_bif_info.c; c.erl (`c:i/0`).
"""

from libc.stdint cimport int64_t

from csched._process cimport process_t
from csched._scheduler cimport Scheduler


# (code, name of its module, `f_lasti`) of each frame of a process, innermost first, the runtime's own included.
cdef list stack_of(Scheduler scheduler, process_t* process)
# The same without the runtime's own. Runs Python code.
cdef list own_frames(list frames)
# What the frames of a stack take.
cdef int64_t stack_words(list frames) except -1
cdef int64_t heap_words(Scheduler scheduler, process_t* process) except -1
# Reductions used since birth, those of the slice that runs included.
cdef int64_t reductions_of(Scheduler scheduler, process_t* process) noexcept
