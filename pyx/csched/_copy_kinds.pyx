cimport cython
from cpython.ref cimport PyObject

from csched._copy_capi cimport (
    Py_INCREF,
    Py_TPFLAGS_HEAPTYPE,
    Py_TYPE,
    Py_XDECREF,
    PyBaseObject_Type,
    PyDict_GET_SIZE,
    PyMem_Free,
    PyMem_Malloc,
    PyMemberDescrObject,
    PyTuple_Type,
    PyType_Check,
    PyType_IsSubtype,
    PyTypeObject,
    T_OBJECT,
    T_OBJECT_EX,
    _PyType_Lookup,
    type_version,
)
from csched._copy_state cimport copier_t, recall

import copyreg
import sys
import types
from _weakref import ref
from _weakrefset import WeakSet

cdef enum:
    # Entries of the recipe cache; a power of two, of the order of the types in all messages of a
    # program.
    RECIPES_LEN = 512

ctypedef struct cached_t:
    PyTypeObject* type      # Borrowed; compared, never looked into.
    unsigned int version    # 0: the entry is free.
    PyObject* recipe        # Owned.

cdef cached_t recipes[RECIPES_LEN]
cdef dict dispatch_table = copyreg.dispatch_table
# Entries of `dispatch_table` when the cached recipes were made.
cdef Py_ssize_t dispatch_len = 0
cdef dict handles = {}  # Address to weak reference or 1-tuple: what `share` was given.
cdef dict handle_addresses = {}  # The weak references among them, back to the address.
cdef object shared_types = WeakSet()  # Types of what `share` was given.
cdef object immutable_types = WeakSet()  # What `register_immutable` was given.

cdef frozenset SHARED_TYPES = frozenset((
    complex, range, property, type(Ellipsis), type(NotImplemented),
    types.ModuleType, types.CodeType, types.GenericAlias, types.UnionType,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.MethodDescriptorType,
    types.WrapperDescriptorType, types.ClassMethodDescriptorType,
))

# By name, so that none of the modules is imported until somebody has an instance.
cdef frozenset SHARED_NAMES = frozenset((
    "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta",
    "datetime.timezone", "zoneinfo.ZoneInfo",
    "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "re.Pattern", "re.Match",
    "pathlib.PosixPath", "pathlib.PurePosixPath",
    "pathlib.WindowsPath", "pathlib.PureWindowsPath",
    "pathlib._local.PosixPath", "pathlib._local.PurePosixPath",
    "pathlib._local.WindowsPath", "pathlib._local.PureWindowsPath",
    "ipaddress.IPv4Address", "ipaddress.IPv4Network", "ipaddress.IPv4Interface",
    "ipaddress.IPv6Address", "ipaddress.IPv6Network", "ipaddress.IPv6Interface",
    "_contextvars.ContextVar", "typing.TypeVar", "typing.ParamSpec",
))


@cython.final
cdef class Recipe:
    def __cinit__(self):
        self.names = ()

    def __dealloc__(self):
        PyMem_Free(self.offsets)


# Making recipes.

cdef object attribute(object kind, str name):
    """A class's attribute as it stands there, unbound; None if there is none."""
    for base in type.__dict__["__mro__"].__get__(kind):
        members = type.__dict__["__dict__"].__get__(base)
        if name in members:
            return members[name]
    return None


cdef bint is_builtin_method(object method):
    """True for a method of C: what it reaches it refers to, so it counts as referred to."""
    return type(method) in (
        types.MethodDescriptorType, types.WrapperDescriptorType, types.BuiltinFunctionType,
        types.ClassMethodDescriptorType,
    )


cdef bint is_enum(object kind):
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(kind, getattr(enum, "EnumMeta", ()))


