cimport cython
from cpython.ref cimport PyObject

from csched._copy_capi cimport (
    Py_DECREF,
    Py_INCREF,
    Py_REFCNT,
    Py_TYPE,
    Py_XDECREF,
    PyBaseExceptionObject,
    PyBaseObject_Type,
    PyCell_GET,
    PyCell_New,
    PyCell_Set,
    PyDict_New,
    PyDict_Next,
    PyErr_Occurred,
    PyErr_SetString,
    PyException_GetCause,
    PyException_GetContext,
    PyException_SetCause,
    PyException_SetContext,
    PyExc_BaseException,
    PyExc_TypeError,
    PyFrozenSet_New,
    PyFunctionObject,
    PyList_Append,
    PyList_AsTuple,
    PyList_GET_ITEM,
    PyList_GET_SIZE,
    PyList_New,
    PyMethod_GET_FUNCTION,
    PyMethod_GET_SELF,
    PyMethod_New,
    PyObject_GenericGetDict,
    PyOSErrorObject,
    PySequence_Tuple,
    PySet_New,
    PyTuple_GET_ITEM,
    PyTuple_GET_SIZE,
    PyTuple_New,
    PyTuple_SET_ITEM,
    PyTuple_Type,
    PyType_IsSubtype,
    PyTypeObject,
    PyDict_SetItem,
    PySet_Add,
    PyDict_GetItemWithError,
    PyDict_GET_SIZE,
    _PyType_Lookup,
    field_at,
)
from csched._copy_kinds cimport (
    KIND_CELL,
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
    is_atom,
    kind_t,
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
    remember_instead,
)


cdef extern from "Python.h":
    object PyFunction_NewWithQualName(object code, object namespace, object qualname)
    int PyFunction_SetClosure(object function, object closure) except -1
    int PyFunction_SetDefaults(object function, object defaults) except -1
    int PyFunction_SetKwDefaults(object function, object defaults) except -1
    int PyFunction_SetAnnotations(object function, object annotations) except -1


class _Absent:
    """Stands among the parts of an object for one that is not there."""


cdef enum:
    # Where the dict is among the parts of an exception, and the first cell among those of a function.
    EXCEPTION_DICT = 3
    FUNCTION_CELLS = 3

cdef object EMPTY = ()

# What the parts are called. The path goes on below `__dict__` without naming it.
cdef tuple EXCEPTION_NAMES = ("args", "__cause__", "__context__")
cdef tuple FUNCTION_NAMES = ("__defaults__", "__kwdefaults__", "__dict__")
cdef tuple METHOD_NAMES = ("__self__", "__func__")


# Taking apart.

cdef tuple instance_parts(object original, Recipe recipe):
    cdef list parts = []
    cdef PyObject* value
    cdef Py_ssize_t i
    if recipe.has_dict:
        parts.append(generic_dict(original))
    else:
        parts.append(_Absent)
    for i in range(recipe.slots_len):
        value = field_at(<PyObject*>original, recipe.offsets[i])[0]
        parts.append(_Absent if value == NULL else <object>value)
    return tuple(parts)


cdef object generic_dict(object original):
    # Not `original.__dict__`: a class may have something else under that name.
    cdef PyObject* members = PyObject_GenericGetDict(<PyObject*>original, NULL)
    if members == NULL:
        raise AttributeError("__dict__")
    result = <object>members
    Py_DECREF(members)
    return result


cdef object owned_or_absent(PyObject* value):
    """Take a reference over; NULL, without an error, is `_Absent`."""
    if value == NULL:
        return _Absent
    result = <object>value
    Py_DECREF(value)
    return result


cdef tuple exception_parts(object original, Recipe recipe):
    return (
        <object>(<PyBaseExceptionObject*>original).args,
        owned_or_absent(PyException_GetCause(<PyObject*>original)),
        owned_or_absent(PyException_GetContext(<PyObject*>original)),
    ) + instance_parts(original, recipe)


cdef object cell_contents(PyObject* cell):
    cdef PyObject* contents = PyCell_GET(cell)
    return _Absent if contents == NULL else <object>contents


cdef tuple function_parts(object original):
    cdef PyFunctionObject* function = <PyFunctionObject*>original
    cdef list parts = [
        EMPTY if function.func_defaults == NULL else <object>function.func_defaults,
        _Absent if function.func_kwdefaults == NULL else <object>function.func_kwdefaults,
        _Absent if function.func_dict == NULL else <object>function.func_dict,
    ]
    if function.func_closure != NULL:
        parts.extend(<tuple>function.func_closure)
    return tuple(parts)


