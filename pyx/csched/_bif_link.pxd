"""Built-in functions for failure: exits, links, monitors, aliases.

Purpose: the public calls over `_signal`. Each checks its arguments, makes what may fail to be made, and only then
changes anything.

Sources: bif.c, erl_bif_info.c (`exit/2`, `link/1`, `monitor/3`, `alias/1`).
"""

from csched._relation cimport monitor_t
from csched._scheduler cimport Scheduler


# A record with a new Ref, of a monitor or alias that the process which runs will own; in no ring yet.
cdef monitor_t* new_record(Scheduler scheduler) except NULL
