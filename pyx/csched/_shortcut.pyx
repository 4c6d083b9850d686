"""Shortcuts; their theory of operation is in `_shortcut.pxd`."""

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_TYPE
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM

cimport csched._scheduler as core
from csched._aio cimport RECEIVE_ANY
from csched._bif cimport charge_call, is_simple, running, send_to_pid
from csched._bif_spawn cimport spawner
from csched._copy_capi cimport PyFunction_Type
from csched._copy_kinds cimport is_atom
from csched._copy_objects cimport is_bare_function
from csched._cpython cimport csched_shortcut, shortcut_t
from csched._heap cimport csched_heap_t
from csched._ids cimport Pid
from csched._mailbox cimport mailbox_take
from csched._process cimport process_t
from csched._scheduler cimport ASK_MESSAGE, Scheduler, charge
from csched._types cimport PRIORITY_NORMAL

from csched import _aio, _bif, _bif_spawn

# What they leave to others.
cdef shortcut_t send_parsed, receive_parsed, aio_receive_parsed, spawn_parsed


cdef PyObject* send(PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL:
    """`send(pid, message)`."""
    cdef Scheduler scheduler = core.current
    if (
        args_len == 2 and names == NULL and scheduler is not None and Py_TYPE(<object>args[0]) == <PyTypeObject*>Pid
        and (<Pid>args[0]).run == scheduler.table.run
    ):
        send_to_pid(scheduler, <Pid>args[0], <object>args[1])
        Py_INCREF(<object>args[1])
        return args[1]
    return send_parsed(module, args, args_len, names)


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
    if args_len == 0 or Py_TYPE(<object>args[0]) != &PyFunction_Type or not is_bare_function(args[0]):
        return False
    for i in range(1, args_len):
        if not is_atom(Py_TYPE(<object>args[i])):
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


send_parsed = csched_shortcut(_bif.send, send)
receive_parsed = csched_shortcut(_bif.receive, receive)
aio_receive_parsed = csched_shortcut(_aio.receive, aio_receive)
spawn_parsed = csched_shortcut(_bif_spawn.spawn, spawn)