cdef object function_shell(object original):
    """A function of the same code, with empty cells of its own."""
    cdef PyFunctionObject* function = <PyFunctionObject*>original
    cdef PyObject* cell
    shell = PyFunction_NewWithQualName(original.__code__, original.__globals__, original.__qualname__)
    shell.__name__ = original.__name__
    shell.__module__ = original.__module__
    shell.__doc__ = original.__doc__
    if getattr(original, "__type_params__", ()):
        shell.__type_params__ = original.__type_params__
    if function.func_annotations != NULL:
        PyFunction_SetAnnotations(shell, dict(original.__annotations__))
    if function.func_closure != NULL:
        cells = []
        for _ in <tuple>function.func_closure:
            cells.append(owned_or_absent(PyCell_New(NULL)))
        PyFunction_SetClosure(shell, tuple(cells))
    return shell


cdef object method_function(object original):
    """The function of a bound method, or _Absent if it is the one that the object's class has."""
    cdef PyObject* function = PyMethod_GET_FUNCTION(<PyObject*>original)
    cdef PyTypeObject* kind = Py_TYPE(PyMethod_GET_SELF(<PyObject*>original))
    name = getattr(<object>function, "__name__", None)
    if type(name) is str and _PyType_Lookup(kind, <PyObject*>name) == function:
        return _Absent
    return <object>function


cdef PyObject* new_object(PyTypeObject* kind) except NULL:
    return PyBaseObject_Type.tp_new(kind, <PyObject*>EMPTY, NULL)


cdef PyObject* new_exception(PyTypeObject* kind) except NULL:
    # BaseException's own: what the class has would read the arguments, which are not copied yet.
    return (<PyTypeObject*>PyExc_BaseException).tp_new(kind, <PyObject*>EMPTY, NULL)


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
        names = EXCEPTION_NAMES + (<Recipe>frame.recipe).names
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
    copier_t* copier, frame_t* frame, PyObject* original, kind_t kind, PyObject* recipe, bint remember
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
    if expand_kind_raw(copier, frame) < 0:
        blame(copier, original, False)
        clear_frame(frame)
        return -1
    return 0


cdef void clear_frame(frame_t* frame) noexcept:
    Py_DECREF(frame.original)
    Py_XDECREF(frame.shell)
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

cdef bint is_same_dict(PyObject* original, PyObject* copy) noexcept:
    """True if two dicts have the same objects under the same keys; the second is a copy of the first."""
    cdef Py_ssize_t position = 0, other_position = 0
    cdef PyObject* key
    cdef PyObject* value
    cdef PyObject* other_key
    cdef PyObject* other_value
    # A copy keeps the order, so there is no need to look anything up: no key is compared but by identity.
    while PyDict_Next(copy, &position, &key, &value):
        if not PyDict_Next(original, &other_position, &other_key, &other_value):
            return False
        if key != other_key or value != other_value:
            return False
    return not PyDict_Next(original, &other_position, &other_key, &other_value)


cdef bint is_same(frame_t* frame) noexcept:
    """True if all parts were shared; a dict counts as shared if what it holds was."""
    cdef PyObject* part
    cdef PyObject* copy
    cdef Py_ssize_t i
    for i in range(frame.index):
        part = PyTuple_GET_ITEM(frame.parts, i)
        copy = PyList_GET_ITEM(frame.done, i)
        if part != copy and not (
            type(<object>part) is dict and type(<object>copy) is dict and is_same_dict(part, copy)
        ):
            return False
    return True


cdef bint put_aside(
    copier_t* copier, PyObject* original, PyObject* shell, bint remember, size_t words
) noexcept:
    """Share an original after all, unless somebody has its copy already; `words`: the cost before it."""
    if Py_REFCNT(shell) > 1 + remember + (remember and copier.hook_memo != NULL):
        return False
    if remember:
        remember_instead(copier, original, original)
    copier.words = words
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


cdef void set_slot(PyObject* shell, Py_ssize_t offset, PyObject* value) noexcept:
    """Put a new reference into a slot; a hook may have filled it before."""
    cdef PyObject** slot = field_at(shell, offset)
    cdef PyObject* old = slot[0]
    Py_INCREF(value)
    slot[0] = value
    Py_XDECREF(old)


