cimport cython
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc, PyMem_RawRealloc
from cpython.object cimport Py_EQ, Py_GT, Py_LE, Py_LT, Py_NE, PyObject
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from csched._types cimport LEAF_SIZE

NO_OWNER = <uint64_t>-1
current_table = None

cdef uint32_t runs_len = 0  # Runs that this program has started; the first is number 1.


cdef bint ordered(int op, uint32_t run, uint64_t id, uint32_t other_run, uint64_t other_id) noexcept:
    """Compare two identities by creation; those of an earlier run come first."""
    cdef int sign
    if run != other_run:
        sign = -1 if run < other_run else 1
    else:
        sign = (id > other_id) - (id < other_id)
    if op == Py_EQ:
        return sign == 0
    if op == Py_NE:
        return sign != 0
    if op == Py_LT:
        return sign < 0
    if op == Py_LE:
        return sign <= 0
    if op == Py_GT:
        return sign > 0
    return sign >= 0


@cython.final
@cython.freelist(1024)
cdef class Pid:
    """A process identifier: the address of a process, whether it lives or not.

    Pids are made by `spawn` and, from numbers, by `pid`. They are immutable, hashable, ordered by
    creation, copyable, and picklable within one run. A pid is never reused within one run.

    Attributes
    ----------
    node : int
        0 for this node.
    number, serial : int
        What `repr` shows: ``#PID<node.number.serial>``.
    """

    def __init__(self):
        raise TypeError("a Pid is made by spawn() or pid()")

    @property
    def number(self):
        return self.id & ((1 << PID_NUMBER_BITS) - 1)

    @property
    def serial(self):
        return self.id >> PID_NUMBER_BITS

    @property
    def node(self):
        return self.node

    cdef object text(self):
        return f"#PID<{self.node}.{self.id & ((1 << PID_NUMBER_BITS) - 1)}.{self.id >> PID_NUMBER_BITS}>"

    def __repr__(self):
        return self.text()

    def __hash__(self):
        return <Py_hash_t>((self.id * <uint64_t>0x9E3779B97F4A7C15) >> 2)

    def __richcmp__(self, other, int op):
        if type(other) is not Pid:
            return NotImplemented
        return ordered(op, self.run, self.id, (<Pid>other).run, (<Pid>other).id)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return restore_pid, (self.node, self.run, self.id)


@cython.final
@cython.freelist(256)
cdef class Ref:
    """A reference: a value that is equal to no other of this run.

    Made by `make_ref`. Immutable, hashable, ordered by creation, copyable, and picklable within one
    run; ``repr`` is ``#Reference<0.1.2>``. A `receive` for a reference does not look at messages that
    had arrived before it was made.
    """

    def __init__(self):
        raise TypeError("a Ref is made by make_ref()")

    @property
    def node(self):
        return self.node

    def __repr__(self):
        return f"#Reference<{self.node}.{self.id >> 32}.{self.id & 0xFFFFFFFF}>"

    def __hash__(self):
        return <Py_hash_t>((self.id * <uint64_t>0xC2B2AE3D27D4EB4F) >> 2)

    def __richcmp__(self, other, int op):
        if type(other) is not Ref:
            return NotImplemented
        return ordered(op, self.run, self.id, (<Ref>other).run, (<Ref>other).id)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        if self.kind != REF_PLAIN and current_table is not None:
            current_table.exported[self.id] = self
            self.is_exported = True
        return restore_ref, (self.node, self.run, self.id, self.owner, self.mark)


cdef Pid make_pid(uint32_t node, uint32_t run, uint64_t id):
    cdef Pid pid = Pid.__new__(Pid)
    pid.node = node
    pid.run = run
    pid.id = id
    pid.process = NULL
    return pid


def restore_pid(uint32_t node, uint32_t run, uint64_t id):
    """Unpickle a pid: the one of the live process, if there is one."""
    cdef Pid pid
    if current_table is not None and node == 0 and run == current_table.run:
        pid = current_table.find(id)
        if pid is not None:
            return pid
    return make_pid(node, run, id)


def restore_ref(uint16_t node, uint32_t run, uint64_t id, uint64_t owner, uint64_t mark):
    """Unpickle a reference: the one that stands for something, if there is one."""
    cdef Ref ref
    if current_table is not None and node == 0 and run == current_table.run:
        ref = current_table.exported.get(id)
        if ref is not None:
            return ref
    ref = Ref.__new__(Ref)
    ref.node = node
    ref.run = run
    ref.id = id
    ref.owner = owner
    ref.mark = mark
    return ref


