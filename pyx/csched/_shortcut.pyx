"""Shortcuts; their theory of operation is in `_shortcut.pxd`."""

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM

cimport csched._scheduler as core
from csched._aio cimport RECEIVE_ANY
from csched._bif cimport charge_call, charge_send, deliver, is_process, is_simple, post, running, send_to_pid
from csched._bif_spawn cimport spawner
from csched._bif_timer cimport arm, disarm, timer_of
from csched._copy_capi cimport Py_REFCNT, Py_TYPE, PyFunction_Type
from csched._copy_kinds cimport is_atom, is_flat
from csched._copy_objects cimport is_bare_function
from csched._cpython cimport (
    PyCFunction_GET_SELF, PyFloat_FromDouble, PyVectorcall_NARGS, csched_set_vectorcall, csched_shortcut, shortcut_t,
)
from csched._heap cimport csched_heap_t
from csched._ids cimport Pid, Ref
from csched._mailbox cimport mailbox_take
from csched._move cimport move
from csched._process cimport FLAG_BOUNDED, has, process_t
from csched._relation cimport message_timer_t
from csched._scheduler cimport Scheduler, charge
from csched._types cimport ASK_MESSAGE, PRIORITY_NORMAL

from csched import _aio, _bif, _bif_spawn, _bif_timer

# What they leave to others.
cdef shortcut_t send_parsed, receive_parsed, aio_receive_parsed, spawn_parsed, send_after_parsed, cancel_timer_parsed

# The public function.
cdef object SEND = _bif.send


cdef inline bint is_to_pid(Scheduler scheduler, PyObject** args, Py_ssize_t args_len, PyObject* names) noexcept:
    return (
        args_len == 2 and names == NULL and scheduler is not None and Py_TYPE(args[0]) == <PyTypeObject*>Pid
        and (<Pid>args[0]).run == scheduler.table.run
    )