cdef int set_dict(PyObject* shell, PyObject* members) noexcept:
    # The type's own way: PyObject_GenericSetDict does not know of values that lie within the object.
    cdef PyObject* descriptor = _PyType_Lookup(Py_TYPE(shell), <PyObject*>"__dict__")
    if descriptor == NULL or Py_TYPE(descriptor).tp_descr_set == NULL:
        PyErr_SetString(PyExc_TypeError, "its class changed while it was being copied")
        return -1
    return Py_TYPE(descriptor).tp_descr_set(descriptor, shell, members)


cdef int fill_instance(frame_t* frame, Py_ssize_t dict_index) noexcept:
    cdef Recipe recipe = <Recipe>frame.recipe
    cdef PyObject* part
    cdef Py_ssize_t i
    if recipe.has_dict:
        if set_dict(frame.shell, PyList_GET_ITEM(frame.done, dict_index)) < 0:
            return -1
    for i in range(recipe.slots_len):
        part = PyList_GET_ITEM(frame.done, dict_index + 1 + i)
        if part != <PyObject*>_Absent:
            set_slot(frame.shell, recipe.offsets[i], part)
    return 0


cdef int fill_exception(object original, object shell, list done) except -1:
    shell.args = done[0]
    if done[1] is not _Absent:
        shell.__cause__ = done[1]
    if done[2] is not _Absent:
        shell.__context__ = done[2]
    # Setting the cause has set it.
    shell.__suppress_context__ = original.__suppress_context__
    if isinstance(original, OSError):
        (<PyOSErrorObject*>shell).written = (<PyOSErrorObject*>original).written
    elif isinstance(original, (UnicodeEncodeError, UnicodeDecodeError, UnicodeTranslateError)):
        shell.start = original.start
        shell.end = original.end
    return 0


cdef int fill_function(object shell, list done) except -1:
    if len(done) > FUNCTION_CELLS:
        PyFunction_SetClosure(shell, tuple(done[FUNCTION_CELLS:]))
    if done[0] != ():
        PyFunction_SetDefaults(shell, done[0])
    if done[1] is not _Absent:
        PyFunction_SetKwDefaults(shell, done[1])
    if done[2] is not _Absent:
        shell.__dict__ = done[2]
    return 0


