"""Ticks: what the handlers of SIGURG and SIGINT do to the process that runs.

1. CPython calls them between two bytecodes, in the stack of the process that runs, or in the hub's.
2. A tick ends the slice, if this is a place where a process may be switched away from (`_preempt`).
3. A process that was told to exit and runs on is made to: at the first tick, and then, since it may be in a `finally`
   block, whenever its grace is over.
4. Ctrl-C tells everybody to exit; `run` raises KeyboardInterrupt when they have. It is raised at once in the process
   that runs; but in code that relies on not being left half-way, as asyncio's, when it is out of that, if it is soon.
"""

cimport cython

from csched._process cimport process_t
from csched._scheduler cimport Scheduler


cdef enum:
    # What an unwinding process has before its exit is raised once more: slices of running,
    GRACE_SLICES = 1000
    # or nanoseconds if it blocks in a system call.
    GRACE_NS = 1_000_000_000
    # How often that happens before its stack is given up.
    GRACES = 2
    # Ticks for which Ctrl-C spares a process that is in such code (4).
    SPARED_TICKS = 100


@cython.final
cdef class Handlers:
    cdef Scheduler scheduler
    cdef int spared_ticks       # That are left since Ctrl-C came in such code; 0: it did not.
    cdef int interrupt(self, process_t* process) except -1


cdef Handlers new_handlers(Scheduler scheduler)
# A process that was told to exit has run for a slice: raise that in it, unless it is about to go.
cdef int hurry(Scheduler scheduler, process_t* process, bint blocked) except -1
