"""Built-in functions for names: the registry.

1. A name is in `Signals.names` and in the Attributes of its process, or in neither. Names are plain str, so that no
   lookup runs Python code.
2. A process has one name at most. Its teardown frees it before anybody hears of its end.

Sources: register.c.
"""

from csched._ids cimport Pid
from csched._process cimport process_t
from csched._scheduler cimport Scheduler


# Raise ValueError unless the name may be given to a process.
cdef int check_new_name(Scheduler scheduler, str name) except -1
# Give a name that was checked to a process that lives and has none. ValueError: it is taken after all.
cdef int set_name(Scheduler scheduler, process_t* process, str name) except -1
