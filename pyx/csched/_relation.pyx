"""Relations; their theory of operation is in `_relation.pxd`."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint16_t, uint64_t
from libc.string cimport memset

cimport csched._ids as ids
from csched._cpython cimport Py_CLEAR
from csched._ids cimport REF_MONITOR, REF_TIMER, Ref
from csched._timer cimport timer_init, timer_is_set

cdef enum:
    # Message timers that are kept for the next: to set one and to cancel it does not reach the allocator.
    FREE_TIMERS = 256

cdef message_timer_t* free_timers = NULL
cdef int free_timers_len = 0


cdef void* new_struct(size_t size) except NULL:
    cdef void* result = PyMem_Malloc(size)
    if result == NULL:
        raise MemoryError
    memset(result, 0, size)
    return result


cdef relations_t* relations_new() except NULL:
    return <relations_t*>new_struct(sizeof(relations_t))


# --- Links: a treap ----------------------------------------------------------------------------


cdef link_t* link_new(void* process, uint64_t id) except NULL:
    cdef link_t* link = <link_t*>new_struct(sizeof(link_t))
    link.process = process
    link.id = id
    return link


cdef void link_free(link_t* link) noexcept:
    PyMem_Free(link)


cdef inline uint64_t heap_order(link_t* link) noexcept:
    """The priority of a node, larger than those below it: its id, well mixed (the finalizer of MurmurHash3)."""
    cdef uint64_t mixed = link.id
    mixed = (mixed ^ (mixed >> 33)) * <uint64_t>0xFF51AFD7ED558CCD
    mixed = (mixed ^ (mixed >> 33)) * <uint64_t>0xC4CEB9FE1A85EC53
    return mixed ^ (mixed >> 33)


cdef link_t* links_find(link_t* root, uint64_t id) noexcept:
    while root != NULL and root.id != id:
        root = root.left if id < root.id else root.right
    return root


cdef link_t* links_after(link_t* root, uint64_t id) noexcept:
    cdef link_t* best = NULL
    while root != NULL:
        if root.id > id:
            best = root
            root = root.left
        else:
            root = root.right
    return best


cdef void links_insert(link_t** root, link_t* link) noexcept:
    cdef link_t* rest
    cdef link_t** smaller = &link.left
    cdef link_t** larger = &link.right
    cdef uint64_t order = heap_order(link)
    while root[0] != NULL and heap_order(root[0]) > order:
        root = &root[0].left if link.id < root[0].id else &root[0].right
    # Split what is below into the two sides of the new node.
    rest = root[0]
    root[0] = link
    while rest != NULL:
        if rest.id < link.id:
            smaller[0] = rest
            smaller = &rest.right
            rest = rest.right
        else:
            larger[0] = rest
            larger = &rest.left
            rest = rest.left
    smaller[0] = NULL
    larger[0] = NULL


cdef link_t* links_remove(link_t** root, uint64_t id) noexcept:
    cdef link_t* link
    cdef link_t* smaller
    cdef link_t* larger
    while root[0] != NULL and root[0].id != id:
        root = &root[0].left if id < root[0].id else &root[0].right
    link = root[0]
    if link == NULL:
        return NULL
    # Merge its two sides into its place.
    smaller = link.left
    larger = link.right
    while smaller != NULL and larger != NULL:
        if heap_order(smaller) > heap_order(larger):
            root[0] = smaller
            root = &smaller.right
            smaller = smaller.right
        else:
            root[0] = larger
            root = &larger.left
            larger = larger.left
    root[0] = smaller if larger == NULL else larger
    return link


cdef link_t* links_pop(link_t** root) noexcept:
    cdef link_t* link = root[0]
    cdef link_t* left
    if link == NULL:
        return NULL
    # Rotate to the right until there is nothing smaller. That spoils the heap order, which only inserting needs.
    while link.left != NULL:
        left = link.left
        link.left = left.right
        left.right = link
        link = left
    root[0] = link.right
    return link


# --- Monitors, aliases -------------------------------------------------------------------------


cdef monitor_t* monitor_new(void* owner, object ref) except NULL:
    cdef monitor_t* monitor = <monitor_t*>new_struct(sizeof(monitor_t))
    monitor.owner = owner
    monitor.ref = <PyObject*>ref
    Py_INCREF(ref)
    (<Ref>ref).target = monitor
    (<Ref>ref).kind = REF_MONITOR
    return monitor


cdef void forget_exported(PyObject* ref) noexcept:
    (<Ref>ref).is_exported = False
    if ids.current_table is not None:
        ids.current_table.exported.pop((<Ref>ref).id, None)


cdef void monitor_free(monitor_t* monitor) noexcept:
    cdef PyObject* ref = monitor.ref
    cdef PyObject* details = monitor.details
    forget_target(ref)
    PyMem_Free(monitor)
    Py_CLEAR(ref)
    Py_CLEAR(details)


cdef void monitors_append(monitor_t** first, monitor_t* monitor) noexcept:
    if first[0] == NULL:
        first[0] = monitor
        monitor.next = monitor.prev = monitor
        return
    monitor.next = first[0]
    monitor.prev = first[0].prev
    monitor.prev.next = monitor
    monitor.next.prev = monitor


cdef void monitors_remove(monitor_t** first, monitor_t* monitor) noexcept:
    if monitor.next == monitor:
        first[0] = NULL
        return
    monitor.prev.next = monitor.next
    monitor.next.prev = monitor.prev
    if first[0] == monitor:
        first[0] = monitor.next


cdef void watchers_append(monitor_t** first, monitor_t* monitor) noexcept:
    if first[0] == NULL:
        first[0] = monitor
        monitor.target_next = monitor.target_prev = monitor
        return
    monitor.target_next = first[0]
    monitor.target_prev = first[0].target_prev
    monitor.target_prev.target_next = monitor
    monitor.target_next.target_prev = monitor


cdef void watchers_remove(monitor_t** first, monitor_t* monitor) noexcept:
    if monitor.target_next == monitor:
        first[0] = NULL
        return
    monitor.target_prev.target_next = monitor.target_next
    monitor.target_next.target_prev = monitor.target_prev
    if first[0] == monitor:
        first[0] = monitor.target_next


# --- Message timers ----------------------------------------------------------------------------


cdef message_timer_t* message_timer_new(
    Ref ref, PyObject* dest, PyObject* message, size_t words, void* owner, uint16_t kind
) except NULL:
    global free_timers, free_timers_len
    cdef message_timer_t* timer = free_timers
    if timer != NULL:
        free_timers = timer.next
        free_timers_len -= 1
    else:
        timer = <message_timer_t*>PyMem_Malloc(sizeof(message_timer_t))
        if timer == NULL:
            raise MemoryError
        timer_init(&timer.timer)
    timer.timer.owner = owner
    timer.timer.kind = kind
    Py_INCREF(ref)
    timer.ref = <PyObject*>ref
    Py_INCREF(<object>dest)
    timer.dest = dest
    Py_INCREF(<object>message)
    timer.message = message
    timer.words = words
    ref.target = timer
    ref.kind = REF_TIMER
    return timer


cdef void message_timer_free(message_timer_t* timer) noexcept:
    global free_timers, free_timers_len
    cdef PyObject* ref = timer.ref
    cdef PyObject* dest = timer.dest
    cdef PyObject* message = timer.message
    assert not timer_is_set(&timer.timer)
    forget_target(ref)
    if free_timers_len < FREE_TIMERS:
        timer.next = free_timers
        free_timers = timer
        free_timers_len += 1
    else:
        PyMem_Free(timer)
    Py_CLEAR(ref)
    Py_CLEAR(dest)
    Py_CLEAR(message)
