"""Instances, exceptions, functions, methods, cells, views: what they are made of, and made from.

Purpose: `_copy_frames` asks for the parts of an object, and fills a copy with copied ones, in the
same order. Instances, the usual case, are copied here at one go as well (`copy_instance`).

1. Neither `__init__` nor `__new__` of a class runs, nor any property: fields are read and set where
   they lie. So an exception whose constructor takes something else than its `args`, the classic
   trap of pickling, is copied like any other.
2. A part that is not there (an empty cell, an unset slot, the dict of an exception that needed none)
   is `_Absent`, a class: classes are shared.
3. A copied function has cells of its own from the start, so that it may be called, even half-made.
   Its globals stay shared, as modules are. A bound method whose function is its class's keeps that.
4. An exception loses its traceback: that refers to frames, which are the sender's.
5. A view of memory gets a copy of that memory, and may be written to if the original may.

Rejected: looking into an object's inline values (internal, and different in each version); the
dict that this makes for an object is the one that `vars` would make.
"""

from cpython.ref cimport PyObject

from csched._copy_capi cimport PyTypeObject
from csched._copy_kinds cimport Recipe
from csched._copy_state cimport copier_t


cdef enum:
    # Words of an object's header, with the collector's.
    HEADER_WORDS = 4
    # Words of an empty dict, and of an empty set, which has its first table in itself; for each
    # entry, with its share of the table.
    DICT_WORDS = 12
    SET_WORDS = 27
    ENTRY_WORDS = 4
    # Where the dict is among the parts of an exception, and the first cell among those of a
    # function.
    EXCEPTION_DICT = 3
    FUNCTION_CELLS = 3


# By attributes. Takes `recipe` over.
cdef PyObject* copy_instance(
    copier_t* copier, PyObject* original, PyObject* recipe, bint remember
) noexcept
cdef PyObject* copy_memoryview(copier_t* copier, PyObject* original, bint remember) noexcept
# True if a function has nothing that can be changed: it is shared.
cdef bint is_bare_function(PyObject* original) noexcept

# The parts, in the order that the functions below expect: the dict, then the slots;
cdef tuple instance_parts(object original, Recipe recipe)
# args, cause, context, then as for an instance;
cdef tuple exception_parts(object original, Recipe recipe)
# defaults, keyword defaults, dict, then the cells.
cdef tuple function_parts(object original)
cdef object method_function(object original)
cdef object cell_contents(PyObject* cell)

# Objects without their parts.
cdef PyObject* new_object(PyTypeObject* kind) except NULL
cdef PyObject* new_exception(PyTypeObject* kind) except NULL
cdef object function_shell(object original)
cdef object owned_or_absent(PyObject* value)

# `done`: a list of the copied parts. -1 with an error set.
cdef int fill_instance(
    PyObject* shell, Recipe recipe, PyObject* done, Py_ssize_t dict_index
) noexcept
cdef int fill_exception(object original, object shell, list done) except -1
cdef int fill_function(object shell, list done) except -1
cdef int fill_cell(PyObject* shell, PyObject* done) noexcept
cdef object bound_method(object original, object owner, object function)

# True if two dicts have the same objects under the same keys; the second is a copy of the first.
cdef bint is_same_dict(PyObject* original, PyObject* copy) noexcept
# Shares an original after all, unless somebody has its copy already; `words`: the cost before it.
cdef bint put_aside(
    copier_t* copier, PyObject* original, PyObject* shell, bint remember, size_t words
) noexcept
