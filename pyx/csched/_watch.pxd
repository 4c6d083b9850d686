"""The system monitor: tells one process who runs for long, collects for long, is large, or has a long queue.

Purpose: `system_monitor`. Who looks for what makes a system slow need not look at all of its processes.

1. Nobody watches: the scheduler tests `watches_slices` twice a slice, `tell` tests `watches_queues` once a
   message, and that is all. What is watched is known from the settings in Watch, one for each run that ever had
   a monitor process.
2. `on_message` is called in the middle of a send, of a timer, of another thread's send: it runs no Python code,
   hence no collection either, and only looks at two numbers and queues a message. `on_slice_begin` runs none
   either: the stack that it is on is not the process's.
3. `on_slice_end` is called while the process, stopped already, still is `current`, in STATE_EXITING: Python code may
   run (functions have to be named, and what was spawned may be let go of), but nothing can switch away, and no process
   can go.
4. What is told once, and not again until it was over (a long queue, a large heap), is a flag of the process. A queue
   is found long by the message that makes it so, whether its process runs or not; short again at the end of one
   of its slices, since only it takes messages out. A heap is looked at where slices end.
5. The monitor process itself is never told of, or it would never come to rest. When it ends, so does the watch: at the
   end of its last slice.
6. Where a slice began is read when it begins, from the stack that is parked: the code of its innermost function
   that is not the runtime's. Names are made of it only if the slice was long.
7. A collection is charged to the process in whose slice it began. Those of other threads are nobody's.

Rejected: reports that a process of the runtime makes and sends (it would be in every listing, and late); looking
at all processes now and then (a pause).

Sources: erl_bif_trace.c (system_monitor), erl_trace.c (monitor_long_schedule_proc, monitor_generic).
"""

cimport cython
from libc.stdint cimport int64_t, uint64_t

from csched._ids cimport Pid
from csched._signal cimport Signals


@cython.final
cdef class Watch:
    cdef Pid pid                    # The monitor process; None: nothing is watched.
    cdef dict options               # As `system_monitor` returns them.
    cdef int64_t long_schedule_ns   # Of a slice. INT64_MAX, here and below: nobody asks.
    cdef int64_t long_gc_ns         # Of a collection.
    cdef int64_t large_heap         # In words.
    cdef uint64_t low               # Messages of a queue that is not long any more,
    cdef uint64_t high              # and of one that is.
    cdef bint is_flagged            # Some process may have FLAG_LONG_QUEUE or FLAG_LARGE_HEAP.
    cdef object callback            # What is in `gc.callbacks`; None if nothing is.
    cdef uint64_t collections       # Of processes, when heaps were looked at last.
    cdef int64_t collection_ns      # When the collection began that goes on; 0: none does, of a process.
    # The slice that runs, if `long_schedule_ns` is asked for:
    cdef int64_t began_ns           # When it began; 0: before the watch did.
    cdef tuple place                # Where: (code, name of its module); None: at the beginning of the process.
    cdef object function            # Of the process, as `process_t.function`,
    cdef int arity                  # and `process_t.arity`: it may have ended by the end of the slice.

    cdef int start(self, Signals signals, Pid pid, dict options) except -1
    cdef int stop(self, Signals signals) except -1


# The run ends: so does the watch.
cdef int end_watch(Signals signals) except -1
