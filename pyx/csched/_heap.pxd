"""Heaps: the objects of each process on a list of their own, collected alone.

Purpose: no pause that grows with the number of processes. CPython's collector looks at all objects there are; ours at
those of one process, when that process has made many.

1. While a process runs, objects that it makes are linked into its own list: to enter a list is to point the
   interpreter at it (`gc_lists.h`). What is made for a process by others, a copy of a message above all, is made
   with the receiver's list entered (`_signal.copy_to`), so that it is the receiver's from the beginning. A message that
   is moved is taken there (`_move`).
   Whatever runs for nobody works on the interpreter's own lists, other threads on whichever is entered: a
   cycle that one of them drops is found when that process is collected, or has ended.
2. On which list an object is matters to nothing but the collector. An object is freed by its reference count
   as ever, and a collection of some list takes references from elsewhere as roots. So the worst that a wrong
   list could do is to keep a cycle for longer.
3. A process whose list has grown by HEAP_MIN objects, and by as many as survived its last collection, is collected
   when its slice ends, in its own slice: finalizers and weak reference callbacks run as that process, in its
   context, and it cannot be switched away from meanwhile. But a slice need not end: nobody else may be
   runnable, or the process may hold a lock. So automatic collection is on during a run, with a threshold
   (AUTOMATIC) that most slices do not reach; whether the list is due then is decided by the same rule.
4. gc.collect() in a process means its own list, however it is called: the collector's callback shows it that
   (`show`), in place of the interpreter's. gc.get_objects() and gc.get_referrers() see the process's objects and
   the shared ones. Other threads, and what runs for nobody, collect the interpreter's lists.
5. What a dead process leaves behind (what others refer to, and cycles) goes to a list of its own, `left`, which is
   collected together with what was made for nobody when much has come, or some and there is nothing else to do:
   never one collection for each death. What survives that goes to `kept`, which is collected when it has doubled.
   Neither looks at what was there before the run.
6. Where the lists cannot be reached (`csched_gc_open` says no, or CSCHED_HEAP=interpreter is in the environment)
   all this does nothing: automatic collection stays on, with a larger threshold, and each full collection
   freezes what has survived it (gc.freeze), so that the next one does not look at it again.
   `system_info("garbage_collection")` tells which it is.

Rejected: splicing the interpreter's list onto the process's at the end of each slice (four writes and two cache
misses where entering takes one write); a mark in each object (there is no room); a collection at each death (it
made a spawn + exit 18 times as dear).

Sources: gcmodule.c; erl_gc.c (a heap that grows is collected the more rarely).
"""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t


cdef extern from "gc_lists.h":
    ctypedef struct csched_heap_t:
        pass
    ctypedef struct csched_gc_t:
        csched_heap_t** entered
        int* allocated
        csched_heap_t* shared
        csched_heap_t* middle
        csched_heap_t* old
    ctypedef struct csched_gc_aside_t:
        csched_heap_t* shown
    void csched_heap_init(csched_heap_t* heap) noexcept
    bint csched_heap_is_empty(const csched_heap_t* heap) noexcept
    void csched_heap_splice(csched_heap_t* to, csched_heap_t* source) noexcept
    bint csched_heap_take(csched_heap_t* to, PyObject* object) noexcept
    Py_ssize_t csched_heap_len(const csched_heap_t* heap) noexcept
    Py_ssize_t csched_heap_size(const csched_heap_t* heap, Py_ssize_t limit, Py_ssize_t* objects_len) noexcept


cdef extern from *:
    """
    #ifdef CSCHED_DEBUG
    #define CSCHED_HEAP_MIN 50
    #define CSCHED_AUTOMATIC 200
    #else
    #define CSCHED_HEAP_MIN 2000
    #define CSCHED_AUTOMATIC 10000
    #endif
    """
    enum:
        # Objects that are made in a slice, or outside all processes, before the interpreter collects of its own
        # accord: about what a slice makes that does little else. debug: 200.
        AUTOMATIC "CSCHED_AUTOMATIC"
        # Objects that a process makes before its list is looked at: 50 us of work. debug: 50.
        HEAP_MIN "CSCHED_HEAP_MIN"


cdef enum:
    # Objects left behind by dead processes before these are looked at,
    LEFT_BEHIND_MAX = 10_000
    # and when there is nothing else to do.
    LEFT_BEHIND_IDLE = 1_000
    # Objects whose size is summed up before the rest is estimated.
    SIZED_MAX = 10_000


cdef struct heap_t:
    csched_heap_t objects   # The list; what is in it may be freed at any time, by whoever drops the last reference.
    int allocated           # Objects made, less those freed, since the last collection, but for this slice.
    unsigned int survivors  # Objects after the last collection.


@cython.final
cdef class Heaps:
    # One for each run: what it has changed in the interpreter.
    cdef csched_gc_t gc
    cdef csched_gc_aside_t aside
    cdef readonly bint private          # Each process has a list; else see 6.
    cdef bint was_enabled               # gc.isenabled() before the run.
    cdef object thresholds              # gc.get_threshold() before the run.
    cdef object functions               # The functions of gc that were replaced, by name.
    cdef bint collecting                # `collect` or `collect_left_behind` goes on, what it calls included.
    cdef bint showing                   # The collector sees a list of ours.
    cdef csched_heap_t* own             # The list of the process that runs; the shared one if none does.
    cdef csched_heap_t* entered         # The list that was entered when the collector was shown one.
    cdef heap_t nothing                 # Shown in place of a list that is not due.
    cdef csched_heap_t left             # See 5.
    cdef csched_heap_t kept
    cdef int64_t left_behind            # Objects that came to `left` since it was collected.
    cdef int64_t kept_len               # Objects that came to `kept`, or were there after it was collected.
    cdef int64_t kept_max               # When there are so many it is collected.
    cdef readonly uint64_t collections  # Of processes, so far.
    cdef readonly uint64_t reclaimed    # Objects, by these.

    cdef int open(self) except -1
    cdef int close(self) except -1
    cdef void pause(self) noexcept
    cdef void resume(self) noexcept
    cdef void show(self) noexcept
    cdef void show_list(self, csched_heap_t* list) noexcept
    cdef void hide(self) noexcept
    cdef int collected(self, int generation) except -1
    cdef void collect(self, heap_t* heap) noexcept
    cdef void collect_list(self, csched_heap_t* list) noexcept
    cdef void run_collector(self, int generation) noexcept
    cdef void hand_over(self, heap_t* heap) noexcept
    cdef void collect_left_behind(self) noexcept
    cdef object look(self, object function, tuple args)


cdef inline void heap_init(heap_t* heap) noexcept:
    csched_heap_init(&heap.objects)
    heap.allocated = 0
    heap.survivors = 0


cdef inline void heap_move(heap_t* to, heap_t* source) noexcept:
    """Move all objects of one to another. O(1)."""
    csched_heap_splice(&to.objects, &source.objects)
    to.allocated += source.allocated
    source.allocated = 0


cdef inline bint heap_is_due(heap_t* heap, int allocated) noexcept:
    """Whether it is to be collected; so much was allocated in this slice."""
    allocated += heap.allocated
    return allocated > HEAP_MIN and <unsigned int>allocated > heap.survivors


# How many objects a process has. O(n).
cdef Py_ssize_t heap_len(heap_t* heap) noexcept
# Bytes of the objects of a process, estimated if they are many.
cdef int64_t heap_bytes(heap_t* heap) noexcept
