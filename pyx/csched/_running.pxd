"""The running loop, and the current task, as each process sees them.

Purpose: to asyncio, which knows one running loop to a thread, an `async def` process is a task of the scheduler's loop,
and a plain process is code without a loop around it, which may run one of its own (`asyncio.run`).

1. Nothing here does anything before asyncio is imported: SLICES_IN_LOOP is not up. Whoever imports it, `appear`
   is called (`csched._loop_import`).
2. The thread's running loop is changed when a slice begins, if the process that begins is to see another one than the
   last: so not at all among processes of one kind.
3. Whoever runs a loop sets the thread's hooks for asynchronous generators. So a plain process that stops inside a loop
   of its own is known by them; that loop, and the hooks, are put aside with its stack (FLAG_OWN_LOOP). The scheduler's
   loop has its hooks from its birth on, before it runs: a process may begin to iterate at once.
4. `asyncio.current_task` is made to give the process's task where there is none of the loop's own, as by a
   shortcut (`_cpython`): it has been imported by name everywhere. Up to 3.11 it is a Python function, which looks into
   a dict: that is replaced.
5. The loop does not exist before it is first used (`csched._loop.Unborn`); then `polls` is set.

Rejected: to enter a task into asyncio's table at the beginning of each slice (every process would need one, always).
"""

from cpython.object cimport PyObject

from csched._process cimport FLAG_AWAITS, FLAG_OWN_LOOP, has, process_t
from csched._signal cimport SLICES_IN_LOOP, Signals


# The run that goes on, once asyncio is there; else None.
cdef Signals serving

# asyncio is there; `services`: `csched._loop`; `loop`: that of this run; `current` points at the process that runs.
cdef int appear(Signals signals, process_t** current, object services, object loop) except -1
# The run is over; what the thread's running loop is stays as it is.
cdef int disappear(Signals signals) except -1
# Let the process that runs see the loop, or not. SLICES_IN_LOOP is up.
cdef void show_loop(Signals signals, bint is_seen) noexcept
# The process that runs sees another loop than the last one did, or has been in one of its own. SLICES_IN_LOOP is up.
cdef void follow_process(Signals signals, process_t* process) noexcept


cdef inline bint is_elsewhere(Signals signals, process_t* process) noexcept:
    """Whether `follow_process` has anything to do."""
    return has(process, FLAG_OWN_LOOP) or signals.loop_is_seen != (
        (process.coroutine != NULL) | has(process, FLAG_AWAITS))


# The process stops in the middle of its stack. SLICES_IN_LOOP is up.
cdef void leave_process(Signals signals, process_t* process) noexcept
# The thread's hooks for asynchronous generators are the scheduler's now, or nobody's.
cdef void note_hooks(Signals signals) noexcept
# Whether the process that runs is inside an event loop of its own.
cdef bint in_own_loop(Signals signals) noexcept
# The loop has been born, whose hooks these are: the hub is to run in it. In whatever thread.
cdef int start_polling(Signals signals, object hooks) except -1
