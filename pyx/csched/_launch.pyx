"""Launching; its theory of operation is in `_launch.pxd`."""

from cpython.exc cimport PyErr_ExceptionMatches, PyErr_SetObject
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_CheckExact

from csched._cpython cimport (
    PYGEN_ERROR, PYGEN_NEXT, PYGEN_RETURN, PyCoro_CheckExact, PyIter_Send, PyObject_CallMethodObjArgs,
    PySendResult, csched_call, csched_is_coroutine_function, csched_take_exception, new_reference,
)
from csched._process cimport FLAG_NEW, lower_flag, process_t
from csched._running cimport show_loop
from csched._signal cimport SLICES_IN_LOOP, Signals

cdef object RESOLVE = "resolve"
cdef object THROW = "throw"


cdef object arity_error(object services, object function, object args, object callable):
    """The call of an MFA raised TypeError: what ends the process, Undef if it does not take these arguments."""
    error = new_reference(csched_take_exception())
    if error.__traceback__ is None:
        try:
            services.check_arity(function, args, callable)
        except BaseException as undefined:
            return undefined
    return error


cdef PyObject* call_mfa(Signals signals, process_t* process, PyObject* args) noexcept:
    """A function of its own: the stack of a process that waits has `launch` on it."""
    cdef PyObject* result
    cdef PyObject* callable = PyObject_CallMethodObjArgs(
        <PyObject*>signals.services, <PyObject*>RESOLVE, process.function, args, <PyObject*>NULL)
    if callable == NULL:
        return NULL
    if signals.watches_slices & SLICES_IN_LOOP:
        show_loop(signals, csched_is_coroutine_function(callable))
    result = csched_call(callable, args)
    if result == NULL and PyErr_ExceptionMatches(TypeError):
        error = arity_error(signals.services, <object>process.function, <object>args, <object>callable)
        PyErr_SetObject(type(error), error)
    Py_DECREF(<object>callable)
    return result


cdef PySendResult launch(Signals signals, process_t* process, PyObject** result) noexcept:
    """Call what was spawned; if that makes a coroutine, it is the process."""
    cdef PyObject* args = process.coroutine
    process.coroutine = NULL
    lower_flag(process, FLAG_NEW)
    if PyTuple_CheckExact(<object>process.function):
        result[0] = call_mfa(signals, process, args)
    else:
        if signals.watches_slices & SLICES_IN_LOOP:
            show_loop(signals, csched_is_coroutine_function(process.function))
        result[0] = csched_call(process.function, args)
    Py_DECREF(<object>args)
    if result[0] == NULL:
        return PYGEN_ERROR
    if not PyCoro_CheckExact(result[0]):
        return PYGEN_RETURN
    process.coroutine = result[0]
    result[0] = NULL
    if signals.watches_slices & SLICES_IN_LOOP:
        show_loop(signals, True)
    return PyIter_Send(process.coroutine, <PyObject*>None, result)


cdef PySendResult throw_into(process_t* process, object error, PyObject** result) noexcept:
    result[0] = PyObject_CallMethodObjArgs(
        process.coroutine, <PyObject*>THROW, <PyObject*>error, <PyObject*>NULL)
    if result[0] != NULL:
        return PYGEN_NEXT
    if PyErr_ExceptionMatches(StopIteration):
        returned = new_reference(csched_take_exception()).value
        Py_INCREF(returned)
        result[0] = <PyObject*>returned
        return PYGEN_RETURN
    return PYGEN_ERROR
