"""Mailbox limits; their theory of operation is in `_limit.pxd`."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport uint64_t

from csched._cpython cimport Py_CLEAR
from csched._ids cimport Ref
from csched._mailbox cimport KIND_MESSAGE, mailbox_at, mailbox_push, mailbox_seek, mailbox_t, mailbox_take
from csched._process cimport (
    FLAG_DOOMED, FLAG_EXITING, FLAG_NEWS, FLAG_URGENT, ON_FULL_BLOCK, ON_FULL_DROP, ON_FULL_EXIT, Attributes, has,
    lower_flag, messages_of, process_t, sender_t,
)
from csched._signal cimport Signals, alias_owner, doom, push_urgent, tell, use_up, wake
from csched._types cimport STATE_WAITING


cdef int push(Signals signals, process_t* process, PyObject* message, size_t words, bint is_urgent) except -1:
    if is_urgent:
        push_urgent(process, message, words)
    else:
        mailbox_push(&process.mailbox, message, words)
    tell(signals, process)
    return 0


cdef PyObject* take_oldest(process_t* process) noexcept:
    """Take the oldest message that some process has sent, ordinary ones first; NULL if there is none."""
    cdef PyObject* oldest = take_oldest_of(&process.mailbox)
    cdef mailbox_t* urgent
    if oldest == NULL and has(process, FLAG_URGENT):
        urgent = (<Attributes>process.relations.attributes).urgent
        oldest = take_oldest_of(urgent)
        if urgent.messages_len == 0:
            lower_flag(process, FLAG_URGENT | FLAG_NEWS)
    return oldest


cdef PyObject* take_oldest_of(mailbox_t* mailbox) noexcept:
    cdef uint64_t position = mailbox.head
    while position < mailbox.tail:
        if mailbox_at(mailbox, position).kind == KIND_MESSAGE:
            return mailbox_take(mailbox, position)
        position = mailbox_seek(mailbox, position + 1)
    return NULL


cdef admission_t admit(
    Signals signals, process_t* process, PyObject* message, size_t words, bint is_urgent, bint may_wait
) except ADMISSION_FAILED:
    cdef Attributes attributes = <Attributes>process.relations.attributes
    cdef PyObject* oldest = NULL
    if not has(process, FLAG_DOOMED | FLAG_EXITING):
        if messages_of(process) < attributes.mailbox_limit and attributes.senders == NULL:
            push(signals, process, message, words, is_urgent)
            return ADMITTED
        if attributes.on_full == ON_FULL_BLOCK:
            if may_wait:
                return FULL
            push(signals, process, message, words, is_urgent)
            return ADMITTED
        if attributes.on_full == ON_FULL_EXIT:
            doom(signals, process, "mailbox_full")
        elif attributes.on_full != ON_FULL_DROP:
            push(signals, process, message, words, is_urgent)
            oldest = take_oldest(process)
            if oldest != NULL:
                Py_DECREF(<object>oldest)
            return ADMITTED
    Py_DECREF(<object>message)
    return SWALLOWED


cdef sender_t* queue_sender(
    process_t* sender, process_t* receiver, object dest, PyObject* message, size_t words, bint is_urgent
) except NULL:
    cdef Attributes attributes = <Attributes>receiver.relations.attributes
    cdef sender_t* record = <sender_t*>PyMem_Malloc(sizeof(sender_t))
    if record == NULL:
        raise MemoryError
    record.sender = sender
    record.receiver = receiver
    record.message = message
    record.words = words
    record.is_urgent = is_urgent
    record.outer = NULL
    record.alias = NULL
    if type(dest) is Ref:
        Py_INCREF(dest)
        record.alias = <PyObject*>dest
    if attributes.senders == NULL:
        record.next = record.prev = record
        attributes.senders = record
    else:
        record.next = attributes.senders
        record.prev = record.next.prev
        record.prev.next = record
        record.next.prev = record
    return record


cdef void settle(sender_t* record) noexcept:
    """Out of the ring of the receiver."""
    cdef Attributes attributes = <Attributes>record.receiver.relations.attributes
    record.receiver = NULL
    if record.next == record:
        attributes.senders = NULL
        return
    record.prev.next = record.next
    record.next.prev = record.prev
    if attributes.senders == record:
        attributes.senders = record.next


cdef void leave_queue(sender_t* record) noexcept:
    cdef PyObject* message = record.message
    cdef PyObject* alias = record.alias
    if record.receiver != NULL:
        settle(record)
    PyMem_Free(record)
    Py_CLEAR(message)
    Py_CLEAR(alias)


cdef int let_in(Signals signals, process_t* process) except -1:
    cdef Attributes attributes = <Attributes>process.relations.attributes
    cdef sender_t* record
    cdef object alias
    while attributes.senders != NULL and (
        attributes.mailbox_limit == 0 or messages_of(process) < attributes.mailbox_limit
    ):
        record = attributes.senders
        if has(record.sender, FLAG_DOOMED):
            settle(record)  # It will take its message back.
            continue
        alias = <object>record.alias if record.alias != NULL else None
        if alias is None or alias_owner(<Ref>alias) == process:
            push(signals, process, record.message, record.words, record.is_urgent)
            record.message = NULL
        settle(record)
        if record.sender.state == STATE_WAITING:
            wake(signals, record.sender)
        use_up(<PyObject*>alias)
    return 0


cdef void dismiss(Signals signals, process_t* process) noexcept:
    cdef Attributes attributes = <Attributes>process.relations.attributes
    cdef sender_t* record
    while attributes.senders != NULL:
        record = attributes.senders
        settle(record)
        if record.sender.state == STATE_WAITING:
            wake(signals, record.sender)
