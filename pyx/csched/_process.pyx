cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from csched._cpython cimport Py_CLEAR
from csched._heap cimport heap_init
from csched._ids cimport Pid
from csched._mailbox cimport mailbox_init
from csched._relation cimport relations_new, relations_t
from csched._types cimport PRIORITY_NORMAL, STATE_NEW

cdef enum:
    # Structs that are kept for the next spawn: a burst of short processes does not reach the allocator.
    FREE_LIST = 256

cdef process_t* free_list = NULL
cdef int free_len = 0


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Attributes:
    def __cinit__(self):
        self.on_full = ON_FULL_BLOCK

    def __dealloc__(self):
        PyMem_Free(self.urgent)


cdef relations_t* relations_of(process_t* process) except NULL:
    if process.relations == NULL:
        process.relations = relations_new()
    return process.relations


cdef Attributes attributes_of(process_t* process):
    cdef relations_t* relations = relations_of(process)
    cdef Attributes attributes
    if relations.attributes == NULL:
        attributes = Attributes.__new__(Attributes)
        Py_INCREF(attributes)
        relations.attributes = <PyObject*>attributes
    return <Attributes>relations.attributes


cdef process_t* process_new() except NULL:
    """A process in STATE_NEW, all of whose fields are empty."""
    global free_list, free_len
    cdef process_t* process = free_list
    if process != NULL:
        free_list = process.next
        free_len -= 1
    else:
        process = <process_t*>PyMem_Malloc(sizeof(process_t))
        if process == NULL:
            raise MemoryError
    memset(process, 0, sizeof(process_t))
    mailbox_init(&process.mailbox)
    heap_init(&process.heap)
    process.priority = PRIORITY_NORMAL
    process.state = STATE_NEW
    return process


cdef void process_fill(
    process_t* process, Pid pid, object function, object args, object context, int flags, int priority
) noexcept:
    Py_INCREF(pid)
    Py_INCREF(function)
    Py_INCREF(args)
    process.pid = <PyObject*>pid
    process.function = <PyObject*>function
    process.coroutine = <PyObject*>args
    if context is not None:
        Py_INCREF(context)
        process.context = <PyObject*>context
    process.flags = <uint32_t>(flags | FLAG_NEW)
    process.priority = <uint8_t>priority
    process.parent = pid.id
    process.arity = <uint16_t>min(<Py_ssize_t>0xFFFF, PyTuple_GET_SIZE(args))


cdef void process_free(process_t* process) noexcept:
    """Give the struct back; what its fields own, but for Attributes, has been let go of before."""
    global free_list, free_len
    if process.relations != NULL:
        Py_CLEAR(process.relations.attributes)
        PyMem_Free(process.relations)
    if free_len < FREE_LIST:
        process.next = free_list
        free_list = process
        free_len += 1
    else:
        PyMem_Free(process)
