"""Inspection: what can be read of a process from outside.

Purpose: the listing, and what debugging tools build on, without stopping or changing anything.

1. Everything here reads. It may run Python code (names of functions, iteration over frames), in
   which processes can come and go; so a process is looked up anew by its id for each row, and
   nothing is kept of it beyond that.
2. The stack of a process is found where it is: of a fiber, in its greenlet; of a suspended coroutine,
   in the chain of what it awaits; of the process that asks, on the thread.
3. The runtime's own frames are never part of it.
4. Sizes are in words of 8 bytes. The heap is what the runtime keeps for the process: control block,
   coroutine, mailbox and the messages in it. The stack is the sum of its Python frames.

Sources: erl_bif_info.c; c.erl (`c:i/0`).
"""

from csched._process cimport process_t
from csched._scheduler cimport Scheduler


cdef list stack_of(Scheduler scheduler, process_t* process)
