from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memset

from csched._mailbox cimport mailbox_init
from csched._types cimport PRIORITY_NORMAL, STATE_NEW

cdef enum:
    # Structs that are kept for the next spawn: a burst of short processes does not reach the allocator.
    FREE_LIST = 256

cdef process_t* free_list = NULL
cdef int free_len = 0


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
    process.priority = PRIORITY_NORMAL
    process.state = STATE_NEW
    return process


cdef void process_free(process_t* process) noexcept:
    """Give the struct back; what its fields own has been let go of before."""
    global free_list, free_len
    if free_len < FREE_LIST:
        process.next = free_list
        free_list = process
        free_len += 1
    else:
        PyMem_Free(process)
