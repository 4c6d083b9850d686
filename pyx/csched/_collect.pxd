"""Collecting the heap of a process, as the process sees it.

1. It happens when a slice ends, between what the process asked for and its stop, or when somebody asks for it
   (`_bif_memory`). So what it has asked for (its timer, what it waits for) is put aside: a finalizer that looks
   into the mailbox must not undo it.
2. A heap that is larger than `max_heap_size` after a collection is the end of its process: it is told to exit, with
   reason "killed", and that is logged.

Sources: erl_gc.c (erts_garbage_collect, reached_max_heap_size).
"""

from csched._process cimport process_t
from csched._signal cimport Signals


# Collect the heap of the process that runs. Finalizers run; the caller sees to it that this is a place for that.
cdef void collect_heap(Signals signals, process_t* process) noexcept
# See 2. What logs it runs Python code.
cdef void check_heap_size(Signals signals, process_t* process) noexcept
