cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport INT64_MAX, int64_t

from csched._await cimport watch
from csched._bif cimport (
    RAISE, WAIT_FOUND, WAIT_SUSPEND, is_simple, running, seconds_to_deadline, wait_begin, wait_poll,
    wait_result_t, wait_t,
)
from csched._cpython cimport PYGEN_ERROR, PYGEN_NEXT, PYGEN_RETURN, PySendResult, csched_hand_over, csched_thread_state
from csched._mailbox cimport mailbox_take
from csched._match cimport ANY
from csched._process cimport (
    FLAG_DOOMED, FLAG_TIMED_OUT, FLAG_YIELDED, has, lower_flag, messages_of, process_t, raise_flag,
)
from csched._scheduler cimport SUSPEND, Scheduler, charge, current
from csched._types cimport ASK_FUTURE, ASK_MESSAGE, ASK_SLICE, ASK_TIMER, ASK_YIELD, STATE_RUNNING


cdef extern from *:
    """
    static void csched_set_awaitable(PyTypeObject *type, sendfunc send, iternextfunc next) {
        type->tp_as_async->am_send = send;
        type->tp_iternext = next;
        type->tp_iter = PyObject_SelfIter;
        PyType_Modified(type);
    }
    """
    ctypedef PySendResult (*sendfunc)(PyObject* self, PyObject* arg, PyObject** result) except? PYGEN_ERROR
    ctypedef PyObject* (*iternextfunc)(PyObject* self) except? NULL
    void csched_set_awaitable(PyTypeObject* type, sendfunc send, iternextfunc next) noexcept


cdef inline Scheduler awaiting():
    """The scheduler whose process awaits, unless that process has been told to exit."""
    cdef Scheduler scheduler = running()
    if scheduler.current.state != STATE_RUNNING or has(scheduler.current, FLAG_DOOMED):
        scheduler.park(ASK_MESSAGE)  # Raises.
    return scheduler


cdef inline PySendResult suspend(Scheduler scheduler, int ask, PyObject** result) noexcept:
    scheduler.asked = ask
    Py_INCREF(SUSPEND)
    result[0] = <PyObject*>SUSPEND
    return PYGEN_NEXT


cdef inline PySendResult give(object value, PyObject** result) noexcept:
    Py_INCREF(value)
    result[0] = <PyObject*>value
    return PYGEN_RETURN


cdef inline PyObject* handed_over(PySendResult status, PyObject* result) noexcept:
    """What `tp_iternext` returns for a step."""
    if status == PYGEN_NEXT:
        return result
    if status == PYGEN_RETURN:
        csched_hand_over(<PyObject*>current.stop, result)
    return NULL


@cython.final
@cython.freelist(64)
cdef class Receive:
    """What `aio.receive` returns."""

    def __await__(self):
        return self

    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR:
        cdef Scheduler scheduler = awaiting()
        cdef wait_result_t found
        cdef wait_t wait
        if scheduler.reductions_left <= 0:
            return suspend(scheduler, ASK_SLICE, result)
        if self is RECEIVE_ANY:
            # One object for all processes: nothing may be kept in it.
            wait.pattern = <PyObject*>ANY
            wait.deadline_ns = INT64_MAX
            found = wait_poll(scheduler, &wait, result)
        else:
            if not self.begun:
                wait_begin(scheduler, &self.wait, self.pattern)
                if self.timeout is not None:
                    self.wait.deadline_ns = seconds_to_deadline(self.timeout, "timeout")
            self.begun = False  # If this raises, it may be awaited again.
            found = wait_poll(scheduler, &self.wait, result)
        if found == WAIT_SUSPEND:
            self.begun = True
            return suspend(scheduler, ASK_MESSAGE, result)
        if found == WAIT_FOUND:
            return PYGEN_RETURN
        if self.default is RAISE:
            raise TimeoutError(f"no message matched within {self.timeout} s")
        return give(self.default, result)


@cython.final
@cython.freelist(64)
cdef class Sleep:
    """What `aio.sleep` returns."""

    def __await__(self):
        return self

    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR:
        cdef Scheduler scheduler = awaiting()
        cdef process_t* process = scheduler.current
        cdef int64_t deadline_ns
        if not self.begun:
            charge(scheduler, 1)
            deadline_ns = seconds_to_deadline(self.seconds, "sleep()'s argument")
            self.begun = True
            if deadline_ns == 0:
                raise_flag(process, FLAG_TIMED_OUT)
                return suspend(scheduler, ASK_YIELD, result)
            scheduler.set_timer(process, deadline_ns)
        if not has(process, FLAG_TIMED_OUT):
            return suspend(scheduler, ASK_TIMER, result)
        scheduler.clear_timer(process)
        self.begun = False  # It may be awaited again.
        return give(None, result)


@cython.final
cdef class Yield:
    """What `aio.yield_` returns."""

    def __await__(self):
        return self

    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR:
        cdef Scheduler scheduler = awaiting()
        cdef process_t* process = scheduler.current
        if not has(process, FLAG_YIELDED):
            raise_flag(process, FLAG_YIELDED)
            charge(scheduler, 1)
            return suspend(scheduler, ASK_YIELD, result)
        lower_flag(process, FLAG_YIELDED)
        return give(None, result)


