"""Objects that copy themselves: `__deepcopy__`, `copyreg`, `__reduce_ex__`.

Purpose: the same protocol as the copy module's, in the same order, so that whatever `copy.deepcopy`
copies can be sent.

1. Before a Python hook runs, everything copied so far must be in the memo: if it is not, the copy
   starts over (`_copy_state`, rule 3). A hook of C does not need that.
2. What a hook returns is its responsibility; what `__reduce_ex__` returns is copied part by part.
3. "Cannot pickle" is a refusal, not a failure: the type is named, and no cause is shown.
4. A container of weak references has those to the copies: they last if something else in the message
   refers to them.
5. Hooks nest on the C stack, so their depth is limited, for all copies of the thread together:
   a hook may start a copy.

Rejected: `copy.deepcopy` for it all (Pids, shared handles and the memo would be unknown to it).

Sources: `deepcopy` and `_reconstruct` of the copy module.
"""

from cpython.ref cimport PyObject

from csched._copy_kinds cimport kind_t
from csched._copy_state cimport copier_t


cdef enum:
    # Objects that copy themselves, within one another; some 2 KB of C stack each. The copy module
    # stops at 250.
    HOOK_DEPTH = 200


# KIND_BUILTIN and all after it. Takes `recipe` over.
cdef PyObject* copy_by_hook(
    copier_t* copier, PyObject* original, kind_t kind, PyObject* recipe, bint remember
) noexcept
