"""Built-in functions that start processes.

1. All that can fail comes first: the checks, the copies of function and arguments, the record of a monitor. Then the
   process is made, and linked, monitored, named before any Python code runs: nobody sees it without.

Sources: bif.c (`spawn_opt/4`).
"""

from csched._scheduler cimport Scheduler


cdef Scheduler spawner()
