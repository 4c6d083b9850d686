/* What a process holds that would go wrong in the hands of another.

   Purpose: all processes of a scheduler share one thread, and CPython's reentrant locks and
   buffered files belong to the thread. A process that is switched away from inside `with rlock:`
   lets the next one walk into the same critical section; one that is switched away from inside
   the raw write of a buffered file makes the next writer fail with `RuntimeError: reentrant call
   inside <_io.BufferedWriter>`. So both are counted for the process that runs, and it is not
   switched away from by a tick while the count is not 0.

   1. What is counted is the C methods themselves: acquire, release, __enter__, __exit__ and the
      _release_save and _acquire_restore of conditions, of `_thread.RLock`; write of `_io.FileIO`.
      A `with` statement, a subclass, a bound method taken earlier and a specialised call
      instruction all reach the function pointer in the type's own method table, and read it at
      each call. Hence `logging`, which takes its locks without `with`, needs no rule of its own.
   2. Only calls that succeed count, and only on the scheduler's thread. An RLock is counted after
      it was acquired: a process that waits for one which another thread holds may be switched
      away from. A raw write is counted from its start to its end.
   3. The scheduler saves `csched_held` when it leaves a process, sets it when it enters one, and
      drops it with a process that dies.
   4. The count is never negative: a process may release what another has acquired, since the lock
      knows only the thread. The other's count then stays too high, which costs its preemption,
      not its correctness.
   5. A raw read is not counted: it may wait for a pipe for ever, and then must let the others
      run.
   6. Two limits. After a raw write that a signal cut short (pipes, sockets, terminals) the
      buffered file runs signal handlers outside the raw write but with its own lock held, which
      is not counted. And a raw write to a full pipe cannot be switched away from at all, so its
      reader must not be a process of the same scheduler.

   Rejected: a look at the frames for the `__exit__` that `with` leaves on the stack (`logging` of
   3.11 and 3.12 does not use `with`); counting in the methods of `_io.Buffered*`, which would
   lift the first limit of 6 and make a read of a pipe stop the others; a subclass put into
   `threading` (misses all the locks made before).

   Sources: Modules/_threadmodule.c, Modules/_io/fileio.c and bufferedio.c of CPython 3.11 to
   3.13. */

#ifndef CSCHED_GUARDS_H
#define CSCHED_GUARDS_H

#include <Python.h>

/* RLocks held and raw writes entered by the process that runs; 0 or more. Changed by the guarded
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

#endif
