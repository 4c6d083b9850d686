"""The C interface of `_relation`, for its tests. It runs no processes: what is tied together are numbers."""

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t

from csched cimport _relation
from csched._ids cimport REF_MONITOR, REF_PLAIN, REF_TIMER, ProcessTable, Ref

LINK_SIZE = sizeof(_relation.link_t)
MONITOR_SIZE = sizeof(_relation.monitor_t)
RELATIONS_SIZE = sizeof(_relation.relations_t)
PLAIN = REF_PLAIN
MONITOR = REF_MONITOR
TIMER = REF_TIMER


@cython.final
cdef class Links:
    """A tree of links; the process at the other end is the address that was given with the id."""

    cdef _relation.link_t* root

    def __dealloc__(self):
        cdef _relation.link_t* link = _relation.links_pop(&self.root)
        while link is not NULL:
            _relation.link_free(link)
            link = _relation.links_pop(&self.root)

    def insert(self, uint64_t id, size_t process):
        _relation.links_insert(&self.root, _relation.link_new(<void*>process, id))

    def find(self, uint64_t id):
        return entry(_relation.links_find(self.root, id))

    def after(self, uint64_t id):
        return entry(_relation.links_after(self.root, id))

    def remove(self, uint64_t id):
        return freed(_relation.links_remove(&self.root, id))

    def pop(self):
        return freed(_relation.links_pop(&self.root))

    def depth(self):
        """Nodes on the longest way down."""
        cdef list level = [<size_t>self.root] if self.root is not NULL else []
        cdef list below
        cdef size_t address
        cdef _relation.link_t* link
        depth = 0
        while level:
            depth += 1
            below = []
            for address in level:
                link = <_relation.link_t*>address
                if link.left is not NULL:
                    below.append(<size_t>link.left)
                if link.right is not NULL:
                    below.append(<size_t>link.right)
            level = below
        return depth


cdef tuple entry(_relation.link_t* link):
    return None if link is NULL else (link.id, <size_t>link.process)


cdef tuple freed(_relation.link_t* link):
    result = entry(link)
    if link is not NULL:
        _relation.link_free(link)
    return result


def make_ref():
    return ProcessTable().make_ref(0, 0)


def kind_of(Ref ref not None):
    """What a reference stands for, and whether it points at something."""
    return ref.kind, ref.target is not NULL


@cython.final
cdef class Monitor:
    cdef _relation.monitor_t* monitor

    def __cinit__(self, ref, details=None):
        self.monitor = _relation.monitor_new(<void*>self, ref)
        if details is not None:
            Py_INCREF(details)
            self.monitor.details = <PyObject*>details

    def free(self):
        _relation.monitor_free(self.monitor)


@cython.final
cdef class Timer:
    cdef _relation.message_timer_t* timer

    def __cinit__(self, Ref ref not None, dest=None, message=None):
        self.timer = _relation.message_timer_new(ref, <PyObject*>dest, <PyObject*>message, 0, <void*>self, 0)

    def free(self):
        _relation.message_timer_free(self.timer)


@cython.final
cdef class MonitorRing:
    """Of what one process has made."""

    cdef _relation.monitor_t* first

    def append(self, Monitor item not None):
        _relation.monitors_append(&self.first, item.monitor)

    def remove(self, Monitor item not None):
        _relation.monitors_remove(&self.first, item.monitor)

    def walk(self):
        """All forwards, then all backwards."""
        cdef list forwards = []
        cdef list backwards = []
        cdef _relation.monitor_t* monitor = self.first
        if monitor is NULL:
            return [], []
        while True:
            forwards.append(<object>monitor.owner)
            monitor = monitor.next
            if monitor is self.first:
                break
        while True:
            monitor = monitor.prev
            backwards.append(<object>monitor.owner)
            if monitor is self.first:
                return forwards, backwards


@cython.final
cdef class WatcherRing:
    """Of those that watch one process."""

    cdef _relation.monitor_t* first

    def append(self, Monitor item not None):
        _relation.watchers_append(&self.first, item.monitor)

    def remove(self, Monitor item not None):
        _relation.watchers_remove(&self.first, item.monitor)

    def walk(self):
        """All forwards, then all backwards."""
        cdef list forwards = []
        cdef list backwards = []
        cdef _relation.monitor_t* monitor = self.first
        if monitor is NULL:
            return [], []
        while True:
            forwards.append(<object>monitor.owner)
            monitor = monitor.target_next
            if monitor is self.first:
                break
        while True:
            monitor = monitor.target_prev
            backwards.append(<object>monitor.owner)
            if monitor is self.first:
                return forwards, backwards


@cython.final
cdef class TimerRing:
    """Of those that send to one process."""

    cdef _relation.message_timer_t* first

    def append(self, Timer item not None):
        _relation.timers_append(&self.first, item.timer)

    def remove(self, Timer item not None):
        _relation.timers_remove(&self.first, item.timer)

    def walk(self):
        """All forwards, then all backwards."""
        cdef list forwards = []
        cdef list backwards = []
        cdef _relation.message_timer_t* timer = self.first
        if timer is NULL:
            return [], []
        while True:
            forwards.append(<object>timer.timer.owner)
            timer = timer.next
            if timer is self.first:
                break
        while True:
            timer = timer.prev
            backwards.append(<object>timer.timer.owner)
            if timer is self.first:
                return forwards, backwards
