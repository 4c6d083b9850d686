#include "guards.h"

int csched_held = 0;

static unsigned long guarded_thread;
static void (*when_released)(void);
static int installs_len;

/* A guarded method of a type, and the function that its table held before. */
typedef struct {
    const char *name;
    int flags;              /* The one calling convention that `guard` is written for. */
    PyCFunction guard;
    PyMethodDef *method;    /* The entry in the type's own table while guarded. */
    PyCFunction original;   /* What the entry held. Kept for ever: a call may be under way. */
} guarded_t;

enum {
    RLOCK_ACQUIRE,
    RLOCK_ENTER,
    RLOCK_RELEASE,
    RLOCK_EXIT,
    RLOCK_RELEASE_SAVE,
    RLOCK_ACQUIRE_RESTORE,
    RLOCK_METHODS,
};

static guarded_t rlock_methods[RLOCK_METHODS];

static inline int is_counted(void)
{
    return PyThread_get_thread_ident() == guarded_thread;
}

static void hold(unsigned long times)
{
    csched_held += (int)times;
}

static void let_go(unsigned long times)
{
    if (csched_held == 0 || times == 0) {
        return;
    }
    csched_held = times < (unsigned long)csched_held ? csched_held - (int)times : 0;
    if (csched_held == 0 && when_released != NULL) {
        when_released();
    }
}

/* How often the RLock of this saved state, `(count, owner)`, was held. */
static unsigned long saved_count(PyObject *state)
{
    if (!PyTuple_Check(state) || PyTuple_GET_SIZE(state) < 1) {
        return 0;
    }
    unsigned long count = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(state, 0));
    if (count == (unsigned long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return count;
}

static PyObject *acquire(guarded_t *guarded, PyObject *lock, PyObject *args, PyObject *keywords)
{
    PyCFunctionWithKeywords original = (PyCFunctionWithKeywords)(void (*)(void))guarded->original;
    PyObject *result = original(lock, args, keywords);
    if (result == Py_True && is_counted()) {
        hold(1);
    }
    return result;
}

static PyObject *guard_acquire(PyObject *lock, PyObject *args, PyObject *keywords)
{
    return acquire(&rlock_methods[RLOCK_ACQUIRE], lock, args, keywords);
}

static PyObject *guard_enter(PyObject *lock, PyObject *args, PyObject *keywords)
{
    return acquire(&rlock_methods[RLOCK_ENTER], lock, args, keywords);
}

static PyObject *release(guarded_t *guarded, PyObject *lock, PyObject *args)
{
    PyObject *result = guarded->original(lock, args);
    if (result != NULL && is_counted()) {
        let_go(1);
    }
    return result;
}

static PyObject *guard_release(PyObject *lock, PyObject *unused)
{
    return release(&rlock_methods[RLOCK_RELEASE], lock, unused);
}

static PyObject *guard_exit(PyObject *lock, PyObject *args)
{
    return release(&rlock_methods[RLOCK_EXIT], lock, args);
}

static PyObject *guard_release_save(PyObject *lock, PyObject *unused)
{
    PyObject *state = rlock_methods[RLOCK_RELEASE_SAVE].original(lock, unused);
    if (state != NULL && is_counted()) {
        let_go(saved_count(state));
    }
    return state;
}

static PyObject *guard_acquire_restore(PyObject *lock, PyObject *args)
{
    PyObject *result = rlock_methods[RLOCK_ACQUIRE_RESTORE].original(lock, args);
    if (result != NULL && is_counted()) {
        hold(saved_count(PyTuple_GET_ITEM(args, 0)));
    }
    return result;
}

#define GUARD(function) ((PyCFunction)(void (*)(void))(function))

static guarded_t rlock_methods[RLOCK_METHODS] = {
    [RLOCK_ACQUIRE] = {"acquire", METH_VARARGS | METH_KEYWORDS, GUARD(guard_acquire), NULL, NULL},
    [RLOCK_ENTER] = {"__enter__", METH_VARARGS | METH_KEYWORDS, GUARD(guard_enter), NULL, NULL},
    [RLOCK_RELEASE] = {"release", METH_NOARGS, guard_release, NULL, NULL},
    [RLOCK_EXIT] = {"__exit__", METH_VARARGS, guard_exit, NULL, NULL},
    [RLOCK_RELEASE_SAVE] = {"_release_save", METH_NOARGS, guard_release_save, NULL, NULL},
    [RLOCK_ACQUIRE_RESTORE] = {"_acquire_restore", METH_VARARGS, guard_acquire_restore, NULL, NULL},
};

/* Find the entries of these methods in the table of `module.type`. */
static int find_methods(const char *module, const char *type, guarded_t *methods, int methods_len)
{
    PyObject *owner = NULL;
    PyObject *imported = PyImport_ImportModule(module);
    if (imported != NULL) {
        owner = csched_attribute(imported, type);
        Py_DECREF(imported);
    }
    for (int i = 0; owner != NULL && i < methods_len; i++) {
        PyObject *found = csched_attribute(owner, methods[i].name);
        if (found == NULL) {
            Py_CLEAR(owner);
            break;
        }
        PyMethodDef *method = NULL;
        if (Py_IS_TYPE(found, &PyMethodDescr_Type) && (PyObject *)PyDescr_TYPE(found) == owner) {
            /* The table is a static array of the module, so it outlives the descriptor. */
            method = ((PyMethodDescrObject *)found)->d_method;
        }
        Py_DECREF(found);
        if (method == NULL || method->ml_flags != methods[i].flags) {
            PyErr_Format(PyExc_SystemError,
                         "csched cannot guard %s.%s.%s of this interpreter: calling convention 0x%x"
                         " instead of 0x%x",
                         module, type, methods[i].name, method == NULL ? 0 : method->ml_flags,
                         methods[i].flags);
            Py_CLEAR(owner);
            break;
        }
        methods[i].method = method;
    }
    if (owner == NULL) {
        return -1;
    }
    Py_DECREF(owner);
    return 0;
}

static void guard(guarded_t *guarded)
{
    guarded->original = guarded->method->ml_meth;
    guarded->method->ml_meth = guarded->guard;
}

static void unguard(guarded_t *guarded)
{
    guarded->method->ml_meth = guarded->original;
}

int csched_guards_install(void)
{
    if (installs_len == 0) {
        if (find_methods("_thread", "RLock", rlock_methods, RLOCK_METHODS) < 0) {
            return -1;
        }
        for (int i = 0; i < RLOCK_METHODS; i++) {
            guard(&rlock_methods[i]);
        }
    }
    installs_len++;
    return 0;
}

void csched_guards_remove(void)
{
    if (installs_len == 0 || --installs_len > 0) {
        return;
    }
    for (int i = 0; i < RLOCK_METHODS; i++) {
        unguard(&rlock_methods[i]);
    }
}

void csched_guards_thread(unsigned long ident, void (*released)(void))
{
    guarded_thread = ident;
    when_released = released;
}

PyObject *csched_attribute(PyObject *owner, const char *name)
{
    PyObject *key = PyUnicode_InternFromString(name);
    if (key == NULL) {
        return NULL;
    }
    PyObject *found = PyObject_GetAttr(owner, key);
    Py_DECREF(key);
    return found;
}
