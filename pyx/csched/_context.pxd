"""The contextvars context of each process: one for many, until one of them sets a variable.

Purpose: a process begins with a copy of the context of who spawned it, as an asyncio task does; for a million that
never set a variable that must not be a million copies.

1. Those who are spawned while the same variables are set share a Snapshot, which `process_t.context` points at. It
   **lends** its Context to the process that runs, for that slice.
2. When the slice is over (`leave_context`) the Context is as it was, and nobody else refers to it; then the process
   goes back to the Snapshot. Or a variable was set in it, or a Token, an iterator or whatever else refers to it: then
   it is the process's own from now on, and the Snapshot gets another one to lend. So Token.reset, which insists on
   the Context of its set, works across waits.
3. A process whose stack is parked keeps the Context (`keep_context`): it is in its greenlet, and below whatever
   Context.run has put over it.
4. A process with no variables has no Context.

Sources: PEP 567; context.c.
"""

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

from csched._cpython cimport Py_TYPE, PyThreadState, csched_swap_context
from csched._process cimport process_t


@cython.final
@cython.no_gc
cdef class Snapshot:
    cdef PyObject* lent     # The Context that the next process gets; owned.
    cdef object pristine    # A Context in which nothing runs: what others are copied from.
    cdef PyObject* vars     # What both hold; kept by `pristine`.
    cdef PyObject** last    # Where it is noted as the one that was taken last; NULL: it is not.
    cdef void renew(self) noexcept


# The Snapshot of the context of a thread: the last one, if that lives and is the same. None: there is nothing in it.
# `last` is borrowed, and NULL as soon as the Snapshot has gone: it keeps no values alive.
cdef Snapshot take_snapshot(PyThreadState* thread, PyObject** last)
# `last` is about to go.
cdef void forget_snapshot(PyObject** last) noexcept
# Give a process that does not run a Context of its own, if it has a Snapshot.
cdef int own_context(process_t* process) except -1
cdef void return_context(PyThreadState* thread, process_t* process, PyObject** lender) noexcept
# The process stops with its stack parked: what was lent to it is its own.
cdef void keep_context(PyObject** lender) noexcept


cdef inline bint is_snapshot(PyObject* context) noexcept:
    return context != NULL and Py_TYPE(context) == <PyTypeObject*>Snapshot


cdef inline void enter_context(PyThreadState* thread, process_t* process, PyObject** lender) noexcept:
    """Put the process's Context in, and the thread's into the process; `lender`: the Snapshot that lends it, owned."""
    cdef PyObject* snapshot = process.context
    lender[0] = NULL
    if is_snapshot(snapshot):
        lender[0] = snapshot
        process.context = (<Snapshot>snapshot).lent
        Py_INCREF(<object>process.context)
    csched_swap_context(thread, &process.context)


cdef inline void leave_context(PyThreadState* thread, process_t* process, PyObject** lender) noexcept:
    """Undo that at the end of a slice."""
    if lender[0] == NULL:
        csched_swap_context(thread, &process.context)
    else:
        return_context(thread, process, lender)
