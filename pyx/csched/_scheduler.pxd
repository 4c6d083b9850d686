"""The scheduler: who runs, for how long, and what becomes of it afterwards.

Purpose: one loop that picks a process, resumes it, charges what it used and puts it where it belongs.

1. The loop runs in **runners** (`_fiber`). A coroutine is resumed, and a plain function called, on the
   runner's stack. One that returns, or suspends as a coroutine, has cost a function call.
2. A process that must stop in the middle of its stack (a plain process waits; any process is
   preempted) keeps the runner: it becomes the process's fiber (`park`), and somebody else goes on with
   the loop: the fiber of the next process, if it has one, else a pooled runner, else a new one, which
   only the hub starts.
3. `current` is the process that runs, NULL while the runtime itself does. Between `begin` and `end` of
   a slice all Python code belongs to that process; there is none outside, but in the hub.
4. What a process asks for when it suspends (ASK_...) is carried out after it has stopped, by `settle`:
   no process is in a queue while it still runs. So a message that comes in between is not lost: the
   mailbox has grown beyond `scanned` by then.
5. A slice ends after CONTEXT_REDS reductions at a call of the runtime, or at a tick (`_preempt`).
   Reductions are charged as SEMANTICS section 7 says; time in Python counts in whole ticks. The
   ticks are also the clock that decides when timers are looked at: no clock is read in the loop.
6. A process that is told to exit has FLAG_DOOMED, and ProcessExit is raised where it is suspended,
   in its own context, and again in every call that would suspend it. One that has swallowed it
   UNWINDINGS times, or runs on for some seconds, is abandoned: out of the table, its stack never
   resumed, and leaked.
7. The hub (`_hub`) runs only when there is nothing else to do: to start a runner, to sleep, to stop.

The way of a slice: pick -> begin -> (the process) -> end -> settle, or finish -> reap -> bury.

All state of a run is in one Scheduler; at module level there is only the pointer to the current one.

Sources: erl_process.c (erts_schedule, erts_do_exit_process).
"""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from csched._cpython cimport PySendResult
from csched._ids cimport Pid
from csched._preempt cimport Preemption, csched_ticker_t
from csched._process cimport FLAG_TIMED_OUT, lower_flag, process_t
from csched._signal cimport Signals
from csched._timer cimport timer_free, timer_new, wheel_set
from csched._types cimport RUNNER_POOL


cdef enum:
    # Times that a process may swallow its exit before its stack is given up.
    UNWINDINGS = 100


cdef enum:
    # Signals of a dying process that are sent between two looks at the ticks.
    TEARDOWN_STEPS = 8
    # A collection is charged one reduction for so many objects that survive it: 50 us for 2,000.
    OBJECTS_PER_REDUCTION = 10


@cython.final
cdef class Scheduler(Signals):
    # The hot part: touched in every slice.
    cdef process_t* current             # See 3.
    cdef int reductions_left            # Of the slice; below 1: the next runtime call ends it.
    cdef int virtual_reductions         # Used in this slice and not to be shown.
    cdef uint64_t scanned               # Position in the mailbox of `current` up to which its receive has looked.
    cdef int asked                      # ASK_...: what the awaitable that suspends `current` wants.
    cdef bint ticked                    # The slice before was ended by a tick: the next begins at one.
    cdef bint stopping                  # All processes have been told to exit; new ones are at birth.
    cdef bint batch_over                # The event loop is to have its turn: nobody is picked (`_poller`).
    cdef bint loop_is_closing           # All have gone; what is left in the event loop is cancelled.
    cdef bint closed                    # The last process has ended: nothing can be asked any more.
    cdef bint interrupted               # By SIGINT: `run` raises KeyboardInterrupt.
    cdef uint64_t slices                # Number of the slice that runs, or ran last.
    cdef uint64_t slice_ticks           # Ticks when it began.
    cdef uint64_t look_ticks            # Ticks when timers were last looked at.
    cdef csched_ticker_t* ticker
    cdef int* held                      # Preemption.held
    # Stacks. A runner keeps itself alive for as long as its loop goes on.
    cdef process_t* handed              # Picked for the runner, or the hub, that is switched to.
    cdef PyObject* hub                  # Owned.
    cdef PyObject* pool[RUNNER_POOL]    # Runners parked at the head of their loop; borrowed.
    cdef int pool_len
    cdef object body                    # `loop`, bound: one for all runners.
    cdef PyObject* lender               # The Snapshot whose Context the process that runs has; owned (`_context`).
    cdef PyObject* snapshot             # The last one that was taken and lives, borrowed; NULL if there is none.
    cdef object stop                    # The StopIteration by which awaitables hand over (`_aio`).
    # The rest.
    cdef Preemption preemption
    cdef uint64_t process_limit
    cdef int64_t slice_ns
    cdef int dirty_schedulers           # Threads of `to_thread`, at most;
    cdef object threads                 # their pool; None before it is needed.
    cdef object result                  # What the first process returned,
    cdef object error                   # or raised.
    cdef object failure                 # What a signal handler of the user's raised while nobody ran.
    cdef uint64_t preemptions           # Slices ended by a tick.
    cdef int64_t reductions             # Used by all processes, but for the slice that runs; without the virtual ones.
    cdef int64_t started_ns             # When it was made.
    cdef dict told                      # Item of `statistics` -> the total that was told last.

    cdef process_t* spawn(self, object function, object args, int flags, int priority) except NULL
    cdef bint may_wait(self) noexcept
    cdef int park(self, int ask) except -1
    cdef int obey(self, process_t* process, int ask) except -1
    cdef object interruption(self, process_t* process)
    cdef int give_way(self, process_t* process, int ask) except -1
    cdef object exit_exception(self, process_t* process)
    cdef process_t* pick(self) noexcept
    cdef void look(self) noexcept
    cdef int enter(self, process_t* process) except -1
    cdef int leave(self, process_t* next) except -1
    cdef void collect(self, process_t* process) noexcept
    cdef int execute(self, process_t* process) except -1
    cdef int finish(self, process_t* process, PySendResult status, PyObject* result) except -1
    cdef int reap(self, process_t* process) except -1
    cdef int bury(self, process_t* process) except -1
    cdef int abandon(self, process_t* process) except -1
    cdef int shut_down(self) except -1
    cdef int fail(self, object error) except -1

    cdef inline int set_timer(self, process_t* process, int64_t deadline_ns) except -1:
        """Wake the process at that moment, instead of at any that was set before."""
        if process.timer == NULL:
            process.timer = timer_new(self.wheel)
            process.timer.owner = process
        lower_flag(process, FLAG_TIMED_OUT)
        wheel_set(self.wheel, process.timer, deadline_ns)
        self.ticker.next_deadline_ns = min(self.ticker.next_deadline_ns, deadline_ns)
        return 0

    cdef inline void clear_timer(self, process_t* process) noexcept:
        """The wait is over: forget its timer, and that it may have fired."""
        lower_flag(process, FLAG_TIMED_OUT)
        if process.timer != NULL:
            timer_free(self.wheel, process.timer)
            process.timer = NULL


# The one whose `run` goes on, or None.
cdef Scheduler current

# What an awaitable of csched yields, so that the loop knows it is no other's. Borrowed by everyone.
cdef object SUSPEND


cdef inline void charge(Scheduler scheduler, int reductions) noexcept:
    scheduler.reductions_left -= reductions
