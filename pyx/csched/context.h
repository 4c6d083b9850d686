/* What a contextvars.Context holds, to tell whether it has changed.

   1. A Context is a mutable reference to an immutable mapping: to set a variable puts another mapping in. So two
      looks at the address of the mapping tell whether anything was set in between.
   2. The layout is that of CPython 3.11 to 3.13, which `interp.c` asserts. Elsewhere nothing is told.

   Source: Include/internal/pycore_context.h. */

#ifndef CSCHED_CONTEXT_H
#define CSCHED_CONTEXT_H

#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *prev;
    PyObject *vars;
} csched_context_t;

/* The mapping of a Context, borrowed; NULL where that cannot be told. */
static inline PyObject *csched_context_vars(PyObject *context)
{
#if PY_VERSION_HEX < 0x030E0000
    return ((csched_context_t *)context)->vars;
#else
    return NULL;
#endif
}

#endif
