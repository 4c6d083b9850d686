"""Fibers: C stacks that can be parked, switched to and resumed, by greenlet.

Purpose: the one module that knows greenlet. All others handle a fiber as an opaque `PyObject*`.

1. The **hub** is the greenlet that called `run`. A **runner** is a greenlet whose body is the
   scheduler's loop; its parent is the hub, so a runner that ends or fails continues the hub.
2. A runner that is parked in the middle of a process is that process's **fiber**. Which process that
   is, only `process_t.fiber` knows.
3. A new runner is started from the hub only: greenlet copies stacks from the depth at which one was
   started, and runners started from each other would nest.
4. What greenlet keeps for each: C stack, Python frames, exception state, recursion depth, and the
   contextvars context.

Cost: a switch is about 300 ns, of which half is the copying of both stacks; a runner that stays
parked keeps its stack slice and a frame chunk of 16 KB, of which a page or two is touched.

Rejected: own stack switching (greenlet follows CPython's internals release by release).
"""

from cpython.object cimport PyObject


# Import greenlet's C-API; before anything else here.
cdef int fiber_setup() except -1
# The greenlet that runs now; an owned reference.
cdef PyObject* fiber_current() except NULL
# A greenlet that will call `body()` on its first switch; an owned reference.
cdef PyObject* fiber_new(object body, PyObject* hub) except NULL
# Go to that fiber; returns when something switches back to the caller.
cdef int fiber_switch(PyObject* fiber) except -1
