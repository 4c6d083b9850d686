"""The part of the C-API that message copying uses, on raw pointers.

Purpose: a copy walks borrowed references, decides by reference counts, and must return NULL without
losing its place (`_copy_state`). Cython's own declarations take and return `object`, which adds
references that the copier would count as the graph's. So these declarations say `PyObject*`.

1. Every function that returns `PyObject*` gives a new reference, or NULL with an error set, unless
   its comment says borrowed. The type-checked macros (upper case) cannot fail.
2. Nothing here runs code of its own but `type_version` and the four shorthands at the end.

Rejected: CPython's internal headers, for a set's entries or an object's inline values: both have a
public way that costs little more.
"""

from cpython.ref cimport PyObject


cdef extern from "Python.h":
    """
    #include "structmember.h"

    /* 0 if the type has no valid tag just now: a type that is changed gets another. */
    static inline unsigned int csched_type_version(PyTypeObject *type) {
    #if PY_VERSION_HEX < 0x030D0000
        if (!PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG)) {
            return 0;
        }
    #endif
        return type->tp_version_tag;
    }
    /* The second word of the collector's header, which lies before the object, and its mark of what
       was finalized: the same in 3.11 to 3.13. There is no function that sets it. */
    static inline void csched_forgo_finalizer(PyObject *object) {
        if (PyObject_IS_GC(object)) {
            ((uintptr_t *)object)[-1] |= 1;
        }
    }
    static inline PyTypeObject *csched_none_type(void) { return Py_TYPE(Py_None); }
    static inline PyObject **csched_field(PyObject *object, Py_ssize_t offset) {
        return (PyObject **)((char *)object + offset);
    }
    """
    ctypedef struct PyTypeObject:
        PyObject* (*tp_alloc)(PyTypeObject*, Py_ssize_t) noexcept
        PyObject* (*tp_new)(PyTypeObject*, PyObject*, PyObject*) noexcept
        int (*tp_descr_set)(PyObject*, PyObject*, PyObject*) noexcept
        Py_ssize_t tp_basicsize
        Py_ssize_t tp_itemsize
        Py_ssize_t tp_dictoffset
        Py_ssize_t tp_weaklistoffset
        unsigned long tp_flags

    ctypedef struct PyListObject:
        PyObject** ob_item
        Py_ssize_t allocated

    ctypedef struct PyMemberDef:
        int type
        Py_ssize_t offset

    ctypedef struct PyMemberDescrObject:
        PyMemberDef* d_member

    ctypedef struct PyBaseExceptionObject:
        PyObject* dict
        PyObject* args
        char suppress_context

    ctypedef struct PyOSErrorObject:
        Py_ssize_t written

    ctypedef struct PyFunctionObject:
        PyObject* func_closure
        PyObject* func_defaults
        PyObject* func_kwdefaults
        PyObject* func_dict
        PyObject* func_annotations

    int T_OBJECT, T_OBJECT_EX
    unsigned long Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_HAVE_GC

    PyTypeObject PyUnicode_Type, PyLong_Type, PyFloat_Type, PyBool_Type, PyBytes_Type
    PyTypeObject PyTuple_Type, PyList_Type, PyDict_Type, PySet_Type, PyFrozenSet_Type
    PyTypeObject PyByteArray_Type, PyFunction_Type, PyMethod_Type, PyCell_Type, PyCFunction_Type
    PyTypeObject PyBaseObject_Type, PyMemoryView_Type

    PyTypeObject* Py_TYPE(PyObject*) noexcept
    Py_ssize_t Py_REFCNT(PyObject*) noexcept
    void Py_SET_SIZE(PyObject*, Py_ssize_t) noexcept
    void Py_INCREF(PyObject*) noexcept
    void Py_XINCREF(PyObject*) noexcept
    void Py_DECREF(PyObject*) noexcept
    void Py_XDECREF(PyObject*) noexcept
    bint PyType_Check(PyObject*) noexcept
    bint PyType_IsSubtype(PyTypeObject*, PyTypeObject*) noexcept

    PyObject* PyTuple_New(Py_ssize_t) noexcept
    Py_ssize_t PyTuple_GET_SIZE(PyObject*) noexcept
    PyObject* PyTuple_GET_ITEM(PyObject*, Py_ssize_t) noexcept      # Borrowed.
    void PyTuple_SET_ITEM(PyObject*, Py_ssize_t, PyObject*) noexcept  # Steals.
    PyObject* PyList_New(Py_ssize_t) noexcept
    Py_ssize_t PyList_GET_SIZE(PyObject*) noexcept
    PyObject* PyList_GET_ITEM(PyObject*, Py_ssize_t) noexcept       # Borrowed.
    int PyList_Append(PyObject*, PyObject*) noexcept
    PyObject* PyList_AsTuple(PyObject*) noexcept
    PyObject* PyDict_New() noexcept
    PyObject* PyDict_Copy(PyObject*) noexcept
    Py_ssize_t PyDict_GET_SIZE(PyObject*) noexcept
    int PyDict_Next(PyObject*, Py_ssize_t*, PyObject**, PyObject**) noexcept
    int PyDict_SetItem(PyObject*, PyObject*, PyObject*) noexcept
    PyObject* PyDict_GetItemWithError(PyObject*, PyObject*) noexcept  # Borrowed.
    PyObject* PySet_New(PyObject*) noexcept
    PyObject* PyFrozenSet_New(PyObject*) noexcept
    int PySet_Add(PyObject*, PyObject*) noexcept
    PyObject* PySequence_Tuple(PyObject*) noexcept
    PyObject* PyLong_FromVoidPtr(void*) noexcept
    PyObject* PyByteArray_FromStringAndSize(const char*, Py_ssize_t) noexcept
    char* PyByteArray_AS_STRING(PyObject*) noexcept
    Py_ssize_t PyByteArray_GET_SIZE(PyObject*) noexcept
    PyObject* PyCell_New(PyObject*) noexcept
    PyObject* PyCell_GET(PyObject*) noexcept                        # Borrowed, or NULL: empty.
    int PyCell_Set(PyObject*, PyObject*) noexcept
    PyObject* PyMethod_New(PyObject*, PyObject*) noexcept
    PyObject* PyMethod_GET_FUNCTION(PyObject*) noexcept             # Borrowed.
    PyObject* PyMethod_GET_SELF(PyObject*) noexcept                 # Borrowed.
    PyObject* PyCFunction_GET_SELF(PyObject*) noexcept              # Borrowed, or NULL.
    PyObject* PyObject_GenericGetDict(PyObject*, void*) noexcept
    # Borrowed, NULL without an error.
    PyObject* _PyType_Lookup(PyTypeObject*, PyObject*) noexcept

    PyObject* PyException_GetCause(PyObject*) noexcept              # NULL without an error: none.
    PyObject* PyException_GetContext(PyObject*) noexcept            # NULL without an error: none.

    void PyObject_GC_Track(void*) noexcept
    void PyObject_GC_UnTrack(void*) noexcept
    void PyErr_Clear() noexcept
    void PyErr_SetNone(PyObject*) noexcept
    void PyErr_SetString(PyObject*, const char*) noexcept
    PyObject* PyErr_NoMemory() noexcept                             # Always NULL.
    PyObject* PyExc_RuntimeError
    PyObject* PyExc_RecursionError
    PyObject* PyExc_TypeError
    PyObject* PyExc_BaseException
    PyObject* PyExc_OSError
    PyObject* PyExc_UnicodeError

    void* PyMem_Malloc(size_t) noexcept
    void* PyMem_Calloc(size_t, size_t) noexcept
    void* PyMem_Realloc(void*, size_t) noexcept
    void PyMem_Free(void*) noexcept

    # The version of a type: changes whenever the type or a base does, is never another type's; 0:
    # none now.
    unsigned int type_version "csched_type_version"(PyTypeObject*) noexcept
    PyTypeObject* none_type "csched_none_type"() noexcept
    # Its `__del__` will not run.
    void forgo_finalizer "csched_forgo_finalizer"(PyObject*) noexcept
    # The field at a byte offset, as member descriptors give it.
    PyObject** field_at "csched_field"(PyObject*, Py_ssize_t) noexcept
