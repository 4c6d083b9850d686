"""Awaiting; its theory of operation is in `_await.pxd`."""

cimport cython
from cpython.object cimport PyObject

cimport csched._running as loops
from csched._cpython cimport PySendResult, csched_report_unraisable, csched_thread_state, new_reference
from csched._ids cimport Pid
from csched._launch cimport throw_into
from csched._process cimport (
    FLAG_CANCELLED, FLAG_YIELDED, Attributes, attributes_of, attributes_or_none, coroutine_of, has,
    lower_flag, process_t, raise_flag,
)
from csched._signal cimport Signals, wake
from csched._types cimport ASK_FUTURE, ASK_YIELD, STATE_WAITING

import _contextvars

# What a process that has yielded waits for.
cdef object TURN = object()
# In which callbacks run: they look at nothing in it, and one of their own would be copied each time.
cdef object CONTEXT = _contextvars.Context()


@cython.final
@cython.no_gc
cdef class Waiter:
    def __call__(self, future):
        cdef process_t* process
        if self.future is not future:
            return
        self.future = None
        process = <process_t*>self.pid.process
        if process == NULL or process.state != STATE_WAITING:
            return
        if self.signals.sleeping and self.signals.polls and self.signals.thread == csched_thread_state():
            self.signals.request_batch()
        wake(self.signals, process)


cdef Waiter waiter_of(Signals signals, process_t* process):
    cdef Attributes attributes = attributes_of(process)
    cdef Waiter waiter
    if attributes.waiter is None:
        waiter = Waiter.__new__(Waiter)
        waiter.signals = signals
        waiter.pid = <Pid>process.pid
        attributes.waiter = waiter
    return <Waiter>attributes.waiter


cdef int await_other(
    Signals signals, process_t* process, PyObject** result, PySendResult* status
) noexcept:
    awaited = new_reference(result[0])
    result[0] = NULL
    try:
        return await_future(signals, process, awaited)
    except BaseException as error:
        status[0] = throw_into(process, error, result)
    return REFUSED


cdef int await_future(Signals signals, process_t* process, object future) except -1:
    cdef Waiter waiter
    if future is None:
        if not signals.polls:
            return ASK_YIELD
        waiter = waiter_of(signals, process)
        signals.event_loop.call_soon(waiter, TURN, context=CONTEXT)
        waiter.future = TURN
        waiter.is_awaited = waiter.is_cancelled = False
        return ASK_FUTURE
    if getattr(future, "_asyncio_future_blocking", None) is None:
        raise not_awaitable(future)
    if not future._asyncio_future_blocking:
        raise RuntimeError(f"{<object>process.pid!r} yielded {future!r} instead of awaiting it")
    if future.get_loop() is not signals.event_loop:
        raise RuntimeError(f"{<object>process.pid!r} awaits {future!r}, which belongs to another event loop")
    future._asyncio_future_blocking = False
    watch(signals, process, future)
    waiter = <Waiter>attributes_of(process).waiter
    waiter.is_awaited = True
    if has(process, FLAG_CANCELLED) and future.cancel(attributes_of(process).task.message):
        lower_flag(process, FLAG_CANCELLED)
    return ASK_FUTURE


cdef object not_awaitable(object awaited):
    module = getattr(type(awaited), "__module__", None)
    if isinstance(module, str) and module.partition(".")[0] == "trio":
        return TypeError(f"a process awaited {awaited!r}, which is trio's: csched works with asyncio only")
    return TypeError(f"a process awaited {awaited!r}, which is neither csched's, nor asyncio's, nor a coroutine")


cdef int watch(Signals signals, process_t* process, object future) except -1:
    cdef Waiter waiter = waiter_of(signals, process)
    waiter.future = future
    waiter.is_awaited = waiter.is_cancelled = False
    try:
        if hasattr(future, "_asyncio_future_blocking"):
            future.add_done_callback(waiter, context=CONTEXT)
        else:
            future.add_done_callback(waiter)
    except BaseException:
        waiter.future = None
        raise
    return 0


cdef bint cancel_awaited(process_t* process) except -1:
    cdef Attributes attributes = attributes_or_none(process)
    cdef Waiter waiter
    cdef bint cancelled = False
    if attributes is None or attributes.waiter is None:
        return False
    waiter = <Waiter>attributes.waiter
    if waiter.future is None:
        return False
    if waiter.future is not TURN:
        if waiter.is_cancelled and waiter.is_awaited:
            return True  # Whoever has woken the process meanwhile, it is cancelled once.
        try:
            waiter.is_cancelled = True
            cancelled = waiter.future.cancel()
        except BaseException as error:
            csched_report_unraisable(error, <object>process.pid)
    if cancelled and waiter.is_awaited and waiter.future is not None:
        return True
    waiter.future = None
    return False


cdef object take_cancellation(Signals signals, process_t* process):
    lower_flag(process, FLAG_CANCELLED | FLAG_YIELDED)
    try:
        return attributes_of(process).task.cancellation()
    except BaseException as error:
        return error  # A signal handler of the user's raised in there.


cdef int end_waiting(Signals signals, Attributes attributes) except -1:
    task = attributes.task
    if attributes.waiter is not None:
        (<Waiter>attributes.waiter).future = None
    attributes.waiter = attributes.awaiting = attributes.own_loop = attributes.task = None
    if task is not None:
        try:
            task.end()
        except BaseException as error:
            csched_report_unraisable(error, task)
    return 0


# --- What a task asks of its process (`csched._loop.ProcessTask`) ---------------------------------


def awaited(pid):
    """The future that a process waits for; None if it waits for none."""
    cdef process_t* process = <process_t*>(<Pid?>pid).process
    cdef Attributes attributes = attributes_or_none(process) if process != NULL else None
    if attributes is None or attributes.waiter is None:
        return None
    future = (<Waiter>attributes.waiter).future
    return None if future is TURN else future


def coroutine(pid):
    """The coroutine that a process runs; None if there is none."""
    cdef process_t* process = <process_t*>(<Pid?>pid).process
    cdef Attributes attributes
    if process == NULL:
        return None
    attributes = attributes_or_none(process)
    if attributes is not None and attributes.awaiting is not None:
        return attributes.awaiting
    return <object>coroutine_of(process) if coroutine_of(process) != NULL else None


def is_cancelled(pid):
    """Whether CancelledError is to be raised in a process."""
    cdef process_t* process = <process_t*>(<Pid?>pid).process
    return process != NULL and has(process, FLAG_CANCELLED)


def set_cancelled(pid, cancelled):
    """Have CancelledError raised in a process where it waits next, or waits now; or take that back."""
    cdef process_t* process = <process_t*>(<Pid?>pid).process
    if process == NULL:
        return
    if not cancelled:
        lower_flag(process, FLAG_CANCELLED)
        return
    raise_flag(process, FLAG_CANCELLED)
    if process.state == STATE_WAITING:
        wake(loops.serving, process)
