/* The least that runs the bodies of csched's benchmarks: what is left is the interpreter's own.
 *
 * A process is a Pid with a coroutine, or a greenlet, and a ring of messages; whoever can run is in one queue, and
 * runs until it waits or ends, or has sent SLICE messages in a row: else they would fall out of the cache. There is
 * nothing else: no preemption, no priorities; messages are handed over as they are, but for a dict, which PyDict_Copy
 * copies; no heaps, links, monitors, names or table of processes; a timer is an object that knows its moment, which
 * takes two looks at the clock, and nothing else. An error ends the run.
 *
 * Stacks are switched by greenlet. As in csched a loop runs in greenlets that only the first one starts; one that is
 * parked at the head of its loop is used again.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <greenlet.h>
#include <time.h>

typedef struct Pid {
    PyObject_HEAD
    struct Pid *next;           /* In the queue. */
    PyObject *function;         /* Owned; NULL once it has begun. */
    PyObject *args;             /* Its arguments, a tuple; owned. */
    PyObject *coroutine;        /* Owned; NULL: it is a plain function. */
    PyGreenlet *stack;          /* The greenlet that it is parked in, owned; NULL: it is not. */
    PyObject **ring;            /* Its messages, owned. */
    uint32_t head, len, room;   /* `room` is 0 or a power of two. */
    int waits;
} Pid;

#define POOL 1024
#define SLICE 1000

typedef struct {
    PyObject_HEAD
    double moment;
} Timer;

static PyTypeObject PidType, ReceiveType, YieldType, TimerType;
static PyObject *the_receive, *the_yield, *stop;
static Pid *first, *last, *current, *main_pid;
static PyObject *outcome;       /* What the first process returned; NULL with an error, or before. */
static int over;                /* It has ended, or something has raised. */
static PyGreenlet *hub, *pool[POOL];
static int pool_len, sent;
static PyObject *loop_function;

static void push(Pid *pid)
{
    pid->next = NULL;
    if (first == NULL) {
        first = pid;
    } else {
        last->next = pid;
    }
    last = pid;
}

static Pid *pop(void)
{
    Pid *pid = first;
    if (pid != NULL) {
        first = pid->next;
    }
    return pid;
}

