"""The poller; its theory of operation is in `_poller.pxd`."""

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport INT64_MAX, int64_t

from csched._fiber cimport fiber_current
from csched._hub cimport SERVED_GONE, SERVED_IDLE, rest, serve, served_t
from csched._running cimport note_hooks, show_loop
from csched._scheduler cimport Scheduler
from csched._signal cimport csched_sleeper_t
from csched._timer cimport monotonic_ns


cdef extern from "sleeper.h":
    int csched_sleeper_fd(csched_sleeper_t* sleeper) noexcept
    void csched_sleeper_drain(csched_sleeper_t* sleeper) noexcept


cdef Poller new_poller(Scheduler scheduler, object over):
    cdef Poller poller = Poller.__new__(Poller)
    poller.scheduler = scheduler
    poller.loop = scheduler.event_loop
    poller.over = over
    return poller


@cython.final
cdef class Poller:
    cdef int open(self) except -1:
        """Have the loop run processes from now on."""
        self.scheduler.request_batch = self.request
        self.loop.add_reader(csched_sleeper_fd(&self.scheduler.sleeper), self.wake)
        self.scheduler.ticker.polls = 1
        self.arm()
        return 0

    cdef int close(self) except -1:
        self.scheduler.ticker.polls = 0
        self.scheduler.request_batch = None
        self.scheduler.sleeping = self.scheduler.batch_over = False
        if not self.loop.is_closed():
            self.loop.remove_reader(csched_sleeper_fd(&self.scheduler.sleeper))
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        return 0

    cdef int arm(self) except -1:
        if not self.is_armed:
            self.is_armed = True
            self.loop.call_soon(self.batch)
        return 0

    cdef int set_timer(self, int64_t ns) except -1:
        """Have a batch in so many nanoseconds. One that comes too early does no harm."""
        cdef int64_t due
        if ns == INT64_MAX:
            return 0
        due = monotonic_ns() + ns
        if self.timer is not None:
            if self.timer_ns <= due:
                return 0
            self.timer.cancel()
        self.timer_ns = due
        self.timer = self.loop.call_later(ns / 1e9, self.expire)
        return 0

    def expire(self):
        """Called by the loop when a timer of a process is due."""
        self.timer = None
        if not self.is_armed:
            self.batch()

    def wake(self):
        """Called by the loop when a process has been made runnable while it slept."""
        csched_sleeper_drain(&self.scheduler.sleeper)
        if not self.is_armed:
            self.batch()

    def request(self):
        """A process is runnable, in this thread, while the loop sleeps: a batch comes after the loop's callbacks."""
        self.scheduler.sleeping = False
        self.arm()

    def batch(self):
        """Called by the loop: let processes run for a while."""
        self.is_armed = False
        if self.turns:
            self.turns -= 1
            self.arm()
            return
        if self.scheduler.closed or self.error is not None:
            return
        if self.scheduler.current != NULL:
            self.arm()  # A process runs the loop once more within itself.
            return
        try:
            self.run_batch()
        except BaseException as error:
            self.error = error
            self.over()

    cdef int run_batch(self) except -1:
        cdef Scheduler scheduler = self.scheduler
        cdef served_t served
        cdef int64_t ns = -1
        self.enter()
        try:
            served = serve(scheduler)
            if served == SERVED_IDLE:
                ns = rest(scheduler)
                # From here on whoever makes a process runnable wakes the loop; nobody has since `rest` looked.
                scheduler.sleeping = ns >= 0
        finally:
            self.leave()
        if served == SERVED_GONE:
            scheduler.sleeping = True  # What is spawned before the loop stops has its batch.
            self.over()
        elif ns < 0:
            self.turns = TURNS
            self.arm()
        else:
            scheduler.ticker.busy = 0
            self.set_timer(ns)
        return 0

    cdef int enter(self) except -1:
        """From the loop's callbacks to processes."""
        cdef Scheduler scheduler = self.scheduler
        cdef PyObject* hub = fiber_current()
        Py_DECREF(<object>scheduler.hub)
        scheduler.hub = hub
        scheduler.sleeping = False
        scheduler.preemption.busy()
        scheduler.batch_over = False
        scheduler.batch_end_ns = monotonic_ns() + BATCH_NS
        scheduler.loop_is_seen = True
        note_hooks(scheduler)
        self.allocated = scheduler.gc.allocated[0]
        scheduler.gc.allocated[0] = 0
        scheduler.heaps.resume()
        return 0

    cdef int leave(self) except -1:
        cdef Scheduler scheduler = self.scheduler
        show_loop(scheduler, True)
        scheduler.heaps.pause()
        scheduler.gc.allocated[0] = self.allocated
        return 0


cdef int poll(Scheduler scheduler) except -1:
    cdef object loop = scheduler.event_loop
    cdef Poller poller = new_poller(scheduler, loop.stop)
    show_loop(scheduler, False)
    poller.open()
    try:
        while scheduler.table.processes_len and poller.error is None:
            try:
                loop.run_forever()
            except BaseException as error:
                # A signal handler of the user's raised, or a task left the program.
                scheduler.fail(error)
            scheduler.loop_is_seen = False
    finally:
        poller.close()
        scheduler.polls = False
        note_hooks(scheduler)
    if poller.error is not None:
        raise poller.error
    return 0
