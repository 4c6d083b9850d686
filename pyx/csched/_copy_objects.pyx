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
    PyDict_Next,
    PyErr_SetString,
    PyException_GetCause,
    PyException_GetContext,
    PyExc_BaseException,
    PyExc_OSError,
    PyExc_TypeError,
    PyExc_UnicodeError,
    PyFunctionObject,
    PyList_GET_ITEM,
    PyMethod_GET_FUNCTION,
    PyMethod_GET_SELF,
    PyMethod_New,
    PyObject_GenericGetDict,
    PyOSErrorObject,
    PyTuple_GET_ITEM,
    PyTuple_GET_SIZE,
    PyType_IsSubtype,
    PyTypeObject,
    PyDict_GET_SIZE,
    _PyType_Lookup,
    field_at,
    forgo_finalizer,
)
from csched._copy_kinds cimport (
    Recipe,
    copy_part,
    is_atom,
)
from csched._copy_state cimport (
    STEP_ATTRIBUTE,
    STEP_DICT,
    add_step,
    blame,
    copier_t,
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


cdef object EMPTY = ()
cdef object ABSENT = _Absent


# What an object is made of.

cdef int add_slots(list parts, PyObject* original, Recipe recipe) except -1:
    cdef PyObject* value
    cdef Py_ssize_t i
    for i in range(recipe.slots_len):
        value = field_at(original, recipe.offsets[i])[0]
        parts.append(ABSENT if value == NULL else <object>value)
    return 0


cdef tuple instance_parts(object original, Recipe recipe):
    cdef list parts = [generic_dict(original) if recipe.has_dict else ABSENT]
    add_slots(parts, <PyObject*>original, recipe)
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
        return ABSENT
    result = <object>value
    Py_DECREF(value)
    return result


cdef tuple exception_parts(object original, Recipe recipe):
    cdef PyBaseExceptionObject* error = <PyBaseExceptionObject*>original
    cdef list parts = [
        <object>error.args,
        owned_or_absent(PyException_GetCause(<PyObject*>original)),
        owned_or_absent(PyException_GetContext(<PyObject*>original)),
        ABSENT if error.dict == NULL else <object>error.dict,
    ]
    add_slots(parts, <PyObject*>original, recipe)
    return tuple(parts)


cdef object cell_contents(PyObject* cell):
    cdef PyObject* contents = PyCell_GET(cell)
    return ABSENT if contents == NULL else <object>contents


cdef tuple function_parts(object original):
    cdef PyFunctionObject* function = <PyFunctionObject*>original
    cdef list parts = [
        EMPTY if function.func_defaults == NULL else <object>function.func_defaults,
        ABSENT if function.func_kwdefaults == NULL else <object>function.func_kwdefaults,
        ABSENT if function.func_dict == NULL else <object>function.func_dict,
    ]
    if function.func_closure != NULL:
        parts.extend(<tuple>function.func_closure)
    return tuple(parts)


cdef object function_shell(object original):
    """A function of the same code, with empty cells of its own."""
    cdef PyFunctionObject* function = <PyFunctionObject*>original
    shell = PyFunction_NewWithQualName(
        original.__code__, original.__globals__, original.__qualname__
    )
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
    """The function of a bound method, or `_Absent` if it is the one that the object's class has."""
    cdef PyObject* function = PyMethod_GET_FUNCTION(<PyObject*>original)
    cdef PyTypeObject* kind = Py_TYPE(PyMethod_GET_SELF(<PyObject*>original))
    name = getattr(<object>function, "__name__", None)
    if type(name) is str and _PyType_Lookup(kind, <PyObject*>name) == function:
        return ABSENT
    return <object>function


cdef PyObject* new_object(PyTypeObject* kind) except NULL:
    return PyBaseObject_Type.tp_new(kind, <PyObject*>EMPTY, NULL)


cdef PyObject* new_exception(PyTypeObject* kind) except NULL:
    # BaseException's own: what the class has would read the arguments, which are not copied yet.
    return (<PyTypeObject*>PyExc_BaseException).tp_new(kind, <PyObject*>EMPTY, NULL)


# Filling a copy.

cdef bint is_same_dict(PyObject* original, PyObject* copy) noexcept:
    """True if two dicts have the same objects under the same keys; `copy` is a copy."""
    cdef Py_ssize_t position = 0, other_position = 0
    cdef PyObject* key
    cdef PyObject* value
    cdef PyObject* other_key
    cdef PyObject* other_value
    # A copy keeps the order, so there is no need to look anything up: no key is compared but by
    # identity.
    while PyDict_Next(copy, &position, &key, &value):
        if not PyDict_Next(original, &other_position, &other_key, &other_value):
            return False
        if key != other_key or value != other_value:
            return False
    return not PyDict_Next(original, &other_position, &other_key, &other_value)


cdef bint put_aside(
    copier_t* copier, PyObject* original, PyObject* shell, bint remember, size_t words
) noexcept:
    """Share an original after all, unless somebody has its copy; `words`: the cost before it."""
    if Py_REFCNT(shell) > 1 + remember + (remember and copier.hook_memo != NULL):
        return False
    if remember:
        remember_instead(copier, original, original)
    copier.words = words
    forgo_finalizer(shell)
    return True


cdef void set_slot(PyObject* shell, Py_ssize_t offset, PyObject* value) noexcept:
    """Put a new reference into a slot; a hook may have filled it before."""
    cdef PyObject** slot = field_at(shell, offset)
    cdef PyObject* old = slot[0]
    Py_INCREF(value)
    slot[0] = value
    Py_XDECREF(old)


cdef int set_dict(PyObject* shell, PyObject* members) noexcept:
    # The type's own way: PyObject_GenericSetDict does not know of values that lie within the
    # object.
    cdef PyObject* descriptor = _PyType_Lookup(Py_TYPE(shell), <PyObject*>"__dict__")
    if descriptor == NULL or Py_TYPE(descriptor).tp_descr_set == NULL:
        PyErr_SetString(PyExc_TypeError, "its class changed while it was being copied")
        return -1
    return Py_TYPE(descriptor).tp_descr_set(descriptor, shell, members)


cdef int fill_instance(
    PyObject* shell, Recipe recipe, PyObject* done, Py_ssize_t dict_index
) noexcept:
    cdef PyObject* part = PyList_GET_ITEM(done, dict_index)
    cdef Py_ssize_t i
    if part != <PyObject*>ABSENT and set_dict(shell, part) < 0:
        return -1
    for i in range(recipe.slots_len):
        part = PyList_GET_ITEM(done, dict_index + 1 + i)
        if part != <PyObject*>ABSENT:
            set_slot(shell, recipe.offsets[i], part)
    return 0


cdef int fill_exception(object original, object shell, list done) except -1:
    cdef PyTypeObject* kind = Py_TYPE(<PyObject*>original)
    shell.args = done[0]
    # Set as anybody would: a hook may have made something else of an exception.
    if done[1] is not ABSENT:
        shell.__cause__ = done[1]
    if done[2] is not ABSENT:
        shell.__context__ = done[2]
    # Setting the cause has set it.
    (<PyBaseExceptionObject*>shell).suppress_context = (
        <PyBaseExceptionObject*>original
    ).suppress_context
    if PyType_IsSubtype(kind, <PyTypeObject*>PyExc_OSError):
        (<PyOSErrorObject*>shell).written = (<PyOSErrorObject*>original).written
    elif PyType_IsSubtype(kind, <PyTypeObject*>PyExc_UnicodeError) and isinstance(
        original, (UnicodeEncodeError, UnicodeDecodeError, UnicodeTranslateError)
    ):
        shell.start = original.start
        shell.end = original.end
    return 0


cdef int fill_function(object shell, list done) except -1:
    if len(done) > FUNCTION_CELLS:
        PyFunction_SetClosure(shell, tuple(done[FUNCTION_CELLS:]))
    if done[0] != ():
        PyFunction_SetDefaults(shell, done[0])
    if done[1] is not ABSENT:
        PyFunction_SetKwDefaults(shell, done[1])
    if done[2] is not ABSENT:
        shell.__dict__ = done[2]
    return 0


cdef int fill_cell(PyObject* shell, PyObject* done) noexcept:
    cdef PyObject* contents = PyList_GET_ITEM(done, 0)
    return 0 if contents == <PyObject*>ABSENT else PyCell_Set(shell, contents)


cdef object bound_method(object original, object owner, object function):
    cdef PyObject* looked_up
    if function is ABSENT:
        looked_up = PyMethod_GET_FUNCTION(<PyObject*>original)
        function = <object>looked_up
    return owned_or_absent(PyMethod_New(<PyObject*>function, <PyObject*>owner))


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
    copier_t* copier,
    PyObject* original,
    PyObject* shell,
    PyObject* members,
    Recipe recipe,
    bint* same,
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
        copy = copy_part(copier, value, 1)
        same[0] = same[0] and copy == value
        Py_DECREF(value)
        if copy == NULL:
            add_step(copier, STEP_ATTRIBUTE, PyTuple_GET_ITEM(<PyObject*>recipe.names, i + 1), 0)
            return -1
        set_slot(shell, recipe.offsets[i], copy)
        Py_DECREF(copy)
    copier.words += HEADER_WORDS + recipe.slots_len
    return 0


cdef PyObject* copy_instance(
    copier_t* copier, PyObject* original, PyObject* recipe, bint remember
) noexcept:
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
            forgo_finalizer(shell)
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
    # What can be written to stays so, on memory of its own; the view of a read-only one stays
    # read-only.
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
