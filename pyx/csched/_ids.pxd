"""Identities: pids, references, and the table from a pid to its process.

Purpose: an identity is an immutable value that may be kept, compared, sent and printed long after
what it names has gone. This module, and it alone, knows whether a pid is local.

1. Ids count up by one and are never reused within a run: a 64-bit counter, shown as number (its low
   28 bits) and serial (the rest), as OTP shows them. So ids sort by creation.
2. A pid made by `spawn` points at its process for as long as it is in the table: a send needs no
   lookup. `ProcessTable.remove` clears the pointer, hence a pid can never reach a dead process.
   A live process has exactly one such Pid; a pid that is made from numbers is looked up first.
3. A pid or reference of another run (`run` differs) is refused by everything that acts on it.
4. The table holds the pids of all live processes in order of creation, in leaves of at most LEAF_SIZE entries;
   leaves are merged with a neighbour as they empty. So an insertion is O(1), a removal O(log n) and moves
   at most half a leaf, nothing if the oldest of a leaf goes, and nothing depends on how many processes there
   have been. The references are borrowed: a process owns its Pid and takes it out of the table before it lets
   go of it.
5. A reference remembers how much its maker's mailbox had taken in when it was made (`mark`). No older
   message can contain it, so a receive that asks for it starts there: a receive marker that needs no
   bookkeeping, cannot be abandoned, and of which there may be any number.
6. A reference that stands for a monitor, an alias or a timer points at it, for as long as there is that:
   to act on one takes no table. One that was pickled is kept meanwhile (`exported`), so that unpickling
   gives the same object.

Rejected: a hash table (no order: `processes()` and the listing would sort a million); an intrusive
list (a cursor that survives deaths needs registration); OTP's slot array (its size must be known at
the start, and creation order needs a sort); one array compacted when half empty (a pause that grows
with the number of processes).

Sources: erl_process.h (ERTS_PID), erl_ptab.c, erl_msg.c (receive markers, OTP 24).
"""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from csched._types cimport LEAF_SIZE


cdef enum:
    # Bits of an id that are shown as a pid's number (`_PID_NUM_SIZE`, erl_term.h); the rest is its serial.
    PID_NUMBER_BITS = 28


cdef enum:
    # Ref.kind
    REF_PLAIN = 0       # It stands for nothing, or for nothing any more.
    REF_MONITOR = 1     # `target` is a monitor_t: a monitor, an alias, or both.
    REF_TIMER = 2       # `target` is a message_timer_t.


cdef enum:
    # Ref.alias
    ALIAS_ACTIVE = 1    # It works as a destination.
    ALIAS_REPLY = 2     # Until the first message that is sent to it; that ends a monitor that it belongs to, too.
    ALIAS_MONITOR = 4   # Until the monitor that it belongs to is removed, or fires.
    ALIAS_PRIORITY = 8  # What is sent to it goes before ordinary messages.
    MONITOR_LATE = 16   # Not about aliases: the monitor was made when its target was told to exit already.


@cython.final
cdef class Pid:
    cdef uint64_t id        # Order of creation within the run.
    cdef void* process      # process_t* while in the table of the current run, else NULL; `ProcessTable` changes it.
    cdef uint32_t node      # 0: this node.
    cdef uint32_t run       # Which run of this program made it.
    cdef object text(self)


@cython.final
cdef class Ref:
    cdef uint64_t id        # Order of creation within the run.
    cdef uint64_t owner     # Pid.id of its maker, NO_OWNER if no process made it.
    cdef uint64_t mark      # Position in its maker's mailbox (`mailbox_t.tail`) when it was made.
    cdef void* target       # What it stands for, as `kind` says, while there is that; `_relation` changes it.
    cdef uint32_t run       # Which run of this program made it.
    cdef uint16_t node      # 0: this node.
    cdef uint8_t kind       # REF_...
    cdef uint8_t alias      # ALIAS_...: whether, and how, messages may be sent to it. `_signal` changes it.
    cdef uint8_t is_exported    # It is in `ProcessTable.exported`.


cdef struct entry_t:
    uint64_t id             # Pid.id, so that a search does not touch the pids.
    PyObject* pid           # Pid, borrowed from its process.


cdef struct leaf_t:
    uint32_t entries_start      # Index of the first in `entries`: the oldest go first, mostly. 0 if there is none.
    uint32_t entries_len
    entry_t entries[LEAF_SIZE]  # By id, without holes.


@cython.final
cdef class ProcessTable:
    cdef leaf_t** leaves        # By first id; only the last may be empty.
    cdef uint32_t leaves_len
    cdef uint32_t capacity      # Of `leaves`.
    cdef uint32_t last_found    # Index of the leaf that `leaf_of` found last: the next is often in it, too.
    cdef readonly uint32_t run  # Number of this run, given to each pid and reference that it makes.
    cdef readonly uint64_t processes_len
    cdef uint64_t most          # Processes there were at once, or so, since `_system` has looked.
    cdef uint64_t next_id       # Id of the next pid.
    cdef uint64_t next_ref      # Id of the next reference.
    cdef dict exported          # Id -> Ref of those that were pickled while they stood for something.
    cdef Pid insert(self, void* process)
    cdef int remove(self, Pid pid) noexcept
    cdef Pid find(self, uint64_t id)
    cdef Pid at_or_after(self, uint64_t id)
    cdef list pids(self)
    cdef Ref make_ref(self, uint64_t owner, uint64_t mark)
    cdef int check(self, Pid pid) except -1
    cdef Py_ssize_t leaf_of(self, uint64_t id) noexcept
    cdef leaf_t* add_leaf(self) except NULL
    cdef int merge(self, Py_ssize_t index) noexcept


cdef inline entry_t* entries_of(leaf_t* leaf) noexcept:
    return &leaf.entries[leaf.entries_start]


cdef uint64_t NO_OWNER  # Ref.owner of a reference that no process made.

# The table of the run that goes on, None if there is none. Set by `_system` at its start and end.
cdef ProcessTable current_table
