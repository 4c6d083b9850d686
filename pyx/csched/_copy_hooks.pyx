cimport cython
from cpython.ref cimport PyObject

from csched._copy_capi cimport (
    Py_DECREF,
    Py_INCREF,
    Py_TYPE,
    Py_XDECREF,
    PyCFunction_GET_SELF,
    PyErr_SetNone,
    PyErr_SetString,
    PyExc_RecursionError,
    PyExc_TypeError,
    forgo_finalizer,
)
from csched._copy_kinds cimport (
    KIND_BUILTIN,
    KIND_DEEPCOPY,
    KIND_PROXY,
    KIND_WEAK,
    Recipe,
    copy_part,
    is_atom,
    kind_t,
    shared_at,
)
from csched._copy_state cimport (
    STEP_ATTRIBUTE,
    STEP_DICT,
    STEP_ELEMENT,
    STEP_INDEX,
    STEP_KEY,
    STEP_KEYS,
    add_step,
    blame,
    copier_t,
    recall,
    remember as remember_copy,
    share_memo,
    step_t,
)

import copyreg
import gc
import sys
import types
from _weakrefset import WeakSet

cdef enum:
    # The pickling protocol that `__reduce_ex__` is asked for, as by the copy module.
    PROTOCOL = 4
    WORD = 8

# How many hooks run within one another.
cdef int nesting = 0


@cython.final
cdef class HookMemo(dict):
    """The memo that `__deepcopy__` gets: a dict which also knows what `share` was given."""

    def get(self, key, default=None):
        if key in self:
            return self[key]
        shared = shared_at(key)
        return default if shared is None else shared


cdef PyObject* new_part(
    copier_t* copier, object original, step_t step, object key, Py_ssize_t index
) except NULL:
    cdef PyObject* copy = copy_part(copier, <PyObject*>original, 0)
    if copy == NULL:
        add_step(copier, step, <PyObject*>key, index)
    return copy


cdef PyObject* copy_whole(copier_t* copier, object original) except NULL:
    """Copy what an object stands for: it has the same path."""
    return copy_part(copier, <PyObject*>original, 0)


cdef object part(
    copier_t* copier, object original, step_t step, object key=None, Py_ssize_t index=0
):
    """A copy of something that belongs to an object, reached by the step that is named."""
    cdef PyObject* copy = new_part(copier, original, step, key, index)
    result = <object>copy
    Py_DECREF(copy)
    return result


cdef object by_deepcopy(copier_t* copier, object original):
    if copier.hook_memo == NULL:
        memo = HookMemo()
        if share_memo(copier, <PyObject*>memo) < 0:
            raise MemoryError
    return original.__deepcopy__(<object>copier.hook_memo)


cdef object reduced(copier_t* copier, object original):
    """What the object says it is made of."""
    reductor = copyreg.dispatch_table.get(type(original))
    try:
        if reductor is not None:
            return reductor(original)
        return original.__reduce_ex__(PROTOCOL)
    except TypeError as error:
        if "pickle" in str(error):
            blame(copier, <PyObject*>original, True)
        raise


cdef int set_state(copier_t* copier, object copy, object state, object setter) except -1:
    cdef object slots = None
    if setter is None and not hasattr(copy, "__setstate__"):
        if type(state) is tuple and len(state) == 2:
            state, slots = state
        if state is not None:
            copy.__dict__.update(part(copier, state, STEP_DICT))
        if slots is not None:
            for name, value in part(copier, slots, STEP_DICT).items():
                setattr(copy, name, value)
        return 0
    if type(state) is dict:
        state = part(copier, state, STEP_DICT)
    else:
        state = part(copier, state, STEP_ATTRIBUTE, "__reduce__()[2]")
    if setter is None:
        copy.__setstate__(state)
    else:
        setter(copy, state)
    return 0


cdef int add_exception_parts(copier_t* copier, object original, object copy) except -1:
    """Nothing that an exception says of itself for pickling includes these."""
    copy.__cause__ = part(copier, original.__cause__, STEP_ATTRIBUTE, "__cause__")
    copy.__context__ = part(copier, original.__context__, STEP_ATTRIBUTE, "__context__")
    copy.__suppress_context__ = original.__suppress_context__
    return 0


