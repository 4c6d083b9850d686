cimport cython
from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport PyCallable_Check, PyObject, PyObject_IsInstance
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.type cimport PyType_IsSubtype
from libc.stdint cimport uint32_t, uint64_t

from csched._ids cimport Pid, Ref


cdef extern from "Python.h":
    # Unlike its neighbours it returns 1 when it raises.
    int Py_EnterRecursiveCall(const char* where) except 1
    void Py_LeaveRecursiveCall() noexcept


@cython.final
cdef class _Any:
    """The pattern that every message matches."""

    def __init__(self):
        raise TypeError("there is one ANY: csched.ANY")

    def __repr__(self):
        return "ANY"

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return "ANY"


ANY = _Any.__new__(_Any)
# A C variable is invisible to Python, and `pickle` finds it by this name.
globals()["ANY"] = ANY


cdef inline bint is_value(object pattern) noexcept:
    """Whether `pattern` stands for the values that are equal to it and of its type."""
    return (
        isinstance(pattern, (str, int, bytes))
        or pattern is None
        or type(pattern) is Ref
        or type(pattern) is Pid
        or isinstance(pattern, (float, complex))
    )


cdef int prepare(object pattern, uint64_t owner, uint32_t run, uint64_t* mark) except -1:
    mark[0] = 0
    if not survey(pattern, owner, run, mark):
        where, culprit = find_culprit(pattern)
        raise TypeError(f"pattern{where}: {type(culprit).__name__} is no pattern")
    return 0


cdef int survey(object pattern, uint64_t owner, uint32_t run, uint64_t* mark) except -1:
    """0 if a part of `pattern` is no pattern, else 1; raise `mark` to the newest reference."""
    if type(pattern) is Ref:
        if (<Ref>pattern).owner == owner and (<Ref>pattern).run == run:
            mark[0] = max(mark[0], (<Ref>pattern).mark)
        return 1
    if not isinstance(pattern, (tuple, list, dict)):
        return pattern is ANY or is_value(pattern) or PyCallable_Check(pattern)
    Py_EnterRecursiveCall(" while checking a pattern")
    try:
        return survey_parts(pattern, owner, run, mark)
    finally:
        Py_LeaveRecursiveCall()


cdef int survey_parts(object pattern, uint64_t owner, uint32_t run, uint64_t* mark) except -1:
    # No Python code runs in here: borrowed parts are safe, and no container changes.
    cdef Py_ssize_t i
    cdef PyObject* key
    cdef PyObject* value
    if isinstance(pattern, tuple):
        for i in range(PyTuple_GET_SIZE(pattern)):
            if not survey(<object>PyTuple_GET_ITEM(pattern, i), owner, run, mark):
                return 0
    elif isinstance(pattern, list):
        for i in range(PyList_GET_SIZE(pattern)):
            if not survey(<object>PyList_GET_ITEM(pattern, i), owner, run, mark):
                return 0
    else:
        i = 0
        while PyDict_Next(pattern, &i, &key, &value):
            if not survey(<object>value, owner, run, mark):
                return 0
    return 1


cdef tuple find_culprit(object pattern):
    """Find the first part that is no pattern, in the order of `survey`: its path and itself."""
    cdef object found
    if isinstance(pattern, (tuple, list)):
        for i, part in enumerate(pattern):
            found = find_culprit(part)
            if found is not None:
                return f"[{i}]{found[0]}", found[1]
    elif isinstance(pattern, dict):
        for key, part in pattern.items():
            found = find_culprit(part)
            if found is not None:
                return f"[{key!r}]{found[0]}", found[1]
    elif pattern is not ANY and not is_value(pattern) and not PyCallable_Check(pattern):
        return "", pattern
    return None


cpdef bint matches(object pattern, object message) except -1:
    if pattern is ANY:
        return True
    if isinstance(pattern, (tuple, list, dict)):
        if type(message) is not type(pattern):
            return False
        Py_EnterRecursiveCall(" while matching a message")
        try:
            if isinstance(pattern, tuple):
                return tuple_matches(pattern, message)
            if isinstance(pattern, list):
                return list_matches(pattern, message)
            return dict_matches(pattern, message)
        finally:
            Py_LeaveRecursiveCall()
    if isinstance(pattern, type):
        return is_instance(message, pattern)
    if is_value(pattern):
        return type(message) is type(pattern) and value_matches(pattern, message)
    if PyCallable_Check(pattern):
        return True if pattern(message) else False
    raise TypeError(f"{type(pattern).__name__} is no pattern")


cdef inline bint is_instance(object message, object cls) except -1:
    if type(message) is cls:
        return True
    if type(cls) is type and (
        type(message) is tuple
        or type(message) is str
        or type(message) is int
        or type(message) is dict
        or type(message) is list
    ):
        # These have no `__class__` of their own. To look for one takes longer than all the rest.
        return PyType_IsSubtype(type(message), cls)
    return PyObject_IsInstance(message, cls)


cdef inline bint value_matches(object pattern, object message) except -1:
    """Both are of the same type."""
    if type(pattern) is str:
        return <str>pattern == <str>message
    if type(pattern) is Ref:
        return (
            (<Ref>pattern).id == (<Ref>message).id
            and (<Ref>pattern).run == (<Ref>message).run
            and (<Ref>pattern).node == (<Ref>message).node
        )
    if type(pattern) is Pid:
        return (
            (<Pid>pattern).id == (<Pid>message).id
            and (<Pid>pattern).run == (<Pid>message).run
            and (<Pid>pattern).node == (<Pid>message).node
        )
    return True if pattern == message else False


cdef bint tuple_matches(object pattern, object message) except -1:
    cdef Py_ssize_t i
    if PyTuple_GET_SIZE(message) != PyTuple_GET_SIZE(pattern):
        return False
    for i in range(PyTuple_GET_SIZE(pattern)):
        if not matches(<object>PyTuple_GET_ITEM(pattern, i), <object>PyTuple_GET_ITEM(message, i)):
            return False
    return True


cdef bint list_matches(object pattern, object message) except -1:
    cdef Py_ssize_t i
    cdef Py_ssize_t length = PyList_GET_SIZE(pattern)
    cdef object wanted, part
    if PyList_GET_SIZE(message) != length:
        return False
    for i in range(length):
        # Either may have been changed by the part before.
        if PyList_GET_SIZE(pattern) != length or PyList_GET_SIZE(message) != length:
            raise RuntimeError("list changed size while it was matched")
        wanted = <object>PyList_GET_ITEM(pattern, i)
        part = <object>PyList_GET_ITEM(message, i)
        if not matches(wanted, part):
            return False
    return True


cdef bint dict_matches(object pattern, object message) except -1:
    cdef Py_ssize_t position = 0
    cdef Py_ssize_t length = len(<dict>pattern)
    cdef PyObject* borrowed_key
    cdef PyObject* borrowed
    cdef object key, wanted, part
    if len(<dict>message) < length:
        return False
    while PyDict_Next(pattern, &position, &borrowed_key, &borrowed):
        key = <object>borrowed_key
        wanted = <object>borrowed
        borrowed = PyDict_GetItemWithError(message, key)
        if borrowed is NULL:
            return False
        part = <object>borrowed
        if not matches(wanted, part):
            return False
        if len(<dict>pattern) != length:
            raise RuntimeError("dict changed size while it was matched")
    return True
