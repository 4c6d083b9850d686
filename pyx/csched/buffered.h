/* Files whose owner is a process: the buffered and text files of `io`, and `print`.

   Purpose: a buffered file of CPython has a lock that belongs to the thread, and a text file has
   none. All processes of a scheduler share one thread, so one that is switched away from inside
   `write` or `read` would make the next that uses the file fail with `RuntimeError: reentrant call
   inside <_io.BufferedWriter>`, or lose what the text layer has pending. So a file is busy with the
   process that is inside a call of it, and another process waits until it has left.

   1. What is guarded is the C methods themselves, those that touch the buffer, of BufferedReader,
      BufferedWriter, BufferedRandom and TextIOWrapper, and what `for line in file` calls. A subclass,
      a bound method taken earlier, `with`, `next` and a specialised call instruction all reach these
      pointers, and read them at each call. BufferedRWPair has no lock: it calls a reader and a writer.
   2. `print` keeps its text file busy from its first write to its last, so its lines stay whole. Other
      objects that are printed to are not guarded: their `write` is Python code that may wait for
      another process, which prints there too. What passes the writes of the process that prints on to such
      a file (`csched_buffered_follow`) counts as that.
   3. A process waits for other threads as well, since the file's own lock cannot be waited for in a
      way that lets other processes run. A thread does not wait here: that lock serves it, and a text
      file used by two threads is no safer than it ever was. Other interpreters are not looked at.
   4. Calls nest: a process may be in several calls of a file, and in calls of several files. A text
      file is entered before its buffer, never after, so nobody waits in a circle.
   5. A process that may not be switched away from (it holds an RLock) cannot wait, and goes on as
      CPython would: with the RuntimeError, if the file is busy. To make that rare, a tick spares a
      process inside a file once (`Preemption.spares`): most calls take microseconds. So a file is
      found busy only when its owner is blocked, or was in the call for more than a tick.
   6. Who is inside what stands in a table of its own (`busy.h`).

   Rejected: no switch inside a raw write (a process that writes to a full pipe would wait for ever
   for a reader that is a process too, and signal handlers run between raw writes as well).

   Sources: Modules/_io/bufferedio.c and textio.c, Python/bltinmodule.c of CPython 3.11 to 3.13;
   gh-119506 (what a write during a flush does to a text file). */

#ifndef CSCHED_BUFFERED_H
#define CSCHED_BUFFERED_H

#include "busy.h"

/* Guard the files for the scheduler of the calling thread, which holds the GIL. -1 with an exception
   set, and nothing changed, if this interpreter's methods are not what the guards are written for,
   or files are guarded already. */
int csched_buffered_install(csched_busy_scheduler_t scheduler);

/* Ask `real` about what is printed to and is no text file: it returns the file that the process which calls
   prints to thereby, borrowed, or NULL. It runs no Python code. */
void csched_buffered_follow(PyObject *(*real)(PyObject *file));

/* Put the methods back. Nothing to do if files are not guarded. */
void csched_buffered_remove(void);

#endif
