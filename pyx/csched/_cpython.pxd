"""The C-API of CPython that Cython does not ship; public functions and documented structs only.

What needs the interpreter's internal headers is in `interp.h`. Differences between versions end here:
the rest of csched does not ask which one it runs on, but for `_aio`, which chooses how an awaitable
hands over its result.
"""

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport uint64_t


cdef extern from "Python.h":
    ctypedef struct PyThreadState:
        PyObject* context       # The current contextvars.Context, owned; NULL if nothing was ever set.
        uint64_t context_ver    # To be changed with it: ContextVar caches by it.
        int tracing             # Not 0 inside a trace or profile function.
        PyObject* async_gen_firstiter   # sys.get_asyncgen_hooks(): whoever runs an event loop sets them. NULL: none.
    PyThreadState* PyThreadState_Get() noexcept
    bint PyCoro_CheckExact(PyObject* obj) noexcept
    int PyGC_Enable() noexcept
    int PyGC_Disable() noexcept
    PyObject* PyObject_CallMethodObjArgs(PyObject* obj, PyObject* name, ...) noexcept
    PyTypeObject* Py_TYPE(PyObject* obj) noexcept
    Py_ssize_t PyVectorcall_NARGS(size_t args_flags) noexcept
    PyObject* PyCFunction_GET_SELF(PyObject* function) noexcept     # Borrowed.
    PyObject* PyFloat_FromDouble(double value) except NULL  # Owned.
    int PyErr_CheckSignals() except -1
    ctypedef struct PyCodeObject:
        pass
    int PyCode_Addr2Line(PyCodeObject* code, int lasti) noexcept
    void Py_CLEAR(PyObject* field) noexcept     # A macro: to be given a field, not a copy of one.

    ctypedef enum PySendResult:
        PYGEN_RETURN
        PYGEN_ERROR
        PYGEN_NEXT
    PySendResult PyIter_Send(PyObject* iterator, PyObject* arg, PyObject** result) noexcept


