#define Py_BUILD_CORE_MODULE 1
#include "interp.h"

#include "context.h"
#include "internal/pycore_context.h"
#include "internal/pycore_frame.h"

_Static_assert(offsetof(csched_context_t, vars) == offsetof(struct _pycontextobject, ctx_vars), "see context.h");

enum {
    /* Different globals that one walk remembers. Calls alternate between few modules. */
    RECENT = 4,
    /* Answers kept in `roots`. Programs have hundreds of modules; this bounds what names made up at
       run time can cost. */
    ANSWERS = 4096,
};

void *csched_top_frame(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_Get()->current_frame;
#else
    return PyThreadState_Get()->cframe->current_frame;
#endif
}

static int is_shim(_PyInterpreterFrame *frame)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (frame->owner == FRAME_OWNED_BY_CSTACK) {
        return 1;
    }
#endif
    return _PyFrame_IsIncomplete(frame);
}

/* The answer for a module met for the first time, and note it. */
static int name_forbids(PyObject *name, PyObject *roots)
{
    int forbids = 0;
    Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1);
    if (dot > 0) {
        PyObject *root = PyUnicode_Substring(name, 0, dot);
        if (root == NULL) {
            PyErr_Clear();
            return 1;
        }
        forbids = PyDict_GetItemWithError(roots, root) == Py_True;
        Py_DECREF(root);
    }
    if (PyDict_GET_SIZE(roots) < ANSWERS
        && PyDict_SetItem(roots, name, forbids ? Py_True : Py_False) < 0) {
        PyErr_Clear();
    }
    return forbids;
}

static int globals_forbid(PyObject *globals, PyObject *roots)
{
    static PyObject *key;
    if (key == NULL && (key = PyUnicode_InternFromString("__name__")) == NULL) {
        PyErr_Clear();
        return 1;
    }
    PyObject *name = PyDict_GetItemWithError(globals, key);
    if (name == NULL) {
        /* A foreign key may have raised while it was compared. */
        PyErr_Clear();
        return 0;
    }
    if (!PyUnicode_CheckExact(name)) {
        return 0;
    }
    PyObject *answer = PyDict_GetItemWithError(roots, name);
    if (answer != NULL) {
        return answer == Py_True;
    }
    Py_INCREF(name);
    int forbids = name_forbids(name, roots);
    Py_DECREF(name);
    return forbids;
}

static int code_forbids(_PyInterpreterFrame *frame, PyObject *codes)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *code = frame->f_executable;
#else
    PyObject *code = (PyObject *)frame->f_code;
#endif
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(codes); i++) {
        if (PyTuple_GET_ITEM(codes, i) == code) {
            return 1;
        }
    }
    return 0;
}

int csched_frames_forbid(void *base, PyObject *roots, PyObject *codes)
{
    PyObject *recent[RECENT] = {NULL};
    unsigned int next = 0;
    _PyInterpreterFrame *frame = csched_top_frame();
    for (; frame != NULL && (void *)frame != base; frame = frame->previous) {
        if (is_shim(frame)) {
            continue;
        }
        if (code_forbids(frame, codes)) {
            return 1;
        }
        PyObject *globals = frame->f_globals;
        int seen = 0;
        for (int i = 0; i < RECENT; i++) {
            seen |= recent[i] == globals;
        }
        if (seen) {
            continue;
        }
        if (globals_forbid(globals, roots)) {
            return 1;
        }
        recent[next++ % RECENT] = globals;
    }
    return 0;
}

/* The frame of a generator of any kind; NULL if it has finished, or is no generator. */
static _PyInterpreterFrame *generator_frame(PyObject *generator)
{
    if (!PyGen_CheckExact(generator) && !PyCoro_CheckExact(generator)
        && !PyAsyncGen_CheckExact(generator)) {
        return NULL;
    }
    PyGenObject *gen = (PyGenObject *)generator;
    /* All states before FRAME_COMPLETED have a frame. */
    if (gen->gi_frame_state >= FRAME_COMPLETED) {
        return NULL;
    }
    return (_PyInterpreterFrame *)gen->gi_iframe;
}

PyObject *csched_generator_globals(PyObject *generator)
{
    _PyInterpreterFrame *frame = generator_frame(generator);
    return frame == NULL ? NULL : frame->f_globals;
}

int csched_generator_lasti(PyObject *generator)
{
    _PyInterpreterFrame *frame = generator_frame(generator);
    return frame == NULL ? -1 : (int)(_PyInterpreterFrame_LASTI(frame) * sizeof(_Py_CODEUNIT));
}
