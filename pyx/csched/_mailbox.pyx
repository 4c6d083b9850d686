"""The mailbox; its theory of operation is in `_mailbox.pxd`."""

from cpython.mem cimport PyObject_Free, PyObject_Malloc
from cpython.ref cimport PyObject, Py_DECREF
from libc.stdint cimport uint32_t, uint64_t


cdef void move_messages(mailbox_t* mailbox, message_t* ring, uint32_t mask) noexcept:
    """Move all messages to the end of the positions given out, in `ring`: another one, or the same.

    From the newest to the oldest, so that none is overwritten before it has been moved.
    """
    cdef uint64_t source = mailbox.tail
    cdef uint64_t target = mailbox.tail
    cdef uint64_t end = mailbox.tail - mailbox.messages_len
    cdef message_t* message
    while target != end:
        source -= 1
        message = &mailbox.ring[source & mailbox.mask]
        if message.value is not NULL:
            target -= 1
            ring[target & mask] = message[0]
    mailbox.head = end
    if ring != mailbox.ring:
        if mailbox.ring != &mailbox.slot:
            PyObject_Free(mailbox.ring)
        mailbox.ring = ring
        mailbox.mask = mask


cdef int mailbox_make_room(mailbox_t* mailbox) except -1:
    cdef uint64_t capacity = <uint64_t>mailbox.mask + 1
    cdef message_t* ring
    # With holes in a quarter of it there is room enough: the next move is that many messages away.
    if <uint64_t>mailbox.messages_len * 4 <= capacity * 3:
        move_messages(mailbox, mailbox.ring, mailbox.mask)
        return 0
    if capacity >> RING_BITS_MAX:
        raise MemoryError()
    ring = <message_t*>PyObject_Malloc(capacity * 2 * sizeof(message_t))
    if ring is NULL:
        raise MemoryError()
    move_messages(mailbox, ring, <uint32_t>(capacity * 2 - 1))
    return 0


cdef inline bint has_too_many_holes(mailbox_t* mailbox) noexcept:
    return mailbox.tail - mailbox.head - mailbox.messages_len > (<uint64_t>mailbox.mask + 1) >> 1


cdef void mailbox_compact(mailbox_t* mailbox) noexcept:
    cdef uint64_t capacity = <uint64_t>mailbox.mask + 1
    cdef uint64_t wanted = capacity
    cdef message_t* ring = mailbox.ring
    while wanted > 2 * RING_KEPT and mailbox.messages_len <= wanted >> 2:
        wanted >>= 1
    if wanted != capacity:
        ring = <message_t*>PyObject_Malloc(wanted * sizeof(message_t))
        if ring is NULL:
            # The larger one serves as well, and without need nothing is moved in it.
            if not has_too_many_holes(mailbox):
                return
            ring = mailbox.ring
            wanted = capacity
    move_messages(mailbox, ring, <uint32_t>(wanted - 1))


cdef void mailbox_make_hole(mailbox_t* mailbox, uint64_t position) noexcept:
    cdef message_t* ring = mailbox.ring
    cdef uint32_t mask = mailbox.mask
    cdef uint32_t before = 0
    cdef uint32_t after = 0
    cdef message_t* hole = &ring[position & mask]
    cdef message_t* neighbour = &ring[(position - 1) & mask]
    # There always is a message or a hole before it: `head` is not at this position.
    if neighbour.value is NULL:
        before = neighbour.kind
    if position + 1 != mailbox.tail:
        neighbour = &ring[(position + 1) & mask]
        if neighbour.value is NULL:
            after = neighbour.words
    hole.value = NULL
    hole.words = after + 1
    hole.kind = before + 1
    ring[(position - before) & mask].words = before + 1 + after
    ring[(position + after) & mask].kind = before + 1 + after
    if has_too_many_holes(mailbox) or mailbox.messages_len < mask >> 3:
        mailbox_compact(mailbox)


cdef void mailbox_give_up_ring(mailbox_t* mailbox) noexcept:
    PyObject_Free(mailbox.ring)
    mailbox.ring = &mailbox.slot
    mailbox.mask = 0


cdef uint64_t mailbox_pass_holes(mailbox_t* mailbox, uint64_t position) noexcept:
    cdef message_t* ring = mailbox.ring
    cdef uint32_t mask = mailbox.mask
    cdef uint64_t end = position
    cdef uint32_t holes
    while end != mailbox.tail and ring[end & mask].value is NULL:
        end += ring[end & mask].words
    # Inside a row the numbers may have been too small; whoever comes here next finds them right.
    while position != end:
        holes = ring[position & mask].words
        ring[position & mask].words = <uint32_t>(end - position)
        position += holes
    return end


cdef void mailbox_drop_all(mailbox_t* mailbox) noexcept:
    cdef message_t* ring = mailbox.ring
    cdef message_t slot = mailbox.slot
    cdef uint32_t mask = mailbox.mask
    cdef uint64_t position = mailbox.head
    cdef uint64_t tail = mailbox.tail
    cdef bint is_inline = ring == &mailbox.slot
    cdef PyObject* value
    # The mailbox is left empty, and not looked at again, before the first reference is dropped.
    mailbox.ring = &mailbox.slot
    mailbox.mask = 0
    mailbox.head = tail
    mailbox.messages_len = 0
    mailbox.words = 0
    if is_inline:
        ring = &slot
    while position != tail:
        value = ring[position & mask].value
        if value is not NULL:
            Py_DECREF(<object>value)
        position += 1
    if not is_inline:
        PyObject_Free(ring)
