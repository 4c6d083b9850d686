"""The memory of a process at its user's hands: `garbage_collect` and `hibernate`.

Purpose: to collect the heap of one process when somebody says so, be it the caller's own or another's.

1. A collection runs finalizers, and these belong to the process whose objects they are about: `self()` is that one,
   its contextvars are in place. So to collect the heap of another process is to visit it (`visit`): for that
   long it is the one that runs, in the caller's slice and on the caller's stack, and nobody is switched to.
2. It was waiting, or in a queue, and is so afterwards, whatever its finalizers did. What they sent to it, or that
   they told it to exit, is looked for when the visit is over, as `settle` does at the end of a slice.
3. What its size leads to (`max_heap_size`) comes after the visit: to log it runs Python code.

Rejected: a signal that the other obeys when it runs next, for which the caller waits, as OTP has it. A process that
does not run for long would keep the caller waiting, and a callback, which cannot wait, could not ask.

Sources: erl_bif_info.c, bif.c (erlang:garbage_collect/1, erlang:hibernate/3).
"""

from csched._process cimport process_t
from csched._scheduler cimport Scheduler


# Collect the heap of a process that does not run. The process stays what it was.
cdef void visit(Scheduler scheduler, process_t* process) noexcept
