"""Shortcuts; their theory of operation is in `_shortcut.pxd`."""

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_TYPE

cimport csched._scheduler as core
from csched._aio cimport RECEIVE_ANY
from csched._bif cimport is_simple, running, send_to_pid
from csched._cpython cimport csched_shortcut, shortcut_t
from csched._ids cimport Pid
from csched._mailbox cimport mailbox_take
from csched._process cimport process_t
from csched._scheduler cimport ASK_MESSAGE, Scheduler, charge

from csched import _aio, _bif

# What they leave to others.
cdef shortcut_t send_parsed, receive_parsed, aio_receive_parsed


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


send_parsed = csched_shortcut(_bif.send, send)
receive_parsed = csched_shortcut(_bif.receive, receive)
aio_receive_parsed = csched_shortcut(_aio.receive, aio_receive)
