/* Who is inside which file at the moment, and who waits for it.

   Purpose: the table behind `buffered.h`, which says what the rules are for.

   1. It is on the heap, since the C stack of a process that is switched away from is copied
      elsewhere. It has an entry for each file and each that is inside or waits, in order of arrival:
      none or two as a rule, so it is searched from end to end. The GIL protects it.
   2. An owner is the address of a process, or that of a thread's state with its lowest bit set.
   3. A file is not owned: whoever calls one of its methods holds a reference.
   4. A process enters when nobody is inside and nobody waits who came earlier. Otherwise one that
      writes to a slow pipe again and again would be found inside by the others for ever.
   5. Several may be inside one file: threads, for which the file's own lock serves, and a process
      that could not wait. The last to leave wakes the first that waits.
   6. Whoever is woken looks again, and so does the scheduler before it lets a process sleep
      (`csched_busy_waits`): a file may become free on the way there.

   Rejected: to ask again from time to time, like a blocked system call (who asks every 50 ms gets
   the file 20 times a second at best, and only by chance if it is in use without a pause). */

#ifndef CSCHED_BUSY_H
#define CSCHED_BUSY_H

#include <Python.h>

/* What a scheduler lends to the guards of files. */
typedef struct {
    /* The process that runs, NULL if none does. */
    void **current;
    /* Stop the process that runs until it is woken. 0: it may enter now, or was woken for something
       else; -1: an exception is set; 1: this is no place to wait. */
    int (*wait)(void);
    /* This process, which waits or is about to, may enter. */
    void (*wake)(void *process);
    /* The process that runs was spared a tick, and is inside no file any more. There may be an
       exception set. */
    void (*released)(void);
} csched_busy_scheduler_t;

/* Serve the calling thread's scheduler. */
void csched_busy_start(csched_busy_scheduler_t scheduler);

/* No processes are left. Threads may be inside files, and leave them later. */
void csched_busy_stop(void);

/* For whom the caller calls. 0, for nobody, if there is no scheduler in this interpreter. */
uintptr_t csched_busy_owner(void);

/* Begin a call; a process waits for its turn. -1 with an exception set if it is not to be called. */
int csched_busy_enter(PyObject *file, uintptr_t owner);

/* End a call. */
void csched_busy_leave(PyObject *file, uintptr_t owner);

/* Whether the process that runs is inside this file. */
int csched_busy_inside(PyObject *file);

/* Whether this process still has to wait for a file. */
int csched_busy_waits(void *process);

/* Whether the process that runs is in a file. If so, `released` is called when it has left. */
int csched_busy_spare(void);

/* The stack of this process is given up: it will never leave the files that it is in. */
void csched_busy_forget(void *process);

#endif
