"""Which objects are shared, and how the others are copied: by kind.

Purpose: `meet` decides about one object that is not an atom: shared, already copied, or of a `kind`
for which `_copy` knows the way. Nothing is copied here.

1. The exact types of messages are told by comparing pointers. All other types have a `Recipe`, made
   once by looking at the class, and cached by the type's version: a class that is changed, a dead
   one whose address is used again, or one with a new entry in `copyreg`, is looked at anew.
2. A recipe never refers to its type: the cache keeps no class alive.
3. An object goes by its attributes, without any call (KIND_INSTANCE), only if its class defines
   nothing of the copy protocol and all its memory is accounted for by a dict and slots. All other
   objects are asked: `__deepcopy__`, `copyreg`, `__reduce_ex__`, in the order of the copy module.
4. Well-known immutable types are known by name, so that nothing is imported for their sake.
5. `share` works by identity: address to weak reference, or, where there can be none, to the object.
   Only types that have a shared instance pay for the look-up.
6. `register_immutable` is by exact type: a subclass may add what can be changed.

Rejected: a WeakKeyDictionary for recipes (a Python call for each object); `isinstance` rules (every
rule would then cost every object; and a subclass of an immutable type need not be one).

Sources: the copy module; `object_getstate` and `reduce_newobj`, typeobject.c.
"""

cimport cython
from cpython.ref cimport PyObject

from csched._copy_capi cimport (
    Py_INCREF,
    Py_REFCNT,
    Py_TPFLAGS_HAVE_GC,
    Py_TYPE,
    PyBool_Type,
    PyByteArray_Type,
    PyBytes_Type,
    PyCell_Type,
    PyCFunction_Type,
    PyDict_Type,
    PyFloat_Type,
    PyFrozenSet_Type,
    PyFunction_Type,
    PyList_Type,
    PyLong_Type,
    PyMemoryView_Type,
    PyMethod_Type,
    PySet_Type,
    PyTuple_GET_ITEM,
    PyTuple_GET_SIZE,
    PyTuple_Type,
    PyTypeObject,
    PyUnicode_Type,
    none_type,
)
from csched._copy_state cimport copier_t, recall
from csched._ids cimport Pid, Ref


cdef enum kind_t:
    # Passed by reference.
    KIND_SHARED
    KIND_LIST
    # Named tuples too: any class derived from tuple that adds neither fields nor copying of its
    # own.
    KIND_TUPLE
    KIND_DICT
    KIND_SET
    KIND_FROZENSET
    # By its dict and slots.
    KIND_INSTANCE
    # The same, with what BaseException adds.
    KIND_EXCEPTION
    KIND_FUNCTION
    KIND_METHOD
    # The last of the kinds that have parts (`has_parts`).
    KIND_CELL
    KIND_BYTEARRAY
    KIND_MEMORYVIEW
    # A builtin: shared, unless it is bound to an object.
    KIND_BUILTIN
    # A read-only view of a mapping: of the copy of that.
    KIND_PROXY
    # The containers of `weakref`, whose own `__deepcopy__` passes on the sender's objects.
    KIND_WEAK
    # By its `__deepcopy__`.
    KIND_DEEPCOPY
    # By `copyreg.dispatch_table` or its `__reduce_ex__`.
    KIND_REDUCE


@cython.final
cdef class Recipe:
    cdef kind_t kind
    cdef bint has_dict          # Instances have a `__dict__`.
    cdef bint frozen            # A frozen dataclass: shared if all its fields are.
    cdef bint is_hook           # The way of copying is Python code, which may reach anything.
    cdef bint has_shared        # Some instance of the type was passed to `share`.
    cdef Py_ssize_t slots_len
    cdef Py_ssize_t* offsets    # Owned; byte offsets of the object slots.
    # What the parts are called: "__dict__", then the slots; before them, what an exception adds.
    cdef tuple names


ctypedef struct met_t:
    kind_t kind         # KIND_SHARED: there is nothing to do but to return `copy`.
    PyObject* copy      # For KIND_SHARED: a new reference.
    PyObject* recipe    # Owned by the caller, if the type has one: else NULL.
    bint remember       # It may be met again: its copy must be remembered.


