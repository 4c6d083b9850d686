"""The C interface of `_mailbox`, for its tests."""

cimport cython
from cpython.ref cimport PyObject, Py_DECREF, Py_INCREF
from libc.stdint cimport uint64_t

from csched cimport _mailbox

MAILBOX_SIZE = sizeof(_mailbox.mailbox_t)
RING_KEPT = _mailbox.RING_KEPT


@cython.final
cdef class Mailbox:
    cdef _mailbox.mailbox_t mailbox

    def __cinit__(self):
        _mailbox.mailbox_init(&self.mailbox)

    def __dealloc__(self):
        _mailbox.mailbox_clear(&self.mailbox)

    def __len__(self):
        return self.mailbox.messages_len

    @property
    def head(self):
        return self.mailbox.head

    @property
    def tail(self):
        return self.mailbox.tail

    @property
    def words(self):
        return self.mailbox.words

    @property
    def capacity(self):
        return self.mailbox.mask + 1

    @property
    def is_inline(self):
        return self.mailbox.ring == &self.mailbox.slot

    def push(self, value, size_t words=1):
        Py_INCREF(value)
        try:
            _mailbox.mailbox_push(&self.mailbox, <PyObject*>value, words)
        except MemoryError:
            Py_DECREF(value)
            raise

    def at(self, uint64_t position):
        """The message at a position; KeyError if that is a hole."""
        cdef _mailbox.message_t* message = _mailbox.mailbox_at(&self.mailbox, position)
        if message.value is NULL:
            raise KeyError(position)
        assert message.kind == _mailbox.KIND_MESSAGE
        return <object>message.value

    def seek(self, uint64_t position):
        return _mailbox.mailbox_seek(&self.mailbox, position)

    def take(self, uint64_t position):
        cdef PyObject* value = _mailbox.mailbox_take(&self.mailbox, position)
        message = <object>value
        Py_DECREF(message)
        return message

    def clear(self):
        _mailbox.mailbox_clear(&self.mailbox)

    def messages(self, uint64_t mark=0):
        """All messages with their positions, from a mark on."""
        cdef list found = []
        cdef uint64_t position = _mailbox.mailbox_seek(&self.mailbox, mark)
        while position != self.mailbox.tail:
            found.append((position, <object>_mailbox.mailbox_at(&self.mailbox, position).value))
            position = _mailbox.mailbox_seek(&self.mailbox, position + 1)
        return found

    def find(self, value, uint64_t mark=0):
        """The position of a message, by identity; `tail` if there is none."""
        cdef uint64_t position = _mailbox.mailbox_seek(&self.mailbox, mark)
        while position != self.mailbox.tail:
            if _mailbox.mailbox_at(&self.mailbox, position).value == <PyObject*>value:
                break
            position = _mailbox.mailbox_seek(&self.mailbox, position + 1)
        return position

    def call(self, value, int times):
        """Times over: mark the end, push, find the first message after the mark, take it."""
        cdef uint64_t mark
        for _ in range(times):
            mark = self.mailbox.tail
            self.push(value)
            assert self.take(self.find(value, mark)) is value

    def holes_are_right(self):
        """Recount each row of holes: exact at its ends, never too large inside."""
        cdef uint64_t position = self.mailbox.head
        cdef uint64_t first, hole
        cdef _mailbox.message_t* message
        cdef uint64_t holes = self.mailbox.tail - position - self.mailbox.messages_len
        if position != self.mailbox.tail and (
            _mailbox.mailbox_at(&self.mailbox, position).value is NULL
        ):
            return False
        while position != self.mailbox.tail:
            first = position
            while position != self.mailbox.tail and (
                _mailbox.mailbox_at(&self.mailbox, position).value is NULL
            ):
                position += 1
            for hole in range(first, position):
                message = _mailbox.mailbox_at(&self.mailbox, hole)
                if not (1 <= message.words <= position - hole
                        and 1 <= message.kind <= hole + 1 - first):
                    return False
            if first != position and not (
                _mailbox.mailbox_at(&self.mailbox, first).words == position - first
                and _mailbox.mailbox_at(&self.mailbox, position - 1).kind == position - first
            ):
                return False
            if position != self.mailbox.tail:
                position += 1
        return holes <= (<uint64_t>self.mailbox.mask + 1) // 2
