# distutils: sources = pyx/csched/busy.c
"""`busy.c` for tests: processes are numbers, and the test does what a scheduler would."""

from cpython.object cimport PyObject
from libc.stdint cimport uintptr_t

cdef extern from "busy.h":
    ctypedef struct csched_busy_scheduler_t:
        void** current
        int (*wait)() except -1
        void (*wake)(void* process) noexcept
        void (*released)() noexcept
    void csched_busy_start(csched_busy_scheduler_t scheduler) noexcept
    void csched_busy_stop() noexcept
    uintptr_t csched_busy_owner() noexcept
    int csched_busy_enter(PyObject* file, uintptr_t owner) except -1
    void csched_busy_leave(PyObject* file, uintptr_t owner) noexcept
    bint csched_busy_waits(void* process) noexcept
    bint csched_busy_spare() noexcept
    void csched_busy_forget(void* process) noexcept

cdef void* running = NULL
cdef object waiting = None
cdef list woken = []
cdef list released = []


cdef int on_wait() except -1:
    return waiting()


cdef void on_wake(void* process) noexcept:
    woken.append(<uintptr_t>process)


cdef void on_released() noexcept:
    released.append(<uintptr_t>running)


def start():
    cdef csched_busy_scheduler_t scheduler
    scheduler.current = &running
    scheduler.wait = on_wait
    scheduler.wake = on_wake
    scheduler.released = on_released
    woken.clear()
    released.clear()
    csched_busy_start(scheduler)


def stop():
    global running
    running = NULL
    csched_busy_stop()


def set_running(uintptr_t process):
    global running
    running = <void*>process


def set_wait(function):
    """What happens while a process waits; it returns what the scheduler would."""
    global waiting
    waiting = function


def owner():
    return csched_busy_owner()


def enter(object file, uintptr_t owner):
    csched_busy_enter(<PyObject*>file, owner)


def leave(object file, uintptr_t owner):
    csched_busy_leave(<PyObject*>file, owner)


def waits(uintptr_t process):
    return csched_busy_waits(<void*>process)


def spare():
    return csched_busy_spare()


def forget(uintptr_t process):
    csched_busy_forget(<void*>process)


def woken_processes():
    """Those woken since the last call."""
    result = woken[:]
    woken.clear()
    return result


def released_processes():
    return released[:]
