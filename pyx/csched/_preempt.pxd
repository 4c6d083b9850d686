"""Preemption: the ticker's signals, and where a process must not be switched away from.

Purpose: to say when a slice is over though the process makes no call, and whether this is a place at
which it may be interrupted.

1. The ticker (`ticker.h`), a timer of the kernel, trips Python's handler of SIGURG, which CPython calls between two
   bytecodes, or after EINTR, in the stack of the process that runs. The handler asks the scheduler to preempt.
   CPython retries an interrupted call afterwards (PEP 475): blocked system calls are preempted too.
2. SA_RESTART is off, or `lock.acquire` would never be interrupted.
3. A process is not switched away from while:
   a. it holds an RLock (`guards.h`): the next process would enter it, since all are one thread;
   b. a collection runs, with its finalizers and with everybody's `gc.callbacks`, or a copying hook (`_copy`);
   c. a trace or profile function runs: greenlet gets stuck;
   d. a frame on its stack belongs to `importlib._bootstrap*` (module locks belong to the thread), or to
      a package whose code assumes that nothing happens between two awaits: asyncio, and those in
      `atomic`; or is that of a function which holds a lock that such code takes (`codes`), and would
      wait for without end.
   The preemption is then owed: the next tick, or the release of the last lock, asks again.
4. A file keeps other processes out while one is in it (`buffered.h`). So a tick in which the process
   could have run spares it once, to let it leave.
5. Outside the main thread, where Python handles no signals, slices end at runtime calls only; the
   ticker still counts, as the scheduler's coarse clock.

Ownership: one Preemption for each run; it changes process-wide things (the handlers of SIGURG and
SIGINT, the methods of RLock and of files, gc.callbacks) and puts each back at the end, in reverse order.

Sources: Go's runtime/preempt.go and signal_unix.go (why SIGURG); PEP 475.
"""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from csched._cpython cimport PyThreadState
from csched._heap cimport Heaps


cdef extern from "ticker.h":
    ctypedef struct csched_ticker_t:
        uint64_t slice
        uint64_t tripped
        uint64_t ticks
        int64_t over_ns
        int blocked
        int64_t next_deadline_ns
        int insist
        int polls
        int busy
        int lost

cdef extern from "busy.h":
    # What the scheduler does for a file that is busy.
    ctypedef struct csched_busy_scheduler_t:
        void** current
        int (*wait)() except -1
        void (*wake)(void* process) noexcept
        void (*released)() noexcept     # Filled in by `Preemption.start`.

# The text file that the process which calls prints to by something that is none, borrowed; NULL: no such.
ctypedef PyObject* (*real_file_t)(PyObject* file) noexcept

# `print` keeps that file busy (`csched_buffered_follow`).
cdef void follow_file(real_file_t real) noexcept
# Take a callback out of `gc.callbacks`, without asking the others there whether they are equal.
cdef int remove_callback(object callback) except -1
# Whether the process that runs is inside this file: nobody else may have to wait for it.
cdef bint inside_file(PyObject* file) noexcept


@cython.final
cdef class Preemption:
    cdef csched_ticker_t* ticker    # NULL before `start` and after `stop`.
    cdef readonly bint by_signal    # Slices end at any bytecode; else at runtime calls only.
    cdef PyThreadState* thread      # The scheduler's.
    cdef bint collecting            # 3b, in that thread.
    cdef object first               # What is in `gc.callbacks`, at its beginning
    cdef object last                # and at its end.
    cdef Heaps heaps                # To whom a collection is told; set before `start`.
    cdef dict roots                 # 3d: names of packages -> True; also caches the names looked up.
    cdef tuple codes                # 3d: the code of such functions.
    cdef void* base                 # The frame below all processes: whoever called `run`.
    cdef object old_tick            # The handlers of before.
    cdef object old_interrupt
    cdef bint guarded               # RLock and files are wrapped.
    cdef int* held                  # 3a: count for the process that runs; the scheduler keeps it for the others.
    cdef int unguarded_held         # What `held` points at where nothing is wrapped.
    cdef uint64_t spared            # 4: the last slice that was.
    cdef int start(self, int64_t slice_ns, bint by_signal, object atomic, uint32_t* runnable_len,
                   uint32_t* blocked_len, csched_busy_scheduler_t files, object on_tick, object on_interrupt) except -1
    cdef int stop(self) except -1
    cdef bint may_switch(self) noexcept
    cdef bint in_atomic_code(self) noexcept
    cdef bint spares(self) noexcept
    cdef bint waits_for_file(self, void* process) noexcept
    cdef void forget(self, void* process) noexcept
    cdef void busy(self) noexcept
    cdef void probe(self, uint64_t slice) noexcept
    cdef void follow(self, uint64_t slice, int32_t over_us) noexcept

    cdef inline bint is_collecting(self) noexcept:
        """See 3b."""
        return self.collecting or self.heaps.collecting or self.heaps.showing
