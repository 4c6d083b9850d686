from cpython.ref cimport PyObject

from csched._copy_capi cimport (
    Py_DECREF,
    Py_INCREF,
    Py_TYPE,
    Py_XDECREF,
    PyErr_Clear,
    PyFunction_Type,
    PyObject_GC_Track,
    PyObject_GC_UnTrack,
    PyTuple_New,
    PyTuple_SET_ITEM,
)
from csched._copy_containers cimport copy_bytearray, copy_dict, copy_list, copy_set, copy_tuple
from csched._copy_deep cimport copy_deep
from csched._copy_frames cimport copy_composite
from csched._copy_hooks cimport copy_by_hook
from csched._copy_kinds cimport (
    KIND_BYTEARRAY,
    KIND_DICT,
    KIND_FROZENSET,
    KIND_FUNCTION,
    KIND_INSTANCE,
    KIND_LIST,
    KIND_MEMORYVIEW,
    KIND_SET,
    KIND_SHARED,
    KIND_TUPLE,
    has_parts,
    is_atom,
    copy_part,
    is_flat,
    meet,
    met_t,
)
from csched._copy_objects cimport (
    copy_instance,
    copy_memoryview,
    is_bare_function,
)
from csched._copy_state cimport (
    blame,
    copier_clear,
    copier_init,
    copier_t,
    path_text,
    type_text,
)
from csched._types cimport COPY_DEPTH

from csched._copy_kinds import register_immutable, share  # no-cython-lint


cdef extern from *:
    """
    /* Read and written for each copy: the model spares the call that finds a thread's variables. */
    static _Thread_local int csched_hooks __attribute__((tls_model("initial-exec")));
    """
    int csched_hooks

# Levels that are being copied on the C stack, by all copies: one may run inside another one's hook.
cdef int depth = 0


class CopyError(TypeError):
    """A message, or what was passed to `spawn`, contains something that cannot be copied.

    The text begins with the path to it: ``message["conn"][0]: socket cannot be copied; ...``. If a
    hook of the object's class failed (`__deepcopy__`, `__reduce__`, `__setstate__`...), its
    exception is the `__cause__`. Nothing was delivered.

    Examples
    --------
    >>> from csched._copy import CopyError, copy
    >>> try:
    ...     copy({"jobs": [1, (n for n in range(3))]})
    ... except CopyError as error:
    ...     print(str(error).partition(";")[0])
    message["jobs"][1]: generator cannot be copied
    """

    __module__ = "csched"


# Dispatch.

cdef PyObject* copy_kind(copier_t* copier, PyObject* original, met_t* met) noexcept:
    if met.kind == KIND_DICT:
        return copy_dict(copier, original, met.remember)
    if met.kind == KIND_LIST:
        return copy_list(copier, original, met.remember)
    if met.kind == KIND_INSTANCE:
        return copy_instance(copier, original, met.recipe, met.remember)
    if met.kind == KIND_SET or met.kind == KIND_FROZENSET:
        return copy_set(copier, original, met.remember, met.kind == KIND_FROZENSET)
    return copy_composite(copier, original, met.kind, met.recipe, met.remember)


cdef PyObject* copy_object(copier_t* copier, PyObject* original, Py_ssize_t own) noexcept:
    """Copy or share what is no atom: the function that the others find as `copier.copy`."""
    global depth
    cdef PyObject* copy
    cdef met_t met
    if meet(copier, original, own, &met) < 0:
        blame(copier, original, False)
        return NULL
    if met.kind == KIND_SHARED:
        return met.copy
    if has_parts(met.kind):
        if depth >= COPY_DEPTH:
            return copy_deep(copier, original, &met)
        depth += 1
        if met.kind == KIND_TUPLE:
            copy = copy_tuple(copier, original, met.remember)
            Py_XDECREF(met.recipe)
        elif met.kind == KIND_FUNCTION and is_bare_function(original):
            Py_INCREF(original)
            copy = original
        else:
            copy = copy_kind(copier, original, &met)
        depth -= 1
        return copy
    if met.kind == KIND_BYTEARRAY:
        return copy_bytearray(copier, original, met.remember)
    if met.kind == KIND_MEMORYVIEW:
        return copy_memoryview(copier, original, met.remember)
    return copy_by_hook(copier, original, met.kind, met.recipe, met.remember)


# Whole messages.

cdef int reraise() except -1:
    """Raise the error that is set."""
    return -1


