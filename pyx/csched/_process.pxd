"""The process control block, and who owns each field of it.

Purpose: all that the runtime keeps for a process, in one C struct that no Python code can see. What
users hold is its Pid.

1. A process is in the table from the moment that its spawn succeeds until its teardown; `pid.process`
   points at the struct for exactly that time. Nobody else may keep the pointer across anything that
   can run Python, but the stack that runs the process itself.
2. `state` tells which queue holds the process and who may move it on (`_types`).
3. What resumes it, exactly one of: `fiber` (its C stack is parked: it waits in a plain call, or was
   preempted), else `coroutine`, else `function` and `args` (it has not run yet).
4. An idle process costs this struct, its Pid, an entry in the table and its coroutine, and nothing
   else: the mailbox starts inside the struct, a timer exists while one is set.

Rejected: a Python object (16 bytes of header, a reference count touched in every hand-over, a None
check for every field); a Python object that is pid and control block in one (a pid that someone keeps
would keep 200 bytes).

Sources: erl_process.h (struct process), elixir `Process`.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

from csched._mailbox cimport mailbox_t
from csched._timer cimport timer_t


cdef enum:
    # process_t.flags
    # It waits for messages: one that arrives makes it runnable. Else only its timer does.
    FLAG_WAITS_FOR_MESSAGE = 1
    # Its timer has fired since it began to wait. Set by `_scheduler` and by `aio.sleep(0)`, cleared
    # when a wait begins or ends.
    FLAG_TIMED_OUT = 2
    # It was told to exit: `exit` is raised at its next point of suspension, every time.
    FLAG_DOOMED = 4
    # The first process of the run: `run` returns or raises what this one did.
    FLAG_MAIN = 8
    # It has suspended by `aio.yield_`, whose awaitable, one for all, cannot know it.
    FLAG_YIELDED = 16
    # It is new, or yielded, since it last waited: nobody knows for how long it will run. `_runq`.
    FLAG_FRESH = 32


cdef struct process_t:
    process_t* next         # In a queue of `_runq`, which alone changes it.
    PyObject* pid           # Pid, owned. Set at birth.
    PyObject* function      # What was spawned, owned until the end: a callable, or the tuple (module, name) of an MFA.
    PyObject* args          # Its arguments, a tuple; owned; NULL once it runs.
    PyObject* coroutine     # Owned; NULL for a plain process and before the first slice.
    PyObject* fiber         # The greenlet whose stack it is, while that is parked; owned. `_scheduler` changes it.
    PyObject* context       # contextvars.Context, owned; NULL as long as it is empty. Of a fiber, greenlet keeps it.
    PyObject* exit          # The ProcessExit that is raised in it, owned; not NULL if and only if FLAG_DOOMED.
    timer_t* timer          # What wakes it from a wait with a timeout; NULL if none is set.
    mailbox_t mailbox       # Anyone appends, only the process itself removes.
    uint64_t scanned        # Position in the mailbox up to which a waiting receive has looked. The process.
    int64_t reductions      # Used since birth, without the virtual ones. Changed when a slice ends.
    int64_t key             # What its queue is sorted by: number of arrival, or the moment it is due. `_runq`.
    int64_t raised_ns       # When ProcessExit was raised in it last.
    uint8_t state           # STATE_...
    uint8_t priority        # PRIORITY_...
    uint8_t flags           # FLAG_...
    uint8_t backoff         # How often in a row it was found blocked in a system call: it is asked ever more rarely.
    uint8_t unwindings      # How often ProcessExit was raised in it.
    uint16_t arity          # Number of arguments that it was spawned with, for the listing.
    uint16_t grace          # Slices that it has run for since `raised_ns`.
    uint16_t held           # RLocks that it holds, while it does not run (`guards.h`).


cdef process_t* process_new() except NULL
cdef void process_free(process_t* process) noexcept


cdef inline bint has(process_t* process, int flag) noexcept:
    return process.flags & flag != 0


cdef inline void raise_flag(process_t* process, int flag) noexcept:
    process.flags |= <uint8_t>flag


cdef inline void lower_flag(process_t* process, int flag) noexcept:
    process.flags &= <uint8_t>~flag
