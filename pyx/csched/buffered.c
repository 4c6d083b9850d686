#include "buffered.h"
#include "guards.h"

/* The types whose methods are guarded. */
enum {
    READER,
    WRITER,
    RANDOM,
    TEXT,
    TYPES_LEN,
};

static const char *const type_names[TYPES_LEN] = {
    "BufferedReader", "BufferedWriter", "BufferedRandom", "TextIOWrapper",
};

/* A guarded C function, and the entries in the types' own tables that hold it. */
typedef struct {
    const char *name;
    int flags;              /* The one calling convention that `guard` is written for. */
    unsigned types;         /* A bit for each type that has it. */
    PyCFunction guard;
    PyCFunction original;   /* Kept for ever: a call may be under way. */
    PyMethodDef *entries[TYPES_LEN];
} guarded_t;

/* What the types do for `next`: the slot, and the `__next__` that was made from it. */
typedef struct {
    iternextfunc guard;
    iternextfunc original;  /* Kept for ever, as above; a subclass may have inherited the guard. */
} next_t;

enum {
    DETACH,
    CLOSE,
    FLUSH,
    TELL,
    SEEK,
    TRUNCATE,
    READ,
    READ1,
    READLINE,
    PEEK,
    READINTO,
    READINTO1,
    WRITE,
    TEXT_DETACH,
    TEXT_CLOSE,
    TEXT_FLUSH,
    TEXT_TELL,
    TEXT_SEEK,
    TEXT_TRUNCATE,
    TEXT_READ,
    TEXT_READLINE,
    TEXT_WRITE,
    TEXT_RECONFIGURE,
    METHODS_LEN,
};

static guarded_t methods[METHODS_LEN];
static next_t next_binary, next_text;
static next_t *const nexts[TYPES_LEN] = {
    [READER] = &next_binary, [RANDOM] = &next_binary, [TEXT] = &next_text,
};
static PyTypeObject *types[TYPES_LEN];              /* Owned while files are guarded. */
static PyWrapperDescrObject *wrappers[TYPES_LEN];   /* Likewise: `__next__`, or NULL. */

static int is_installed;
static PyMethodDef *print_entry;                    /* NULL unless guarded. */
static PyCFunction print_original;

static inline PyObject *call(int which, PyObject *file, PyObject *argument)
{
    uintptr_t owner = csched_busy_owner();
    if (csched_busy_enter(file, owner) < 0) {
        return NULL;
    }
    PyObject *result = methods[which].original(file, argument);
    csched_busy_leave(file, owner);
    return result;
}

static inline PyObject *call_fast(int which, PyObject *file, PyObject *const *args,
                                  Py_ssize_t args_len)
{
    typedef PyObject *(*fast_t)(PyObject *, PyObject *const *, Py_ssize_t);
    fast_t original = (fast_t)(void (*)(void))methods[which].original;
    uintptr_t owner = csched_busy_owner();
    if (csched_busy_enter(file, owner) < 0) {
        return NULL;
    }
    PyObject *result = original(file, args, args_len);
    csched_busy_leave(file, owner);
    return result;
}

/* METH_NOARGS and METH_O are called alike. */
#define GUARD(function, which)                                                                     \
    static PyObject *function(PyObject *file, PyObject *argument)                                  \
    {                                                                                              \
        return call(which, file, argument);                                                        \
    }

#define GUARD_FAST(function, which)                                                                \
    static PyObject *function(PyObject *file, PyObject *const *args, Py_ssize_t args_len)          \
    {                                                                                              \
        return call_fast(which, file, args, args_len);                                             \
    }