cdef PyObject* raise_copy_error(copier_t* copier, str root) except NULL:
    """Turn the error that is set into a CopyError with the path to the culprit."""
    try:
        reraise()
    except MemoryError:
        raise
    except Exception as error:
        path = path_text(copier, root)
        culprit = "it" if copier.culprit == NULL else type_text(<object>copier.culprit)
        if copier.refused:
            help = "csched.share() lets an object be passed by reference"
            raise CopyError(f"{path}: {culprit} cannot be copied; {help}") from None
        try:
            reason = str(error)
        except Exception:
            reason = "(no text)"
        reason = f"{type_text(type(error))}: {reason}"
        raise CopyError(f"{path}: {culprit} could not be copied; {reason}") from error


cdef PyObject* (*raise_copy_error_raw)(copier_t*, str) noexcept
raise_copy_error_raw = <PyObject* (*)(copier_t*, str) noexcept>raise_copy_error


cdef PyObject* copy_root(copier_t* copier, PyObject* original, str root) noexcept:
    cdef PyObject* copy = copy_part(copier, original, 0)
    if copy == NULL and not copier.restart:
        raise_copy_error_raw(copier, root)
    return copy


cdef int hooks_running() noexcept:
    return csched_hooks


cdef PyObject* new_message(PyObject* message, size_t* words) except NULL:
    global csched_hooks
    cdef copier_t copier
    cdef PyObject* copy
    csched_hooks += 1
    copier_init(&copier, copy_object, False)
    copy = copy_root(&copier, message, "message")
    if copier.restart:
        PyErr_Clear()
        copier_clear(&copier)
        copier_init(&copier, copy_object, True)
        copy = copy_root(&copier, message, "message")
    words[0] = copier.words
    copier_clear(&copier)
    csched_hooks -= 1
    return copy


cdef object copy_message(object message, size_t* words):
    cdef PyObject* copy
    if is_atom(Py_TYPE(<PyObject*>message)) or is_flat(<PyObject*>message):
        words[0] = 0
        return message
    copy = new_message(<PyObject*>message, words)
    result = <object>copy
    Py_DECREF(copy)
    return result


cdef PyObject* copy_call(copier_t* copier, PyObject* function, PyObject* args) noexcept:
    """The pair of a copied function and its copied arguments."""
    cdef PyObject* call = PyTuple_New(2)
    cdef PyObject* part
    if call == NULL:
        return NULL
    PyObject_GC_UnTrack(call)
    part = copy_root(copier, function, "function")
    if part != NULL:
        PyTuple_SET_ITEM(call, 0, part)
        part = copy_root(copier, args, "args")
    if part == NULL:
        Py_DECREF(call)
        return NULL
    PyTuple_SET_ITEM(call, 1, part)
    PyObject_GC_Track(call)
    return call


cdef PyObject* new_call(PyObject* function, PyObject* args, size_t* words) except NULL:
    global csched_hooks
    cdef copier_t copier
    cdef PyObject* call
    csched_hooks += 1
    copier_init(&copier, copy_object, False)
    call = copy_call(&copier, function, args)
    if copier.restart:
        PyErr_Clear()
        copier_clear(&copier)
        copier_init(&copier, copy_object, True)
        call = copy_call(&copier, function, args)
    words[0] = copier.words
    copier_clear(&copier)
    csched_hooks -= 1
    return call


cdef object copy_spawn(object function, object args, size_t* words):
    cdef tuple arguments = tuple(args)
    cdef PyObject* call
    if (
        Py_TYPE(<PyObject*>function) == &PyFunction_Type
        and is_bare_function(<PyObject*>function)
        and is_flat(<PyObject*>arguments)
    ):
        words[0] = 0
        return function, arguments
    call = new_call(<PyObject*>function, <PyObject*>arguments, words)
    result = <object>call
    Py_DECREF(call)
    return result


def copy(message, /):
    """Copy an object as `send` copies a message.

    Numbers, strings, pids, classes, modules and other things that cannot be changed are shared, and
    so is what was passed to `share`; tuples and frozen dataclasses are, if all their parts are.
    Everything else is copied, with sharing and cycles within the message kept: containers,
    instances, exceptions (without their traceback), closures with their cells, views of memory with
    the memory. Objects with a `__deepcopy__` or `__reduce__` of their own are copied by that.

    Parameters
    ----------
    message : object
        Anything; nested to any depth, but for objects that copy themselves: 200 of those at most.

    Returns
    -------
    object
        The copy, or `message` itself if all of it can be shared.

    Raises
    ------
    CopyError
        If some part cannot be copied (a file, a socket, a lock, a generator...), or its own way of
        copying failed. The text begins with the path to that part.

    Cost
    ----
    O(size); about 0.1 us for each container and 5 ns for each number or string in it.

    Examples
    --------
    >>> from csched._copy import copy
    >>> message = {"jobs": [1, 2]}
    >>> received = copy(message)
    >>> received == message, received["jobs"] is message["jobs"]
    (True, False)
    """
    cdef size_t words
    return copy_message(message, &words)
