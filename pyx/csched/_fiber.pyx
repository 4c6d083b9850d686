from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF


cdef extern from "greenlet.h":
    ctypedef struct PyGreenlet:
        pass
    void PyGreenlet_Import()
    void** _PyGreenlet_API
    PyGreenlet* PyGreenlet_New(PyObject* run, PyGreenlet* parent)
    PyGreenlet* PyGreenlet_GetCurrent()
    PyObject* PyGreenlet_Switch(PyGreenlet* fiber, PyObject* args, PyObject* kwargs)


cdef int fiber_setup() except -1:
    if _PyGreenlet_API == NULL:
        PyGreenlet_Import()
        if _PyGreenlet_API == NULL:
            raise ImportError("the C-API of greenlet cannot be loaded: is greenlet 3.2 or newer installed?")
    return 0


cdef PyObject* fiber_current() except NULL:
    return <PyObject*>PyGreenlet_GetCurrent()


cdef PyObject* fiber_new(object body, PyObject* hub) except NULL:
    return <PyObject*>PyGreenlet_New(<PyObject*>body, <PyGreenlet*>hub)


cdef int fiber_switch(PyObject* fiber) except -1:
    cdef PyObject* result = PyGreenlet_Switch(<PyGreenlet*>fiber, NULL, NULL)
    if result == NULL:
        return -1
    Py_DECREF(<object>result)
    return 0