cdef int find_slots(Recipe recipe, object kind) except -1:
    """Fill in the object fields that classes declare: `__slots__`, and C exceptions'."""
    cdef list names = [], offsets = []
    cdef PyMemberDescrObject* member
    cdef Py_ssize_t i
    for base in kind.__mro__:
        for name, value in type.__dict__["__dict__"].__get__(base).items():
            if type(value) is types.MemberDescriptorType and value.__objclass__ is base:
                member = <PyMemberDescrObject*>value
                if member.d_member.type == T_OBJECT_EX or member.d_member.type == T_OBJECT:
                    if member.d_member.offset not in offsets:
                        names.append(name)
                        offsets.append(member.d_member.offset)
    recipe.offsets = <Py_ssize_t*>PyMem_Malloc(len(offsets) * sizeof(Py_ssize_t))
    if recipe.offsets == NULL:
        raise MemoryError
    for i in range(len(offsets)):
        recipe.offsets[i] = offsets[i]
    recipe.slots_len = len(offsets)
    recipe.names = ("__dict__", *names)
    return 0


cdef bint is_of_module(object method, str module):
    return type(method) is types.FunctionType and method.__module__ == module


cdef bint is_of_dataclass(object method):
    """True for what a frozen dataclass with slots has for pickling: it does what we do."""
    return is_of_module(method, "dataclasses") and method.__name__ in (
        "_dataclass_getstate", "_dataclass_setstate"
    )


cdef bint is_weak_container(object kind):
    return is_of_module(attribute(kind, "__deepcopy__"), "weakref") or is_of_module(
        attribute(kind, "__reduce__"), "_weakrefset"
    )


cdef bint is_plain(object kind):
    """True if no class of the kind takes a part in copying."""
    getstate = attribute(kind, "__getstate__")
    setstate = attribute(kind, "__setstate__")
    return (
        attribute(kind, "__reduce_ex__") is object.__dict__["__reduce_ex__"]
        and attribute(kind, "__reduce__") is object.__dict__["__reduce__"]
        and (getstate is object.__dict__["__getstate__"] or is_of_dataclass(getstate))
        and (setstate is None or is_of_dataclass(setstate))
    )


cdef bint has_usual_dict(object kind):
    return type(attribute(kind, "__dict__")) is types.GetSetDescriptorType


cdef bint is_accounted(Recipe recipe, PyTypeObject* kind):
    """True if a dict, a weak reference list and slots are all that instances consist of."""
    cdef Py_ssize_t fields = recipe.slots_len
    fields += kind.tp_dictoffset > 0
    fields += kind.tp_weaklistoffset > 0
    return (
        kind.tp_itemsize == 0
        and (kind.tp_dictoffset == 0 or has_usual_dict(<object>kind))
        and kind.tp_new == PyBaseObject_Type.tp_new
        and kind.tp_basicsize
        <= PyBaseObject_Type.tp_basicsize + fields * <Py_ssize_t>sizeof(PyObject*)
    )


cdef bint is_plain_exception(object kind):
    """True if what copies an exception is what C exceptions define."""
    if not has_usual_dict(kind):
        return False
    for name in ("__reduce_ex__", "__reduce__", "__setstate__", "__getstate__"):
        if not is_builtin_method(attribute(kind, name)):
            return False
    for base in kind.__mro__:
        if (<PyTypeObject*>base).tp_flags & Py_TPFLAGS_HEAPTYPE == 0:
            # Fields of another extension's exception are nobody's business but its own.
            return base.__module__ == "builtins"
    return False


cdef bint is_plain_tuple(object kind):
    cdef PyTypeObject* pointer = <PyTypeObject*>kind
    return (
        PyType_IsSubtype(pointer, &PyTuple_Type)
        and pointer.tp_basicsize == PyTuple_Type.tp_basicsize
        and pointer.tp_dictoffset == 0
        and is_plain(kind)
    )


