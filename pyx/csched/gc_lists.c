#define Py_BUILD_CORE_MODULE 1
#include "gc_lists.h"

#if PY_VERSION_HEX < 0x030E0000 && !defined(Py_GIL_DISABLED)
#define HAS_LISTS 1
#include "internal/pycore_gc.h"
#include "internal/pycore_interp.h"
#else
#define HAS_LISTS 0
#endif

#if HAS_LISTS

_Static_assert(sizeof(csched_heap_t) == sizeof(PyGC_Head), "a heap is the head of a list of objects");

static struct _gc_runtime_state *state(void)
{
    return &PyThreadState_Get()->interp->gc;
}

static csched_heap_t *generation(int n)
{
    return (csched_heap_t *)&state()->generations[n].head;
}

int csched_gc_open(csched_gc_t *gc)
{
    gc->entered = (csched_heap_t **)&state()->generation0;
    gc->allocated = &state()->generations[0].count;
    gc->shared = generation(0);
    gc->middle = generation(1);
    gc->old = generation(2);
    return 1;
}

/* Move all objects of `from` to `to`, which has none. */
static void move(csched_heap_t *to, csched_heap_t *from)
{
    csched_heap_init(to);
    csched_heap_splice(to, from);
}

void csched_gc_show(csched_gc_t *gc, csched_heap_t *heap, csched_gc_aside_t *aside)
{
    for (int n = 0; n < 3; n++) {
        move(&aside->lists[n], generation(n));
    }
    aside->long_lived[0] = state()->long_lived_total;
    aside->long_lived[1] = state()->long_lived_pending;
    for (int n = 0; n < 2; n++) {
        aside->counts[n] = state()->generations[n + 1].count;
    }
    aside->shown = heap;
    if (heap != gc->shared) {
        csched_heap_splice(gc->shared, heap);
    }
    else {
        csched_heap_splice(gc->shared, &aside->lists[0]);
    }
    *gc->entered = gc->shared;
}

void csched_gc_hide(csched_gc_t *gc, csched_gc_aside_t *aside)
{
    csched_heap_t left;
    csched_heap_init(&left);
    for (int n = 2; n >= 0; n--) {
        csched_heap_splice(&left, generation(n));
    }
    for (int n = 0; n < 3; n++) {
        csched_heap_splice(generation(n), &aside->lists[n]);
    }
    for (int n = 0; n < 2; n++) {
        state()->generations[n + 1].count = aside->counts[n];
    }
    csched_heap_splice(aside->shown, &left);
    state()->long_lived_total = aside->long_lived[0];
    state()->long_lived_pending = aside->long_lived[1];
    *gc->entered = aside->shown;
}

static PyObject *object_of(csched_heap_t *node)
{
    return (PyObject *)((PyGC_Head *)node + 1);
}

/* The next object; its link may carry the collector's mark. */
static csched_heap_t *next_of(const csched_heap_t *node)
{
    return (csched_heap_t *)((uintptr_t)node->next & ~(uintptr_t)1);
}

#else

int csched_gc_open(csched_gc_t *gc)
{
    return 0;
}

void csched_gc_show(csched_gc_t *gc, csched_heap_t *heap, csched_gc_aside_t *aside) {}
void csched_gc_hide(csched_gc_t *gc, csched_gc_aside_t *aside) {}

static PyObject *object_of(csched_heap_t *node) { return NULL; }
static csched_heap_t *next_of(const csched_heap_t *node) { return node->next; }

#endif

void csched_gc_stand_in(csched_gc_t *gc)
{
    static csched_heap_t *entered;
    static int allocated;
    static csched_heap_t nowhere;
    csched_heap_init(&nowhere);
    entered = &nowhere;
    gc->entered = &entered;
    gc->allocated = &allocated;
    gc->shared = gc->middle = gc->old = &nowhere;
}

Py_ssize_t csched_heap_len(const csched_heap_t *heap)
{
    Py_ssize_t len = 0;
    for (csched_heap_t *node = next_of(heap); node != heap; node = next_of(node)) {
        len++;
    }
    return len;
}

/* What an object takes, itself and what its own type's `__sizeof__` counts, if that is C. */
static Py_ssize_t size_of(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Py_ssize_t size = -1;
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        PyObject *result = PyObject_CallMethod(object, "__sizeof__", NULL);
        if (result != NULL) {
            size = PyLong_AsSsize_t(result);
            Py_DECREF(result);
        }
        PyErr_Clear();
    }
    if (size < 0) {
        size = type->tp_basicsize + (type->tp_itemsize ? Py_ABS(Py_SIZE(object)) * type->tp_itemsize : 0);
    }
    return size + sizeof(csched_heap_t);
}

Py_ssize_t csched_heap_size(const csched_heap_t *heap, Py_ssize_t limit, Py_ssize_t *objects_len)
{
    Py_ssize_t size = 0;
    Py_ssize_t len = 0;
    for (csched_heap_t *node = next_of(heap); node != heap && len < limit; node = next_of(node)) {
        size += size_of(object_of(node));
        len++;
    }
    *objects_len = len;
    return size;
}
