"""Contexts; their theory of operation is in `_context.pxd`."""

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF

from csched._cpython cimport PyThreadState, csched_report_unraisable, csched_swap_context
from csched._process cimport process_t


cdef extern from "Python.h":
    object PyContext_Copy(object context)
    object PyContext_CopyCurrent()
    Py_ssize_t Py_REFCNT(PyObject* obj) noexcept

cdef extern from "context.h":
    PyObject* csched_context_vars(PyObject* context) noexcept


@cython.final
@cython.no_gc
cdef class Snapshot:
    cdef void renew(self) noexcept:
        """Lend another Context from now on."""
        cdef PyObject* lent = self.lent
        cdef object fresh = self.pristine
        try:
            fresh = PyContext_Copy(self.pristine)
        except MemoryError as error:
            # From now on they share variables: better than to stop.
            csched_report_unraisable(error, "a process's context")
        Py_INCREF(fresh)
        self.lent = <PyObject*>fresh
        Py_DECREF(<object>lent)

    def __dealloc__(self):
        if self.last != NULL:
            self.last[0] = NULL
        if self.lent != NULL:
            Py_DECREF(<object>self.lent)


cdef void forget_snapshot(PyObject** last) noexcept:
    if last[0] != NULL:
        (<Snapshot>last[0]).last = NULL
        last[0] = NULL


cdef Snapshot take_snapshot(PyThreadState* thread, PyObject** last):
    cdef Snapshot snapshot
    cdef object lent
    cdef PyObject* vars = csched_context_vars(thread.context)
    if last[0] != NULL and vars != NULL and vars == (<Snapshot>last[0]).vars:
        return <Snapshot>last[0]
    if len(<object>thread.context) == 0:
        return None
    snapshot = Snapshot.__new__(Snapshot)
    snapshot.pristine = PyContext_CopyCurrent()
    snapshot.vars = csched_context_vars(<PyObject*>snapshot.pristine)
    lent = PyContext_CopyCurrent()
    Py_INCREF(lent)
    snapshot.lent = <PyObject*>lent
    forget_snapshot(last)
    snapshot.last = last
    last[0] = <PyObject*>snapshot
    return snapshot


cdef int own_context(process_t* process) except -1:
    cdef object snapshot, context
    if is_snapshot(process.context):
        snapshot = <object>process.context
        context = PyContext_Copy((<Snapshot>snapshot).pristine)
        Py_INCREF(context)
        process.context = <PyObject*>context
        Py_DECREF(snapshot)
    return 0


cdef void return_context(PyThreadState* thread, process_t* process, PyObject** lender) noexcept:
    cdef Snapshot snapshot = <Snapshot>lender[0]
    csched_swap_context(thread, &process.context)
    if (
        process.context == snapshot.lent and csched_context_vars(snapshot.lent) == snapshot.vars
        and snapshot.vars != NULL and Py_REFCNT(snapshot.lent) == 2
    ):
        Py_DECREF(<object>snapshot.lent)
        process.context = lender[0]  # And its reference with it.
        lender[0] = NULL
    else:
        keep_context(lender)


cdef void keep_context(PyObject** lender) noexcept:
    cdef PyObject* snapshot = lender[0]
    if snapshot != NULL:
        lender[0] = NULL
        (<Snapshot>snapshot).renew()
        Py_DECREF(<object>snapshot)
