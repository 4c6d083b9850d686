"""What one copy carries with it: the memo, the cost so far, and the way to a failure.

Purpose: a `copier_t` lives on the C stack of `copy_message` for as long as one message is copied.
It owns everything that must not outlive the copy, so a copy may run inside a hook of another one,
or in another thread, without knowing.

1. The memo maps originals to copies by address, and owns a reference to both: no address in it can
   come to mean another object. Its first entries are in the struct, searched one by one; only a
   message with more shared parts than that gets a hash table.
2. Only what can be met twice is remembered: objects with more references than the one that led to
   them and those that the copier holds itself.
3. A Python hook breaks rule 2, since it may reach anything. Before the first one runs the copy
   starts over (`restart`), and then remembers everything. What C code reaches, it holds references
   to.
4. A hook gets a real dict. Every entry is then put into both, and looked for in both.
5. **Failure.** The functions that copy return NULL with an error set. They are `noexcept` all the
   same, since an `except` clause would save and restore the exception state at every level: each
   level tests for NULL by hand, adds its step to the path on the way out, and so a path costs
   nothing until there is one. The first and last steps are kept; of a million, nobody reads the
   middle.
6. Who is to blame is noted once, by the innermost level: `culprit`. `refused` tells a type that
   cannot be copied from a hook that raised.

Rejected: a global memo buffer (a hook copies, or a thread does: it must be told to be busy); paths
built on the way in (a list push for each object, for a message in a million).
"""

from cpython.ref cimport PyObject
from libc.stdint cimport uint32_t

from csched._copy_capi cimport Py_INCREF, PyTypeObject


cdef enum:
    # Memo entries within the struct. Searching eight addresses costs less than a hash and its
    # table.
    MEMO_FIRST = 8
    # Steps of a path that are kept at either end.
    STEPS_KEPT = 16


cdef enum step_t:
    # `[index]`
    STEP_INDEX
    # `[key]`
    STEP_KEY
    # `.keys()[index]`: the key itself is to blame.
    STEP_KEYS
    # `{key}`: an element of a set, shown by its type.
    STEP_ELEMENT
    # `.key`, a str
    STEP_ATTRIBUTE
    # Into an object's dict: the STEP_KEY after it is shown as an attribute.
    STEP_DICT
    # `.closure[key]`
    STEP_CLOSURE


ctypedef struct path_step_t:
    PyObject* key       # Owned; NULL where the kind has none.
    Py_ssize_t index
    step_t kind


ctypedef struct entry_t:
    PyObject* original  # Owned.
    PyObject* copy      # Owned.


ctypedef struct copier_t:
    # Copies an object that is no atom, or shares it: a new reference, or NULL with an error. `own`
    # is how many references to the object the copier itself holds at that moment. Set by `_copy`,
    # for those below.
    PyObject* (*copy)(copier_t* copier, PyObject* original, Py_ssize_t own) noexcept
    size_t words                    # Cost of what has been copied so far.
    bint remember_all               # A Python hook takes part.
    bint restart                    # A Python hook was met without `remember_all`.
    bint refused                    # The failure is a type that cannot be copied.
    PyTypeObject* culprit           # Owned; the type whose copying failed; NULL: none yet.
    PyObject* hook_memo             # Owned; the dict that hooks get; NULL until the first.
    entry_t* entries                # In order of arrival; `first`, or allocated.
    # Hash table of 1 + index into `entries`, 0 is free; NULL while `first` serves.
    uint32_t* slots
    # Slots - 1; slots are a power of two, at least twice the entries.
    size_t mask
    Py_ssize_t entries_len
    Py_ssize_t entries_room
    entry_t first[MEMO_FIRST]
    Py_ssize_t steps_len            # Steps of the path, kept or not; innermost first.
    path_step_t inner[STEPS_KEPT]   # The first of them.
    path_step_t outer[STEPS_KEPT]   # A ring of the last of them.


cdef void copier_init(
    copier_t* copier,
    PyObject* (*copy)(copier_t*, PyObject*, Py_ssize_t) noexcept,
    bint remember_all,
) noexcept
cdef void copier_clear(copier_t* copier) noexcept
cdef entry_t* find_hashed(copier_t* copier, PyObject* original) noexcept
cdef PyObject* recall_from_hooks(copier_t* copier, PyObject* original) noexcept
cdef int remember_slow(copier_t* copier, PyObject* original, PyObject* copy) noexcept
cdef void remember_instead(copier_t* copier, PyObject* original, PyObject* copy) noexcept
cdef int share_memo(copier_t* copier, PyObject* memo) noexcept

# Notes whom to blame, unless somebody further in is. Call with the error set.
cdef void blame(copier_t* copier, PyObject* original, bint refused) noexcept
cdef void add_step(copier_t* copier, step_t kind, PyObject* key, Py_ssize_t index) noexcept
cdef str path_text(copier_t* copier, str root)
cdef str type_text(object kind)


cdef inline void append_entry(copier_t* copier, PyObject* original, PyObject* copy) noexcept:
    cdef entry_t* entry = &copier.entries[copier.entries_len]
    Py_INCREF(original)
    Py_INCREF(copy)
    entry.original = original
    entry.copy = copy
    copier.entries_len += 1


cdef inline entry_t* find(copier_t* copier, PyObject* original) noexcept:
    cdef Py_ssize_t i
    if copier.slots != NULL:
        return find_hashed(copier, original)
    for i in range(copier.entries_len):
        if copier.entries[i].original == original:
            return &copier.entries[i]
    return NULL


# The copy that was already made of an object: borrowed, or NULL without an error.
cdef inline PyObject* recall(copier_t* copier, PyObject* original) noexcept:
    cdef entry_t* entry = find(copier, original)
    if entry != NULL:
        return entry.copy
    if copier.hook_memo != NULL:
        return recall_from_hooks(copier, original)
    return NULL


# Remembers a copy, of an object that `recall` does not know. -1 with an error: no memory.
cdef inline int remember(copier_t* copier, PyObject* original, PyObject* copy) noexcept:
    if copier.slots != NULL or copier.hook_memo != NULL or copier.entries_len == MEMO_FIRST:
        return remember_slow(copier, original, copy)
    append_entry(copier, original, copy)
    return 0
