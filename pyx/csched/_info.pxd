"""Process information: what `process_info` tells of one process.

Purpose: each item of SEMANTICS 8, in its shape there, at a cost that depends only on what was asked.

1. **All that is asked is read at one moment**, then put into words. A request reads one item after the other
   without letting any process run in between: reading is C alone, and while a copy runs Python code
   (hooks) no process is switched to. Only a value that cannot be copied breaks this, since its text is made by
   its `repr`; the process is looked up anew after it, like for each item.
2. Names of functions and stacks are Python code: they are made last, from code objects that were read.
3. Reading a ring or a tree takes two passes, one that counts and one that fills a list of that length: an allocation
   may collect garbage, whose finalizers may send, link or cancel. If the number has changed meanwhile, it is
   done again (`gather`).
4. What the asker gets is its own: messages, dictionary and label are copied. What cannot be copied is replaced by
   its `repr`: the process dictionary may hold anything.

Rejected: a request signal that the other process answers when it runs, as OTP has since 21: with one scheduler
nothing is gained, and a suspended or spinning process would not answer.

Sources: erl_bif_info.c (`process_info_aux`); erlang:process_info/1,2.
"""

from csched._ids cimport Pid
from csched._process cimport process_t


cdef enum item_t:
    # The usual ones, in the order in which they are told.
    ITEM_REGISTERED_NAME = 0
    ITEM_CURRENT_FUNCTION
    ITEM_INITIAL_CALL
    ITEM_STATUS
    ITEM_MESSAGE_QUEUE_LEN
    ITEM_LINKS
    ITEM_DICTIONARY
    ITEM_TRAP_EXIT
    ITEM_PRIORITY
    ITEM_GROUP_LEADER
    ITEM_TOTAL_HEAP_SIZE
    ITEM_HEAP_SIZE
    ITEM_STACK_SIZE
    ITEM_REDUCTIONS
    ITEM_GARBAGE_COLLECTION
    # Those that have to be asked for.
    ITEM_MESSAGES
    ITEM_MONITORS
    ITEM_MONITORED_BY
    ITEM_MEMORY
    ITEM_CURRENT_LOCATION
    ITEM_CURRENT_STACKTRACE
    ITEM_BACKTRACE
    ITEM_PARENT
    ITEM_LABEL
    ITEM_MAX_HEAP_SIZE
    ITEM_MESSAGE_QUEUE_DATA
    ITEM_MAILBOX_LIMIT
    ITEM_SUSPENDING
    ITEM_TIMERS


# Walks over some of what a process has: writes the objects to the list for as long as that has room, and returns
# how many there are. Runs no Python code.
ctypedef Py_ssize_t (*collect_t)(process_t* process, list into) noexcept

# All that `collect` finds at one moment; None if the process is dead.
cdef list gather(Pid pid, collect_t collect)
