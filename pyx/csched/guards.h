/* Which reentrant locks the process that runs holds.

   Purpose: all processes of a scheduler share one thread, and CPython's reentrant locks belong to
   the thread. A process that is switched away from inside `with rlock:` lets the next one walk into
   the same critical section. So they are counted for the process that runs, and it is not switched
   away from by a tick while the count is not 0.

   1. What is counted is the C methods themselves: acquire, release, __enter__, __exit__ and the
      _release_save and _acquire_restore of conditions, of `_thread.RLock`. A `with` statement, a
      subclass, a bound method taken earlier and a specialised call instruction all reach the
      function pointer in the type's own method table, and read it at each call. Hence `logging`,
      which takes its locks without `with`, needs no rule of its own.
   2. Only calls that succeed count, and only on the scheduler's thread. A lock is counted after it
      was acquired: a process that waits for one which another thread holds may be switched away
      from.
   3. The scheduler saves `csched_held` when it leaves a process, sets it when it enters one, and
      drops it with a process that dies.
   4. The count is never negative: a process may release what another has acquired, since the lock
      knows only the thread. The other's count then stays too high, which costs its preemption,
      not its correctness.
   5. One limit: a process that holds an RLock while it writes to a full pipe (`logging` does) stops
      all others until somebody reads it, who must not be a process of the same scheduler.

   Rejected: a look at the frames for the `__exit__` that `with` leaves on the stack (`logging` of
   3.11 and 3.12 does not use `with`); a subclass put into `threading` (misses all the locks made
   before).

   Sources: Modules/_threadmodule.c of CPython 3.11 to 3.13. */

#ifndef CSCHED_GUARDS_H
#define CSCHED_GUARDS_H

#include <Python.h>

/* How often the process that runs has acquired RLocks; 0 or more. Changed by the guarded
   methods on the scheduler's thread, and by the scheduler at each switch. */
extern int csched_held;

/* Guard the methods, or add one to the number of those who want them guarded. Needs the GIL. -1
   with an exception set if this interpreter's methods are not what the guards are written for. */
int csched_guards_install(void);

/* Take back one `csched_guards_install`; the last puts the methods back. More are ignored. */
void csched_guards_remove(void);

/* Count on the thread `ident` (`PyThread_get_thread_ident`), on none if it is 0. `released`, if not
   NULL, is called with the GIL each time a guarded call brings the count to 0: a switch that was
   put off can be asked for again. It must not raise, and there may be an exception set. */
void csched_guards_thread(unsigned long ident, void (*released)(void));

/* The attribute of that name, which is interned: a type keeps names that it was asked for, and would keep
   a new one each time. A new reference, or NULL with an exception set. */
PyObject *csched_attribute(PyObject *owner, const char *name);

#endif
