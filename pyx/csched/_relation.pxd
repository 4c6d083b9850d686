"""Relations: what ties a process to others, as data; what they mean is in `_signal`.

Purpose: links, monitors, aliases and message timers of a process, each found, added and removed in at most
O(log n), and at no cost for a process that has none of them but one pointer.

1. A link is two halves, one in the tree of each process, which names the other. Both are there or neither is.
   The tree is a treap by the other's id, whose priorities are a hash of the id: no balance to keep, no
   order of insertion that is bad, and no pause, as a hash table has when it grows. It is never walked by
   recursion: nothing here depends on the depth of the C stack.
2. A monitor is one record in two rings: of all that its owner has, and of all who watch its target. A record
   without a target is an alias, or a monitor that has fired and whose alias is still active; one that is
   neither is freed.
3. `Ref.target` points at the record that a reference stands for, a monitor_t or a message_timer_t as
   `Ref.kind` says, for as long as there is one: to find it takes no table. The record owns its Ref.
4. A timer that sends to a living pid is in the ring of that process, and goes with it.
5. Rings are circular, their last is the `prev` of their first: appending takes one pointer. They keep the
   order of making.
6. What is taken out of a tree or ring is out before any reference is dropped: Python code that runs then
   finds everything in order.

Sizes: a half of a link 32 bytes, a monitor 64 and its Ref 64, relations_t 40. Some message timers are kept free: most
of them are cancelled soon after they were set, and followed by the next.

Rejected: a dict for each process (232 bytes, and 100 for an entry); one table for a run, by pair (its growth
is a pause); Python objects for the records (a reference count for each hand-over, and 32 bytes more).

Sources: erl_monitor_link.h; Seidel and Aragon, Randomized Search Trees, 1996.
"""

from cpython.object cimport PyObject
from libc.stdint cimport uint16_t, uint64_t

from csched._ids cimport REF_PLAIN, Ref
from csched._timer cimport timer_t


cdef struct link_t:
    link_t* left        # Smaller ids.
    link_t* right       # Larger ones.
    void* process       # The process at the other end (process_t*).
    uint64_t id         # Its Pid.id.


cdef struct monitor_t:
    void* owner             # Who gets the message (process_t*).
    void* target            # Who is watched (process_t*); NULL if nobody is any more.
    monitor_t* next         # In the ring of the owner.
    monitor_t* prev
    monitor_t* target_next  # In the ring of the target, while there is one.
    monitor_t* target_prev
    PyObject* ref           # Ref, owned.
    PyObject* details       # (name or None, tag or None), owned; NULL for (None, None).


cdef struct message_timer_t:
    timer_t timer           # `owner` is the process that it sends to; NULL if that was no living pid when it was set.
    message_timer_t* next   # In the ring of that process.
    message_timer_t* prev
    PyObject* ref           # Ref, owned.
    PyObject* dest          # Pid, str or Ref; owned.
    PyObject* message       # The receiver's own already; owned.
    size_t words            # Its size.


cdef struct relations_t:
    link_t* links               # The root of the tree.
    monitor_t* monitors         # The first that the process has made, its aliases included.
    monitor_t* monitored_by     # The first that watches it.
    message_timer_t* timers     # The first that sends to it.
    PyObject* attributes        # `_process.Attributes`, owned; NULL if it has none.


cdef relations_t* relations_new() except NULL
# What a reference that was pickled stood for is over.
cdef void forget_exported(PyObject* ref) noexcept

cdef link_t* links_find(link_t* root, uint64_t id) noexcept
# The link with the smallest id above `id`, or NULL: a cursor that survives changes.
cdef link_t* links_after(link_t* root, uint64_t id) noexcept
# Add one whose id is not there yet.
cdef void links_insert(link_t** root, link_t* link) noexcept
# Take out the one with that id, or return NULL.
cdef link_t* links_remove(link_t** root, uint64_t id) noexcept
# Take out the one with the smallest id; O(1) on the average of all. NULL: there is none.
cdef link_t* links_pop(link_t** root) noexcept
# Half of a link to a process.
cdef link_t* link_new(void* process, uint64_t id) except NULL
cdef void link_free(link_t* link) noexcept

# A monitor in no ring; it takes a reference to `ref` of its own.
cdef monitor_t* monitor_new(void* owner, object ref) except NULL
# Let go of what it owns, and of itself. Clears `Ref.target`.
cdef void monitor_free(monitor_t* monitor) noexcept
cdef void monitors_append(monitor_t** first, monitor_t* monitor) noexcept
cdef void monitors_remove(monitor_t** first, monitor_t* monitor) noexcept
# The same for the ring of the target.
cdef void watchers_append(monitor_t** first, monitor_t* monitor) noexcept
cdef void watchers_remove(monitor_t** first, monitor_t* monitor) noexcept

cdef message_timer_t* message_timer_new(
    Ref ref, PyObject* dest, PyObject* message, size_t words, void* owner, uint16_t kind) except NULL
# Let go of what it owns, and of itself; it is in no ring and not set. Clears `Ref.target`. May run Python code.
cdef void message_timer_free(message_timer_t* timer) noexcept


cdef inline void forget_target(PyObject* ref) noexcept:
    """What a reference stood for is over."""
    (<Ref>ref).target = NULL
    (<Ref>ref).kind = REF_PLAIN
    if (<Ref>ref).is_exported:
        forget_exported(ref)


cdef inline void timers_append(message_timer_t** first, message_timer_t* timer) noexcept:
    if first[0] == NULL:
        first[0] = timer
        timer.next = timer.prev = timer
        return
    timer.next = first[0]
    timer.prev = first[0].prev
    timer.prev.next = timer
    timer.next.prev = timer


cdef inline void timers_remove(message_timer_t** first, message_timer_t* timer) noexcept:
    if timer.next == timer:
        first[0] = NULL
        return
    timer.prev.next = timer.next
    timer.next.prev = timer.prev
    if first[0] == timer:
        first[0] = timer.next
