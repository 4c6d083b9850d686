"""The poller: the hub inside an event loop.

Purpose: processes and what the loop does share the thread. The loop calls `batch`, in which processes run, for 2 ms at
most; then whatever else is ready in the loop has its turn.

1. The loop has been asked for a batch (`is_armed`), or it sleeps because nothing is runnable: then a batch comes when a
   timer is due, or when the sleeper (`sleeper.h`), which the loop watches as a file, is woken. Whoever makes a process
   runnable wakes it, in whatever thread, and needs to know nothing of loops.
2. Callbacks of the loop, and its tasks, are no process: `Scheduler.current` is NULL between batches.
3. The hub is the greenlet that runs the loop. In a batch its contextvars context is the callback's: no process sees
   that, since each has its own.
4. Between batches automatic collection is on, if it was before: what the loop's own callbacks make is no process's.
5. A tick takes the thread from a process whether or not another waits: the loop may.

Rejected: to run the loop for one turn now and then (it costs more, and uvloop cannot); a foreign thread that calls
`call_soon_threadsafe` (it would run Python code in the middle of a signal).
"""

cimport cython
from libc.stdint cimport int64_t

from csched._scheduler cimport Scheduler


cdef enum:
    # Turns of the loop between two batches: in the first a timer, or a file, finishes a future, in the second that
    # calls back, and a process is runnable.
    TURNS = 2
    # Time that processes have before the loop has its turn: what a connection has to wait at most.
    BATCH_NS = 2_000_000


@cython.final
cdef class Poller:
    cdef Scheduler scheduler
    cdef object loop
    cdef object over            # Called without arguments when all processes have gone, or the runtime has failed.
    cdef object error           # What it has failed by.
    cdef object timer           # The loop's handle for the next batch; None if none is set.
    cdef int64_t timer_ns       # When that is due (CLOCK_MONOTONIC, ns).
    cdef bint is_armed
    cdef int turns              # That the loop still has before the next batch.
    cdef int allocated          # The interpreter's count of new objects, while processes run.

    cdef int open(self) except -1
    cdef int close(self) except -1
    cdef int arm(self) except -1
    cdef int set_timer(self, int64_t ns) except -1
    cdef int enter(self) except -1
    cdef int leave(self) except -1
    cdef int run_batch(self) except -1


# In the loop that it has been given.
cdef Poller new_poller(Scheduler scheduler, object over)
# Run the loop, which is the scheduler's own, until all processes have gone.
cdef int poll(Scheduler scheduler) except -1
