"""Awaitables: how an ``async def`` process waits, at the cost of no stack and next to no object.

Purpose: `aio.receive`, `aio.sleep` and `aio.yield_` return objects of C types that the interpreter's
SEND instruction talks to directly.

1. Such an object is its own iterator. Resumed, it makes one step: it hands over a result, or tells the
   scheduler what its process waits for (`Scheduler.asked`) and yields SUSPEND.
2. On 3.11 SEND calls `am_send`, which returns either. From 3.12 on it calls `tp_iternext` and takes a
   result out of a StopIteration: one is kept, its value set and raised as it is, and its value cleared
   at the end of the slice; a new one each time would double the cost of a receive.
3. The commonest awaitables, `receive()`, `yield_()` and `hibernate()`, have no state and are one object for all.
4. Cython fills no `am_send`: both slots are set when the module is imported.

Rejected: generators (an object and a frame for each wait); futures.

Sources: PEP 492; genobject.c, ceval.c (SEND) of 3.11, 3.12 and 3.13.
"""

cimport cython
from cpython.object cimport PyObject

from csched._bif cimport wait_t
from csched._cpython cimport PYGEN_ERROR, PySendResult


@cython.final
cdef class Receive:
    cdef wait_t wait
    cdef object pattern     # Keeps `wait.pattern`.
    cdef object timeout     # As given; it counts from the first step.
    cdef object default     # RAISE: raise TimeoutError.
    cdef bint begun         # The first step has been made.
    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR


@cython.final
cdef class Sleep:
    cdef object seconds     # As given; it counts from the first step.
    cdef bint begun
    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR


@cython.final
cdef class Yield:
    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR


@cython.final
cdef class Completion:
    cdef object future      # Of a thread (`concurrent.futures`), which wakes the process as it would by `send`.
    cdef bint begun
    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR


@cython.final
cdef class Hibernate:
    cdef PySendResult step(self, PyObject** result) except? PYGEN_ERROR


# What `receive()` returns, always.
cdef Receive RECEIVE_ANY
