"""Launching: how what was spawned is called, and how a coroutine is made to raise.

1. A plain function is its process; a function that returns a coroutine has made it.
2. An MFA is resolved in the process itself, so that importing its module blocks nobody.
3. A call that does not fit the function of an MFA is told from a TypeError inside it by its traceback, which
   is empty: then, and only then, is the signature looked at.

4. A plain function sees no event loop, a coroutine sees the scheduler's (`_running`).

Source: erl_process.c (`apply`).
"""

from cpython.object cimport PyObject

from csched._cpython cimport PySendResult
from csched._process cimport process_t
from csched._signal cimport Signals


# Call what was spawned, in its process; if that makes a coroutine, begin it.
cdef PySendResult launch(Signals signals, process_t* process, PyObject** result) noexcept
# Resolve and call an MFA.
cdef PyObject* call_mfa(Signals signals, process_t* process, PyObject* args) noexcept
# Raise `error` in a coroutine, where it is suspended.
cdef PySendResult throw_into(process_t* process, object error, PyObject** result) noexcept
