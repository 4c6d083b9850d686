"""What the run that goes on holds, for tests: everything that a process could leave behind in it."""

from csched cimport _scheduler
from csched._relation cimport relations_t
from csched._scheduler cimport Scheduler
from csched._timer cimport TIMER_POOL
from csched._types cimport RUNNER_POOL


def held():
    """Counts by name. A process calls this; it is the only one that runs."""
    cdef Scheduler scheduler = _scheduler.current
    cdef relations_t* relations = scheduler.current.relations
    return {
        "processes": scheduler.table.processes_len,
        "leaves of the table": scheduler.table.leaves_len,
        "exported references": len(scheduler.table.exported),
        "names": len(scheduler.names),
        "timers": scheduler.wheel.timers_len,
        "runnable": scheduler.runq.runnable_len,
        "blocked": scheduler.runq.blocked_len,
        "message timers": relations != NULL and relations.timers != NULL,
        "links": relations != NULL and relations.links != NULL,
        "monitors": relations != NULL and relations.monitors != NULL,
        "watchers": relations != NULL and relations.monitored_by != NULL,
        "messages": scheduler.current.mailbox.messages_len,
        "pooled runners beyond the pool": scheduler.pool_len > RUNNER_POOL,
        "pooled timers beyond the pool": scheduler.wheel.pool_len > TIMER_POOL,
    }
