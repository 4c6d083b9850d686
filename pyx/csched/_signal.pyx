"""Signals; their theory of operation is in `_signal.pxd`."""

from cpython.mem cimport PyMem_Malloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport INT32_MAX, uint32_t, uint64_t

from csched._copy cimport copy_message
from csched._cpython cimport csched_thread_state
from csched._heap cimport csched_heap_t
from csched._ids cimport (
    ALIAS_ACTIVE, ALIAS_MONITOR, ALIAS_REPLY, MONITOR_LATE, REF_MONITOR, Pid, Ref
)
from csched._mailbox cimport KIND_SIGNAL, mailbox_at, mailbox_init, mailbox_push, mailbox_t
from csched._process cimport (
    FLAG_DOOMED, FLAG_EXITING, FLAG_NEWS, FLAG_SUSPENDED, FLAG_TRAPS_EXIT, FLAG_URGENT, Attributes, attributes_of, has,
    lower_flag, process_t, raise_flag, relations_of,
)
from csched._relation cimport (
    link_free, link_new, link_t, links_find, links_insert, links_remove, monitor_free, monitor_t, monitors_append,
    monitors_remove, relations_t, watchers_append, watchers_remove,
)
from csched._types cimport STATE_SUSPENDED, STATE_WAITING

from csched._errors import Down, Exit


cdef extern from "sleeper.h":
    void csched_sleeper_wake(csched_sleeper_t* sleeper) noexcept


cdef extern from *:
    """
    /* A named tuple of that type, its items borrowed: without a call of its constructor, which is Python code. */
    static PyObject *csched_named_tuple(PyTypeObject *type, Py_ssize_t len, PyObject **items) {
        PyObject *tuple = type->tp_alloc(type, len);
        if (tuple != NULL) {
            for (Py_ssize_t i = 0; i < len; i++) {
                PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
            }
        }
        return tuple;
    }
    """
    object csched_named_tuple(PyTypeObject* type, Py_ssize_t len, PyObject** items)


cdef enum:
    # Words of the message around a reason: the tuple, and a pid or reference.
    EXIT_WORDS = 8

cdef PyTypeObject* EXIT = <PyTypeObject*>Exit
cdef PyTypeObject* DOWN = <PyTypeObject*>Down

cdef object PROCESS = "process"
cdef object NODE = "nonode@nohost"


cdef class Signals:
    def __cinit__(self):
        self.names = {}


cdef void wake_hub(Signals signals) noexcept:
    csched_sleeper_wake(&signals.sleeper)


# --- Delivery ----------------------------------------------------------------------------------


cdef int deliver_signal(Signals signals, process_t* process, object message, size_t words) except -1:
    mailbox_push(&process.mailbox, <PyObject*>message, words)
    Py_INCREF(message)
    mailbox_at(&process.mailbox, process.mailbox.tail - 1).kind = KIND_SIGNAL
    tell(signals, process)
    return 0


cdef int push_urgent(process_t* process, PyObject* message, size_t words) except -1:
    cdef Attributes attributes = attributes_of(process)
    if attributes.urgent == NULL:
        attributes.urgent = <mailbox_t*>PyMem_Malloc(sizeof(mailbox_t))
        if attributes.urgent == NULL:
            raise MemoryError
        mailbox_init(attributes.urgent)
    mailbox_push(attributes.urgent, message, words)
    raise_flag(process, FLAG_URGENT | FLAG_NEWS)
    return 0


cdef object new_message(Signals signals, process_t* receiver, PyTypeObject* type, Py_ssize_t len, PyObject** items):
    """A message of the runtime's own making, on the heap of its receiver."""
    cdef csched_heap_t* entered = signals.gc.entered[0]
    cdef int allocated = signals.gc.allocated[0]
    if signals.thread != csched_thread_state():
        return csched_named_tuple(type, len, items)
    signals.gc.entered[0] = &receiver.heap.objects
    try:
        return csched_named_tuple(type, len, items)
    finally:
        signals.gc.entered[0] = entered
        receiver.heap.allocated += 1
        signals.gc.allocated[0] = allocated