@cython.final
cdef class Hibernate:
    """What `aio.hibernate` returns."""

    def __await__(self):
        return self

    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR:
        cdef Scheduler scheduler = awaiting()
        cdef process_t* process = scheduler.current
        charge(scheduler, 1)
        if messages_of(process) == 0:
            scheduler.collect(process)
            scheduler.scanned = process.mailbox.tail
            # A finalizer may have sent something.
            if messages_of(process) == 0:
                return suspend(scheduler, ASK_MESSAGE, result)
        return give(None, result)


@cython.final
cdef class Completion:
    """Awaits that a `concurrent.futures.Future` is done."""

    def __cinit__(self, future):
        self.future = future

    def __await__(self):
        return self

    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR:
        cdef Scheduler scheduler = awaiting()
        if not self.begun:
            self.begun = True
            watch(scheduler, scheduler.current, self.future)
            return suspend(scheduler, ASK_FUTURE, result)
        return give(None, result)


# The slots, one pair for each type. An exception of a step is left set, as the interpreter expects.


cdef inline PySendResult receive_step(PyObject* awaitable, PyObject** result) except? PYGEN_ERROR:
    """A step of `receive`; the commonest, `receive()` of a process that has nothing special about it, here."""
    cdef Scheduler scheduler = current
    cdef process_t* process
    if awaitable == <PyObject*>RECEIVE_ANY and scheduler is not None and scheduler.current != NULL:
        process = scheduler.current
        if is_simple(scheduler, process) and scheduler.thread == csched_thread_state():
            if process.mailbox.messages_len == 0:
                scheduler.scanned = process.mailbox.tail
                return suspend(scheduler, ASK_MESSAGE, result)
            charge(scheduler, 1)
            result[0] = mailbox_take(&process.mailbox, process.mailbox.head)
            return PYGEN_RETURN
    return (<Receive>awaitable).step(result)


cdef PySendResult receive_send(PyObject* awaitable, PyObject* arg, PyObject** result) except? PYGEN_ERROR:
    return receive_step(awaitable, result)


cdef PyObject* receive_next(PyObject* awaitable) except? NULL:
    cdef PyObject* result = NULL
    return handed_over(receive_step(awaitable, &result), result)


cdef PySendResult sleep_send(PyObject* awaitable, PyObject* arg, PyObject** result) except? PYGEN_ERROR:
    return (<Sleep>awaitable).step(result)


cdef PyObject* sleep_next(PyObject* awaitable) except? NULL:
    cdef PyObject* result = NULL
    return handed_over((<Sleep>awaitable).step(&result), result)


cdef PySendResult yield_send(PyObject* awaitable, PyObject* arg, PyObject** result) except? PYGEN_ERROR:
    return (<Yield>awaitable).step(result)


cdef PyObject* yield_next(PyObject* awaitable) except? NULL:
    cdef PyObject* result = NULL
    return handed_over((<Yield>awaitable).step(&result), result)


cdef PySendResult hibernate_send(PyObject* awaitable, PyObject* arg, PyObject** result) except? PYGEN_ERROR:
    return (<Hibernate>awaitable).step(result)


cdef PyObject* hibernate_next(PyObject* awaitable) except? NULL:
    cdef PyObject* result = NULL
    return handed_over((<Hibernate>awaitable).step(&result), result)


cdef PySendResult completion_send(PyObject* awaitable, PyObject* arg, PyObject** result) except? PYGEN_ERROR:
    return (<Completion>awaitable).step(result)


cdef PyObject* completion_next(PyObject* awaitable) except? NULL:
    cdef PyObject* result = NULL
    return handed_over((<Completion>awaitable).step(&result), result)


csched_set_awaitable(<PyTypeObject*>Completion, completion_send, completion_next)
csched_set_awaitable(<PyTypeObject*>Receive, receive_send, receive_next)
csched_set_awaitable(<PyTypeObject*>Sleep, sleep_send, sleep_next)
csched_set_awaitable(<PyTypeObject*>Yield, yield_send, yield_next)
csched_set_awaitable(<PyTypeObject*>Hibernate, hibernate_send, hibernate_next)

cdef Yield YIELD = Yield.__new__(Yield)
cdef Hibernate HIBERNATE = Hibernate.__new__(Hibernate)
RECEIVE_ANY = Receive.__new__(Receive)
RECEIVE_ANY.pattern = ANY
RECEIVE_ANY.default = RAISE


def receive(pattern=ANY, *, timeout=None, default=RAISE):
    """The awaitable twin of `csched.receive`: ``message = await aio.receive()``.

    Parameters, result and exceptions are the same; the timeout counts from the await.

    Examples
    --------
    >>> import csched
    >>> from csched import aio
    >>> async def main():
    ...     csched.send(csched.self(), ("answer", 42))
    ...     return await aio.receive(("answer", int))
    >>> csched.run(main)
    ('answer', 42)
    """
    cdef Receive awaitable
    if pattern is ANY and timeout is None:
        return RECEIVE_ANY
    awaitable = Receive.__new__(Receive)
    awaitable.pattern = pattern
    awaitable.timeout = timeout
    awaitable.default = default
    return awaitable


def sleep(seconds):
    """The awaitable twin of `csched.sleep`: ``await aio.sleep(0.1)``."""
    cdef Sleep awaitable = Sleep.__new__(Sleep)
    awaitable.seconds = seconds
    return awaitable


def yield_():
    """The awaitable twin of `csched.yield_`: ``await aio.yield_()``."""
    return YIELD


def hibernate():
    """The awaitable twin of `csched.hibernate`: ``await aio.hibernate()``."""
    return HIBERNATE
