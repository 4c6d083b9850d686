"""Objects as parts: how one is taken apart, and how a copy is put together from copied parts.

Purpose: `expand` gives the parts of an original, `finish` makes the copy once each part is copied. Who
copies the parts in between is the caller's business: `copy_composite` does it on the C stack,
`_copy_deep` on a stack of its own. So every kind that has parts can be nested without limit.

1. What can be part of itself has a `shell`, made and remembered before its parts are copied. A tuple,
   a frozenset and a bound method cannot have one: a cycle through them leads through something that
   has, so they may come out as copied already when their parts are done, and the first one stays.
2. `parts` is a tuple of their own references: nothing that a hook does to the original matters.
3. A part that is not there (an empty cell, an unset slot) is `_Absent`, a class: classes are shared.
4. What turns out to have shared parts only, and cannot be changed, is shared: tuples, frozensets,
   frozen dataclasses, functions without a closure.
5. A copied function has cells of its own from the start, so that it may be called, even half-made.
   Its globals stay shared, as modules are. A method that the object's class still has is looked up
   again rather than copied.
6. An exception loses its traceback: that refers to frames, which are the sender's.

Rejected: `__init__` or `__new__` for exceptions (what `args` says need not be what they take, a
classic trap of pickling).
"""

from cpython.ref cimport PyObject

from csched._copy_kinds cimport kind_t
from csched._copy_state cimport copier_t


cdef enum:
    # Words of an object's header, with the collector's.
    HEADER_WORDS = 4
    # Words of a dict or set with its smallest table, and for each entry, with its share of the table.
    TABLE_WORDS = 12
    ENTRY_WORDS = 4


ctypedef struct frame_t:
    PyObject* original      # Owned.
    PyObject* shell         # Owned; NULL where rule 1 says so.
    PyObject* parts         # Owned; a tuple of originals.
    PyObject* done          # Owned; a list of copies, as long as `index`.
    PyObject* names         # Owned; a tuple with what each part is called; NULL for containers and cells.
    PyObject* recipe        # Owned; NULL if the type has none.
    Py_ssize_t own          # References to each part that this frame holds.
    Py_ssize_t index        # The next part.
    size_t words            # What all cost before it: if it is shared, its parts cost nothing.
    kind_t kind
    bint remember           # The original may be met again.


# Takes `recipe` over, also when it fails: -1 with an error set.
cdef int expand(
    copier_t* copier, frame_t* frame, PyObject* original, kind_t kind, PyObject* recipe, bint remember
) noexcept
# The copy, a new reference; NULL with an error set. The frame stays to be cleared.
cdef PyObject* finish(copier_t* copier, frame_t* frame) noexcept
cdef void clear_frame(frame_t* frame) noexcept
# Adds the step from the frame's object to the part that it is at.
cdef void add_frame_step(copier_t* copier, frame_t* frame) noexcept

# Expand, copy each part by `copier.copy`, finish. Takes `recipe` over.
cdef PyObject* copy_composite(
    copier_t* copier, PyObject* original, kind_t kind, PyObject* recipe, bint remember
) noexcept
# By attributes. Takes `recipe` over.
cdef PyObject* copy_instance(copier_t* copier, PyObject* original, PyObject* recipe, bint remember) noexcept
cdef PyObject* copy_memoryview(copier_t* copier, PyObject* original, bint remember) noexcept
# True if a function has nothing that can be changed: it is shared.
cdef bint is_bare_function(PyObject* original) noexcept
