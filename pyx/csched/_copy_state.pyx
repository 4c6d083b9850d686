from cpython.ref cimport PyObject
from libc.stdint cimport uint32_t

from csched._copy_capi cimport (
    Py_DECREF,
    Py_INCREF,
    Py_TYPE,
    Py_XDECREF,
    Py_XINCREF,
    PyDict_GetItemWithError,
    PyDict_SetItem,
    PyErr_Clear,
    PyErr_NoMemory,
    PyLong_FromVoidPtr,
    PyMem_Calloc,
    PyMem_Free,
    PyMem_Malloc,
    PyMem_Realloc,
)

cdef enum:
    # Entries that the first allocated memo has room for; it doubles from there.
    MEMO_ROOM = 32
    # Characters of a key that a path shows.
    KEY_LEN = 60


cdef void copier_init(
    copier_t* copier,
    PyObject* (*copy)(copier_t*, PyObject*, Py_ssize_t) noexcept,
    bint remember_all,
) noexcept:
    copier.copy = copy
    copier.words = 0
    copier.remember_all = remember_all
    copier.restart = False
    copier.refused = False
    copier.culprit = NULL
    copier.hook_memo = NULL
    copier.entries = copier.first
    copier.slots = NULL
    copier.mask = 0
    copier.entries_len = 0
    copier.entries_room = MEMO_FIRST
    copier.steps_len = 0


cdef void copier_clear(copier_t* copier) noexcept:
    """Give back everything; runs finalizers, if the copy failed or hooks left something."""
    cdef Py_ssize_t i
    for i in range(copier.entries_len):
        Py_DECREF(copier.entries[i].original)
        Py_DECREF(copier.entries[i].copy)
    if copier.entries != copier.first:
        PyMem_Free(copier.entries)
        PyMem_Free(copier.slots)
    Py_XDECREF(copier.hook_memo)
    Py_XDECREF(<PyObject*>copier.culprit)
    for i in range(min(copier.steps_len, STEPS_KEPT)):
        Py_XDECREF(copier.inner[i].key)
    for i in range(min(copier.steps_len - STEPS_KEPT, STEPS_KEPT)):
        Py_XDECREF(copier.outer[i].key)


# The memo.

cdef inline size_t slot_of(copier_t* copier, PyObject* original) noexcept:
    # Objects are at least 16 bytes apart; the multiplication spreads what an arena puts side by
    # side.
    return ((<size_t>original >> 4) * <size_t>0x9E3779B97F4A7C15 >> 20) & copier.mask


cdef entry_t* find_hashed(copier_t* copier, PyObject* original) noexcept:
    cdef size_t slot = slot_of(copier, original)
    while copier.slots[slot] != 0:
        if copier.entries[copier.slots[slot] - 1].original == original:
            return &copier.entries[copier.slots[slot] - 1]
        slot = (slot + 1) & copier.mask
    return NULL


cdef void hash_entry(copier_t* copier, Py_ssize_t i) noexcept:
    cdef size_t slot = slot_of(copier, copier.entries[i].original)
    while copier.slots[slot] != 0:
        slot = (slot + 1) & copier.mask
    copier.slots[slot] = <uint32_t>(i + 1)


cdef int make_room(copier_t* copier) noexcept:
    """Make the memo twice as large. -1 with an error: no memory; the memo is as it was."""
    cdef Py_ssize_t i, room = max(2 * copier.entries_room, MEMO_ROOM)
    cdef size_t slots_len = 4 * MEMO_ROOM
    cdef entry_t* entries
    cdef uint32_t* slots
    while slots_len < <size_t>(2 * room):
        slots_len *= 2
    slots = <uint32_t*>PyMem_Calloc(slots_len, sizeof(uint32_t))
    if slots == NULL:
        PyErr_NoMemory()
        return -1
    if copier.entries == copier.first:
        entries = <entry_t*>PyMem_Malloc(room * sizeof(entry_t))
    else:
        entries = <entry_t*>PyMem_Realloc(copier.entries, room * sizeof(entry_t))
    if entries == NULL:
        PyMem_Free(slots)
        PyErr_NoMemory()
        return -1
    if copier.entries == copier.first:
        for i in range(copier.entries_len):
            entries[i] = copier.first[i]
    PyMem_Free(copier.slots)
    copier.entries = entries
    copier.entries_room = room
    copier.slots = slots
    copier.mask = slots_len - 1
    for i in range(copier.entries_len):
        hash_entry(copier, i)
    return 0


cdef int write_hook_memo(copier_t* copier, PyObject* original, PyObject* copy) noexcept:
    cdef PyObject* address = PyLong_FromVoidPtr(original)
    cdef int status
    if address == NULL:
        return -1
    status = PyDict_SetItem(copier.hook_memo, address, copy)
    Py_DECREF(address)
    return status


