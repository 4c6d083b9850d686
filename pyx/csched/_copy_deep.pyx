from cpython.ref cimport PyObject

from csched._copy_capi cimport (
    Py_DECREF,
    Py_INCREF,
    Py_TYPE,
    Py_XDECREF,
    PyErr_NoMemory,
    PyList_Append,
    PyMem_Free,
    PyMem_Realloc,
    PyTuple_GET_ITEM,
    PyTuple_GET_SIZE,
)
from csched._copy_frames cimport add_frame_step, clear_frame, expand, finish, frame_t
from csched._copy_kinds cimport KIND_SHARED, has_parts, is_atom, meet, met_t
from csched._copy_state cimport blame, copier_t

cdef enum:
    # Frames that the first stack has room for; it doubles from there.
    STACK_ROOM = 64


ctypedef struct stack_t:
    frame_t* frames     # Owned.
    Py_ssize_t len
    Py_ssize_t room


cdef int push(copier_t* copier, stack_t* stack, PyObject* original, met_t* met) noexcept:
    """Begin to copy an object. Takes the recipe over; -1 with an error."""
    cdef Py_ssize_t room
    cdef frame_t* frames
    if stack.len == stack.room:
        room = max(2 * stack.room, STACK_ROOM)
        frames = <frame_t*>PyMem_Realloc(stack.frames, room * sizeof(frame_t))
        if frames == NULL:
            Py_XDECREF(met.recipe)
            PyErr_NoMemory()
            return -1
        stack.frames = frames
        stack.room = room
    # Counted only when it is whole, so that no failure finds it half-made.
    if expand(copier, &stack.frames[stack.len], original, met.kind, met.recipe, met.remember) < 0:
        return -1
    stack.len += 1
    return 0


cdef PyObject* step_in(copier_t* copier, stack_t* stack, bint* pushed) noexcept:
    """Copy the next part of the top frame, or push a frame for it."""
    cdef frame_t* frame = &stack.frames[stack.len - 1]
    cdef PyObject* part = PyTuple_GET_ITEM(frame.parts, frame.index)
    cdef met_t met
    pushed[0] = False
    if is_atom(Py_TYPE(part)):
        Py_INCREF(part)
        return part
    if meet(copier, part, frame.own, &met) < 0:
        blame(copier, part, False)
        return NULL
    if met.kind == KIND_SHARED:
        return met.copy
    if not has_parts(met.kind):
        Py_XDECREF(met.recipe)
        return copier.copy(copier, part, frame.own)
    pushed[0] = push(copier, stack, part, &met) == 0
    return NULL


cdef PyObject* run(copier_t* copier, stack_t* stack) noexcept:
    """Copy until the first frame is finished; leaves the frames of a failure for their path."""
    cdef frame_t* frame
    cdef frame_t finished
    cdef PyObject* copy
    cdef bint pushed
    cdef int status
    while True:
        frame = &stack.frames[stack.len - 1]
        if frame.index == PyTuple_GET_SIZE(frame.parts):
            copy = finish(copier, frame)
            finished = frame[0]
            stack.len -= 1
            clear_frame(&finished)
            if copy == NULL or stack.len == 0:
                return copy
        else:
            copy = step_in(copier, stack, &pushed)
            if pushed:
                continue
            if copy == NULL:
                return NULL
        frame = &stack.frames[stack.len - 1]
        status = PyList_Append(frame.done, copy)
        Py_DECREF(copy)
        if status < 0:
            return NULL
        frame.index += 1


cdef PyObject* copy_deep(copier_t* copier, PyObject* original, met_t* met) noexcept:
    cdef stack_t stack
    cdef PyObject* copy = NULL
    stack.frames = NULL
    stack.len = 0
    stack.room = 0
    if push(copier, &stack, original, met) == 0:
        copy = run(copier, &stack)
    while stack.len > 0:
        stack.len -= 1
        add_frame_step(copier, &stack.frames[stack.len])
        clear_frame(&stack.frames[stack.len])
    PyMem_Free(stack.frames)
    return copy