static int put(Pid *pid, PyObject *message)
{
    if (pid->len == pid->room) {
        uint32_t room = pid->room ? 2 * pid->room : 1;
        PyObject **ring = PyMem_Malloc(room * sizeof(PyObject *));
        if (ring == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (uint32_t n = 0; n < pid->len; n++) {
            ring[n] = pid->ring[(pid->head + n) & (pid->room - 1)];
        }
        PyMem_Free(pid->ring);
        pid->ring = ring;
        pid->room = room;
        pid->head = 0;
    }
    pid->ring[(pid->head + pid->len++) & (pid->room - 1)] = message;
    return 0;
}

static PyObject *take(Pid *pid)
{
    PyObject *message = pid->ring[pid->head];
    pid->head = (pid->head + 1) & (pid->room - 1);
    pid->len--;
    return message;
}

static void pid_dealloc(Pid *pid)
{
    while (pid->len) {
        Py_DECREF(take(pid));
    }
    PyMem_Free(pid->ring);
    Py_XDECREF(pid->function);
    Py_XDECREF(pid->args);
    Py_XDECREF(pid->coroutine);
    Py_XDECREF(pid->stack);
    PyObject_Free(pid);
}

/* --- Awaitables -------------------------------------------------------------------------------- */

static PyObject *itself(PyObject *self)
{
    return Py_NewRef(self);
}

static PySendResult receive_send(PyObject *self, PyObject *arg, PyObject **result)
{
    if (current->len) {
        *result = take(current);
        return PYGEN_RETURN;
    }
    current->waits = 1;
    *result = Py_NewRef(Py_None);
    return PYGEN_NEXT;
}

static PySendResult yield_send(PyObject *self, PyObject *arg, PyObject **result)
{
    *result = Py_NewRef(Py_None);
    if (current->waits) {
        current->waits = 0;
        return PYGEN_RETURN;
    }
    current->waits = -1;
    push(current);
    return PYGEN_NEXT;
}

/* From 3.12 on an await returns by a StopIteration; one serves for all. */
static PyObject *next_by(sendfunc send, PyObject *self)
{
    PyObject *result;
    if (send(self, Py_None, &result) == PYGEN_NEXT) {
        return result;
    }
#if PY_VERSION_HEX >= 0x030C0000
    if (Py_REFCNT(stop) == 1) {
        Py_XSETREF(((PyStopIterationObject *)stop)->value, result);
        PyErr_SetRaisedException(Py_NewRef(stop));
        return NULL;
    }
#endif
    PyObject *error = PyObject_CallOneArg(PyExc_StopIteration, result);
    Py_DECREF(result);
    if (error != NULL) {
        PyErr_SetObject(PyExc_StopIteration, error);
        Py_DECREF(error);
    }
    return NULL;
}

static PyObject *receive_next(PyObject *self)
{
    return next_by(receive_send, self);
}

static PyObject *yield_next(PyObject *self)
{
    return next_by(yield_send, self);
}

static PyAsyncMethods receive_async = {.am_await = itself, .am_send = receive_send};
static PyAsyncMethods yield_async = {.am_await = itself, .am_send = yield_send};

/* --- The loop ---------------------------------------------------------------------------------- */

static void end(Pid *pid, PyObject *result)
{
    if (result == NULL || pid == main_pid) {
        outcome = result;
        over = 1;
    } else {
        Py_DECREF(result);
    }
    Py_DECREF(pid);
}

static void execute(Pid *pid)
{
    PyObject *result = NULL;
    PySendResult status;
    if (pid->function != NULL) {
        PyObject *function = pid->function, *args = pid->args;
        pid->function = pid->args = NULL;
        result = PyObject_Vectorcall(
            function, ((PyTupleObject *)args)->ob_item, (size_t)PyTuple_GET_SIZE(args), NULL);
        Py_DECREF(function);
        Py_DECREF(args);
        if (result == NULL || !PyCoro_CheckExact(result)) {
            end(pid, result);
            return;
        }
        pid->coroutine = result;
    }
    status = PyIter_Send(pid->coroutine, Py_None, &result);
    if (status == PYGEN_NEXT) {
        Py_DECREF(result);
    } else {
        Py_CLEAR(pid->coroutine);
        end(pid, status == PYGEN_RETURN ? result : NULL);
    }
}

static int go_to(PyGreenlet *greenlet)
{
    PyObject *result = PyGreenlet_Switch(greenlet, NULL, NULL);
    if (result == NULL) {
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

/* Go on with the first in the queue, which has a stack of its own; returns when this one is switched back to. */
static int enter(void)
{
    PyGreenlet *stack = first->stack;
    int status;
    current = pop();
    current->stack = NULL;
    status = go_to(stack);
    Py_DECREF(stack);
    return status;
}

/* The body of a greenlet: run whoever has no stack of his own on this one. */
static PyObject *loop(PyObject *module, PyObject *none)
{
    PyGreenlet *mine = PyGreenlet_GetCurrent();  /* It keeps itself alive. */
    int status = 0;
    while (!over && status == 0) {
        if (first == NULL) {
            PyErr_SetString(PyExc_RuntimeError, "all processes wait");
            over = 1;
            status = -1;
        } else if (first->stack == NULL) {
            current = pop();
            sent = 0;
            execute(current);
            status = over && outcome == NULL ? -1 : 0;
        } else if (pool_len < POOL) {
            pool[pool_len++] = mine;
            status = enter();
        } else {
            break;  /* The hub goes on. */
        }
    }
    Py_DECREF(mine);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* Leave the stack of the process that runs, until it is its turn again. */
static int park(void)
{
    sent = 0;
    current->stack = PyGreenlet_GetCurrent();
    if (first != NULL && first->stack != NULL) {
        return enter();
    }
    return go_to(pool_len ? pool[--pool_len] : hub);
}

/* --- What the bodies call ---------------------------------------------------------------------- */

static PyObject *spawn(PyObject *module, PyObject *const *args, Py_ssize_t args_len)
{
    Pid *pid = PyObject_New(Pid, &PidType);
    if (pid == NULL) {
        return NULL;
    }
    memset((char *)pid + sizeof(PyObject), 0, sizeof(Pid) - sizeof(PyObject));
    pid->args = PyTuple_New(args_len - 1);
    if (pid->args == NULL) {
        Py_DECREF(pid);
        return NULL;
    }
    for (Py_ssize_t n = 1; n < args_len; n++) {
        PyTuple_SET_ITEM(pid->args, n - 1, Py_NewRef(args[n]));
    }
    pid->function = Py_NewRef(args[0]);
    push(pid);
    return Py_NewRef(pid);  /* The other reference is that of its life. */
}

static PyObject *send(PyObject *module, PyObject *const *args, Py_ssize_t args_len)
{
    if (args_len != 2 || !Py_IS_TYPE(args[0], &PidType)) {
        PyErr_SetString(PyExc_TypeError, "send(pid, message)");
        return NULL;
    }
    Pid *pid = (Pid *)args[0];
    PyObject *message = PyDict_CheckExact(args[1]) ? PyDict_Copy(args[1]) : Py_NewRef(args[1]);
    if (message == NULL || put(pid, message) < 0) {
        Py_XDECREF(message);
        return NULL;
    }
    if (pid->waits > 0) {
        pid->waits = 0;
        push(pid);
    }
    if (++sent >= SLICE) {
        push(current);
        if (park() < 0) {
            return NULL;
        }
    }
    return Py_NewRef(args[1]);
}

static PyObject *receive(PyObject *module, PyObject *none)
{
    Pid *pid = current;
    while (pid->len == 0) {
        pid->waits = 1;
        if (park() < 0) {
            return NULL;
        }
    }
    return take(pid);
}

static PyObject *yield_now(PyObject *module, PyObject *none)
{
    push(current);
    return park() < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *aio_receive(PyObject *module, PyObject *none)
{
    return Py_NewRef(the_receive);
}

static PyObject *aio_yield(PyObject *module, PyObject *none)
{
    return Py_NewRef(the_yield);
}

static PyObject *self_(PyObject *module, PyObject *none)
{
    return Py_NewRef((PyObject *)current);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + now.tv_nsec / 1e9;
}

static PyObject *send_after(PyObject *module, PyObject *const *args, Py_ssize_t args_len)
{
    Timer *timer = PyObject_New(Timer, &TimerType);
    if (timer != NULL) {
        timer->moment = seconds_now() + PyFloat_AsDouble(args[2]);
    }
    return (PyObject *)timer;
}

static PyObject *cancel_timer(PyObject *module, PyObject *timer)
{
    return PyFloat_FromDouble(((Timer *)timer)->moment - seconds_now());
}

static PyObject *run(PyObject *module, PyObject *const *args, Py_ssize_t args_len)
{
    over = pool_len = 0;
    first = NULL;
    outcome = NULL;
    hub = PyGreenlet_GetCurrent();
    main_pid = (Pid *)spawn(module, args, args_len);
    int status = main_pid == NULL ? -1 : 0;
    while (!over && status == 0) {
        if (first != NULL && first->stack != NULL) {
            status = enter();
        } else {
            PyGreenlet *runner = PyGreenlet_New(loop_function, hub);
            status = runner == NULL ? -1 : go_to(runner);
            Py_XDECREF(runner);
        }
    }
    Py_XDECREF(main_pid);
    Py_DECREF(hub);
    return status < 0 ? NULL : outcome;
}

static PyMethodDef functions[] = {
    {"run", (PyCFunction)(void (*)(void))run, METH_FASTCALL, NULL},
    {"spawn", (PyCFunction)(void (*)(void))spawn, METH_FASTCALL, NULL},
    {"send", (PyCFunction)(void (*)(void))send, METH_FASTCALL, NULL},
    {"receive", receive, METH_NOARGS, NULL},
    {"yield_", yield_now, METH_NOARGS, NULL},
    {"aio_receive", aio_receive, METH_NOARGS, NULL},
    {"aio_yield", aio_yield, METH_NOARGS, NULL},
    {"self", self_, METH_NOARGS, NULL},
    {"send_after", (PyCFunction)(void (*)(void))send_after, METH_FASTCALL, NULL},
    {"cancel_timer", cancel_timer, METH_O, NULL},
    {"_loop", loop, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "floor_runtime", .m_size = -1,
                                        .m_methods = functions};

static int make_ready(PyTypeObject *type, const char *name, Py_ssize_t size)
{
    type->tp_name = name;
    type->tp_basicsize = size;
    type->tp_flags = Py_TPFLAGS_DEFAULT;
    return PyType_Ready(type);
}

PyMODINIT_FUNC PyInit_floor_runtime(void)
{
    PidType.tp_dealloc = (destructor)pid_dealloc;
    ReceiveType.tp_as_async = &receive_async;
    ReceiveType.tp_iter = itself;
    ReceiveType.tp_iternext = receive_next;
    YieldType.tp_as_async = &yield_async;
    YieldType.tp_iter = itself;
    YieldType.tp_iternext = yield_next;
    if (make_ready(&PidType, "floor.Pid", sizeof(Pid)) < 0
        || make_ready(&ReceiveType, "floor.Receive", sizeof(PyObject)) < 0
        || make_ready(&YieldType, "floor.Yield", sizeof(PyObject)) < 0
        || make_ready(&TimerType, "floor.Timer", sizeof(Timer)) < 0) {
        return NULL;
    }
    PyGreenlet_Import();
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || _PyGreenlet_API == NULL) {
        return NULL;
    }
    the_receive = PyObject_New(PyObject, &ReceiveType);
    the_yield = PyObject_New(PyObject, &YieldType);
    stop = PyObject_CallNoArgs(PyExc_StopIteration);
    loop_function = PyObject_GetAttrString(module, "_loop");
    if (the_receive == NULL || the_yield == NULL || stop == NULL || loop_function == NULL
        || PyModule_AddObjectRef(module, "Pid", (PyObject *)&PidType) < 0) {
        return NULL;
    }
    return module;
}