cdef PyObject* send(PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL:
    """`send(pid, message)`, called by an instruction of the interpreter."""
    cdef Scheduler scheduler = core.current
    cdef PyObject* message
    if not is_to_pid(scheduler, args, args_len, names):
        return send_parsed(module, args, args_len, names)
    message = args[1]
    if is_atom(Py_TYPE(message)) or is_flat(message):
        deliver(scheduler, <Pid>args[0], <object>message, 0)
    elif Py_REFCNT(message) == 1 and send_moved(scheduler, <process_t*>(<Pid>args[0]).process, args):
        message = <PyObject*>None
    else:
        send_to_pid(scheduler, <Pid>args[0], <object>message)
    Py_INCREF(<object>message)
    return message


cdef PyObject* send_by_vectorcall(
    PyObject* function, PyObject** args, size_t args_flags, PyObject* names
) except NULL:
    """`send(pid, message)`, called by anybody: nothing is moved."""
    cdef Scheduler scheduler = core.current
    cdef Py_ssize_t args_len = PyVectorcall_NARGS(args_flags)
    if not is_to_pid(scheduler, args, args_len, names):
        return send_parsed(PyCFunction_GET_SELF(function), args, args_len, names)
    send_to_pid(scheduler, <Pid>args[0], <object>args[1])
    Py_INCREF(<object>args[1])
    return args[1]


cdef bint send_moved(Scheduler scheduler, process_t* receiver, PyObject** args) except -1:
    """Send a message that only its receiver will see again, if it is one: None is in its place then."""
    cdef PyObject* message = args[1]
    cdef size_t words = 0
    if (
        receiver == NULL or has(receiver, FLAG_BOUNDED) or not is_process(scheduler)
        or not move(scheduler, scheduler.current, receiver, <PyObject*>SEND, args, &words)
    ):
        return False
    post(scheduler, receiver, <object>message, words)
    Py_INCREF(None)
    args[1] = <PyObject*>None
    Py_DECREF(<object>message)
    charge_send(scheduler, words)
    return True


cdef PyObject* receive(PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL:
    """`receive()`."""
    cdef Scheduler scheduler
    cdef process_t* process
    if args_len or names != NULL:
        return receive_parsed(module, args, args_len, names)
    scheduler = running()
    process = scheduler.current
    while is_simple(scheduler, process):
        if process.mailbox.messages_len:
            charge(scheduler, 1)
            return mailbox_take(&process.mailbox, process.mailbox.head)
        scheduler.scanned = process.mailbox.tail
        scheduler.park(ASK_MESSAGE)
    return receive_parsed(module, args, args_len, names)


cdef PyObject* aio_receive(PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL:
    """`aio.receive()`."""
    if args_len or names != NULL:
        return aio_receive_parsed(module, args, args_len, names)
    Py_INCREF(RECEIVE_ANY)
    return <PyObject*>RECEIVE_ANY


cdef inline bint is_plain_call(PyObject** args, Py_ssize_t args_len) noexcept:
    """Whether `spawn(*args)` is of a function without closure, and arguments that need no copy."""
    cdef Py_ssize_t i
    if args_len == 0 or Py_TYPE(args[0]) != &PyFunction_Type or not is_bare_function(args[0]):
        return False
    for i in range(1, args_len):
        if not is_atom(Py_TYPE(args[i])):
            return False
    return True


cdef PyObject* spawn(PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL:
    """`spawn(function, *args)` where nothing is to be copied."""
    cdef Scheduler scheduler
    cdef object pid
    if names != NULL or not is_plain_call(args, args_len):
        return spawn_parsed(module, args, args_len, names)
    scheduler = spawner()
    pid = <object>scheduler.spawn(<object>args[0], pack(scheduler, args + 1, args_len - 1), 0, PRIORITY_NORMAL).pid
    if scheduler.current != NULL:
        charge_call(scheduler, 1)
    Py_INCREF(pid)
    return <PyObject*>pid


cdef inline tuple pack(Scheduler scheduler, PyObject** items, Py_ssize_t items_len):
    """A tuple that is the new process's."""
    cdef csched_heap_t* entered
    cdef tuple packed
    cdef Py_ssize_t i
    if items_len == 0:
        return ()
    entered = scheduler.gc.entered[0]
    scheduler.gc.entered[0] = &scheduler.nursery.objects
    try:
        packed = PyTuple_New(items_len)
    finally:
        scheduler.gc.entered[0] = entered
    for i in range(items_len):
        Py_INCREF(<object>items[i])
        PyTuple_SET_ITEM(packed, i, <object>items[i])
    return packed


cdef PyObject* send_after(PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL:
    """`send_after(pid, message, seconds)`, called by a process."""
    cdef Scheduler scheduler = core.current
    if args_len != 3 or not is_to_pid(scheduler, args, 2, names) or not is_process(scheduler):
        return send_after_parsed(module, args, args_len, names)
    return arm(scheduler, args[0], args[1], args[2], False)


cdef PyObject* cancel_timer(PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL:
    """`cancel_timer(ref)` of a timer that is set, called by a process."""
    cdef Scheduler scheduler = core.current
    cdef message_timer_t* timer = NULL
    if (
        args_len == 1 and names == NULL and Py_TYPE(args[0]) == <PyTypeObject*>Ref
        and scheduler is not None and is_process(scheduler)
    ):
        timer = timer_of(<Ref>args[0])
    if timer == NULL:
        return cancel_timer_parsed(module, args, args_len, names)
    return PyFloat_FromDouble(disarm(scheduler, timer))


send_parsed = csched_shortcut(SEND, send)
csched_set_vectorcall(SEND, send_by_vectorcall)
receive_parsed = csched_shortcut(_bif.receive, receive)
aio_receive_parsed = csched_shortcut(_aio.receive, aio_receive)
spawn_parsed = csched_shortcut(_bif_spawn.spawn, spawn)
send_after_parsed = csched_shortcut(_bif_timer.send_after, send_after)
cancel_timer_parsed = csched_shortcut(_bif_timer.cancel_timer, cancel_timer)
