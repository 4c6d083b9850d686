"""Heaps; their theory of operation is in `_heap.pxd`."""

cimport cython
from libc.stdint cimport int64_t

from csched._cpython cimport PyGC_Disable, PyGC_Enable, csched_report_unraisable

import gc
import os


cdef extern from "gc_lists.h":
    bint csched_gc_open(csched_gc_t* lists) noexcept
    void csched_gc_stand_in(csched_gc_t* lists) noexcept
    void csched_gc_show(csched_gc_t* lists, csched_heap_t* heap, csched_gc_aside_t* aside) noexcept
    void csched_gc_hide(csched_gc_t* lists, csched_gc_aside_t* aside) noexcept


cdef extern from "Python.h":
    bint PyGC_IsEnabled() noexcept

cdef enum:
    # Threshold of the youngest generation without private heaps: a large one makes for fewer, longer pauses.
    FALLBACK_THRESHOLD = 10_000

cdef object collect_generation = gc.collect
cdef object freeze = gc.freeze


cdef Py_ssize_t heap_len(heap_t* heap) noexcept:
    return csched_heap_len(&heap.objects)


cdef int64_t heap_bytes(heap_t* heap) noexcept:
    cdef Py_ssize_t sized = 0
    cdef int64_t size = csched_heap_size(&heap.objects, SIZED_MAX, &sized)
    if sized == SIZED_MAX and heap.survivors + heap.allocated > SIZED_MAX:
        size = size // SIZED_MAX * (heap.survivors + heap.allocated)
    return size


