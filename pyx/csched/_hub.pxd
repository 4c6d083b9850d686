"""The hub: what the scheduler does when there is no process to run.

Purpose: the greenlet that started the run starts runners, since nobody else may (`_fiber`), and sees to it that
the thread sleeps while nothing is runnable.

1. `serve` returns when the processes have all gone, or all wait, or an event loop is to have its turn.
2. `sleep` waits until a timer is due, a signal comes, or another thread has made a process runnable
   (`sleeper.h`).
3. Memory that very many processes have left goes back to the system when there is nothing to do, and at the end.
"""

from libc.stdint cimport int64_t

from csched._scheduler cimport Scheduler


cdef enum served_t:
    SERVED_FAILED = -1  # An exception is set.
    SERVED_GONE = 0     # There are no more processes.
    SERVED_IDLE = 1     # All wait.
    SERVED_BATCH = 2    # The event loop is to have its turn (`_poller`).


# Let processes run for as long as they can.
cdef served_t serve(Scheduler scheduler) except SERVED_FAILED
# See that there is nothing to do; the nanoseconds for which that holds, INT64_MAX: for ever. Negative: there is.
cdef int64_t rest(Scheduler scheduler) except? -1
# Nothing is runnable: wait until something may be.
cdef int sleep(Scheduler scheduler) except -1
# Most of very many processes have ended: what they had on the heap of the C library goes back to the system.
cdef void give_back_memory(Scheduler scheduler) noexcept