cdef Recipe make_recipe(object kind):
    cdef Recipe recipe = Recipe()
    cdef PyTypeObject* pointer = <PyTypeObject*>kind
    recipe.has_shared = kind in shared_types
    recipe.has_dict = pointer.tp_dictoffset != 0
    if (
        kind in SHARED_TYPES
        or kind in immutable_types
        or f"{kind.__module__}.{type.__dict__['__qualname__'].__get__(kind)}" in SHARED_NAMES
        or is_enum(kind)
    ):
        recipe.kind = KIND_SHARED
        return recipe
    if kind is types.MappingProxyType:
        recipe.kind = KIND_PROXY
        return recipe
    method = attribute(kind, "__deepcopy__")
    if is_weak_container(kind):
        recipe.kind = KIND_WEAK
        recipe.is_hook = True
        return recipe
    if method is not None:
        recipe.kind = KIND_DEEPCOPY
        recipe.is_hook = not is_builtin_method(method)
        return recipe
    recipe.kind = KIND_REDUCE
    if kind in dispatch_table:
        recipe.is_hook = True
        return recipe
    if is_plain_tuple(kind):
        recipe.kind = KIND_TUPLE
        return recipe
    if issubclass(kind, BaseException) and is_plain_exception(kind):
        recipe.kind = KIND_EXCEPTION
        find_slots(recipe, kind)
        recipe.names = ("args", "__cause__", "__context__", *recipe.names)
        return recipe
    if is_plain(kind):
        find_slots(recipe, kind)
        if (
            is_accounted(recipe, pointer)
            and attribute(kind, "__getnewargs__") is None
            and attribute(kind, "__getnewargs_ex__") is None
        ):
            recipe.kind = KIND_INSTANCE
            params = type.__dict__["__dict__"].__get__(kind).get("__dataclass_params__")
            recipe.frozen = getattr(params, "frozen", False) is True
            return recipe
    for name in ("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__getnewargs__",
                 "__getnewargs_ex__", "__new__", "__init__", "append", "__setitem__"):
        method = attribute(kind, name)
        if method is not None and not is_builtin_method(method):
            recipe.is_hook = True
    return recipe


cdef void forget_recipes() noexcept:
    cdef PyObject* recipe
    cdef Py_ssize_t i
    for i in range(RECIPES_LEN):
        recipe = recipes[i].recipe
        recipes[i].version = 0
        recipes[i].recipe = NULL
        Py_XDECREF(recipe)


cdef PyObject* look_at_type(PyTypeObject* kind) except NULL:
    """Make the recipe of a type, and put it into the cache if the type has a version."""
    global dispatch_len
    cdef Recipe recipe
    cdef cached_t* cached = &recipes[(<size_t>kind >> 5) % RECIPES_LEN]
    cdef PyObject* old
    if len(dispatch_table) != dispatch_len:
        dispatch_len = len(dispatch_table)
        forget_recipes()
    recipe = make_recipe(<object>kind)
    # A look-up gives the type its version.
    _PyType_Lookup(kind, <PyObject*>"__deepcopy__")
    if type_version(kind) != 0:
        old = cached.recipe
        Py_INCREF(<PyObject*>recipe)
        cached.type = kind
        cached.version = type_version(kind)
        cached.recipe = <PyObject*>recipe
        Py_XDECREF(old)
    Py_INCREF(<PyObject*>recipe)
    return <PyObject*>recipe


# `except` would be caught here; the error is for the copier's callers.
cdef PyObject* (*look_at_type_raw)(PyTypeObject*) noexcept
look_at_type_raw = <PyObject* (*)(PyTypeObject*) noexcept>look_at_type


cdef PyObject* recipe_of(PyTypeObject* kind) noexcept:
    """A new reference, or NULL with an error."""
    cdef cached_t* cached = &recipes[(<size_t>kind >> 5) % RECIPES_LEN]
    if (
        cached.type == kind
        and cached.version != 0
        and cached.version == type_version(kind)
        and PyDict_GET_SIZE(<PyObject*>dispatch_table) == dispatch_len
    ):
        Py_INCREF(cached.recipe)
        return cached.recipe
    return look_at_type_raw(kind)


# Deciding.

cdef object shared_at(object address):
    handle = handles.get(address)
    if handle is None:
        return None
    return handle() if type(handle) is ref else handle[0]