cdef extern from *:
    """
    #if PY_VERSION_HEX >= 0x030D0000
    #define csched_thread_state() PyThreadState_GetUnchecked()
    #else
    #define csched_thread_state() _PyThreadState_UncheckedGet()
    #endif

    /* Take the exception that is set, with its traceback; an owned reference, NULL if none is set. */
    static inline PyObject *csched_take_exception(void) {
    #if PY_VERSION_HEX >= 0x030C0000
        return PyErr_GetRaisedException();
    #else
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (type == NULL) return NULL;
        PyErr_NormalizeException(&type, &value, &traceback);
        if (traceback != NULL) {
            PyException_SetTraceback(value, traceback);
            Py_DECREF(traceback);
        }
        Py_DECREF(type);
        return value;
    #endif
    }

    /* Let an awaitable's `tp_iternext` return `value` (stolen), by StopIteration. From 3.12 on this is how
     * every await of csched returns, so `stop` is used again and again, unless somebody has kept it. */
    static inline void csched_hand_over(PyObject *stop, PyObject *value) {
    #if PY_VERSION_HEX >= 0x030C0000
        /* What was handed over last may have a finalizer, in which other processes run and hand over too. */
        while (Py_REFCNT(stop) == 1 && ((PyStopIterationObject *)stop)->value != NULL) {
            Py_CLEAR(((PyStopIterationObject *)stop)->value);
        }
        if (Py_REFCNT(stop) == 1) {
            ((PyStopIterationObject *)stop)->value = value;
            PyErr_SetRaisedException(Py_NewRef(stop));
            return;
        }
    #endif
        stop = PyObject_CallOneArg(PyExc_StopIteration, value);
        Py_DECREF(value);
        if (stop != NULL) {
            PyErr_SetObject(PyExc_StopIteration, stop);
            Py_DECREF(stop);
        }
    }

    /* Let go of the value that was handed over last. */
    static inline void csched_clear_stop(PyObject *stop) {
        if (((PyStopIterationObject *)stop)->value != NULL) {
            Py_CLEAR(((PyStopIterationObject *)stop)->value);
        }
    }

    /* Report an exception that has been caught where it cannot be raised, by sys.unraisablehook. */
    static inline void csched_report_unraisable(PyObject *error, PyObject *where) {
    #if PY_VERSION_HEX >= 0x030C0000
        PyErr_SetRaisedException(Py_NewRef(error));
    #else
        PyErr_Restore(Py_NewRef(Py_TYPE(error)), Py_NewRef(error), PyException_GetTraceback(error));
    #endif
        PyErr_WriteUnraisable(where);
    }

    /* Have a builtin function answer the commonest form of its call before its arguments are parsed: `shortcut`
     * is called instead, and calls what is returned for all other forms. */
    typedef PyObject *(*csched_shortcut_t)(PyObject *, PyObject **, Py_ssize_t, PyObject *);

    static inline csched_shortcut_t csched_shortcut(PyObject *function, csched_shortcut_t shortcut) {
        PyMethodDef *definition = ((PyCFunctionObject *)function)->m_ml;
        csched_shortcut_t parsed = (csched_shortcut_t)(void (*)(void))definition->ml_meth;
        assert(PyCFunction_CheckExact(function) && definition->ml_flags == (METH_FASTCALL | METH_KEYWORDS));
        definition->ml_meth = (PyCFunction)(void (*)(void))shortcut;
        return parsed;
    }

    /* Have a builtin function that is called by anybody but the interpreter answer by another function. */
    typedef PyObject *(*csched_vectorcall_t)(PyObject *, PyObject **, size_t, PyObject *);

    static inline void csched_set_vectorcall(PyObject *function, csched_vectorcall_t call) {
        ((PyCFunctionObject *)function)->vectorcall = (vectorcallfunc)(void (*)(void))call;
    }

    /* `callable(*args)`. Not by PyObject_Vectorcall: its frame would lie on the stack of each process that waits. */
    static inline PyObject *csched_call(PyObject *callable, PyObject *args) {
        vectorcallfunc call = PyVectorcall_Function(callable);
        if (call == NULL) {
            return PyObject_Call(callable, args, NULL);
        }
        return call(callable, ((PyTupleObject *)args)->ob_item, (size_t)PyTuple_GET_SIZE(args), NULL);
    }

    /* Whether to call it is to make a coroutine, and to do nothing else. */
    static inline int csched_is_coroutine_function(PyObject *callable) {
        return PyFunction_Check(callable)
            && ((PyCodeObject *)PyFunction_GET_CODE(callable))->co_flags & CO_COROUTINE;
    }

    /* Put a process's context in (or take it out): exchange the thread's with the one in `slot`. */
    static inline void csched_swap_context(PyThreadState *state, PyObject **slot) {
        PyObject *context = state->context;
        if (context != *slot) {
            state->context = *slot;
            *slot = context;
            state->context_ver++;
        }
    }
    """
    # The calling thread's state, NULL if it has none (it does not hold the GIL).
    PyThreadState* csched_thread_state() noexcept
    PyObject* csched_take_exception() noexcept
    void csched_swap_context(PyThreadState* state, PyObject** slot) noexcept
    void csched_hand_over(PyObject* stop, PyObject* value) noexcept
    void csched_clear_stop(PyObject* stop) noexcept
    void csched_report_unraisable(object error, object where) noexcept
    ctypedef PyObject* (*shortcut_t "csched_shortcut_t")(
        PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL
    shortcut_t csched_shortcut(object function, shortcut_t shortcut) noexcept
    ctypedef PyObject* (*vectorcall_t "csched_vectorcall_t")(
        PyObject* function, PyObject** args, size_t args_flags, PyObject* names) except NULL
    void csched_set_vectorcall(object function, vectorcall_t call) noexcept
    # The result of a call with a tuple of arguments, owned; NULL with an error.
    PyObject* csched_call(PyObject* callable, PyObject* args) noexcept
    bint csched_is_coroutine_function(PyObject* callable) noexcept


cdef inline object new_reference(PyObject* owned):
    """An owned pointer as an object."""
    cdef object result = <object>owned
    Py_DECREF(result)
    return result
