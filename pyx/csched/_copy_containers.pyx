from cpython.ref cimport PyObject

from csched._copy_capi cimport (
    Py_DECREF,
    Py_INCREF,
    Py_SET_SIZE,
    Py_TYPE,
    Py_XDECREF,
    PyByteArray_AS_STRING,
    PyByteArray_FromStringAndSize,
    PyByteArray_GET_SIZE,
    PyDict_Copy,
    PyDict_GET_SIZE,
    PyDict_New,
    PyDict_Next,
    PyDict_SetItem,
    PyErr_NoMemory,
    PyErr_SetString,
    PyExc_RuntimeError,
    PyFrozenSet_New,
    PyList_GET_ITEM,
    PyList_GET_SIZE,
    PyList_New,
    PyListObject,
    PyMem_Free,
    PyMem_Malloc,
    PySequence_Tuple,
    PySet_Add,
    PySet_New,
    PyTuple_GET_ITEM,
    PyTuple_GET_SIZE,
    PyTuple_New,
    PyTuple_SET_ITEM,
    PyTuple_Type,
    PyTypeObject,
)
from csched._copy_kinds cimport (
    copy_part,
    is_atom,
)
from csched._copy_objects cimport (
    DICT_WORDS,
    ENTRY_WORDS,
    HEADER_WORDS,
    SET_WORDS,
)
from csched._copy_state cimport (
    STEP_ELEMENT,
    STEP_INDEX,
    STEP_KEY,
    STEP_KEYS,
    add_step,
    blame,
    copier_t,
    recall,
    remember as remember_copy,
)
from csched._types cimport WORD_SIZE

cdef enum:
    # Parts of a tuple that are kept on the C stack until all are copied; 8 bytes for each level.
    TUPLE_FEW = 8


cdef void complain(copier_t* copier, PyObject* original) noexcept:
    PyErr_SetString(PyExc_RuntimeError, "it changed while it was being copied")
    blame(copier, original, False)


cdef PyObject* copy_list(copier_t* copier, PyObject* original, bint remember) noexcept:
    cdef Py_ssize_t i = 0, size = PyList_GET_SIZE(original)
    cdef PyObject* copy = PyList_New(size)
    cdef PyObject* item
    cdef PyObject* part
    if copy == NULL:
        return NULL
    Py_SET_SIZE(copy, 0)
    if remember and remember_copy(copier, original, copy) < 0:
        Py_DECREF(copy)
        return NULL
    while i < PyList_GET_SIZE(original):
        item = PyList_GET_ITEM(original, i)
        if is_atom(Py_TYPE(item)) and i < size:
            Py_INCREF(item)
            (<PyListObject*>copy).ob_item[i] = item
            i += 1
            # Read by nobody until a part is copied; set for each, it costs less than to know the
            # last.
            Py_SET_SIZE(copy, i)
            continue
        Py_INCREF(item)
        part = copier.copy(copier, item, 1)
        Py_DECREF(item)
        if part == NULL:
            add_step(copier, STEP_INDEX, NULL, i)
            break
        if PyList_GET_SIZE(copy) != i or (<PyListObject*>copy).allocated <= i:
            Py_DECREF(part)
            complain(copier, original)
            break
        (<PyListObject*>copy).ob_item[i] = part
        i += 1
        Py_SET_SIZE(copy, i)
    else:
        copier.words += HEADER_WORDS + 3 + i
        return copy
    Py_DECREF(copy)
    return NULL


cdef PyObject* new_tuple(PyTypeObject* kind, PyObject** parts, Py_ssize_t size) noexcept:
    """A tuple of a class; takes the parts over, but not when it fails."""
    cdef PyObject* copy
    cdef Py_ssize_t i
    if kind == &PyTuple_Type:
        copy = PyTuple_New(size)
    else:
        copy = kind.tp_alloc(kind, size)
    if copy != NULL:
        for i in range(size):
            PyTuple_SET_ITEM(copy, i, parts[i])
    return copy