cdef bint is_shared(PyObject* original) noexcept:
    # A stale entry cannot be mistaken for another object of the same address: it leads to None.
    return shared_at(<size_t>original) is <object>original


cdef int meet_other(copier_t* copier, PyObject* original, Py_ssize_t own, met_t* met) noexcept:
    cdef PyTypeObject* kind = Py_TYPE(original)
    cdef PyObject* copy = NULL
    met.recipe = NULL
    if met.kind != KIND_REDUCE:
        if is_shared(original):
            copy = original
    elif PyType_Check(original):
        copy = original
    else:
        met.recipe = recipe_of(kind)
        if met.recipe == NULL:
            return -1
        met.kind = (<Recipe>met.recipe).kind
        if met.kind == KIND_SHARED or ((<Recipe>met.recipe).has_shared and is_shared(original)):
            copy = original
    if copy == NULL:
        met.remember = may_recur(copier, original, own)
        if met.remember:
            copy = recall(copier, original)
    if copy != NULL:
        Py_INCREF(copy)
        Py_XDECREF(met.recipe)
        met.recipe = NULL
        met.copy = copy
        met.kind = KIND_SHARED
    return 0


# The public functions.

def _forget_handle(handle):
    """Forget an object that was shared; the callback of the weak reference to it."""
    address = handle_addresses.pop(handle_id(handle), None)
    if address is not None and handles.get(address) is handle:
        del handles[address]


cdef object handle_id(object handle):
    # Not the reference itself: it hashes and compares as the object does, which need not be
    # hashable.
    return <size_t><PyObject*>handle


cpdef object share(object obj):
    """Pass an object by reference from now on, wherever it is met in a message.

    For handles, which stand for something that cannot be doubled: a socket, a file, a connection
    pool. It goes by identity: equal objects are not shared. Parts of the object need not be marked.
    Whoever shares an object that can be changed gives up isolation for it.

    Parameters
    ----------
    obj : object
        Anything. What is always shared anyway (numbers, strings, classes, pids) is left as it is.

    Returns
    -------
    object
        `obj` itself.

    Cost ---- O(1), and about 200 bytes until the object dies. An object of a type that allows no
    weak references (a list, a dict, a class with `__slots__` and no `__weakref__`) is kept alive
    for good.

    Examples
    --------
    >>> import threading
    >>> from csched._copy import copy, share
    >>> lock = share(threading.Lock())
    >>> copy(["guarded by", lock])[1] is lock
    True
    """
    global plain_shared
    cdef PyTypeObject* kind = Py_TYPE(<PyObject*>obj)
    if is_atom(kind) or isinstance(obj, type):
        return obj
    address = <size_t><PyObject*>obj
    if shared_at(address) is obj:
        return obj
    try:
        handle = ref(obj, _forget_handle)
    except TypeError:
        handle = (obj,)
    else:
        handle_addresses[handle_id(handle)] = address
    handles[address] = handle
    if plain_kind(kind) != KIND_REDUCE:
        plain_shared = True
    elif type(obj) not in shared_types:
        shared_types.add(type(obj))
        forget_recipes()
    return obj


cpdef object register_immutable(object kind):
    """Share the instances of a type instead of copying them.

    For types whose instances never change, and that csched does not know. It goes by the exact
    type: instances of subclasses, which may add what can be changed, are copied as before. Such an
    instance is shared with everything that it refers to.

    Parameters
    ----------
    kind : type
        The type. It is not kept alive.

    Returns
    -------
    type
        `kind` itself, so that it serves as a decorator.

    Raises
    ------
    TypeError
        If `kind` is no type.

    Examples
    --------
    >>> from csched._copy import copy, register_immutable
    >>> @register_immutable
    ... class Money:
    ...     def __init__(self, cents):
    ...         self.cents = cents
    >>> price = Money(995)
    >>> copy({"price": price})["price"] is price
    True
    """
    if not isinstance(kind, type):
        raise TypeError(f"register_immutable() takes a type, not {type(kind).__qualname__}")
    immutable_types.add(kind)
    forget_recipes()
    return kind