cdef object copy_onto(Signals signals, process_t* receiver, object message, size_t* words):
    cdef csched_heap_t* entered = signals.gc.entered[0]
    cdef int allocated = signals.gc.allocated[0]
    if receiver == NULL or signals.thread != csched_thread_state():
        return copy_message(message, words)
    signals.gc.entered[0] = &receiver.heap.objects
    try:
        return copy_message(message, words)
    finally:
        signals.gc.entered[0] = entered
        receiver.heap.allocated += signals.gc.allocated[0] - allocated
        signals.gc.allocated[0] = allocated


# --- Exits -------------------------------------------------------------------------------------


cdef void doom(Signals signals, process_t* process, object reason) noexcept:
    if has(process, FLAG_DOOMED | FLAG_EXITING):
        return
    Py_INCREF(reason)
    process.exit = <PyObject*>reason
    raise_flag(process, FLAG_DOOMED)
    if process.state == STATE_WAITING:
        wake(signals, process)
    elif process.state == STATE_SUSPENDED:
        make_runnable(signals, process)


cdef int doom_all(Signals signals, object reason) except -1:
    cdef Pid pid
    for pid in signals.table.pids():
        if pid.process != NULL:
            doom(signals, <process_t*>pid.process, reason)
    return 0


cdef inline bint is_reason(object reason, str name) noexcept:
    return type(reason) is str and <str>reason == name


cdef int exit_signal(
    Signals signals, Pid sender, process_t* process, object reason, size_t words, exit_kind_t kind
) except -1:
    cdef PyObject* items[2]
    cdef Pid pid
    if has(process, FLAG_DOOMED | FLAG_EXITING):
        return 0
    if kind != EXIT_BY_LINK and is_reason(reason, "kill"):
        doom(signals, process, "killed")
    elif has(process, FLAG_TRAPS_EXIT):
        pid = <Pid>process.pid
        items[0] = <PyObject*>sender
        items[1] = <PyObject*>reason
        # To make it may collect garbage, whose finalizers may run anything.
        message = new_message(signals, process, EXIT, 2, items)
        process = <process_t*>pid.process
        if process != NULL and not has(process, FLAG_DOOMED | FLAG_EXITING):
            deliver_signal(signals, process, message, words + EXIT_WORDS)
    elif kind == EXIT_BY_SELF or not is_reason(reason, "normal"):
        doom(signals, process, reason)
    return 0


cdef object copy_reason(Signals signals, process_t* receiver, object reason, size_t* words):
    if type(reason) is str:
        words[0] = 0
        return reason
    try:
        return copy_to(signals, receiver, reason, words)
    except BaseException:
        # In a teardown even an exit that a hook raises means no more than that.
        words[0] = 0
        return f"<{type(reason).__name__} that cannot be copied>"


# --- Links -------------------------------------------------------------------------------------


cdef bint link_processes(process_t* one, process_t* other) except -1:
    cdef uint64_t one_id = (<Pid>one.pid).id
    cdef uint64_t other_id = (<Pid>other.pid).id
    cdef relations_t* ones = relations_of(one)
    cdef relations_t* others = relations_of(other)
    cdef link_t* half
    if links_find(ones.links, other_id) != NULL:
        return False
    half = link_new(other, other_id)
    try:
        links_insert(&others.links, link_new(one, one_id))
    except MemoryError:
        link_free(half)
        raise
    links_insert(&ones.links, half)
    return True


cdef bint is_linked(process_t* one, uint64_t other_id) noexcept:
    return one.relations != NULL and links_find(one.relations.links, other_id) != NULL


cdef bint unlink_processes(process_t* one, uint64_t other_id) noexcept:
    cdef process_t* other
    cdef link_t* half
    if not is_linked(one, other_id):
        return False
    half = links_remove(&one.relations.links, other_id)
    other = <process_t*>half.process
    link_free(half)
    link_free(links_remove(&other.relations.links, (<Pid>one.pid).id))
    return True


# --- Monitors and aliases ----------------------------------------------------------------------