@cython.final
cdef class Heaps:
    cdef int open(self) except -1:
        """Begin to keep objects by process; on an error nothing is changed."""
        self.private = os.environ.get("CSCHED_HEAP") != "interpreter" and csched_gc_open(&self.gc)
        csched_heap_init(&self.left)
        csched_heap_init(&self.kept)
        self.kept_max = LEFT_BEHIND_MAX
        self.was_enabled = gc.isenabled()
        self.thresholds = gc.get_threshold()
        if not self.private:
            csched_gc_stand_in(&self.gc)
            gc.set_threshold(FALLBACK_THRESHOLD, *self.thresholds[1:])
            return 0
        heap_init(&self.nothing)
        self.own = self.gc.shared
        gc.set_threshold(AUTOMATIC, *self.thresholds[1:])
        gc.enable()
        self.functions = {"get_objects": gc.get_objects, "get_referrers": gc.get_referrers}
        gc.get_objects = self.get_objects
        gc.get_referrers = self.get_referrers
        return 0

    cdef int close(self) except -1:
        """Put the interpreter back as it was."""
        gc.set_threshold(*self.thresholds)
        if not self.private:
            gc.unfreeze()
            return 0
        self.gc.entered[0] = self.gc.shared
        csched_heap_splice(self.gc.middle, &self.left)
        csched_heap_splice(self.gc.old, &self.kept)
        gc.get_objects = self.functions["get_objects"]
        gc.get_referrers = self.functions["get_referrers"]
        if self.was_enabled:
            gc.enable()
        else:
            gc.disable()
        return 0

    cdef void pause(self) noexcept:
        """No process runs for a while: what is made is nobody's, and is collected as ever."""
        if self.private and self.was_enabled:
            PyGC_Enable()

    cdef void resume(self) noexcept:
        if self.private:
            PyGC_Disable()

    cdef void show(self) noexcept:
        """A collection begins: let it see the list of the process that runs, if one does, and no other."""
        cdef heap_t* heap = <heap_t*>self.gc.entered[0]
        cdef int allocated = self.gc.allocated[0]
        if not self.private or self.showing or self.own == self.gc.shared:
            return
        if allocated > AUTOMATIC and PyGC_IsEnabled():
            # Nobody has asked for it. What is being made for another process is not this one's to collect.
            if &heap.objects != self.own or not heap_is_due(heap, allocated):
                heap.allocated += allocated
                self.show_list(&self.nothing.objects)
                return
        self.show_list(self.own)

    cdef void show_list(self, csched_heap_t* list) noexcept:
        self.showing = True
        self.entered = self.gc.entered[0]
        csched_gc_show(&self.gc, list, &self.aside)

    cdef void hide(self) noexcept:
        cdef heap_t* heap = <heap_t*>self.own
        if not self.showing:
            return
        csched_gc_hide(&self.gc, &self.aside)
        self.gc.entered[0] = self.entered
        self.gc.allocated[0] = 0
        self.showing = False
        if self.aside.shown == &self.nothing.objects:
            csched_heap_splice(self.own, &self.nothing.objects)
        elif self.aside.shown == self.own:
            heap.allocated = 0
            heap.survivors = <unsigned int>csched_heap_len(&heap.objects)

    cdef int collected(self, int generation) except -1:
        """The interpreter has collected, as `gc` tells."""
        if not self.private and generation == 2:
            freeze()
        return 0

    cdef void collect(self, heap_t* heap) noexcept:
        """Collect the list of a process alone. Runs finalizers; the caller forbids a switch meanwhile."""
        if self.showing or self.collecting:
            return  # A finalizer asks for one.
        self.collecting = True
        if self.private:
            self.collect_list(&heap.objects)
        else:
            self.run_collector(2)
        self.collections += 1
        heap.allocated = 0
        heap.survivors = <unsigned int>csched_heap_len(&heap.objects)
        self.collecting = False

    cdef void collect_list(self, csched_heap_t* list) noexcept:
        self.show_list(list)
        self.run_collector(0)
        self.hide()

    cdef void run_collector(self, int generation) noexcept:
        try:
            self.reclaimed += collect_generation(generation)
        except BaseException as error:
            csched_report_unraisable(error, "a garbage collection")

    cdef void hand_over(self, heap_t* heap) noexcept:
        """The process is dead: what is left is nobody's."""
        if not csched_heap_is_empty(&heap.objects):
            self.left_behind += 1 + heap.survivors + max(0, heap.allocated)
            csched_heap_splice(&self.left, &heap.objects)

    cdef void collect_left_behind(self) noexcept:
        """Collect what dead processes have left behind. Runs finalizers."""
        cdef int allocated = self.gc.allocated[0]
        if self.showing or self.collecting:
            return
        self.collecting = True
        self.left_behind = 0
        csched_heap_splice(&self.left, self.gc.shared)
        self.collect_list(&self.left)
        self.kept_len += csched_heap_len(&self.left)
        csched_heap_splice(&self.kept, &self.left)
        if self.kept_len >= self.kept_max:
            self.collect_list(&self.kept)
            self.kept_len = csched_heap_len(&self.kept)
            self.kept_max = max(2 * self.kept_len, <int64_t>LEFT_BEHIND_MAX)
        self.gc.allocated[0] = allocated  # Of the process that runs.
        self.collecting = False

    def get_objects(self, generation=None):
        """`gc.get_objects`, of the process that calls: its objects, and those that are no process's."""
        return self.look(self.functions["get_objects"], (generation,))

    def get_referrers(self, *objects):
        """`gc.get_referrers`, among the objects of the process that calls, and those that are no process's."""
        return self.look(self.functions["get_referrers"], objects)

    cdef object look(self, object function, tuple args):
        cdef csched_heap_t* heap = self.gc.entered[0]
        if self.showing or heap == self.gc.shared:
            return function(*args)
        # Beside the shared ones, which move up by this: nothing of the process must be taken for shared afterwards.
        csched_heap_splice(self.gc.old, self.gc.middle)
        csched_heap_splice(self.gc.middle, &self.left)
        csched_heap_splice(self.gc.middle, &self.kept)
        csched_heap_splice(self.gc.middle, self.gc.shared)
        csched_heap_splice(self.gc.shared, heap)
        self.gc.entered[0] = self.gc.shared
        try:
            return function(*args)
        finally:
            csched_heap_splice(heap, self.gc.shared)
            csched_heap_splice(&self.kept, self.gc.middle)
            self.kept_len += self.left_behind
            self.left_behind = 0
            self.gc.entered[0] = heap