# True if an object of a type without a recipe was passed to `share`.
cdef bint plain_shared

# What `meet` leaves over: `met.kind` is what `plain_kind` says. -1 with an error set.
cdef int meet_other(
    copier_t* copier, PyObject* original, Py_ssize_t own, met_t* met
) noexcept

# The object that was passed to `share` and has this address, or None.
cdef object shared_at(object address)

cpdef object share(object obj)
cpdef object register_immutable(object kind)


# What most parts of most messages are, told without a call. Shared all.
cdef inline bint is_atom(PyTypeObject* kind) noexcept:
    if kind == &PyUnicode_Type or kind == &PyLong_Type:
        return True
    # What refers to others is told at one look: none of these does.
    return not kind.tp_flags & Py_TPFLAGS_HAVE_GC and (
        kind == none_type()
        or kind == &PyFloat_Type
        or kind == &PyBool_Type
        or kind == <PyTypeObject*>Pid
        or kind == <PyTypeObject*>Ref
        or kind == &PyBytes_Type
    )


# A part that may be an atom: a new reference, or NULL with an error. `own`: see `copier_t.copy`.
cdef inline PyObject* copy_part(copier_t* copier, PyObject* part, Py_ssize_t own) noexcept:
    if is_atom(Py_TYPE(part)):
        Py_INCREF(part)
        return part
    return copier.copy(copier, part, own)


# A tuple of atoms: the commonest message. Shared.
cdef inline bint is_flat(PyObject* obj) noexcept:
    cdef Py_ssize_t i
    if Py_TYPE(obj) != &PyTuple_Type:
        return False
    for i in range(PyTuple_GET_SIZE(obj)):
        if not is_atom(Py_TYPE(PyTuple_GET_ITEM(obj, i))):
            return False
    return True


# True for the kinds that `_copy_frames` can take apart. Not asked about KIND_SHARED.
cdef inline bint has_parts(kind_t kind) noexcept:
    return kind <= kind_t.KIND_CELL


# True if an object may be met twice, when `own` of its references are the copier's.
cdef inline bint may_recur(copier_t* copier, PyObject* original, Py_ssize_t own) noexcept:
    return Py_REFCNT(original) > 1 + own or copier.remember_all


cdef inline kind_t plain_kind(PyTypeObject* kind) noexcept:
    """The kind of a type that needs no recipe; KIND_REDUCE if it needs one."""
    if kind == &PyDict_Type:
        return kind_t.KIND_DICT
    if kind == &PyList_Type:
        return kind_t.KIND_LIST
    if kind == &PyTuple_Type:
        return kind_t.KIND_TUPLE
    if kind == &PySet_Type:
        return kind_t.KIND_SET
    if kind == &PyFrozenSet_Type:
        return kind_t.KIND_FROZENSET
    if kind == &PyFunction_Type:
        return kind_t.KIND_FUNCTION
    if kind == &PyByteArray_Type:
        return kind_t.KIND_BYTEARRAY
    if kind == &PyMethod_Type:
        return kind_t.KIND_METHOD
    if kind == &PyCFunction_Type:
        return kind_t.KIND_BUILTIN
    if kind == &PyCell_Type:
        return kind_t.KIND_CELL
    if kind == &PyMemoryView_Type:
        return kind_t.KIND_MEMORYVIEW
    return kind_t.KIND_REDUCE


# Decides about an object that is no atom. -1 with an error set.
cdef inline int meet(
    copier_t* copier, PyObject* original, Py_ssize_t own, met_t* met
) noexcept:
    cdef PyObject* copy
    met.kind = plain_kind(Py_TYPE(original))
    if met.kind == kind_t.KIND_REDUCE or plain_shared:
        return meet_other(copier, original, own, met)
    met.recipe = NULL
    met.remember = may_recur(copier, original, own)
    if met.remember:
        copy = recall(copier, original)
        if copy != NULL:
            Py_INCREF(copy)
            met.copy = copy
            met.kind = kind_t.KIND_SHARED
    return 0
