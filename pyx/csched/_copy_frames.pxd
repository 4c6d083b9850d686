"""Copying part by part: how an object is taken apart, and how its copy is put together.

Purpose: `expand` gives the parts of an original, `finish` makes the copy once each part is copied.
Who copies the parts in between is the caller's business: `copy_composite` does it on the C stack,
`_copy_deep` on a stack of its own. So every kind that has parts can be nested without limit.

1. What can be part of itself has a `shell`, made and remembered before its parts are copied. A
   tuple, a frozenset and a bound method cannot have one: a cycle through them leads through
   something that has, so they may come out as copied already when their parts are done, and the
   first one stays.
2. `parts` is a tuple with references of its own: nothing that a hook does to the original matters.
3. What turns out to have shared parts only, and cannot be changed, is shared: tuples, frozensets,
   bound methods, frozen dataclasses, functions without a closure. Its shell is then put aside,
   unless somebody has it already.

Rejected: a tuple as its own shell, to be filled later (it could be hashed, or seen, half-made).
"""

from cpython.ref cimport PyObject

from csched._copy_kinds cimport kind_t
from csched._copy_state cimport copier_t


ctypedef struct frame_t:
    PyObject* original      # Owned.
    PyObject* shell         # Owned; NULL where rule 1 says so.
    PyObject* parts         # Owned; a tuple of originals.
    PyObject* done          # Owned; a list of copies, as long as `index`.
    # Owned; a tuple with what each part is called; NULL for containers and cells.
    PyObject* names
    PyObject* recipe        # Owned; NULL if the type has none.
    Py_ssize_t own          # References to each part that this frame holds.
    Py_ssize_t index        # The next part.
    size_t words            # What all cost before it: if it is shared, its parts cost nothing.
    kind_t kind
    bint remember           # The original may be met again.
    bint is_finished        # Nothing is missing in the shell any more.


# Takes `recipe` over, also when it fails: -1 with an error set.
cdef int expand(
    copier_t* copier,
    frame_t* frame,
    PyObject* original,
    kind_t kind,
    PyObject* recipe,
    bint remember,
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
