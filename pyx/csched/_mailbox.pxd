"""The mailbox: what has arrived at a process and was not yet received, in order of arrival.

Purpose: push is O(1); so is taking any message, wherever it is; a mailbox in which there never were
two at once owns no memory but the 56 bytes that are part of the process control block.

1. Every message has a position, counted from the process's birth. `tail` is the next one to be
   given out: it never goes back. The message of position p is at `ring[p & mask]`, for `head` <= p
   < `tail`.
2. A message that is taken from the middle leaves a hole. There is none at `head`: it is at the
   oldest message, or at `tail` if there is none.
3. **A position only grows.** When a mailbox is moved or compacted, messages go towards `tail`. So a
   receive marker is a mere number, `tail` at some time: all that was pushed later is found from
   there on, for ever. Older messages may come to be beyond it, which costs a look at them, no more.
4. A hole knows how many holes follow it and go before it, itself included. Both numbers are exact
   at the ends of a row of holes, and never too large elsewhere. So joining rows is O(1), and
   looking for the next message passes over a row at once, or is the last time that it does not.
5. Holes fill at most half of the ring, and messages about an eighth of it or more, if it is larger
   than 2 * RING_KEPT. Else they are moved together, into a smaller ring if they fill a quarter or
   less.
6. The first message goes to `slot`; a second one that queues makes a ring, and full rings double. A
   mailbox that runs empty gives its ring up if that is larger than RING_KEPT messages.

Ownership: the mailbox owns one reference to each value in it. `mailbox_push` takes over its
caller's, `mailbox_take` hands it on. The struct must not be moved: `ring` may point at `slot`.

Reentrancy: no function here runs Python code, except `mailbox_clear`. But whoever calls Python
between looking at a message and taking it (a predicate, `__eq__`) finds it, if it is still there,
at the same position *or a later one*, and must look for it.

Rejected: a linked list (an allocation for each message; BEAM needs one for its fragments anyway); a
`deque` (removal from the middle is O(n), and any change makes its iterators useless); compacting
towards `head` (each marker would have to be known and corrected); holes without counts (one message
that nobody takes, at the head of a busy mailbox, makes each receive pass over all holes behind it).

Sources: erl_message.h (ErtsSignalInQueue), erl_msg.c (receive markers).
"""

from cpython.ref cimport PyObject
from libc.stdint cimport UINT32_MAX, uint32_t, uint64_t


cdef enum:
    # `message_t.kind` of a message that a process has sent,
    KIND_MESSAGE = 0
    # and of one that the runtime has made, for a signal: no limit of the mailbox drops it.
    KIND_SIGNAL = 1
    # Messages in the largest ring that an empty mailbox keeps: 128 bytes. A pair of processes that
    # exchange a few at a time allocates nothing.
    RING_KEPT = 8
    # Bits of the largest ring: 32 GB. Positions in a ring and numbers of holes fit in 32 bits.
    RING_BITS_MAX = 31


cdef struct message_t:
    PyObject* value     # Owned; NULL: a hole.
    uint32_t words      # Size of its copy. Of a hole: how many begin here, itself included.
    uint32_t kind       # KIND_... Of a hole: how many end here, itself included.


cdef struct mailbox_t:
    message_t* ring         # `mask + 1` messages; `&slot` until a second one queues.
    message_t slot          # The ring of one.
    uint64_t head           # Position of the oldest message.
    uint64_t tail           # Position of the next message to arrive; `mailbox_push` changes it.
    uint32_t mask           # Messages that fit the ring, a power of two, less one.
    uint32_t messages_len   # Messages; holes are not counted.
    uint64_t words          # Sum of the words of all messages.


# Make room for one more, or raise MemoryError and leave all as it was. Called by `mailbox_push`.
cdef int mailbox_make_room(mailbox_t* mailbox) except -1
# Move the messages together, into a smaller ring if that holds them. Called by `mailbox_take`.
cdef void mailbox_compact(mailbox_t* mailbox) noexcept
# Turn the message at a position, not `head`, into a hole. Called by `mailbox_take`.
cdef void mailbox_make_hole(mailbox_t* mailbox, uint64_t position) noexcept
# Give up the ring of an empty mailbox. Called by `mailbox_take`.
cdef void mailbox_give_up_ring(mailbox_t* mailbox) noexcept
# Pass over the holes at a position. Called by `mailbox_seek`.
cdef uint64_t mailbox_pass_holes(mailbox_t* mailbox, uint64_t position) noexcept
# `mailbox_clear` of one that is not empty.
cdef void mailbox_drop_all(mailbox_t* mailbox) noexcept


cdef inline void mailbox_init(mailbox_t* mailbox) noexcept:
    mailbox.ring = &mailbox.slot
    mailbox.slot.value = NULL
    mailbox.head = 0
    mailbox.tail = 0
    mailbox.mask = 0
    mailbox.messages_len = 0
    mailbox.words = 0


cdef inline message_t* mailbox_at(mailbox_t* mailbox, uint64_t position) noexcept:
    """What is at a position, from `head` to before `tail`; good until the next push or take."""
    assert position - mailbox.head < mailbox.tail - mailbox.head
    return &mailbox.ring[position & mailbox.mask]


cdef inline uint64_t mailbox_seek(mailbox_t* mailbox, uint64_t position) noexcept:
    """The position of the first message at or after any mark of old; `tail` if there is none."""
    if position <= mailbox.head:
        return mailbox.head
    if position >= mailbox.tail or mailbox.ring[position & mailbox.mask].value is not NULL:
        return position
    return mailbox_pass_holes(mailbox, position)


cdef inline int mailbox_push(mailbox_t* mailbox, PyObject* value, size_t words) except -1:
    """Queue a message, take over the caller's reference; on MemoryError it stays the caller's."""
    cdef message_t* message
    if mailbox.tail - mailbox.head > mailbox.mask:
        mailbox_make_room(mailbox)
    message = &mailbox.ring[mailbox.tail & mailbox.mask]
    message.value = value
    # What does not fit, 32 GB, is counted as that much.
    message.words = <uint32_t>words if words < UINT32_MAX else UINT32_MAX
    message.kind = KIND_MESSAGE
    mailbox.tail += 1
    mailbox.messages_len += 1
    mailbox.words += message.words
    return 0


cdef inline PyObject* mailbox_take(mailbox_t* mailbox, uint64_t position) noexcept:
    """Remove the message at a position; the reference is now the caller's."""
    cdef message_t* message = mailbox_at(mailbox, position)
    cdef PyObject* value = message.value
    assert value is not NULL
    mailbox.messages_len -= 1
    mailbox.words -= message.words
    if mailbox.messages_len == 0:
        mailbox.head = mailbox.tail
        if mailbox.mask >= RING_KEPT:
            mailbox_give_up_ring(mailbox)
    elif position == mailbox.head:
        mailbox.head += 1
        if mailbox.ring[mailbox.head & mailbox.mask].value is NULL:
            mailbox.head = mailbox_pass_holes(mailbox, mailbox.head)
        if mailbox.messages_len < mailbox.mask >> 3:
            mailbox_compact(mailbox)
    else:
        mailbox_make_hole(mailbox, position)
    return value


cdef inline void mailbox_clear(mailbox_t* mailbox) noexcept:
    """Drop every message that is queued now, and give up the ring: at the end of a process, too. Runs Python code: what
    that pushes stays queued; that it takes, clears or frees the mailbox does no harm."""
    if mailbox.messages_len or mailbox.ring != &mailbox.slot:
        mailbox_drop_all(mailbox)
