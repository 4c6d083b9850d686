/* The stack of Python frames, as the scheduler needs to see it.

   Purpose: to tell, before a process is switched away from, whether it stands in code that must not
   be left half-way: the import system, asyncio, and whatever else `roots` names.

   1. `interp.c` is, beside `gc_lists.c` and `temporary.c`, the only file that includes CPython's
      internal headers. They clash with what Cython includes, so nothing but plain C functions leaves it.
   2. Everything here is called by the thread that owns the stack, with the GIL, and with no
      exception set. It never raises and makes no frame objects.
   3. A frame says nothing as long as it is incomplete: it has not reached its RESUME, or is a shim
      that the interpreter has put between C and Python (`globals` of such a frame are garbage).

   Sources: Include/internal/pycore_frame.h of CPython 3.11, 3.12 and 3.13. */

#ifndef CSCHED_INTERP_H
#define CSCHED_INTERP_H

#include <Python.h>

/* The innermost frame of this thread, to be compared and passed on, not to be looked into; NULL if
   no Python code runs. */
void *csched_top_frame(void);

/* 1 if any frame from the innermost to `base` (not included; NULL or a frame that is not on the
   stack: to the outermost) runs one of the code objects in the tuple `codes`, or code of a module
   that `roots` names, else 0.

   `roots` is a dict. True for "asyncio" covers `asyncio` and every module whose name begins with
   "asyncio."; True for a name with a dot covers that module alone. The answer for each other module
   met is noted in the dict, so that the next look costs one lookup. If memory runs out: 1. */
int csched_frames_forbid(void *base, PyObject *roots, PyObject *codes);

/* The globals of the function that a suspended generator, coroutine or asynchronous generator runs,
   borrowed; NULL if it has finished, or is none of these. Asking it for its frame instead would make
   a frame object that stays with it. */
PyObject *csched_generator_globals(PyObject *generator);

/* Where in its code such a generator stands, as `frame.f_lasti` tells it; -1 if it has finished. */
int csched_generator_lasti(PyObject *generator);

#endif
