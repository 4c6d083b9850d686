"""The system: a scheduler from its first process to its last.

Purpose: to make what a run needs, in an order in which each failure can be undone, and to put the
interpreter back as it was, whatever happened.

1. There is at most one run at a time in a program; `_scheduler.current` points at its scheduler from
   before the first process is spawned until after the last has ended.
2. What is changed in the interpreter is changed by `Preemption.start` and undone by its `stop`.
3. If a loop itself fails (out of memory), the processes that are left are leaked, never resumed: their
   pids are those of dead processes from then on.
"""

cimport cython

from csched._poller cimport Poller
from csched._scheduler cimport Scheduler


@cython.final
cdef class Event:
    # What is called when asyncio has been imported, and when the event loop has been born.
    cdef Scheduler scheduler
    cdef bint is_birth


@cython.final
cdef class Guest:
    cdef Scheduler scheduler
    cdef Poller poller