cdef int attach_monitor(process_t* owner, process_t* target, monitor_t* monitor) except -1:
    cdef relations_t* own = relations_of(owner)
    cdef relations_t* others
    if target != NULL:
        others = relations_of(target)
        monitor.target = target
        watchers_append(&others.monitored_by, monitor)
        if has(target, FLAG_DOOMED | FLAG_EXITING):
            (<Ref>monitor.ref).alias |= MONITOR_LATE
    monitors_append(&own.monitors, monitor)
    return 0


cdef void drop_if_idle(monitor_t* monitor) noexcept:
    """Free a record that is neither monitor nor alias any more."""
    if monitor.target == NULL and (<Ref>monitor.ref).alias & ALIAS_ACTIVE == 0:
        monitors_remove(&(<process_t*>monitor.owner).relations.monitors, monitor)
        monitor_free(monitor)


cdef void detach_monitor(monitor_t* monitor) noexcept:
    cdef process_t* target = <process_t*>monitor.target
    if target != NULL:
        watchers_remove(&target.relations.monitored_by, monitor)
        monitor.target = NULL
    if (<Ref>monitor.ref).alias & ALIAS_MONITOR:
        (<Ref>monitor.ref).alias = 0
    drop_if_idle(monitor)


cdef void end_alias(monitor_t* monitor) noexcept:
    (<Ref>monitor.ref).alias &= MONITOR_LATE
    drop_if_idle(monitor)


cdef process_t* alias_owner(Ref ref) noexcept:
    if ref.kind != REF_MONITOR or ref.alias & ALIAS_ACTIVE == 0:
        return NULL
    return <process_t*>(<monitor_t*>ref.target).owner


cdef void use_up(PyObject* dest) noexcept:
    cdef monitor_t* monitor
    cdef Ref ref
    if type(<object>dest) is not Ref or alias_owner(<Ref>dest) == NULL:
        return
    ref = <Ref>dest
    if ref.alias & ALIAS_REPLY:
        monitor = <monitor_t*>ref.target
        ref.alias &= ~<int>ALIAS_ACTIVE
        if monitor.target != NULL:
            detach_monitor(monitor)
        else:
            end_alias(monitor)


cdef object down_message(Signals signals, process_t* receiver, Ref ref, object details, Pid pid, object reason):
    cdef PyObject* items[4]
    watched = pid
    tag = None
    if details is not None:
        name, tag = details
        if name is not None:
            watched = (name, NODE)
    if tag is not None:
        return tag, ref, PROCESS, watched, reason
    items[0] = <PyObject*>ref
    items[1] = <PyObject*>PROCESS
    items[2] = <PyObject*>watched
    items[3] = <PyObject*>reason
    return new_message(signals, receiver, DOWN, 4, items)


cdef int fire(Signals signals, monitor_t* monitor, Pid pid, object reason) except -1:
    cdef process_t* owner
    cdef size_t words = 0
    cdef Ref ref = <Ref>monitor.ref
    cdef object details = <object>monitor.details if monitor.details != NULL else None
    if ref.alias & MONITOR_LATE:
        reason = "noproc"
    else:
        reason = copy_reason(signals, <process_t*>monitor.owner, reason, &words)
    try:
        # Python code may have run, which may have removed the monitor, or ended its owner.
        if ref.kind != REF_MONITOR or (<monitor_t*>ref.target).target == NULL:
            return 0
        message = down_message(signals, <process_t*>(<monitor_t*>ref.target).owner, ref, details, pid, reason)
        if ref.kind != REF_MONITOR or (<monitor_t*>ref.target).target == NULL:
            return 0
        owner = <process_t*>(<monitor_t*>ref.target).owner
        if not has(owner, FLAG_DOOMED | FLAG_EXITING):
            deliver_signal(signals, owner, message, words + EXIT_WORDS)
    finally:
        if ref.kind == REF_MONITOR:
            detach_monitor(<monitor_t*>ref.target)
    return <int>(words if words < INT32_MAX else INT32_MAX)


# --- Suspension --------------------------------------------------------------------------------


cdef void release(Signals signals, process_t* process, uint32_t times) noexcept:
    cdef Attributes attributes = <Attributes>process.relations.attributes
    attributes.suspends -= times
    if attributes.suspends:
        return
    lower_flag(process, FLAG_SUSPENDED)
    if process.state == STATE_SUSPENDED:
        make_runnable(signals, process)