GUARD(guard_detach, DETACH)
GUARD(guard_close, CLOSE)
GUARD(guard_flush, FLUSH)
GUARD(guard_tell, TELL)
GUARD_FAST(guard_seek, SEEK)
GUARD_FAST(guard_read, READ)
GUARD_FAST(guard_read1, READ1)
GUARD_FAST(guard_readline, READLINE)
GUARD_FAST(guard_peek, PEEK)
GUARD(guard_readinto, READINTO)
GUARD(guard_readinto1, READINTO1)
GUARD(guard_write, WRITE)
GUARD(guard_text_detach, TEXT_DETACH)
GUARD(guard_text_close, TEXT_CLOSE)
GUARD(guard_text_flush, TEXT_FLUSH)
GUARD(guard_text_tell, TEXT_TELL)
GUARD_FAST(guard_text_seek, TEXT_SEEK)
GUARD_FAST(guard_text_truncate, TEXT_TRUNCATE)
GUARD_FAST(guard_text_read, TEXT_READ)
GUARD_FAST(guard_text_readline, TEXT_READLINE)
GUARD(guard_text_write, TEXT_WRITE)

#if PY_VERSION_HEX >= 0x030C0000
enum { TRUNCATE_FLAGS = METH_METHOD | METH_FASTCALL | METH_KEYWORDS };

static PyObject *guard_truncate(PyObject *file, PyTypeObject *defining_class, PyObject *const *args,
                                Py_ssize_t args_len, PyObject *names)
{
    PyCMethod original = (PyCMethod)(void (*)(void))methods[TRUNCATE].original;
    uintptr_t owner = csched_busy_owner();
    if (csched_busy_enter(file, owner) < 0) {
        return NULL;
    }
    PyObject *result = original(file, defining_class, args, args_len, names);
    csched_busy_leave(file, owner);
    return result;
}
#else
enum { TRUNCATE_FLAGS = METH_FASTCALL };

GUARD_FAST(guard_truncate, TRUNCATE)
#endif

typedef PyObject *(*fast_keywords_t)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

static PyObject *guard_text_reconfigure(PyObject *file, PyObject *const *args, Py_ssize_t args_len,
                                        PyObject *names)
{
    fast_keywords_t original = (fast_keywords_t)(void (*)(void))methods[TEXT_RECONFIGURE].original;
    uintptr_t owner = csched_busy_owner();
    if (csched_busy_enter(file, owner) < 0) {
        return NULL;
    }
    PyObject *result = original(file, args, args_len, names);
    csched_busy_leave(file, owner);
    return result;
}

static inline PyObject *call_next(next_t *next, PyObject *file)
{
    uintptr_t owner = csched_busy_owner();
    if (csched_busy_enter(file, owner) < 0) {
        return NULL;
    }
    PyObject *result = next->original(file);
    csched_busy_leave(file, owner);
    return result;
}

static PyObject *guard_next_binary(PyObject *file)
{
    return call_next(&next_binary, file);
}

static PyObject *guard_next_text(PyObject *file)
{
    return call_next(&next_text, file);
}

/* See `csched_buffered_follow`; NULL: nothing is followed. */
static PyObject *(*real_file)(PyObject *file) = NULL;

void csched_buffered_follow(PyObject *(*real)(PyObject *file))
{
    real_file = real;
}

/* The text file that a call of `print` writes to, or NULL if it writes to something else; borrowed. */
static PyObject *printed_file(PyObject *const *args, Py_ssize_t args_len, PyObject *names)
{
    PyObject *file = Py_None;
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "file") == 0) {
            file = args[args_len + i];
        }
    }
    if (file == Py_None) {
        file = PySys_GetObject("stdout");
    }
    if (file != NULL && real_file != NULL && types[TEXT] != NULL && !PyObject_TypeCheck(file, types[TEXT])) {
        file = real_file(file);
    }
    int is_text = file != NULL && types[TEXT] != NULL && PyObject_TypeCheck(file, types[TEXT]);
    return is_text ? file : NULL;
}

static PyObject *guard_print(PyObject *module, PyObject *const *args, Py_ssize_t args_len,
                             PyObject *names)
{
    fast_keywords_t original = (fast_keywords_t)(void (*)(void))print_original;
    PyObject *file = printed_file(args, args_len, names);
    if (file == NULL) {
        return original(module, args, args_len, names);
    }
    PyObject *result = NULL;
    uintptr_t owner = csched_busy_owner();
    /* Somebody may give `sys.stdout` another value meanwhile. */
    Py_INCREF(file);
    if (csched_busy_enter(file, owner) == 0) {
        result = original(module, args, args_len, names);
        csched_busy_leave(file, owner);
    }
    Py_DECREF(file);
    return result;
}

