"""Lists, tuples, dicts, sets and bytearrays, on the C stack: what most messages are made of.

Purpose: the shortest way from a container to its copy. Parts that are no atoms go to `copier.copy`.

1. No container refers to NULL where Python code could see it: a list has the length of what is in
   it already, a tuple is made when all its parts are there, a dict begins as a snapshot.
2. A reference to each part is held while it is copied, and sizes are read anew after it: a hook may
   change what is being copied, and what is being made. A list that was changed fails to be copied.
3. A dict whose keys are atoms is copied as a table; parts that are not shared then replace those of
   the table, where they are. Not so where a Python hook takes part: it may enter something into the
   copy, and what lies in the table then moves. Other keys are copied first and hashed again: the
   hash may go by identity.
4. A tuple or frozenset that is part of itself comes back, when it is done, as the copy that was
   made on the way round the cycle (`_copy_frames`, rule 1).

Rejected: an insertion for each entry of a dict (twice the time, for a table that is there already).
"""

from cpython.ref cimport PyObject

from csched._copy_state cimport copier_t


# Each gives a new reference, or NULL with an error. `remember`: the original may be met again.
cdef PyObject* copy_list(copier_t* copier, PyObject* original, bint remember) noexcept
# Of a class derived from tuple, too.
cdef PyObject* copy_tuple(copier_t* copier, PyObject* original, bint remember) noexcept
cdef PyObject* copy_dict(copier_t* copier, PyObject* original, bint remember) noexcept
cdef PyObject* copy_set(
    copier_t* copier, PyObject* original, bint remember, bint is_frozen
) noexcept
cdef PyObject* copy_bytearray(copier_t* copier, PyObject* original, bint remember) noexcept
