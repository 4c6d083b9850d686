from cpython.ref cimport PyObject

from csched._copy_capi cimport (
    Py_DECREF,
    Py_INCREF,
    Py_TYPE,
    Py_XDECREF,
    PyCell_New,
    PyFrozenSet_New,
    PyList_Append,
    PyList_AsTuple,
    PyList_GET_ITEM,
    PyList_GET_SIZE,
    PyMethod_GET_SELF,
    PyTuple_GET_ITEM,
    PyTuple_GET_SIZE,
    PyTuple_SET_ITEM,
    PyTuple_Type,
    PyTypeObject,
    PyDict_SetItem,
    PySet_Add,
    forgo_finalizer,
)
from csched._copy_kinds cimport (
    KIND_DICT,
    KIND_EXCEPTION,
    KIND_FROZENSET,
    KIND_FUNCTION,
    KIND_INSTANCE,
    KIND_LIST,
    KIND_METHOD,
    KIND_SET,
    KIND_TUPLE,
    Recipe,
    copy_part,
    kind_t,
)
from csched._copy_objects cimport (
    DICT_WORDS,
    ENTRY_WORDS,
    EXCEPTION_DICT,
    FUNCTION_CELLS,
    HEADER_WORDS,
    SET_WORDS,
    bound_method,
    cell_contents,
    exception_parts,
    fill_cell,
    fill_exception,
    fill_function,
    fill_instance,
    function_parts,
    function_shell,
    instance_parts,
    is_same_dict,
    method_function,
    new_exception,
    new_object,
    owned_or_absent,
    put_aside,
)
from csched._copy_state cimport (
    STEP_ATTRIBUTE,
    STEP_CLOSURE,
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
)

# What the parts are called. The path goes on below `__dict__` without naming it.
cdef tuple FUNCTION_NAMES = ("__defaults__", "__kwdefaults__", "__dict__")
cdef tuple METHOD_NAMES = ("__self__", "__func__")


# Taking apart.

cdef int expand_kind(copier_t* copier, frame_t* frame) except -1:
    cdef object original = <object>frame.original
    cdef object parts, names = None, shell = None
    frame.own = 1
    if frame.kind == KIND_LIST:
        parts = tuple(<list>original)
        shell = []
    elif frame.kind == KIND_TUPLE:
        parts = original
        frame.own = 0
    elif frame.kind == KIND_DICT:
        parts = []
        for key, value in (<dict>original).items():
            parts.append(key)
            parts.append(value)
        parts = tuple(parts)
        shell = {}
    elif frame.kind == KIND_SET:
        parts = tuple(original)
        shell = set()
    elif frame.kind == KIND_FROZENSET:
        parts = tuple(original)
    elif frame.kind == KIND_INSTANCE:
        parts = instance_parts(original, <Recipe>frame.recipe)
        names = (<Recipe>frame.recipe).names
        shell = owned_or_absent(new_object(Py_TYPE(frame.original)))
    elif frame.kind == KIND_EXCEPTION:
        parts = exception_parts(original, <Recipe>frame.recipe)
        names = (<Recipe>frame.recipe).names
        shell = owned_or_absent(new_exception(Py_TYPE(frame.original)))
    elif frame.kind == KIND_FUNCTION:
        parts = function_parts(original)
        names = FUNCTION_NAMES + original.__code__.co_freevars
        shell = function_shell(original)
    elif frame.kind == KIND_METHOD:
        parts = (<object>PyMethod_GET_SELF(frame.original), method_function(original))
        names = METHOD_NAMES
    else:
        parts = (cell_contents(frame.original),)
        shell = owned_or_absent(PyCell_New(NULL))
    if shell is not None:
        if frame.remember and remember_copy(copier, frame.original, <PyObject*>shell) < 0:
            raise MemoryError
        Py_INCREF(<PyObject*>shell)
        frame.shell = <PyObject*>shell
    if names is not None:
        Py_INCREF(<PyObject*>names)
        frame.names = <PyObject*>names
    done = []
    Py_INCREF(<PyObject*>parts)
    frame.parts = <PyObject*>parts
    Py_INCREF(<PyObject*>done)
    frame.done = <PyObject*>done
    return 0


cdef int (*expand_kind_raw)(copier_t*, frame_t*) noexcept
expand_kind_raw = <int (*)(copier_t*, frame_t*) noexcept>expand_kind