cdef object by_reduce(copier_t* copier, object original, bint remember):
    cdef Py_ssize_t i
    reduction = reduced(copier, original)
    if type(reduction) is str:
        # The name of a global: there is only one of it.
        return original
    if type(reduction) is not tuple or not 2 <= len(reduction) <= 6:
        raise TypeError("__reduce_ex__() must return a str, or a tuple of 2 to 6 parts")
    make, args, state, items, pairs, setter = reduction + (None,) * (6 - len(reduction))
    copy = make(*part(copier, args, STEP_ATTRIBUTE, "__reduce__()[1]"))
    if remember and remember_copy(copier, <PyObject*>original, <PyObject*>copy) < 0:
        raise MemoryError
    try:
        if state is not None:
            set_state(copier, copy, state, setter)
        if items is not None:
            for i, value in enumerate(items):
                copy.append(part(copier, value, STEP_INDEX, None, i))
        if pairs is not None:
            for i, (key, value) in enumerate(pairs):
                value = part(copier, value, STEP_KEY, key)
                copy[part(copier, key, STEP_KEYS, None, i)] = value
        if isinstance(original, BaseException) and isinstance(copy, BaseException):
            add_exception_parts(copier, original, copy)
    except BaseException:
        if make is copyreg.__newobj__:
            # Nobody has initialized it.
            forgo_finalizer(<PyObject*>copy)
        raise
    return copy


cdef object by_proxy(copier_t* copier, object original):
    """A view of the copy of its mapping, which may be in the message itself."""
    mapping = gc.get_referents(original)[0]
    cdef PyObject* copy = copy_whole(copier, mapping)
    result = <object>copy
    Py_DECREF(copy)
    copy = recall(copier, <PyObject*>original)
    if copy != NULL:
        # A cycle leads through it: the copy that was made on the way round stays.
        return <object>copy
    return original if result is mapping else types.MappingProxyType(result)


cdef object by_weak(copier_t* copier, object original, bint remember):
    cdef Py_ssize_t i
    copy = type(original)()
    if remember and remember_copy(copier, <PyObject*>original, <PyObject*>copy) < 0:
        raise MemoryError
    if isinstance(original, WeakSet):
        for value in list(original):
            copy.add(part(copier, value, STEP_ELEMENT, value))
    else:
        for i, (key, value) in enumerate(list(original.items())):
            new_key = part(copier, key, STEP_KEYS, None, i)
            copy[new_key] = part(copier, value, STEP_KEY, key)
    return copy


cdef size_t words_of(object copy):
    """The size of an object without its parts, as the object says: it may own memory of C."""
    try:
        return sys.getsizeof(copy) // WORD
    except Exception:
        return 0


cdef bint is_bound_to_object(PyObject* builtin) noexcept:
    cdef PyObject* owner = PyCFunction_GET_SELF(builtin)
    return owner != NULL and not is_atom(Py_TYPE(owner)) and not isinstance(
        <object>owner, (type, types.ModuleType)
    )


cdef PyObject* new_by_hook(
    copier_t* copier, PyObject* original, kind_t kind, bint remember
) except NULL:
    if kind == KIND_DEEPCOPY:
        copy = by_deepcopy(copier, <object>original)
        if remember and remember_copy(copier, original, <PyObject*>copy) < 0:
            raise MemoryError
    elif kind == KIND_BUILTIN and not is_bound_to_object(original):
        copy = <object>original
    elif kind == KIND_PROXY:
        copy = by_proxy(copier, <object>original)
        if remember and recall(copier, original) == NULL and remember_copy(
            copier, original, <PyObject*>copy
        ) < 0:
            raise MemoryError
    elif kind == KIND_WEAK:
        copy = by_weak(copier, <object>original, remember)
    else:
        copy = by_reduce(copier, <object>original, remember)
    if <PyObject*>copy != original:
        copier.words += words_of(copy)
    Py_INCREF(<PyObject*>copy)
    return <PyObject*>copy


cdef PyObject* (*new_by_hook_raw)(copier_t*, PyObject*, kind_t, bint) noexcept
new_by_hook_raw = <PyObject* (*)(copier_t*, PyObject*, kind_t, bint) noexcept>new_by_hook


cdef PyObject* copy_by_hook(
    copier_t* copier, PyObject* original, kind_t kind, PyObject* recipe, bint remember
) noexcept:
    global nesting
    cdef bint is_hook = recipe != NULL and (<Recipe>recipe).is_hook
    cdef PyObject* copy = NULL
    Py_XDECREF(recipe)
    if is_hook and not copier.remember_all:
        copier.restart = True
        PyErr_SetNone(PyExc_TypeError)
        return NULL
    if nesting == HOOK_DEPTH:
        PyErr_SetString(
            PyExc_RecursionError, "too many objects that copy themselves within one another"
        )
    else:
        nesting += 1
        copy = new_by_hook_raw(copier, original, kind, remember)
        nesting -= 1
    if copy == NULL and not copier.restart:
        blame(copier, original, False)
    return copy
