/* The interpreter's lists of objects that its collector knows, and lists of our own beside them.

   Purpose: to let each process have a list of its own (a heap, `_heap.pxd`), by the one file that knows
   how the interpreter keeps them.

   1. CPython 3.11 to 3.13 link each object that can be part of a cycle into a list, at the end of the
      one that `generation0` points at. That is a pointer: to point it at another list is all that it
      takes for new objects to land there (`csched_gc_enter`, inline, two stores).
   2. An object leaves its list by its own links, whichever list that is. So objects may be freed or
      untracked at any time, whoever's list they are on.
   3. A collection takes all references from outside the lists that it looks at as roots. So to collect
      one list alone is safe; what it cannot find is a cycle that spans several lists.
   4. `csched_gc_show` puts a list where the collector, and gc.get_objects, look, and the
      interpreter's own aside; `csched_gc_hide` undoes that. In between new objects land among the shown.
   5. All of it is to be called with the GIL. No object is touched but for its links.

   Elsewhere (3.14 has another collector) `csched_gc_open` says no, and `_heap` does without.

   Sources: Include/internal/pycore_gc.h, Modules/gcmodule.c of CPython 3.11 and 3.12, Python/gc.c of 3.13. */

#ifndef CSCHED_GC_LISTS_H
#define CSCHED_GC_LISTS_H

#include <Python.h>

/* The head of a circular list; of the layout of PyGC_Head. */
typedef struct csched_heap {
    struct csched_heap *next;
    struct csched_heap *prev;
} csched_heap_t;

typedef struct {
    csched_heap_t **entered;    /* Points at the list where new objects go: the interpreter's `generation0`. */
    int *allocated;             /* Objects made less those freed since somebody has set it to 0; not below 0. */
    csched_heap_t *shared;      /* The interpreter's own youngest list. */
    csched_heap_t *middle;      /* Its second, */
    csched_heap_t *old;         /* and its oldest. */
} csched_gc_t;

/* What csched_gc_show has put aside. */
typedef struct {
    csched_heap_t lists[3];
    csched_heap_t *shown;
    Py_ssize_t long_lived[2];
    int counts[2];
} csched_gc_aside_t;

/* Find the lists of this interpreter. 0: they cannot be reached. */
int csched_gc_open(csched_gc_t *gc);
/* Lists on which no object ever is, for where the real ones cannot be reached, or are not to be used. */
void csched_gc_stand_in(csched_gc_t *gc);

void csched_gc_show(csched_gc_t *gc, csched_heap_t *heap, csched_gc_aside_t *aside);
/* Whatever of the shown is left goes back to its list. */
void csched_gc_hide(csched_gc_t *gc, csched_gc_aside_t *aside);

static inline void csched_heap_init(csched_heap_t *heap)
{
    heap->next = heap;
    heap->prev = heap;
}

static inline int csched_heap_is_empty(const csched_heap_t *heap)
{
    return heap->next == heap;
}

/* Move all objects of `from` to the end of `to`. O(1). */
static inline void csched_heap_splice(csched_heap_t *to, csched_heap_t *from)
{
    if (csched_heap_is_empty(from)) {
        return;
    }
    /* The low bits of `prev` of an object are the collector's. */
    uintptr_t flags = (uintptr_t)from->next->prev & 3;
    csched_heap_t *last = to->prev;
    last->next = from->next;
    from->next->prev = (csched_heap_t *)((uintptr_t)last | flags);
    from->prev->next = to;
    to->prev = from->prev;
    csched_heap_init(from);
}

/* Move one object to the end of `to`, from the list that it is on; it stays if it is on no list. 0: it belongs to a
   collection that goes on, and has been left where it is. */
static inline int csched_heap_take(csched_heap_t *to, PyObject *object)
{
    csched_heap_t *node = (csched_heap_t *)object - 1;
    uintptr_t prev = (uintptr_t)node->prev;
    if (node->next == NULL) {
        return 1;
    }
    if (prev & 2) {
        return 0;
    }
    csched_heap_t *before = (csched_heap_t *)(prev & ~(uintptr_t)3);
    before->next = node->next;
    node->next->prev = (csched_heap_t *)((uintptr_t)before | ((uintptr_t)node->next->prev & 3));
    node->next = to;
    node->prev = (csched_heap_t *)((uintptr_t)to->prev | (prev & 3));
    to->prev->next = node;
    to->prev = node;
    return 1;
}

Py_ssize_t csched_heap_len(const csched_heap_t *heap);
/* Bytes of the first `limit` objects, and how many these are: without running Python code. */
Py_ssize_t csched_heap_size(const csched_heap_t *heap, Py_ssize_t limit, Py_ssize_t *objects_len);

#endif