@cython.final
cdef class ProcessTable:
    def __cinit__(self):
        global runs_len
        runs_len += 1
        self.run = runs_len
        self.next_ref = 1
        self.exported = {}

    def __dealloc__(self):
        cdef uint32_t i
        for i in range(self.leaves_len):
            PyMem_RawFree(self.leaves[i])
        PyMem_RawFree(self.leaves)

    cdef leaf_t* add_leaf(self) except NULL:
        cdef uint32_t capacity
        cdef leaf_t** leaves
        cdef leaf_t* leaf
        if self.leaves_len == self.capacity:
            capacity = self.capacity * 2 if self.capacity else 8
            leaves = <leaf_t**>PyMem_RawRealloc(self.leaves, capacity * sizeof(leaf_t*))
            if leaves == NULL:
                raise MemoryError
            self.leaves = leaves
            self.capacity = capacity
        leaf = <leaf_t*>PyMem_RawMalloc(sizeof(leaf_t))
        if leaf == NULL:
            raise MemoryError
        leaf.entries_start = leaf.entries_len = 0
        self.leaves[self.leaves_len] = leaf
        self.leaves_len += 1
        self.most = max(self.most, self.processes_len)
        return leaf

    cdef Pid insert(self, void* process):
        """Make the pid of a new process and enter it; the caller becomes the owner of the pid."""
        cdef leaf_t* leaf = self.leaves[self.leaves_len - 1] if self.leaves_len else NULL
        cdef entry_t* entry
        cdef Pid pid = make_pid(0, self.run, self.next_id)
        if leaf == NULL or leaf.entries_start + leaf.entries_len == LEAF_SIZE:
            leaf = self.add_leaf()
        pid.process = process
        entry = &entries_of(leaf)[leaf.entries_len]
        entry.id = pid.id
        entry.pid = <PyObject*>pid
        leaf.entries_len += 1
        self.next_id += 1
        self.processes_len += 1
        return pid

    cdef Py_ssize_t leaf_of(self, uint64_t id) noexcept:
        """Index of the last leaf whose first id is not above `id`; 0 if there is none, -1 without leaves."""
        cdef Py_ssize_t low = self.last_found, high = <Py_ssize_t>self.leaves_len - 1, middle
        if high < 0:
            return -1
        if self.leaves[high].entries_len == 0 and high > 0:
            high -= 1
        if low < high and first_id(self.leaves[low]) <= id < first_id(self.leaves[low + 1]):
            return low
        if self.leaves[high].entries_len and first_id(self.leaves[high]) <= id:
            return high
        low = 0
        while low < high:
            middle = (low + high + 1) // 2
            if first_id(self.leaves[middle]) <= id:
                low = middle
            else:
                high = middle - 1
        self.last_found = <uint32_t>low
        return low

    cdef Pid find(self, uint64_t id):
        """The pid of the live process with this id, or None."""
        cdef Pid pid = self.at_or_after(id)
        return pid if pid is not None and pid.id == id else None

    cdef Pid at_or_after(self, uint64_t id):
        """The pid of the first live process whose id is `id` or above, or None: a cursor that survives deaths."""
        cdef Py_ssize_t index = self.leaf_of(id)
        cdef leaf_t* leaf
        cdef uint32_t i
        if index < 0:
            return None
        leaf = self.leaves[index]
        i = lower_bound(leaf, id)
        if i == leaf.entries_len:
            if index + 1 >= <Py_ssize_t>self.leaves_len:
                return None
            leaf = self.leaves[index + 1]
            i = 0
            if leaf.entries_len == 0:
                return None
        return <Pid>entries_of(leaf)[i].pid

    cdef int remove(self, Pid pid) noexcept:
        """Take a process out: from here on its pid is that of a dead process."""
        cdef Py_ssize_t index = self.leaf_of(pid.id)
        cdef leaf_t* leaf = self.leaves[index]
        cdef uint32_t i = lower_bound(leaf, pid.id)
        cdef entry_t* entries = entries_of(leaf)
        pid.process = NULL
        leaf.entries_len -= 1
        if i < leaf.entries_len - i:
            memmove(&entries[1], &entries[0], i * sizeof(entry_t))
            leaf.entries_start += 1
        else:
            memmove(&entries[i], &entries[i + 1], (leaf.entries_len - i) * sizeof(entry_t))
        if leaf.entries_len == 0:
            leaf.entries_start = 0
        self.processes_len -= 1
        if leaf.entries_len <= LEAF_SIZE // 4 and index + 1 < <Py_ssize_t>self.leaves_len:
            self.merge(index)
        return 0

    cdef int merge(self, Py_ssize_t index) noexcept:
        """Empty a leaf that is not the last into a neighbour, if one has room to spare."""
        cdef leaf_t* leaf = self.leaves[index]
        cdef leaf_t* other = self.leaves[index + 1]
        if other.entries_len + leaf.entries_len <= LEAF_SIZE // 4 * 3:
            move_entries(other, leaf.entries_len)
            memcpy(&other.entries[0], entries_of(leaf), leaf.entries_len * sizeof(entry_t))
            other.entries_start = 0
            other.entries_len += leaf.entries_len
        elif index > 0 and self.leaves[index - 1].entries_len + leaf.entries_len <= LEAF_SIZE // 4 * 3:
            other = self.leaves[index - 1]
            move_entries(other, 0)
            memcpy(&other.entries[other.entries_len], entries_of(leaf), leaf.entries_len * sizeof(entry_t))
            other.entries_len += leaf.entries_len
        elif leaf.entries_len:
            return 0
        self.leaves_len -= 1
        memmove(&self.leaves[index], &self.leaves[index + 1], (self.leaves_len - index) * sizeof(leaf_t*))
        PyMem_RawFree(leaf)
        return 0

    cdef list pids(self):
        """The pids of all live processes, in order of creation."""
        cdef list result = None
        cdef Py_ssize_t at
        cdef uint32_t i, k
        cdef leaf_t* leaf
        # The allocation may collect garbage, and finalizers may spawn: look again until it did not matter.
        while result is None or len(result) != <Py_ssize_t>self.processes_len:
            result = [None] * <Py_ssize_t>self.processes_len
        at = 0
        for i in range(self.leaves_len):
            leaf = self.leaves[i]
            for k in range(leaf.entries_len):
                result[at] = <object>entries_of(leaf)[k].pid
                at += 1
        return result

    cdef Ref make_ref(self, uint64_t owner, uint64_t mark):
        cdef Ref ref = Ref.__new__(Ref)
        ref.node = 0
        ref.run = self.run
        ref.id = self.next_ref
        ref.owner = owner
        ref.mark = mark
        self.next_ref += 1
        return ref

    cdef int check(self, Pid pid) except -1:
        """Raise ValueError for a pid of another run or node."""
        if pid.run != self.run or pid.node != 0:
            raise ValueError(f"{pid.text()} is a pid of another run of csched")
        return 0

    def parse(self, first, number=None, serial=None):
        """The pid with these numbers, or with this text: of a live process if there is one."""
        cdef uint64_t id
        cdef Pid pid
        cdef list parts
        if number is None and serial is None:
            if not isinstance(first, str):
                raise TypeError(f"pid() takes three ints or a str such as '0.107.0', not {first!r}")
            text = first.removeprefix("#PID")
            if text.startswith("<") and text.endswith(">"):
                text = text[1 : len(text) - 1]
            elif text is not first:
                text = ""
            parts = text.split(".")
            if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
                raise ValueError(f"{first!r} is not the text of a pid, such as '#PID<0.107.0>' or '0.107.0'")
            first, number, serial = [int(part) for part in parts]
        for part in (first, number, serial):
            if type(part) is not int:
                raise TypeError(f"pid() takes three ints or a str such as '0.107.0', not {part!r}")
        if first != 0:
            raise ValueError(f"no node {first} is known here: the first number of a local pid is 0")
        if not (0 <= number < 1 << PID_NUMBER_BITS and 0 <= serial < <uint64_t>1 << (64 - PID_NUMBER_BITS)):
            raise ValueError(f"#PID<{first}.{number}.{serial}> is out of range")
        id = <uint64_t>serial << PID_NUMBER_BITS | <uint64_t>number
        pid = self.find(id)
        return pid if pid is not None else make_pid(0, self.run, id)


cdef inline uint64_t first_id(leaf_t* leaf) noexcept:
    """The smallest id of a leaf that is not empty."""
    return leaf.entries[leaf.entries_start].id


cdef void move_entries(leaf_t* leaf, uint32_t start) noexcept:
    """Have the entries of a leaf begin at that index."""
    memmove(&leaf.entries[start], entries_of(leaf), leaf.entries_len * sizeof(entry_t))
    leaf.entries_start = start


cdef uint32_t lower_bound(leaf_t* leaf, uint64_t id) noexcept:
    """Index of the first entry of a leaf whose id is `id` or above."""
    cdef entry_t* entries = entries_of(leaf)
    cdef uint32_t low = 0, high = leaf.entries_len, middle
    cdef uint64_t newer
    if high == 0 or entries[high - 1].id < id:
        return high
    # Where it is if nobody newer has gone: the first to look at.
    newer = entries[high - 1].id - id
    if newer < high and entries[high - 1 - newer].id == id:
        return <uint32_t>(high - 1 - newer)
    while low < high:
        middle = (low + high) // 2
        if entries[middle].id < id:
            low = middle + 1
        else:
            high = middle
    return low
