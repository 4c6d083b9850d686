"""The process table for tests: made-up processes, of which only the address counts."""

cimport cython
from libc.stdint cimport uint64_t

from csched cimport _ids
from csched._types cimport LEAF_SIZE as leaf_size

LEAF_SIZE = leaf_size


@cython.final
cdef class Table:
    cdef _ids.ProcessTable table
    cdef dict owned     # id -> Pid: the references that processes would hold.

    def __cinit__(self):
        self.table = _ids.ProcessTable()
        self.owned = {}

    def __len__(self):
        return self.table.processes_len

    @property
    def leaves(self):
        """How many entries each leaf has."""
        return [self.table.leaves[i].entries_len for i in range(self.table.leaves_len)]

    def insert(self):
        cdef _ids.Pid pid = self.table.insert(<void*>self)
        self.owned[pid.id] = pid
        return pid.id

    def insert_many(self, uint64_t count):
        """The id of the first."""
        cdef uint64_t first = self.table.next_id
        for _ in range(count):
            self.insert()
        return first

    def remove(self, uint64_t id):
        cdef _ids.Pid pid = self.owned.pop(id)
        self.table.remove(pid)
        return pid

    def find(self, uint64_t id):
        return id_of(self.table.find(id))

    def at_or_after(self, uint64_t id):
        return id_of(self.table.at_or_after(id))

    def pids(self):
        return [id_of(pid) for pid in self.table.pids()]


def id_of(_ids.Pid pid):
    return None if pid is None else pid.id


def is_local(_ids.Pid pid not None):
    """Whether it points at a process."""
    return pid.process is not NULL
