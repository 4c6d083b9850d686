#include "busy.h"

enum {
    IS_THREAD = 1,  /* In an owner; a PyThreadState is at an even address, as processes are. */
    BUSY_MIN = 8,   /* Entries to begin with: more than four prints at once. */
};

/* An owner that is in a file, or waits for it. */
typedef struct {
    PyObject *file;
    uintptr_t owner;
    int calls_len;  /* How many calls of its are under way; 0 while it waits. */
} busy_t;

static busy_t *busy;
static int busy_len, busy_max;

static csched_busy_scheduler_t scheduler;
static unsigned long scheduler_thread;
static PyInterpreterState *scheduler_interp;    /* NULL while nobody asks. */
static uintptr_t spared;                        /* The process to report when it has left; or 0. */

void csched_busy_start(csched_busy_scheduler_t asking)
{
    scheduler = asking;
    scheduler_thread = PyThread_get_thread_ident();
    scheduler_interp = PyThreadState_Get()->interp;
}

uintptr_t csched_busy_owner(void)
{
    if (PyThread_get_thread_ident() == scheduler_thread && *scheduler.current != NULL) {
        return (uintptr_t)*scheduler.current;
    }
    PyThreadState *thread = PyThreadState_Get();
    return thread->interp == scheduler_interp ? (uintptr_t)thread | IS_THREAD : 0;
}

static int find(PyObject *file, uintptr_t owner)
{
    for (int i = 0; i < busy_len; i++) {
        if (busy[i].file == file && busy[i].owner == owner) {
            return i;
        }
    }
    return -1;
}

static int add(PyObject *file, uintptr_t owner, int calls_len)
{
    if (busy_len == busy_max) {
        int max = busy_max == 0 ? BUSY_MIN : 2 * busy_max;
        busy_t *larger = PyMem_RawRealloc(busy, (size_t)max * sizeof *busy);
        if (larger == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        busy = larger;
        busy_max = max;
    }
    busy[busy_len++] = (busy_t){file, owner, calls_len};
    return 0;
}

/* Whether the owner of an entry that waits, or of one that is yet to come, has to go on waiting. */
static int has_to_wait(PyObject *file, int index)
{
    for (int i = 0; i < busy_len; i++) {
        if (i != index && busy[i].file == file && (i < index || busy[i].calls_len != 0)) {
            return 1;
        }
    }
    return 0;
}

/* Remove an entry, and wake the process that may enter now. */
static void take_out(int index)
{
    PyObject *file = busy[index].file;
    busy_len--;
    memmove(&busy[index], &busy[index + 1], (size_t)(busy_len - index) * sizeof *busy);
    for (int i = 0; i < busy_len; i++) {
        if (busy[i].file == file) {
            if (busy[i].calls_len == 0 && !has_to_wait(file, i)) {
                scheduler.wake((void *)busy[i].owner);
            }
            return;
        }
    }
}

static int wait_in_line(PyObject *file, uintptr_t owner)
{
    if (add(file, owner, 0) < 0) {
        return -1;
    }
    int refused = 0;
    for (;;) {
        int index = find(file, owner);
        if (index < 0) {
            /* It was forgotten, and yet its stack is unwound. */
            return refused < 0 ? -1 : 0;
        }
        if (refused < 0) {
            take_out(index);
            return -1;
        }
        if (refused > 0 || !has_to_wait(file, index)) {
            busy[index].calls_len = 1;
            return 0;
        }
        refused = scheduler.wait();
    }
}

int csched_busy_enter(PyObject *file, uintptr_t owner)
{
    if (owner == 0) {
        return 0;
    }
    int is_free = 1;
    for (int i = 0; i < busy_len; i++) {
        if (busy[i].file == file) {
            if (busy[i].owner == owner) {
                busy[i].calls_len++;
                return 0;
            }
            is_free = 0;
        }
    }
    return is_free || owner & IS_THREAD ? add(file, owner, 1) : wait_in_line(file, owner);
}

int csched_busy_inside(PyObject *file)
{
    uintptr_t owner = csched_busy_owner();
    int index = owner == 0 ? -1 : find(file, owner);
    return index >= 0 && busy[index].calls_len > 0;
}

void csched_busy_leave(PyObject *file, uintptr_t owner)
{
    /* It is not found if it was forgotten. */
    int index = owner == 0 ? -1 : find(file, owner);
    if (index >= 0 && --busy[index].calls_len == 0) {
        take_out(index);
    }
    if (spared != 0 && spared == owner && !csched_busy_spare()) {
        spared = 0;
        scheduler.released();
    }
}

int csched_busy_waits(void *process)
{
    for (int i = 0; i < busy_len; i++) {
        if (busy[i].owner == (uintptr_t)process && busy[i].calls_len == 0) {
            return has_to_wait(busy[i].file, i);
        }
    }
    return 0;
}

int csched_busy_spare(void)
{
    uintptr_t owner = (uintptr_t)*scheduler.current;
    for (int i = 0; i < busy_len; i++) {
        if (busy[i].owner == owner) {
            spared = owner;
            return 1;
        }
    }
    return 0;
}

void csched_busy_forget(void *process)
{
    for (int i = busy_len - 1; i >= 0; i--) {
        if (busy[i].owner == (uintptr_t)process) {
            take_out(i);
        }
    }
}

void csched_busy_stop(void)
{
    scheduler_thread = 0;
    scheduler_interp = NULL;
    spared = 0;
    int threads_len = 0;
    for (int i = 0; i < busy_len; i++) {
        if (busy[i].owner & IS_THREAD) {
            busy[threads_len++] = busy[i];
        }
    }
    busy_len = threads_len;
}
