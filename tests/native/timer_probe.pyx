"""The C interface of `_timer`, for its tests."""

cimport cython
from libc.stdint cimport int64_t

from csched cimport _timer

TIMER_SIZE = sizeof(_timer.timer_t)
POOL = _timer.TIMER_POOL
LEVELS = _timer.LEVELS
GRANULE = 1 << _timer.GRANULE_BITS


def monotonic_ns():
    return _timer.monotonic_ns()


def deadline_after(double seconds, int64_t now):
    return _timer.deadline_after(seconds, now)


@cython.final
cdef class Timer:
    """A timer that is embedded in its owner."""

    cdef _timer.timer_t timer

    def __cinit__(self):
        _timer.timer_init(&self.timer)
        self.timer.owner = <void*>self

    @property
    def is_set(self):
        return _timer.timer_is_set(&self.timer)

    @property
    def deadline(self):
        return self.timer.deadline_ns


@cython.final
cdef class Wheel:
    cdef _timer.wheel_t* wheel
    cdef dict timers    # Those that are set: the wheel does not keep them alive.

    def __cinit__(self, int64_t now=0):
        self.wheel = _timer.wheel_new(now)
        self.timers = {}

    def __dealloc__(self):
        if self.wheel is not NULL:
            _timer.wheel_free(self.wheel)

    def __len__(self):
        return self.wheel.timers_len

    def set(self, Timer timer not None, int64_t deadline):
        self.timers[id(timer)] = timer
        _timer.wheel_set(self.wheel, &timer.timer, deadline)

    def cancel(self, Timer timer not None):
        _timer.wheel_cancel(self.wheel, &timer.timer)
        self.timers.pop(id(timer), None)

    def pop(self, int64_t now):
        cdef _timer.timer_t* timer = _timer.wheel_pop_expired(self.wheel, now)
        if timer is NULL:
            return None
        return self.timers.pop(id(<object>timer.owner))

    @property
    def elapsed(self):
        return self.wheel.elapsed

    def next_deadline(self):
        return _timer.wheel_next_deadline(self.wheel)

    def is_clean(self):
        """Nothing is left behind: no list, no bit."""
        cdef int place, level
        for place in range(_timer.LEVELS * _timer.SLOTS):
            if self.wheel.slots[place].first is not NULL:
                return False
        for level in range(_timer.LEVELS):
            if self.wheel.used[level] != 0:
                return False
        return self.wheel.due.first is NULL and self.wheel.timers_len == 0

    def from_pool(self, int timers):
        """Take timers from the pool, set each, and give all back; how many the pool has then."""
        cdef list taken = []
        cdef _timer.timer_t* timer
        cdef size_t address
        for i in range(timers):
            timer = _timer.timer_new(self.wheel)
            assert not _timer.timer_is_set(timer) and timer.owner is NULL and timer.kind == 0
            timer.owner = <void*>self
            timer.kind = 7
            _timer.wheel_set(self.wheel, timer, i)
            taken.append(<size_t>timer)
        for address in taken:
            _timer.timer_free(self.wheel, <_timer.timer_t*>address)
        return self.wheel.pool_len
