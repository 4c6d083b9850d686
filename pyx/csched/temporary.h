/* Temporaries: what only the interpreter's stack refers to, and its next instruction drops.

   Purpose: the half of the proof of `_move.pxd` that takes a look at the interpreter. What is here reads; it
   writes nothing, runs no Python code and never raises.

   Sources: Include/internal/pycore_frame.h, pycore_code.h, pycore_dict.h of CPython 3.11 to 3.13. */

#ifndef CSCHED_TEMPORARY_H
#define CSCHED_TEMPORARY_H

#include <Python.h>

/* 1 if `args` are the two arguments of a call of `function` as a statement, made by the innermost frame of
   this thread: they lie in the interpreter's stack, which owns a reference to each, and its next instruction
   drops the result. To be asked only by `function`, called through its PyMethodDef. 0: no, or it cannot be told. */
int csched_is_statement(PyThreadState *thread, PyObject *function, PyObject **args);

/* 0 if a dict shares its table of keys with others, or C code watches it: what else knows of a dict has a
   counted reference to it. */
int csched_is_plain_dict(PyObject *dict);

#endif
