"""The run queues for tests: processes that are but a number and a priority."""

cimport cython
from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from csched cimport _process, _runq
from csched._types cimport (
    CONTEXT_REDS as context_reds, PRIORITY_HIGH, PRIORITY_LOW, PRIORITY_MAX, PRIORITY_NORMAL,
    STATE_RUNNABLE, STATE_RUNNING,
)

CONTEXT_REDS = context_reds
PRIORITIES = {
    "max": PRIORITY_MAX, "high": PRIORITY_HIGH, "normal": PRIORITY_NORMAL, "low": PRIORITY_LOW,
}
BACKOFFS = _runq.BACKOFFS
BACKOFF_LIMIT_NS = _runq.BACKOFF_LIMIT_NS
NEVER = INT64_MAX


@cython.final
@cython.no_gc_clear
cdef class Queue:
    cdef _runq.runq_t queue
    cdef dict processes     # name -> address

    def __cinit__(self):
        self.processes = {}

    def __dealloc__(self):
        cdef size_t address
        for address in self.processes.values():
            _process.process_free(<_process.process_t*>address)

    cdef _process.process_t* process(self, name) except NULL:
        cdef size_t address = self.processes[name]
        return <_process.process_t*>address

    cdef object name_of(self, _process.process_t* process):
        if process is NULL:
            return None
        assert process.state == STATE_RUNNABLE
        process.state = STATE_RUNNING
        for name, address in self.processes.items():
            if <size_t>address == <size_t>process:
                return name
        raise AssertionError("an unknown process")

    def make(self, name, str priority="normal"):
        cdef _process.process_t* process = _process.process_new()
        process.priority = PRIORITIES[priority]
        self.processes[name] = <size_t>process

    @property
    def lengths(self):
        return self.queue.runnable_len, self.queue.blocked_len

    def push_woken(self, name):
        _runq.runq_push_woken(&self.queue, self.process(name))

    def push_fresh(self, name):
        _runq.runq_push_fresh(&self.queue, self.process(name))

    def push_preempted(self, name, uint64_t ticks=0):
        _runq.runq_push_preempted(&self.queue, self.process(name), ticks)

    def pop(self, uint64_t ticks=0):
        return self.name_of(_runq.runq_pop(&self.queue, ticks))

    def charge(self, name, int64_t reductions, uint64_t ticks):
        _runq.runq_charge(&self.queue, self.process(name), reductions, ticks)

    def push_blocked(self, name, int64_t now, int64_t slice_ns):
        """As the scheduler does it: the next time is one step further."""
        cdef _process.process_t* process = self.process(name)
        _runq.runq_push_blocked(&self.queue, process, now, slice_ns)
        process.backoff += 1
        return process.key

    def pop_blocked(self, int64_t now):
        return self.name_of(_runq.runq_pop_blocked(&self.queue, now))

    def pop_first_blocked(self):
        return self.name_of(_runq.runq_pop_first_blocked(&self.queue))

    def next_due(self):
        return _runq.runq_next_due(&self.queue)
