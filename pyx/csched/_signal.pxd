"""Signals: what processes tell each other, and what each does to the one that it reaches.

Purpose: messages, exit signals, links, monitors and aliases, by the rules of SEMANTICS 3 and 4.

The order guarantee. Signals from P to Q arrive in the order in which P sent them, all kinds together, because
**a signal has its whole effect before the call that sends it returns**, and P makes one call after the other:

1. There is one scheduler, and only the thread that holds the GIL is here. Whatever may run Python code
   (copying a message, a reason) comes first; from then on until the effect is complete no Python code
   runs, so nothing can come in between.
2. The effect on Q is one of: a message at the end of its mailbox (a message, Exit, Down, a timer's); FLAG_DOOMED,
   which no later signal takes back (an exit signal that is deadly); a change of `relations` (link, unlink,
   monitor, demonitor, alias). There is no queue but the mailbox, so there is nothing that one kind could
   overtake another in. For each pair of kinds: two messages keep their order in the mailbox; of a message and
   an exit signal, the message is in the mailbox when the exit is accepted, or is swallowed afterwards; of
   unlink (or demonitor) and the end of P, the half of the link is gone when P's teardown looks, or Q has been
   told before; a request for information reads what all earlier signals did.
3. Two ways round are meant: a message to a priority alias goes before ordinary ones; and a message for a full
   mailbox arrives late, but its sender waits meanwhile and can send nothing else (`_limit`).
4. The signals of P's own end are sent by its teardown (`_teardown`), hence after all that it sent before. So Down and
   Exit never overtake its messages.
5. The first deadly signal wins: `exit` is set once. What is done to a process that is doomed or exiting is done
   to a dead one, but for monitors, which fire when its teardown does, so that its name is free by then.

Reentrancy: a process_t* is good until the next Python code; hence each function here that takes one and may
run Python code says so.

Rejected: OTP's signal queue for each process, from which the receiver handles signals when it runs. Schedulers that
run at the same time need it; here it would cost an allocation for each signal, and make `is_alive` wait. When
there are several schedulers, 1 falls, and signals between them get a queue, one for each pair.

Sources: erl_proc_sig_queue.h; Erlang reference manual, "Processes"; SEMANTICS 1, 3, 4.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from csched._copy_capi cimport Py_TYPE
from csched._copy_kinds cimport is_atom, is_flat
from csched._cpython cimport PyThreadState
from csched._heap cimport Heaps, csched_gc_t, heap_t
from csched._ids cimport Pid, ProcessTable, Ref
from csched._process cimport FLAG_WAITS_FOR_MESSAGE, has, lower_flag, process_t
from csched._relation cimport monitor_t
from csched._runq cimport runq_push_fresh, runq_push_woken, runq_t
from csched._timer cimport wheel_t
from csched._types cimport STATE_WAITING


cdef extern from "sleeper.h":
    ctypedef struct csched_sleeper_t:
        int write_fd


cdef enum exit_kind_t:
    # Where an exit signal comes from.
    EXIT_BY_LINK = 0
    EXIT_BY_CALL = 1    # exit(pid, reason) of somebody else,
    EXIT_BY_SELF = 2    # and of the process itself.


cdef enum:
    # Signals.watches_slices
    SLICES_TIMED = 1    # `_watch`.
    SLICES_IN_LOOP = 2  # `_running`: asyncio is there; an `async def` process sees the event loop, a plain one not.


cdef class Signals:
    # What it takes for a signal to arrive; the base of Scheduler, which has the rest.
    cdef runq_t runq
    cdef wheel_t* wheel
    cdef csched_gc_t gc                 # Of `heaps`.
    cdef PyThreadState* thread          # The one that called `run`.
    cdef bint sleeping                  # The hub waits in `sleeper`; whoever makes a process runnable wakes it.
    cdef int watches_slices             # SLICES_...: who wants to know when a slice begins and ends;
    cdef bint watches_queues            # `_watch`, also when a message has come into a mailbox.
    cdef bint leads_output              # Group leaders print: `sys.stdout` was replaced (`_bif_leader`).
    cdef ProcessTable table
    cdef dict names                     # Registered name -> Pid.
    cdef Pid first                      # The first process: default group leader, and sender of what no process sends.
    cdef object services                # `csched._services`: the parts of the runtime written in Python.
    cdef Heaps heaps
    cdef heap_t nursery                 # What is copied for a process that is not made yet, or never was.
    cdef csched_sleeper_t sleeper
    # The event loop.
    cdef bint polls                     # There is one, in which the hub runs (`_poller`),
    cdef object event_loop              # this; it may be one that is not born yet (`csched._loop`). None: no asyncio.
    cdef object request_batch           # Called by a future that makes a process runnable in the loop's callbacks.
    cdef object loop_services           # `csched._loop`: the parts of the runtime that know asyncio.
    cdef bint loop_is_seen              # It is the thread's running loop now.
    cdef int64_t batch_end_ns           # When the loop is to have its turn (CLOCK_MONOTONIC, ns).
    cdef int64_t work                   # Reductions used since timers, and that, were last looked at.
    cdef object watch                   # `_watch.Watch`; None if there was no system monitor in this run.
    # What `_watch` has handed in: see `watches_queues`, `watches_slices`. Only `on_slice_end` may run Python code.
    cdef void (*on_message)(Signals signals, process_t* process) noexcept
    cdef void (*on_slice_begin)(Signals signals, process_t* process) noexcept
    cdef void (*on_slice_end)(Signals signals, process_t* process) noexcept


cdef void wake_hub(Signals signals) noexcept

# `copy_to` for what is not told at once to be shared.
cdef object copy_onto(Signals signals, process_t* receiver, object message, size_t* words)

# Queue a message of the runtime's own making, whose reference is taken over, whatever the limit of the mailbox.
cdef int deliver_signal(Signals signals, process_t* process, object message, size_t words) except -1
# Put a message, whose reference is taken over, after the priority messages. The process is not told yet.
cdef int push_urgent(process_t* process, PyObject* message, size_t words) except -1

# Tell a process to exit. The first time counts. `reason` is its own already.
cdef void doom(Signals signals, process_t* process, object reason) noexcept
# The same, all of them.
cdef int doom_all(Signals signals, object reason) except -1
# An exit signal from `sender`; `reason` is the receiver's own already. May run Python code.
cdef int exit_signal(
    Signals signals, Pid sender, process_t* process, object reason, size_t words, exit_kind_t kind) except -1
# `copy_to` for a reason; of one that cannot be copied, its text.
cdef object copy_reason(Signals signals, process_t* receiver, object reason, size_t* words)

# Both ends, or none on an exception. 0: they were linked already.
cdef bint link_processes(process_t* one, process_t* other) except -1
# The other one by its id: it may be in the midst of its teardown. 0: they were not linked.
cdef bint unlink_processes(process_t* one, uint64_t other_id) noexcept
cdef bint is_linked(process_t* one, uint64_t other_id) noexcept

# Watch a process. `monitor` is new and in no ring.
cdef int attach_monitor(process_t* owner, process_t* target, monitor_t* monitor) except -1
# Stop watching; the record goes, unless an alias is left.
cdef void detach_monitor(monitor_t* monitor) noexcept
# An alias is used up, or given up; the record goes, unless it is a monitor too.
cdef void end_alias(monitor_t* monitor) noexcept
# Who gets what is sent to a reference; NULL if it is no active alias.
cdef process_t* alias_owner(Ref ref) noexcept
# A message was sent to `dest`: if it is an alias for one reply, it is used up. May run Python code.
cdef void use_up(PyObject* dest) noexcept
# Tell the owner of a monitor that its target is down; the monitor is over. May run Python code. The words copied.
cdef int fire(Signals signals, monitor_t* monitor, Pid pid, object reason) except -1
# The message of a monitor, from its Ref and details.
cdef object down_message(Signals signals, process_t* receiver, Ref ref, object details, Pid pid, object reason)

# One who has suspended it lets go of so many of its times.
cdef void release(Signals signals, process_t* process, uint32_t times) noexcept


cdef inline object copy_to(Signals signals, process_t* receiver, object message, size_t* words):
    """A copy of a message, on the heap of its receiver (NULL: of whoever runs); other threads' copies lie where they
    come to lie. May run Python code, but no process is switched to, so the receiver does not go."""
    if is_atom(Py_TYPE(<PyObject*>message)) or is_flat(<PyObject*>message):
        words[0] = 0
        return message
    return copy_onto(signals, receiver, message, words)


cdef inline void make_runnable(Signals signals, process_t* process) noexcept:
    """It is new, or is let run again."""
    runq_push_fresh(&signals.runq, process)
    if signals.sleeping:
        wake_hub(signals)


cdef inline void wake(Signals signals, process_t* process) noexcept:
    """What a process in STATE_WAITING waited for is there; from any thread."""
    lower_flag(process, FLAG_WAITS_FOR_MESSAGE)
    runq_push_woken(&signals.runq, process)
    if signals.sleeping:
        wake_hub(signals)


cdef inline void tell(Signals signals, process_t* process) noexcept:
    """A message has come into its mailbox."""
    if process.state == STATE_WAITING and has(process, FLAG_WAITS_FOR_MESSAGE):
        wake(signals, process)
    if signals.watches_queues:
        signals.on_message(signals, process)
