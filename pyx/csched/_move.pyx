"""Moving messages; their theory of operation is in `_move.pxd`."""

from cpython.object cimport PyObject

from csched._copy_capi cimport (
    Py_REFCNT,
    Py_TYPE,
    PyByteArray_GET_SIZE,
    PyByteArray_Type,
    PyDict_GET_SIZE,
    PyDict_Next,
    PyDict_Type,
    PyList_GET_ITEM,
    PyList_GET_SIZE,
    PyList_Type,
    PySet_Type,
    PyTuple_GET_ITEM,
    PyTuple_GET_SIZE,
    PyTuple_Type,
    PyTypeObject,
)
from csched._copy_kinds cimport is_atom, is_flat
from csched._copy_objects cimport DICT_WORDS, ENTRY_WORDS, HEADER_WORDS, SET_WORDS
from csched._cpython cimport PyThreadState
from csched._heap cimport csched_heap_init, csched_heap_splice, csched_heap_t, csched_heap_take
from csched._process cimport process_t
from csched._signal cimport Signals
from csched._types cimport WORD_SIZE


cdef extern from "temporary.h":
    bint csched_is_statement(PyThreadState* thread, PyObject* function, PyObject** args) noexcept
    bint csched_is_plain_dict(PyObject* dict) noexcept


cdef extern from "Python.h":
    ctypedef struct setentry:
        PyObject* key       # NULL: free.
        Py_hash_t hash      # -1: of an entry that was removed, its key is no element.
    ctypedef struct PySetObject:
        Py_ssize_t used
        Py_ssize_t mask
        setentry* table
        PyObject* weakreflist


cdef enum fate_t:
    FATE_COPIED = -1    # Something in it cannot be moved.
    FATE_SHARED = 0     # Nothing in it would be copied: it stays as it is, on the list where it is.
    FATE_MOVED = 1


cdef struct tree_t:
    csched_heap_t* list     # Where the containers wait until all have been looked at; NULL: they stay where they are.
    int len                 # Containers on it, and those among them that the collector does not track.
    size_t words            # Cost, as of a copy.


cdef fate_t take(tree_t* tree, PyObject* container, size_t words) noexcept:
    if tree.list != NULL:
        if not csched_heap_take(tree.list, container):
            return FATE_COPIED
        tree.len += 1
    tree.words += words
    return FATE_MOVED


cdef fate_t visit_tuple(tree_t* tree, PyObject* obj, int depth) noexcept:
    cdef Py_ssize_t i
    cdef PyObject* part
    cdef fate_t fate
    cdef fate_t whole = FATE_SHARED
    for i in range(PyTuple_GET_SIZE(obj)):
        part = PyTuple_GET_ITEM(obj, i)
        if is_atom(Py_TYPE(part)):
            continue
        fate = visit(tree, part, depth)
        if fate == FATE_COPIED:
            return FATE_COPIED
        if fate == FATE_MOVED:
            whole = FATE_MOVED
    if whole == FATE_SHARED:
        return FATE_SHARED
    return take(tree, obj, HEADER_WORDS + PyTuple_GET_SIZE(obj))


cdef fate_t visit_list(tree_t* tree, PyObject* obj, int depth) noexcept:
    cdef Py_ssize_t i
    cdef PyObject* part
    for i in range(PyList_GET_SIZE(obj)):
        part = PyList_GET_ITEM(obj, i)
        if not is_atom(Py_TYPE(part)) and visit(tree, part, depth) == FATE_COPIED:
            return FATE_COPIED
    return take(tree, obj, HEADER_WORDS + 3 + PyList_GET_SIZE(obj))


cdef fate_t visit_dict(tree_t* tree, PyObject* obj, int depth) noexcept:
    cdef Py_ssize_t position = 0
    cdef PyObject* key
    cdef PyObject* value
    if not csched_is_plain_dict(obj):
        return FATE_COPIED
    while PyDict_Next(obj, &position, &key, &value):
        if not is_atom(Py_TYPE(key)) and visit(tree, key, depth) == FATE_COPIED:
            return FATE_COPIED
        if not is_atom(Py_TYPE(value)) and visit(tree, value, depth) == FATE_COPIED:
            return FATE_COPIED
    return take(tree, obj, DICT_WORDS + ENTRY_WORDS * PyDict_GET_SIZE(obj))


cdef fate_t visit_set(tree_t* tree, PyObject* obj, int depth) noexcept:
    cdef Py_ssize_t i
    cdef PySetObject* elements = <PySetObject*>obj
    cdef PyObject* key
    if elements.weakreflist != NULL:
        return FATE_COPIED
    for i in range(elements.mask + 1):
        key = elements.table[i].key
        if key == NULL or elements.table[i].hash == -1 or is_atom(Py_TYPE(key)):
            continue
        if visit(tree, key, depth) == FATE_COPIED:
            return FATE_COPIED
    return take(tree, obj, SET_WORDS + ENTRY_WORDS * elements.used)


cdef fate_t visit(tree_t* tree, PyObject* obj, int depth) noexcept:
    """Anything but an atom, which costs less to tell before the call."""
    cdef PyTypeObject* kind = Py_TYPE(obj)
    if is_flat(obj):
        return FATE_SHARED
    if Py_REFCNT(obj) != 1 or depth == MOVE_DEPTH:
        return FATE_COPIED
    if kind == &PyDict_Type:
        return visit_dict(tree, obj, depth + 1)
    if kind == &PyList_Type:
        return visit_list(tree, obj, depth + 1)
    if kind == &PyTuple_Type:
        return visit_tuple(tree, obj, depth + 1)
    if kind == &PySet_Type:
        return visit_set(tree, obj, depth + 1)
    if kind == &PyByteArray_Type:
        # No container, and the collector does not know it.
        tree.words += HEADER_WORDS + PyByteArray_GET_SIZE(obj) // WORD_SIZE
        return FATE_MOVED
    return FATE_COPIED


cdef bint move(
    Signals signals, process_t* sender, process_t* receiver, PyObject* function, PyObject** args, size_t* words
) noexcept:
    cdef csched_heap_t taken
    cdef tree_t tree
    cdef fate_t fate
    if (
        signals.gc.entered[0] != &sender.heap.objects
        or not csched_is_statement(signals.thread, function, args)
    ):
        return False
    csched_heap_init(&taken)
    tree.list = &taken if signals.heaps.private else NULL
    tree.len = 0
    tree.words = 0
    fate = visit(&tree, args[1], 0)
    csched_heap_splice(&receiver.heap.objects if fate == FATE_MOVED else &sender.heap.objects, &taken)
    if fate != FATE_MOVED:
        return False
    # As if the sender had freed what the receiver has made.
    signals.gc.allocated[0] -= min(tree.len, signals.gc.allocated[0])
    receiver.heap.allocated += tree.len
    words[0] = tree.words
    return True