cdef PyObject* copy_tuple(copier_t* copier, PyObject* original, bint remember) noexcept:
    cdef Py_ssize_t i, done = 0, size = PyTuple_GET_SIZE(original)
    cdef PyObject* few[TUPLE_FEW]
    cdef PyObject** parts = few
    cdef PyObject* copy = NULL
    cdef PyObject* item
    cdef bint is_same = True
    while done < size and is_atom(Py_TYPE(PyTuple_GET_ITEM(original, done))):
        done += 1
    if done == size:
        # Not remembered: looking at it once more costs no more than looking it up.
        Py_INCREF(original)
        return original
    if size > TUPLE_FEW:
        parts = <PyObject**>PyMem_Malloc(size * sizeof(PyObject*))
        if parts == NULL:
            return PyErr_NoMemory()
    for i in range(done):
        parts[i] = PyTuple_GET_ITEM(original, i)
        Py_INCREF(parts[i])
    while done < size:
        item = PyTuple_GET_ITEM(original, done)
        parts[done] = copy_part(copier, item, 0)
        if parts[done] == NULL:
            add_step(copier, STEP_INDEX, NULL, done)
            break
        is_same = is_same and parts[done] == item
        done += 1
    else:
        if not is_same:
            copy = new_tuple(Py_TYPE(original), parts, size)
        if copy != NULL:
            done = 0
        if is_same or copy != NULL:
            copy = settle(copier, original, copy, remember, HEADER_WORDS + size)
    for i in range(done):
        Py_DECREF(parts[i])
    if parts != few:
        PyMem_Free(parts)
    return copy


cdef PyObject* settle(
    copier_t* copier, PyObject* original, PyObject* copy, bint remember, size_t words
) noexcept:
    """End the copy of what had to have its parts first; takes `copy` over; NULL: all shared."""
    cdef PyObject* earlier = NULL
    if remember:
        # A cycle leads through it: the copy that was made on the way round stays.
        earlier = recall(copier, original)
    if earlier != NULL:
        Py_INCREF(earlier)
        Py_XDECREF(copy)
        return earlier
    if copy == NULL:
        copy = original
        Py_INCREF(copy)
    else:
        copier.words += words
    if remember and remember_copy(copier, original, copy) < 0:
        Py_DECREF(copy)
        return NULL
    return copy


cdef bint has_atom_keys(PyObject* original, bint* has_atom_values) noexcept:
    cdef Py_ssize_t position = 0
    cdef PyObject* key
    cdef PyObject* value
    has_atom_values[0] = True
    while PyDict_Next(original, &position, &key, &value):
        if not is_atom(Py_TYPE(key)):
            return False
        if not is_atom(Py_TYPE(value)):
            has_atom_values[0] = False
    return True


cdef PyObject* copy_dict(copier_t* copier, PyObject* original, bint remember) noexcept:
    cdef Py_ssize_t position = 0
    cdef bint has_atom_values
    cdef PyObject* copy
    cdef PyObject* key
    cdef PyObject* value
    cdef PyObject* part
    cdef Py_ssize_t size
    cdef int status
    if not has_atom_keys(original, &has_atom_values) or (
        copier.remember_all and not has_atom_values
    ):
        return copy_dict_anew(copier, original, remember)
    # A copy of the table, with the values that are not shared replaced where they are.
    copy = PyDict_Copy(original)
    if copy == NULL:
        return NULL
    if remember and remember_copy(copier, original, copy) < 0:
        Py_DECREF(copy)
        return NULL
    size = PyDict_GET_SIZE(copy)
    copier.words += DICT_WORDS + ENTRY_WORDS * size
    if has_atom_values:
        return copy
    while PyDict_Next(copy, &position, &key, &value):
        if is_atom(Py_TYPE(value)):
            continue
        Py_INCREF(key)
        Py_INCREF(value)
        # Two of its references are the copier's: this one, and the copied table's.
        part = copier.copy(copier, value, 2)
        Py_DECREF(value)
        if part == NULL:
            add_step(copier, STEP_KEY, key, 0)
            status = -1
        elif PyDict_GET_SIZE(copy) != size:
            Py_DECREF(part)
            complain(copier, original)
            status = -1
        else:
            status = 0 if part == value else PyDict_SetItem(copy, key, part)
            Py_DECREF(part)
        Py_DECREF(key)
        if status < 0:
            Py_DECREF(copy)
            return NULL
    return copy