cdef int expand(
    copier_t* copier,
    frame_t* frame,
    PyObject* original,
    kind_t kind,
    PyObject* recipe,
    bint remember,
) noexcept:
    Py_INCREF(original)
    frame.original = original
    frame.shell = NULL
    frame.parts = NULL
    frame.done = NULL
    frame.names = NULL
    frame.recipe = recipe
    frame.own = 0
    frame.index = 0
    frame.words = copier.words
    frame.kind = kind
    frame.remember = remember
    frame.is_finished = False
    if expand_kind_raw(copier, frame) < 0:
        blame(copier, original, False)
        clear_frame(frame)
        return -1
    return 0


cdef void clear_frame(frame_t* frame) noexcept:
    Py_DECREF(frame.original)
    if frame.shell != NULL:
        if not frame.is_finished:
            forgo_finalizer(frame.shell)
        Py_DECREF(frame.shell)
    Py_XDECREF(frame.parts)
    Py_XDECREF(frame.done)
    Py_XDECREF(frame.names)
    Py_XDECREF(frame.recipe)


cdef void add_frame_step(copier_t* copier, frame_t* frame) noexcept:
    # An error is set: nothing here may call Python.
    cdef Py_ssize_t i = frame.index
    cdef PyObject* name
    if frame.kind == KIND_LIST or frame.kind == KIND_TUPLE:
        add_step(copier, STEP_INDEX, NULL, i)
    elif frame.kind == KIND_DICT and i % 2:
        add_step(copier, STEP_KEY, PyTuple_GET_ITEM(frame.parts, i - 1), 0)
    elif frame.kind == KIND_DICT:
        add_step(copier, STEP_KEYS, NULL, i // 2)
    elif frame.kind == KIND_SET or frame.kind == KIND_FROZENSET:
        add_step(copier, STEP_ELEMENT, PyTuple_GET_ITEM(frame.parts, i), 0)
    elif frame.names != NULL:
        name = PyTuple_GET_ITEM(frame.names, i)
        if name == <PyObject*>"__dict__":
            add_step(copier, STEP_DICT, NULL, 0)
        elif frame.kind == KIND_FUNCTION and i >= FUNCTION_CELLS:
            add_step(copier, STEP_CLOSURE, name, 0)
        else:
            add_step(copier, STEP_ATTRIBUTE, name, 0)


# Putting together.

cdef bint is_own_dict(frame_t* frame, Py_ssize_t i) noexcept:
    """True if a part is a dict that belongs to the object: nobody changes that of a shared one."""
    if frame.kind == KIND_FUNCTION:
        return 0 < i < FUNCTION_CELLS
    return frame.kind == KIND_INSTANCE and i == 0


cdef bint is_same(frame_t* frame) noexcept:
    """True if all parts were shared; its own dict counts as shared if what that holds was."""
    cdef PyObject* part
    cdef PyObject* copy
    cdef Py_ssize_t i
    for i in range(frame.index):
        part = PyTuple_GET_ITEM(frame.parts, i)
        copy = PyList_GET_ITEM(frame.done, i)
        if part != copy and not (
            is_own_dict(frame, i)
            and type(<object>part) is dict
            and type(<object>copy) is dict
            and is_same_dict(part, copy)
        ):
            return False
    return True


cdef PyObject* tuple_like(PyObject* original, PyObject* parts) noexcept:
    cdef PyTypeObject* kind = Py_TYPE(original)
    cdef PyObject* copy
    cdef PyObject* part
    cdef Py_ssize_t i
    if kind == &PyTuple_Type:
        return PyList_AsTuple(parts)
    copy = kind.tp_alloc(kind, PyList_GET_SIZE(parts))
    if copy != NULL:
        for i in range(PyList_GET_SIZE(parts)):
            part = PyList_GET_ITEM(parts, i)
            Py_INCREF(part)
            PyTuple_SET_ITEM(copy, i, part)
    return copy


cdef int fill_dict(PyObject* shell, PyObject* done) noexcept:
    cdef Py_ssize_t i
    for i in range(0, PyList_GET_SIZE(done), 2):
        if PyDict_SetItem(shell, PyList_GET_ITEM(done, i), PyList_GET_ITEM(done, i + 1)) < 0:
            return -1
    return 0


cdef int fill_set(PyObject* shell, PyObject* done) noexcept:
    cdef Py_ssize_t i
    for i in range(PyList_GET_SIZE(done)):
        if PySet_Add(shell, PyList_GET_ITEM(done, i)) < 0:
            return -1
    return 0


cdef PyObject* finish_unshelled(copier_t* copier, frame_t* frame) noexcept:
    """Make the copy of what has no shell, unless it has been copied on the way, or is shared."""
    cdef PyObject* copy = NULL
    if frame.remember:
        copy = recall(copier, frame.original)
    if copy != NULL:
        Py_INCREF(copy)
        return copy
    if is_same(frame):
        copy = frame.original
        Py_INCREF(copy)
    elif frame.kind == KIND_TUPLE:
        copy = tuple_like(frame.original, frame.done)
        copier.words += HEADER_WORDS + frame.index
    else:
        copy = PyFrozenSet_New(frame.done)
        copier.words += SET_WORDS + ENTRY_WORDS * frame.index
    if copy != NULL and frame.remember and remember_copy(copier, frame.original, copy) < 0:
        Py_DECREF(copy)
        return NULL
    return copy


cdef PyObject* finish_kind(copier_t* copier, frame_t* frame) except NULL:
    cdef PyObject* copy = frame.shell
    cdef size_t words = HEADER_WORDS + frame.index
    cdef bint can_share = False
    cdef int status = 0
    if frame.kind == KIND_TUPLE or frame.kind == KIND_FROZENSET:
        return finish_unshelled(copier, frame)
    if frame.kind == KIND_METHOD:
        return finish_method(copier, frame)
    if frame.kind == KIND_LIST:
        (<list>copy)[:] = <list>frame.done
    elif frame.kind == KIND_DICT:
        status = fill_dict(copy, frame.done)
        words = DICT_WORDS + ENTRY_WORDS * (frame.index // 2)
    elif frame.kind == KIND_SET:
        status = fill_set(copy, frame.done)
        words = SET_WORDS + ENTRY_WORDS * frame.index
    elif frame.kind == KIND_INSTANCE:
        status = fill_instance(copy, <Recipe>frame.recipe, frame.done, 0)
        can_share = (<Recipe>frame.recipe).frozen
    elif frame.kind == KIND_EXCEPTION:
        fill_exception(<object>frame.original, <object>copy, <list>frame.done)
        status = fill_instance(copy, <Recipe>frame.recipe, frame.done, EXCEPTION_DICT)
    elif frame.kind == KIND_FUNCTION:
        fill_function(<object>copy, <list>frame.done)
        can_share = frame.index == FUNCTION_CELLS
        words += 2 * HEADER_WORDS
    else:
        status = fill_cell(copy, frame.done)
    if status < 0:
        return NULL
    if can_share and is_same(frame) and put_aside(
        copier, frame.original, copy, frame.remember, frame.words
    ):
        Py_INCREF(frame.original)
        return frame.original
    copier.words += words
    Py_INCREF(copy)
    return copy


cdef PyObject* finish_method(copier_t* copier, frame_t* frame) except NULL:
    cdef PyObject* copy = NULL
    if frame.remember:
        copy = recall(copier, frame.original)
    if copy == NULL:
        if is_same(frame):
            method = <object>frame.original
        else:
            method = bound_method(
                <object>frame.original,
                <object>PyList_GET_ITEM(frame.done, 0),
                <object>PyList_GET_ITEM(frame.done, 1),
            )
            copier.words += HEADER_WORDS + 2
        copy = <PyObject*>method
        if frame.remember and remember_copy(copier, frame.original, copy) < 0:
            return NULL
    Py_INCREF(copy)
    return copy


cdef PyObject* (*finish_kind_raw)(copier_t*, frame_t*) noexcept
finish_kind_raw = <PyObject* (*)(copier_t*, frame_t*) noexcept>finish_kind


cdef PyObject* finish(copier_t* copier, frame_t* frame) noexcept:
    cdef PyObject* copy = finish_kind_raw(copier, frame)
    if copy == NULL:
        blame(copier, frame.original, False)
    else:
        frame.is_finished = True
    return copy


cdef PyObject* copy_composite(
    copier_t* copier, PyObject* original, kind_t kind, PyObject* recipe, bint remember
) noexcept:
    cdef frame_t frame
    cdef PyObject* copy = NULL
    cdef PyObject* part
    if expand(copier, &frame, original, kind, recipe, remember) < 0:
        return NULL
    while frame.index < PyTuple_GET_SIZE(frame.parts):
        part = copy_part(copier, PyTuple_GET_ITEM(frame.parts, frame.index), frame.own)
        if part == NULL:
            add_frame_step(copier, &frame)
            break
        if PyList_Append(frame.done, part) < 0:
            Py_DECREF(part)
            break
        Py_DECREF(part)
        frame.index += 1
    else:
        copy = finish(copier, &frame)
    clear_frame(&frame)
    return copy
