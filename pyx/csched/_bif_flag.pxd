"""Built-in functions for what a process sets about itself: flags, dictionary, label; and who suspends whom.

Purpose: the public calls over the flags of process_t and over Attributes. Who never makes one has no Attributes.

Sources: bif.c (`process_flag/2`, `suspend_process/1`, `put/2`).
"""

from libc.stdint cimport int64_t

from csched._process cimport process_t
from csched._scheduler cimport Scheduler


# The number of a priority by its name; ValueError, TypeError.
cdef int check_priority(object value) except -1
# 0 for no limit.
cdef int64_t check_max_heap_size(object value) except -1
cdef int64_t check_mailbox_limit(object value) except -1
cdef int check_on_full(object value) except -1
# Limit the mailbox of a process; 0: no more.
cdef int set_mailbox_limit(Scheduler scheduler, process_t* process, int64_t limit) except -1

# Names of priorities by number.
cdef tuple PRIORITY_NAMES