cdef PyObject* copy_dict_anew(copier_t* copier, PyObject* original, bint remember) noexcept:
    """Copy a dict by inserting: its keys may have copies, and those other hashes."""
    cdef Py_ssize_t position = 0, i = 0
    cdef PyObject* snapshot = PyDict_Copy(original)
    cdef PyObject* copy = PyDict_New() if snapshot != NULL else NULL
    cdef PyObject* key
    cdef PyObject* value
    cdef PyObject* new_key
    cdef PyObject* part = NULL
    cdef int status = 0
    if copy == NULL or (remember and remember_copy(copier, original, copy) < 0):
        Py_XDECREF(snapshot)
        Py_XDECREF(copy)
        return NULL
    while status == 0 and PyDict_Next(snapshot, &position, &key, &value):
        # The snapshot, which nobody else can reach, holds both.
        status = -1
        new_key = copy_part(copier, key, 1)
        if new_key == NULL:
            add_step(copier, STEP_KEYS, NULL, i)
            break
        part = copy_part(copier, value, 1)
        if part == NULL:
            add_step(copier, STEP_KEY, key, 0)
        else:
            status = PyDict_SetItem(copy, new_key, part)
            if status < 0:
                blame(copier, key, False)
            Py_DECREF(part)
        Py_DECREF(new_key)
        i += 1
    copier.words += DICT_WORDS + ENTRY_WORDS * i
    Py_DECREF(snapshot)
    if status < 0:
        Py_DECREF(copy)
        return NULL
    return copy


cdef PyObject* copy_set(
    copier_t* copier, PyObject* original, bint remember, bint is_frozen
) noexcept:
    cdef PyObject* items = PySequence_Tuple(original)
    cdef PyObject* copy = NULL
    cdef PyObject* part
    cdef Py_ssize_t i, size
    cdef bint is_same = True
    cdef int status = 0
    if items == NULL:
        return NULL
    size = PyTuple_GET_SIZE(items)
    for i in range(size):
        if not is_atom(Py_TYPE(PyTuple_GET_ITEM(items, i))):
            is_same = False
            break
    if is_same and is_frozen:
        Py_DECREF(items)
        Py_INCREF(original)
        return original
    if is_same:
        # Copies the table, without hashing.
        copy = PySet_New(original)
    else:
        # Filled through the set's own means before anybody sees it, if it is a frozen one.
        copy = PyFrozenSet_New(NULL) if is_frozen else PySet_New(NULL)
    if copy == NULL or (not is_frozen and remember and remember_copy(copier, original, copy) < 0):
        Py_XDECREF(copy)
        Py_DECREF(items)
        return NULL
    if not is_same:
        is_same = True
        for i in range(size):
            part = copy_part(copier, PyTuple_GET_ITEM(items, i), 1)
            if part == NULL:
                add_step(copier, STEP_ELEMENT, PyTuple_GET_ITEM(items, i), 0)
                status = -1
                break
            is_same = is_same and part == PyTuple_GET_ITEM(items, i)
            status = PySet_Add(copy, part)
            Py_DECREF(part)
            if status < 0:
                blame(copier, PyTuple_GET_ITEM(items, i), False)
                break
    Py_DECREF(items)
    if status < 0:
        Py_DECREF(copy)
        return NULL
    if is_frozen:
        if is_same:
            Py_DECREF(copy)
            copy = NULL
        return settle(copier, original, copy, remember, SET_WORDS + ENTRY_WORDS * size)
    copier.words += SET_WORDS + ENTRY_WORDS * size
    return copy


cdef PyObject* copy_bytearray(copier_t* copier, PyObject* original, bint remember) noexcept:
    cdef Py_ssize_t size = PyByteArray_GET_SIZE(original)
    cdef PyObject* copy = PyByteArray_FromStringAndSize(PyByteArray_AS_STRING(original), size)
    if copy != NULL and remember and remember_copy(copier, original, copy) < 0:
        Py_DECREF(copy)
        return NULL
    copier.words += HEADER_WORDS + size // WORD_SIZE
    return copy
