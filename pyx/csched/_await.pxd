"""Awaiting: how a process waits for a future, of asyncio or of a thread.

1. Each process that has ever waited for a future has a **waiter**, the callback by which futures wake it. A process
   waits for one future at a time, `Waiter.future`; a callback by any other says nothing.
2. Nothing but its future makes such a process runnable: messages stay in the mailbox. If it is told to exit, or its
   task is cancelled, then the future is cancelled, once, and the process goes on when that is done: what it awaited
   has been unwound by then. A future that cannot be cancelled (a thread is at it) is left alone.
3. It is cancelled by the process itself, in its own slice: signals run no Python code (`_signal`).
4. A bare `yield`, as of `asyncio.sleep(0)`, waits for one turn of the event loop, as it does in a task of asyncio's:
   what was asked of the loop before has been done. Without a loop it is a `yield_`.

Source: asyncio.Task (`__step`, `cancel`).
"""

cimport cython
from cpython.object cimport PyObject

from csched._cpython cimport PySendResult
from csched._ids cimport Pid
from csched._process cimport FLAG_CANCELLED, FLAG_DOOMED, Attributes, has, process_t
from csched._signal cimport Signals


cdef enum:
    # What `await_other` says beside ASK_...: an exception was raised at the await instead.
    REFUSED = -1


@cython.final
@cython.no_gc
cdef class Waiter:
    cdef Signals signals
    cdef Pid pid
    cdef object future          # What the process waits for; None if that is done, or it waits for none.
    cdef bint is_cancelled      # The process is to be interrupted, and has cancelled it.
    cdef bint is_awaited        # It is an asyncio future, whose cancelling may take its time.


# A coroutine awaits `result`, which is not csched's: what it asks for (ASK_...), or REFUSED.
cdef int await_other(
    Signals signals, process_t* process, PyObject** result, PySendResult* status) noexcept
# The process waits for this asyncio awaitable; what it asks for. Raises if it is none.
cdef int await_future(Signals signals, process_t* process, object future) except -1
# It waits until `future.add_done_callback` calls back, in whatever thread.
cdef int watch(Signals signals, process_t* process, object future) except -1
# It is to be interrupted: cancel what it waits for. Whether it has to wait until that is done.
cdef bint cancel_awaited(process_t* process) except -1
# The CancelledError that its task was told to raise.
cdef object take_cancellation(Signals signals, process_t* process)
# It has ended.
cdef int end_waiting(Signals signals, Attributes attributes) except -1


cdef inline bint still_waits(process_t* process) noexcept:
    """It has asked for ASK_FUTURE: whether it is to wait."""
    cdef Waiter waiter = <Waiter>(<Attributes>process.relations.attributes).waiter
    if waiter.future is None:
        return False
    if has(process, FLAG_DOOMED):
        return waiter.is_cancelled
    return waiter.is_awaited or not has(process, FLAG_CANCELLED)
