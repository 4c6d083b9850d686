#define Py_BUILD_CORE_MODULE 1
#include "temporary.h"

#if PY_VERSION_HEX < 0x030E0000 && !defined(Py_GIL_DISABLED)

#include "internal/pycore_code.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_interp.h"
#include "opcode.h"

enum {
#if PY_VERSION_HEX >= 0x030C0000
    /* The interpreter's instruction for a call of a builtin function, and its length in code units. */
    DIRECT = CALL_BUILTIN_FAST_WITH_KEYWORDS,
    DIRECT_LEN = 1 + INLINE_CACHE_ENTRIES_CALL,
#else
    /* In 3.11 this one does the work of the CALL behind it, and skips that. */
    DIRECT = PRECALL_BUILTIN_FAST_WITH_KEYWORDS,
    DIRECT_LEN = 1 + INLINE_CACHE_ENTRIES_PRECALL + 1 + INLINE_CACHE_ENTRIES_CALL,
#endif
    ARGS_LEN = 2,
#if PY_VERSION_HEX >= 0x030D0000
    /* Where the callable lies before the arguments; the other of the two is NULL: there is no self. */
    CALLABLE = -2,
    NO_SELF = -1,
#else
    CALLABLE = -1,
    NO_SELF = -2,
#endif
};

/* Whether calls are executed by instructions whose meaning is known here: not by a frame evaluator of somebody
   else's (PEP 523), nor by what an optimizer has made of them. */
static int is_usual(PyInterpreterState *interp)
{
#if PY_VERSION_HEX >= 0x030D0000
    if (interp->executor_list_head != NULL) {
        return 0;
    }
#endif
    return interp->eval_frame == NULL;
}

int csched_is_statement(PyThreadState *thread, PyObject *function, PyObject **args)
{
#if PY_VERSION_HEX >= 0x030D0000
    _PyInterpreterFrame *frame = thread->current_frame;
#else
    _PyInterpreterFrame *frame = thread->cframe->current_frame;
#endif
    if (frame == NULL) {
        return 0;
    }
#if PY_VERSION_HEX >= 0x030C0000
    if (frame->owner == FRAME_OWNED_BY_CSTACK) {
        return 0;
    }
#endif
#if PY_VERSION_HEX >= 0x030D0000
    PyCodeObject *code = _PyFrame_GetCode(frame);
    const _Py_CODEUNIT *call = frame->instr_ptr;
#else
    PyCodeObject *code = frame->f_code;
    const _Py_CODEUNIT *call = frame->prev_instr;
#endif
    uintptr_t stack = (uintptr_t)(frame->localsplus + code->co_nlocalsplus);
    uintptr_t stack_end = stack + code->co_stacksize * sizeof(PyObject *);
    return (uintptr_t)(args - 2) >= stack && (uintptr_t)(args + ARGS_LEN) <= stack_end
        && _Py_OPCODE(call[0]) == DIRECT && _Py_OPARG(call[0]) == ARGS_LEN
        && _Py_OPCODE(call[DIRECT_LEN]) == POP_TOP
        && args[CALLABLE] == function && args[NO_SELF] == NULL
        && is_usual(thread->interp);
}

int csched_is_plain_dict(PyObject *object)
{
    PyDictObject *dict = (PyDictObject *)object;
#if PY_VERSION_HEX >= 0x030C0000
    /* One bit for each watcher. */
    if (dict->ma_version_tag & ((1 << DICT_MAX_WATCHERS) - 1)) {
        return 0;
    }
#endif
    return dict->ma_values == NULL;
}

#else

int csched_is_statement(PyThreadState *thread, PyObject *function, PyObject **args) { return 0; }
int csched_is_plain_dict(PyObject *dict) { return 0; }

#endif