#define FUNCTION(function) ((PyCFunction)(void (*)(void))(function))

enum {
    IN_READERS = 1 << READER | 1 << RANDOM,
    IN_WRITERS = 1 << WRITER | 1 << RANDOM,
    IN_BINARY = IN_READERS | IN_WRITERS,
    IN_TEXT = 1 << TEXT,
};

static guarded_t methods[METHODS_LEN] = {
    [DETACH] = {"detach", METH_NOARGS, IN_BINARY, guard_detach},
    [CLOSE] = {"close", METH_NOARGS, IN_BINARY, guard_close},
    [FLUSH] = {"flush", METH_NOARGS, IN_WRITERS, guard_flush},
    [TELL] = {"tell", METH_NOARGS, IN_BINARY, guard_tell},
    [SEEK] = {"seek", METH_FASTCALL, IN_BINARY, FUNCTION(guard_seek)},
    [TRUNCATE] = {"truncate", TRUNCATE_FLAGS, IN_BINARY, FUNCTION(guard_truncate)},
    [READ] = {"read", METH_FASTCALL, IN_READERS, FUNCTION(guard_read)},
    [READ1] = {"read1", METH_FASTCALL, IN_READERS, FUNCTION(guard_read1)},
    [READLINE] = {"readline", METH_FASTCALL, IN_READERS, FUNCTION(guard_readline)},
    [PEEK] = {"peek", METH_FASTCALL, IN_READERS, FUNCTION(guard_peek)},
    [READINTO] = {"readinto", METH_O, IN_READERS, guard_readinto},
    [READINTO1] = {"readinto1", METH_O, IN_READERS, guard_readinto1},
    [WRITE] = {"write", METH_O, IN_WRITERS, guard_write},
    [TEXT_DETACH] = {"detach", METH_NOARGS, IN_TEXT, guard_text_detach},
    [TEXT_CLOSE] = {"close", METH_NOARGS, IN_TEXT, guard_text_close},
    [TEXT_FLUSH] = {"flush", METH_NOARGS, IN_TEXT, guard_text_flush},
    [TEXT_TELL] = {"tell", METH_NOARGS, IN_TEXT, guard_text_tell},
    [TEXT_SEEK] = {"seek", METH_FASTCALL, IN_TEXT, FUNCTION(guard_text_seek)},
    [TEXT_TRUNCATE] = {"truncate", METH_FASTCALL, IN_TEXT, FUNCTION(guard_text_truncate)},
    [TEXT_READ] = {"read", METH_FASTCALL, IN_TEXT, FUNCTION(guard_text_read)},
    [TEXT_READLINE] = {"readline", METH_FASTCALL, IN_TEXT, FUNCTION(guard_text_readline)},
    [TEXT_WRITE] = {"write", METH_O, IN_TEXT, guard_text_write},
    [TEXT_RECONFIGURE] = {"reconfigure", METH_FASTCALL | METH_KEYWORDS, IN_TEXT,
                          FUNCTION(guard_text_reconfigure)},
};

static next_t next_binary = {guard_next_binary, NULL};
static next_t next_text = {guard_next_text, NULL};

static int refuse(const char *type, const char *name)
{
    PyErr_Format(PyExc_SystemError, "csched cannot guard %s.%s of this interpreter", type, name);
    return -1;
}

/* Find the type's own entry for a method. */
static int find_method(guarded_t *guarded, int type)
{
    PyMethodDef *entry = NULL;
    PyObject *found = csched_attribute((PyObject *)types[type], guarded->name);
    if (found == NULL) {
        return -1;
    }
    if (Py_IS_TYPE(found, &PyMethodDescr_Type) && PyDescr_TYPE(found) == types[type]) {
        /* The table is a static array of the module, so it outlives the descriptor. */
        entry = ((PyMethodDescrObject *)found)->d_method;
    }
    Py_DECREF(found);
    if (entry == NULL || entry->ml_flags != guarded->flags
        || (guarded->original != NULL && guarded->original != entry->ml_meth)) {
        return refuse(type_names[type], guarded->name);
    }
    guarded->original = entry->ml_meth;
    guarded->entries[type] = entry;
    return 0;
}