cdef int remember_slow(copier_t* copier, PyObject* original, PyObject* copy) noexcept:
    if copier.entries_len == copier.entries_room and make_room(copier) < 0:
        return -1
    append_entry(copier, original, copy)
    if copier.slots != NULL:
        hash_entry(copier, copier.entries_len - 1)
    if copier.hook_memo != NULL:
        return write_hook_memo(copier, original, copy)
    return 0


cdef void remember_instead(copier_t* copier, PyObject* original, PyObject* copy) noexcept:
    """Put another copy in the place of the one that `remember` was told."""
    cdef entry_t* entry = find(copier, original)
    cdef PyObject* old = entry.copy
    Py_INCREF(copy)
    entry.copy = copy
    if copier.hook_memo != NULL and write_hook_memo(copier, original, copy) < 0:
        # No memory for a number: a hook will see the copy that was put aside, an equal one.
        PyErr_Clear()
    Py_DECREF(old)


cdef PyObject* recall_from_hooks(copier_t* copier, PyObject* original) noexcept:
    cdef PyObject* address = PyLong_FromVoidPtr(original)
    cdef PyObject* copy = NULL
    if address != NULL:
        copy = PyDict_GetItemWithError(copier.hook_memo, address)
        Py_DECREF(address)
    if copy == NULL:
        # Without memory for a number the object is copied once more: an error may follow there.
        PyErr_Clear()
    return copy


cdef int share_memo(copier_t* copier, PyObject* memo) noexcept:
    """Let hooks have `memo`, a dict, with all that is known so far. -1 with an error."""
    cdef Py_ssize_t i
    Py_INCREF(memo)
    copier.hook_memo = memo
    for i in range(copier.entries_len):
        if write_hook_memo(copier, copier.entries[i].original, copier.entries[i].copy) < 0:
            return -1
    return 0


# The path.

cdef void blame(copier_t* copier, PyObject* original, bint refused) noexcept:
    if copier.culprit == NULL:
        copier.culprit = Py_TYPE(original)
        Py_INCREF(<PyObject*>copier.culprit)
        copier.refused = refused


cdef void add_step(copier_t* copier, step_t kind, PyObject* key, Py_ssize_t index) noexcept:
    cdef path_step_t* step
    cdef PyObject* old = NULL
    if copier.restart:
        return
    if copier.steps_len < STEPS_KEPT:
        step = &copier.inner[copier.steps_len]
    else:
        step = &copier.outer[(copier.steps_len - STEPS_KEPT) % STEPS_KEPT]
        if copier.steps_len >= 2 * STEPS_KEPT:
            old = step.key
    Py_XINCREF(key)
    step.kind = kind
    step.key = key
    step.index = index
    copier.steps_len += 1
    Py_XDECREF(old)


cdef str key_text(object key):
    """A key as source text; no code of the user's runs, for it may raise, or never end."""
    cdef str text
    kind = type(key)
    if kind is str:
        text = repr(key)
        text = text[1:len(text) - 1]
        if '"' not in text and len(text) <= KEY_LEN:
            return f'"{text}"'
        text = repr(key)
    elif key is None or kind in (int, float, bool, bytes, complex):
        text = repr(key)
    elif kind is tuple and len(key) <= KEY_LEN // 4:
        parts = [key_text(part) if type(part) is not tuple else "..." for part in key]
        text = f"({', '.join(parts)})"
    else:
        text = f"<{type_text(kind)}>"
    return text if len(text) <= KEY_LEN else text[:KEY_LEN] + "..."


cdef str type_text(object kind):
    # Not `kind.__qualname__`: a metaclass may define that.
    return type.__dict__["__qualname__"].__get__(kind)


cdef str path_text(copier_t* copier, str root):
    """The path to the culprit, outermost step first, as an expression that begins with `root`."""
    cdef list texts = [root]
    cdef path_step_t* step
    cdef Py_ssize_t i = copier.steps_len
    cdef bint in_dict = False
    while i > 0:
        i -= 1
        if i >= STEPS_KEPT and i < copier.steps_len - STEPS_KEPT:
            texts.append(" ... ")
            i = STEPS_KEPT
            continue
        step = &copier.inner[i] if i < STEPS_KEPT else &copier.outer[(i - STEPS_KEPT) % STEPS_KEPT]
        if step.kind == STEP_DICT:
            in_dict = True
            continue
        if step.kind == STEP_INDEX:
            texts.append(f"[{step.index}]")
        elif step.kind == STEP_KEYS:
            texts.append(f".keys()[{step.index}]")
        elif step.kind == STEP_ELEMENT:
            texts.append(f"{{{key_text(<object>step.key)}}}")
        elif step.kind == STEP_ATTRIBUTE or (in_dict and type(<object>step.key) is str):
            texts.append(f".{<object>step.key}")
        elif step.kind == STEP_KEY:
            texts.append(f"[{key_text(<object>step.key)}]")
        else:
            # The variables of the function that was spawned are named without it.
            texts = [""] if texts == ["function"] else [*texts, "."]
            texts.append(f"closure[{key_text(<object>step.key)}]")
        in_dict = False
    return "".join(texts)
