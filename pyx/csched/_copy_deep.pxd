"""Nesting without limit: what the C stack does in `_copy`, on a stack of its own.

Purpose: a message nested a million deep is legal. `_copy` recurses for COPY_DEPTH levels, which is
faster, and leaves what lies deeper to `copy_deep`: one frame for each object that is being copied.

1. A frame is `_copy_frames`' own, so every kind that has parts is covered, mixed at will; what has
   none, and objects that copy themselves, are copied by `copier.copy`.
2. The stack owns its frames; all are cleared on the way out, innermost first, success or not. So no
   chain of copies is ever dropped at one go.
3. A hook below may need a `copy_deep` of its own: at most HOOK_DEPTH of them.

Rejected: an explicit stack for everything (three times the price for a list in a dict); putting off
the filling of deep containers (a tuple must have its parts before it is hashed).
"""

from cpython.ref cimport PyObject

from csched._copy_kinds cimport met_t
from csched._copy_state cimport copier_t


# Copies an object that `meet` has just told of: a new reference, or NULL with an error. Takes its
# recipe over.
cdef PyObject* copy_deep(copier_t* copier, PyObject* original, met_t* met) noexcept