static int find_next(int type)
{
    next_t *next = nexts[type];
    PyObject *found = csched_attribute((PyObject *)types[type], "__next__");
    if (found == NULL) {
        return -1;
    }
    if (!Py_IS_TYPE(found, &PyWrapperDescr_Type) || PyDescr_TYPE(found) != types[type]
        || ((PyWrapperDescrObject *)found)->d_wrapped != (void *)types[type]->tp_iternext
        || (next->original != NULL && next->original != types[type]->tp_iternext)) {
        Py_DECREF(found);
        return refuse(type_names[type], "__next__");
    }
    next->original = types[type]->tp_iternext;
    wrappers[type] = (PyWrapperDescrObject *)found;
    return 0;
}

static int find_print(void)
{
    PyObject *module = PyImport_ImportModule("builtins");
    PyObject *found = module == NULL ? NULL : csched_attribute(module, "print");
    Py_XDECREF(module);
    if (found == NULL) {
        return -1;
    }
    /* Somebody may have put a function of theirs there: it is as good as any other Python code. */
    PyMethodDef *entry = PyCFunction_Check(found) ? ((PyCFunctionObject *)found)->m_ml : NULL;
    Py_DECREF(found);
    if (entry == NULL || strcmp(entry->ml_name, "print") != 0) {
        return 0;
    }
    if (entry->ml_flags != (METH_FASTCALL | METH_KEYWORDS)) {
        return refuse("builtins", "print");
    }
    print_entry = entry;
    print_original = entry->ml_meth;
    return 0;
}

static int find_all(void)
{
    PyObject *module = PyImport_ImportModule("_io");
    if (module == NULL) {
        return -1;
    }
    for (int type = 0; type < TYPES_LEN; type++) {
        PyObject *found = csched_attribute(module, type_names[type]);
        if (found == NULL || !PyType_Check(found)) {
            Py_XDECREF(found);
            Py_DECREF(module);
            return found == NULL ? -1 : refuse("_io", type_names[type]);
        }
        types[type] = (PyTypeObject *)found;
    }
    Py_DECREF(module);
    for (int type = 0; type < TYPES_LEN; type++) {
        for (int i = 0; i < METHODS_LEN; i++) {
            if (methods[i].types >> type & 1 && find_method(&methods[i], type) < 0) {
                return -1;
            }
        }
        if (nexts[type] != NULL && find_next(type) < 0) {
            return -1;
        }
    }
    return find_print();
}

/* Let all that was found call the guards, or again what it called before. */
static void set_guards(int guarded)
{
    for (int type = 0; type < TYPES_LEN; type++) {
        for (int i = 0; i < METHODS_LEN; i++) {
            if (methods[i].entries[type] != NULL) {
                methods[i].entries[type]->ml_meth = guarded ? methods[i].guard : methods[i].original;
            }
        }
        if (nexts[type] != NULL) {
            types[type]->tp_iternext = guarded ? nexts[type]->guard : nexts[type]->original;
            wrappers[type]->d_wrapped = (void *)types[type]->tp_iternext;
        }
    }
    if (print_entry != NULL) {
        print_entry->ml_meth = guarded ? FUNCTION(guard_print) : print_original;
    }
}

static void let_go_of_types(void)
{
    for (int type = 0; type < TYPES_LEN; type++) {
        Py_CLEAR(wrappers[type]);
        Py_CLEAR(types[type]);
    }
    print_entry = NULL;
}

int csched_buffered_install(csched_busy_scheduler_t scheduler)
{
    if (is_installed) {
        PyErr_SetString(PyExc_RuntimeError, "files are guarded for a scheduler already");
        return -1;
    }
    if (find_all() < 0) {
        let_go_of_types();
        return -1;
    }
    csched_busy_start(scheduler);
    set_guards(1);
    is_installed = 1;
    return 0;
}

void csched_buffered_remove(void)
{
    if (is_installed) {
        is_installed = 0;
        set_guards(0);
        csched_busy_stop();
        let_go_of_types();
    }
}