cdef object bound_method(object original, object owner, object function):
    cdef PyObject* looked_up
    if function is _Absent:
        looked_up = PyMethod_GET_FUNCTION(<PyObject*>original)
        function = <object>looked_up
    return owned_or_absent(PyMethod_New(<PyObject*>function, <PyObject*>owner))


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
        copier.words += TABLE_WORDS + ENTRY_WORDS * frame.index
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
        words = TABLE_WORDS + ENTRY_WORDS * (frame.index // 2)
    elif frame.kind == KIND_SET:
        status = fill_set(copy, frame.done)
        words = TABLE_WORDS + ENTRY_WORDS * frame.index
    elif frame.kind == KIND_INSTANCE:
        status = fill_instance(frame, 0)
        can_share = (<Recipe>frame.recipe).frozen
    elif frame.kind == KIND_EXCEPTION:
        fill_exception(<object>frame.original, <object>copy, <list>frame.done)
        status = fill_instance(frame, EXCEPTION_DICT)
    elif frame.kind == KIND_FUNCTION:
        fill_function(<object>copy, <list>frame.done)
        can_share = frame.index == FUNCTION_CELLS
        words += 2 * HEADER_WORDS
    elif PyList_GET_ITEM(frame.done, 0) != <PyObject*>_Absent:
        status = PyCell_Set(copy, PyList_GET_ITEM(frame.done, 0))
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
        part = copier.copy(copier, PyTuple_GET_ITEM(frame.parts, frame.index), frame.own)
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


# Instances, the common case without a frame.

cdef bint has_atoms_only(PyObject* original, PyObject* members, Recipe recipe) noexcept:
    cdef Py_ssize_t i, position = 0
    cdef PyObject* key
    cdef PyObject* value
    if members != NULL:
        while PyDict_Next(members, &position, &key, &value):
            if not is_atom(Py_TYPE(value)):
                return False
    for i in range(recipe.slots_len):
        value = field_at(original, recipe.offsets[i])[0]
        if value != NULL and not is_atom(Py_TYPE(value)):
            return False
    return True


cdef int copy_fields(
    copier_t* copier, PyObject* original, PyObject* shell, PyObject* members, Recipe recipe, bint* same
) noexcept:
    """Copy the dict and the slots of an object into its shell; `same`: all were shared."""
    cdef PyObject* value
    cdef PyObject* copy
    cdef Py_ssize_t i
    cdef int status
    same[0] = True
    if members != NULL:
        # The object holds its dict, and the caller does.
        copy = copier.copy(copier, members, 1)
        if copy == NULL:
            add_step(copier, STEP_DICT, NULL, 0)
            return -1
        same[0] = recipe.frozen and is_same_dict(members, copy)
        status = set_dict(shell, copy)
        Py_DECREF(copy)
        if status < 0:
            return -1
    for i in range(recipe.slots_len):
        value = field_at(original, recipe.offsets[i])[0]
        if value == NULL:
            continue
        Py_INCREF(value)
        copy = copier.copy(copier, value, 1)
        same[0] = same[0] and copy == value
        Py_DECREF(value)
        if copy == NULL:
            add_step(copier, STEP_ATTRIBUTE, PyTuple_GET_ITEM(<PyObject*>recipe.names, i + 1), 0)
            return -1
        set_slot(shell, recipe.offsets[i], copy)
        Py_DECREF(copy)
    copier.words += HEADER_WORDS + recipe.slots_len
    return 0


cdef PyObject* copy_instance(copier_t* copier, PyObject* original, PyObject* recipe, bint remember) noexcept:
    cdef PyObject* members = NULL
    cdef PyObject* shell = NULL
    cdef size_t words = copier.words
    cdef bint same = False
    if (<Recipe>recipe).has_dict:
        members = PyObject_GenericGetDict(original, NULL)
    if members != NULL or not (<Recipe>recipe).has_dict:
        if (<Recipe>recipe).frozen and has_atoms_only(original, members, <Recipe>recipe):
            shell = original
            Py_INCREF(shell)
        else:
            shell = PyBaseObject_Type.tp_new(Py_TYPE(original), <PyObject*>EMPTY, NULL)
    if shell != NULL and shell != original:
        if (remember and remember_copy(copier, original, shell) < 0) or copy_fields(
            copier, original, shell, members, <Recipe>recipe, &same
        ) < 0:
            Py_DECREF(shell)
            shell = NULL
        elif same and (<Recipe>recipe).frozen and put_aside(
            copier, original, shell, remember, words
        ):
            Py_DECREF(shell)
            shell = original
            Py_INCREF(shell)
    Py_XDECREF(members)
    Py_DECREF(recipe)
    return shell


cdef bint is_bare_function(PyObject* original) noexcept:
    cdef PyFunctionObject* function = <PyFunctionObject*>original
    cdef Py_ssize_t i
    if function.func_closure != NULL or function.func_kwdefaults != NULL:
        return False
    if function.func_dict != NULL and PyDict_GET_SIZE(function.func_dict) > 0:
        return False
    if function.func_defaults != NULL:
        for i in range(PyTuple_GET_SIZE(function.func_defaults)):
            if not is_atom(Py_TYPE(PyTuple_GET_ITEM(function.func_defaults, i))):
                return False
    return True


cdef object memoryview_copy(object original):
    # What can be written to stays so, on memory of its own; the view of a read-only one stays read-only.
    memory = original.tobytes()
    view = memoryview(memory if original.readonly else bytearray(memory))
    if original.format == "B" and original.ndim == 1:
        return view
    return view.cast(original.format, original.shape)


cdef PyObject* new_memoryview(PyObject* original) except NULL:
    copy = memoryview_copy(<object>original)
    Py_INCREF(<PyObject*>copy)
    return <PyObject*>copy


cdef PyObject* (*new_memoryview_raw)(PyObject*) noexcept
new_memoryview_raw = <PyObject* (*)(PyObject*) noexcept>new_memoryview


cdef PyObject* copy_memoryview(copier_t* copier, PyObject* original, bint remember) noexcept:
    cdef PyObject* copy = new_memoryview_raw(original)
    if copy == NULL:
        blame(copier, original, False)
    elif remember and remember_copy(copier, original, copy) < 0:
        Py_DECREF(copy)
        copy = NULL
    else:
        copier.words += <size_t>(<object>copy).nbytes // sizeof(PyObject*) + 6 * HEADER_WORDS
    return copy
