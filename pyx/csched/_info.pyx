"""Process information; its theory of operation is in `_info.pxd`."""

from libc.stdint cimport int64_t, uint64_t

from csched._bif cimport any_scheduler, charge_call, copy_reductions, is_process, lookup
from csched._bif_flag cimport PRIORITY_NAMES
from csched._copy cimport copy_message
from csched._cpython cimport PyCode_Addr2Line, PyCodeObject
from csched._heap cimport HEAP_MIN, heap_len, heap_t
from csched._ids cimport PID_NUMBER_BITS, REF_TIMER, Pid, Ref
from csched._inspect cimport heap_words, own_frames, reductions_of, stack_of, stack_words
from csched._mailbox cimport mailbox_at, mailbox_seek, mailbox_t
from csched._process cimport (
    FLAG_DOOMED, FLAG_EXITING, FLAG_SUSPENDED, FLAG_TRAPS_EXIT, Attributes, attributes_or_none, has, messages_of,
    process_t,
)
from csched._relation cimport link_t, links_after, message_timer_t, monitor_t, relations_t
from csched._scheduler cimport Scheduler, charge
from csched._timer cimport monotonic_ns
from csched._types cimport STATE_WAITING, WORD_SIZE

import sys

from csched._bif_link import node
from csched._names import call_name, call_place, code_name, stack_text, text_of


cdef enum:
    # Bytes of a Ref that stands for something.
    REF_SIZE = 64

# By item_t.
cdef tuple ITEMS = (
    "registered_name", "current_function", "initial_call", "status", "message_queue_len", "links", "dictionary",
    "trap_exit", "priority", "group_leader", "total_heap_size", "heap_size", "stack_size", "reductions",
    "garbage_collection",
    "messages", "monitors", "monitored_by", "memory", "current_location", "current_stacktrace", "backtrace",
    "parent", "label", "max_heap_size", "message_queue_data", "mailbox_limit", "suspending", "timers",
)
# Those that are told from the frames.
cdef frozenset STACK_ITEMS = frozenset((
    <int>ITEM_CURRENT_FUNCTION, <int>ITEM_STACK_SIZE, <int>ITEM_MEMORY, <int>ITEM_CURRENT_LOCATION,
    <int>ITEM_CURRENT_STACKTRACE, <int>ITEM_BACKTRACE,
))
cdef tuple USUAL = ITEMS[: <int>ITEM_GARBAGE_COLLECTION + 1]
cdef dict NUMBERS = {item: number for number, item in enumerate(ITEMS)}


# --- Reading -------------------------------------------------------------------------------------


cdef list gather(Pid pid, collect_t collect):
    cdef list found = []
    cdef Py_ssize_t found_len
    while pid.process != NULL:
        found_len = collect(<process_t*>pid.process, found)
        if found_len == len(found):
            return found
        found = [None] * found_len
    return None


cdef Py_ssize_t collect_links(process_t* process, list into) noexcept:
    """The pids at the other ends, in order of creation."""
    cdef Py_ssize_t at = 0
    cdef link_t* link = NULL
    if process.relations == NULL or process.relations.links == NULL:
        return 0
    link = process.relations.links
    while link.left != NULL:
        link = link.left
    while link != NULL:
        if at < len(into):
            into[at] = <object>(<process_t*>link.process).pid
        at += 1
        link = links_after(process.relations.links, link.id)
    return at


cdef Py_ssize_t collect_monitors(process_t* process, list into) noexcept:
    """The pid that is watched, and the details, of each monitor."""
    cdef Py_ssize_t at = 0
    cdef monitor_t* first = process.relations.monitors if process.relations != NULL else NULL
    cdef monitor_t* monitor = first
    while monitor != NULL:
        if monitor.target != NULL:  # Else it is an alias alone.
            if at + 1 < len(into):
                into[at] = <object>(<process_t*>monitor.target).pid
                into[at + 1] = <object>monitor.details if monitor.details != NULL else None
            at += 2
        monitor = monitor.next if monitor.next != first else NULL
    return at


cdef Py_ssize_t collect_watchers(process_t* process, list into) noexcept:
    """The pid of the owner of each monitor that watches the process."""
    cdef Py_ssize_t at = 0
    cdef monitor_t* first = process.relations.monitored_by if process.relations != NULL else NULL
    cdef monitor_t* monitor = first
    while monitor != NULL:
        if at < len(into):
            into[at] = <object>(<process_t*>monitor.owner).pid
        at += 1
        monitor = monitor.target_next if monitor.target_next != first else NULL
    return at


cdef Py_ssize_t collect_timers(process_t* process, list into) noexcept:
    """The reference of each timer that sends to the process."""
    cdef Py_ssize_t at = 0
    cdef message_timer_t* first = process.relations.timers if process.relations != NULL else NULL
    cdef message_timer_t* timer = first
    while timer != NULL:
        if at < len(into):
            into[at] = <object>timer.ref
        at += 1
        timer = timer.next if timer.next != first else NULL
    return at


cdef Py_ssize_t collect_queue(mailbox_t* mailbox, list into, Py_ssize_t at) noexcept:
    cdef uint64_t position = mailbox_seek(mailbox, mailbox.head)
    while position < mailbox.tail:
        if at < len(into):
            into[at] = <object>mailbox_at(mailbox, position).value
        at += 1
        position = mailbox_seek(mailbox, position + 1)
    return at


cdef Py_ssize_t collect_messages(process_t* process, list into) noexcept:
    """The messages in the order in which a receive looks at them."""
    cdef Attributes attributes = attributes_or_none(process)
    cdef Py_ssize_t at = 0
    if attributes is not None and attributes.urgent != NULL:
        at = collect_queue(attributes.urgent, into, 0)
    return collect_queue(&process.mailbox, into, at)


cdef str status_of(Scheduler scheduler, process_t* process):
    if has(process, FLAG_DOOMED | FLAG_EXITING):
        return "exiting"
    if process == scheduler.current:
        return "running"
    if has(process, FLAG_SUSPENDED):
        return "suspended"
    return "waiting" if process.state == STATE_WAITING else "runnable"


cdef int64_t ties_size(process_t* process) except -1:
    """Bytes of its links, its own monitors and aliases, the timers that send to it, and its attributes."""
    cdef relations_t* relations = process.relations
    cdef Attributes attributes = attributes_or_none(process)
    cdef monitor_t* monitor
    cdef int64_t size
    cdef list nothing = []
    if relations == NULL:
        return 0
    size = <int64_t>sizeof(relations_t) + collect_links(process, nothing) * <int64_t>sizeof(link_t)
    size += collect_timers(process, nothing) * <int64_t>(sizeof(message_timer_t) + REF_SIZE)
    monitor = relations.monitors
    while monitor != NULL:
        size += <int64_t>(sizeof(monitor_t) + REF_SIZE)
        monitor = monitor.next if monitor.next != relations.monitors else NULL
    if attributes is not None:
        size += sys.getsizeof(attributes)
        if attributes.dictionary is not None:
            size += sys.getsizeof(attributes.dictionary)
    return size


cdef int64_t memory_of(Scheduler scheduler, process_t* process) except -1:
    """Bytes of all but its frames."""
    cdef int64_t size = <int64_t>sizeof(process_t) + sys.getsizeof(<object>process.pid)
    size += ties_size(process) + heap_words(scheduler, process) * WORD_SIZE
    if process.fiber != NULL:
        size += (<object>process.fiber)._stack_saved
    return size


cdef object copy_or_text(object value, size_t* words):
    """A copy for the asker; of what cannot be copied, its text. May run Python code."""
    try:
        return copy_message(value, words)
    except Exception:
        words[0] = 0
        return text_of(value)


cdef object copy_all(object values, size_t* words):
    """A copy of a list or dict whose parts may be shared among each other; part by part if one cannot be copied."""
    cdef size_t part = 0
    cdef dict result
    words[0] = 0
    try:
        return copy_message(values, words)
    except Exception:
        words[0] = 0
    if isinstance(values, list):
        copies = []
        for value in values:
            copies.append(copy_or_text(value, &part))
            words[0] += part
        return copies
    result = {}
    for key, value in (<dict>values).items():
        key = copy_or_text(key, &part)
        words[0] += part
        result[key] = copy_or_text(value, &part)
        words[0] += part
    return result


cdef list living(dict suspending):
    """Whom a process suspends; those who have died meanwhile may still be there."""
    cdef Pid pid
    return [(pid, times, 0) for pid, times in suspending.items() if pid.process != NULL]


cdef object read_attribute(Scheduler scheduler, Attributes attributes, item_t item, size_t* words):
    """What few processes have."""
    cdef bint is_there = attributes is not None
    if item == ITEM_REGISTERED_NAME:
        return attributes.name if is_there and attributes.name is not None else ""
    if item == ITEM_DICTIONARY:
        return copy_all(dict(attributes.dictionary), words) if is_there and attributes.dictionary is not None else {}
    if item == ITEM_GROUP_LEADER:
        return attributes.group_leader if is_there and attributes.group_leader is not None else scheduler.first
    if item == ITEM_LABEL:
        return copy_or_text(attributes.label, words) if is_there else None
    if item == ITEM_MAX_HEAP_SIZE:
        return (attributes.max_heap_size if is_there else 0) or None
    if item == ITEM_MESSAGE_QUEUE_DATA:
        return "off_heap" if is_there and attributes.off_heap else "on_heap"
    if item == ITEM_MAILBOX_LIMIT:
        return (attributes.mailbox_limit if is_there else 0) or None
    if item == ITEM_SUSPENDING:
        return living(dict(attributes.suspending)) if is_there and attributes.suspending is not None else []
    return None


cdef dict tell_collection(Scheduler scheduler, process_t* process):
    cdef Attributes attributes = attributes_or_none(process)
    cdef heap_t* heap = &process.heap
    if not scheduler.heaps.private:
        return {"collector": "interpreter"}
    return {
        "collector": "process",
        "max_heap_size": (attributes.max_heap_size if attributes is not None else 0) or None,
        "objects": heap_len(heap),
        "survivors": heap.survivors,
        "threshold": max(<unsigned int>HEAP_MIN, heap.survivors),
    }


cdef object read(Scheduler scheduler, Pid pid, item_t item, size_t* words):
    """What an item is put into words from."""
    cdef process_t* process = <process_t*>pid.process
    if item == ITEM_STATUS:
        return status_of(scheduler, process)
    if item == ITEM_MESSAGE_QUEUE_LEN:
        return messages_of(process)
    if item == ITEM_REDUCTIONS:
        return reductions_of(scheduler, process)
    if item == ITEM_TOTAL_HEAP_SIZE or item == ITEM_HEAP_SIZE:
        return heap_words(scheduler, process)
    if item == ITEM_MEMORY:
        return memory_of(scheduler, process)
    if item == ITEM_TRAP_EXIT:
        return True if has(process, FLAG_TRAPS_EXIT) else False
    if item == ITEM_PRIORITY:
        return PRIORITY_NAMES[process.priority]
    if item == ITEM_GARBAGE_COLLECTION:
        return tell_collection(scheduler, process)
    if item == ITEM_LINKS:
        return gather(pid, collect_links)
    if item == ITEM_MONITORS:
        return gather(pid, collect_monitors)
    if item == ITEM_MONITORED_BY:
        return gather(pid, collect_watchers)
    if item == ITEM_TIMERS:
        return gather(pid, collect_timers)
    if item == ITEM_MESSAGES:
        found = gather(pid, collect_messages)
        return copy_all(found, words) if found is not None else None
    if item == ITEM_PARENT:
        if process.parent == pid.id:
            return None
        return scheduler.table.parse(
            0, process.parent & ((<uint64_t>1 << PID_NUMBER_BITS) - 1), process.parent >> PID_NUMBER_BITS)
    return read_attribute(scheduler, attributes_or_none(process), item, words)


# --- Putting into words --------------------------------------------------------------------------


cdef list tell_monitors(list found):
    cdef list result = []
    cdef Py_ssize_t at
    for at in range(0, len(found), 2):
        pid, details = found[at], found[at + 1]
        if details is not None and details[0] is not None:
            result.append(("process", (details[0], node())))
        else:
            result.append(("process", pid))
    return result


cdef list tell_timers(list refs):
    cdef list result = []
    cdef int64_t left
    cdef Ref ref
    for ref in refs:
        if ref.kind == REF_TIMER:  # Else it has been cancelled meanwhile.
            left = max(<int64_t>0, (<message_timer_t*>ref.target).timer.deadline_ns - monotonic_ns())
            result.append((ref, left / 1e9))
    return result


cdef list places_of(list frames, object function, int arity):
    """(function, file, line) of each frame, innermost first."""
    cdef list places = []
    for code, module, lasti in frames:
        line = PyCode_Addr2Line(<PyCodeObject*>code, lasti)
        places.append((code_name(code, module), code.co_filename, line if line > 0 else code.co_firstlineno))
    return places if places else [call_place(function, arity)]


cdef object tell(Pid pid, item_t item, object value, list frames, object function, int arity):
    """An item as the asker gets it; `frames` are the process's own, `function` and `arity` its initial call."""
    if item == ITEM_INITIAL_CALL:
        return call_name(function, arity)
    if item == ITEM_CURRENT_FUNCTION:
        return code_name(frames[0][0], frames[0][1]) if frames else call_name(function, arity)
    if item == ITEM_CURRENT_LOCATION:
        return places_of(frames[:1], function, arity)[0]
    if item == ITEM_CURRENT_STACKTRACE:
        return places_of(frames, function, arity)
    if item == ITEM_BACKTRACE:
        return stack_text(repr(pid), places_of(frames, function, arity))
    if item == ITEM_STACK_SIZE:
        return stack_words(frames)
    if item == ITEM_MEMORY:
        return value + stack_words(frames) * WORD_SIZE
    if item == ITEM_MONITORS:
        return tell_monitors(value)
    if item == ITEM_TIMERS:
        return tell_timers(value)
    return value


cdef int number_of(object item) except -1:
    if not isinstance(item, str):
        raise TypeError(f"an item of process_info() is a str, not {item!r}")
    number = NUMBERS.get(item)
    if number is None:
        raise ValueError(f"process_info() knows no item {item!r}")
    return number


cdef tuple look(Scheduler scheduler, Pid pid, list numbers):
    """Read these items at one moment: (values, frames, function, arity); None if the process is dead."""
    cdef process_t* process = <process_t*>pid.process
    cdef list values = []
    cdef list frames = []
    cdef size_t words = 0, part
    cdef int arity, item
    if process == NULL:
        return None
    function = <object>process.function
    arity = process.arity
    if not STACK_ITEMS.isdisjoint(numbers):
        frames = stack_of(scheduler, process)
    for item in numbers:
        if pid.process == NULL:
            return None
        part = 0
        values.append(read(scheduler, pid, <item_t>item, &part))
        words += part
    if pid.process == NULL:
        return None
    if is_process(scheduler):
        charge(scheduler, copy_reductions(words))
    return values, frames, function, arity


def process_info(pid, item_or_items=None):
    """What is known of a process.

    Everything that is asked for in one call is of one moment.

    Parameters
    ----------
    pid : Pid
        Any process, the caller among them.
    item_or_items : str or list of str, optional
        ``"registered_name"``: its name, ``""`` if it has none. ``"current_function"``, ``"initial_call"``:
        ``"module:function/arity"``. ``"status"``: ``"running"``, ``"runnable"``, ``"waiting"``, ``"suspended"`` or
        ``"exiting"``, which it is from the moment that it was told to. ``"message_queue_len"``. ``"links"``: pids, in
        order of creation. ``"dictionary"``. ``"trap_exit"``. ``"priority"``. ``"group_leader"``.
        ``"total_heap_size"``, ``"heap_size"``: words of the objects that are its own, the messages in its queue
        included; containers and instances, not the numbers and text in them. ``"stack_size"``: words of its Python
        frames. ``"reductions"``. ``"garbage_collection"``: a dict: its ``"objects"``, those that survived its last
        collection (``"survivors"``), and how many more bring on the next (``"threshold"``).

        Only if asked for: ``"messages"``: copies of those in the queue. ``"monitors"``: ``("process", pid)`` or
        ``("process", (name, node()))`` for each monitor that it has made. ``"monitored_by"``: pids, one for each
        monitor. ``"memory"``: bytes of its heap, stack, links, monitors, timers, and of its C stack if one is kept.
        ``"current_location"``: ``(function, file, line)``; ``""`` and 0 where there is no Python source.
        ``"current_stacktrace"``: a list of these, innermost first. ``"backtrace"``: what `bt` prints. ``"parent"``: the
        pid of who spawned it, None for the first process. ``"label"``. ``"max_heap_size"``: words, or None.
        ``"message_queue_data"``. ``"mailbox_limit"``: messages, or None. ``"suspending"``: ``(pid, times, 0)`` for each
        that it suspends. ``"timers"``: ``(ref, seconds left)`` of each message timer that will send to it.

    Returns
    -------
    object
        The value of an item; a list of ``(item, value)`` for a list of items, in the order asked. Without: a dict of
        the items of the first paragraph, in that order, ``"registered_name"`` only if it has one. None: it is dead.
        Messages, dictionary and label are copies; of what cannot be copied, the `repr`.

    Raises
    ------
    TypeError
        Not a Pid, or not an item.
    ValueError
        An unknown item, or a pid of another run.
    NotRunning
        No scheduler is running.

    Notes
    -----
    Cost: a microsecond or so for each item; lists O(n). Source: ``erlang:process_info/1,2``, Elixir's
    ``Process.info/1,2``.

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     pid = csched.spawn(csched.receive)
    ...     csched.send(pid, "hello")
    ...     return csched.process_info(pid, ["message_queue_len", "messages", "status"])
    >>> csched.run(main)
    [('message_queue_len', 1), ('messages', ['hello']), ('status', 'runnable')]
    """
    cdef Scheduler scheduler = any_scheduler()
    cdef bint is_one = isinstance(item_or_items, str)
    cdef list numbers, values, frames
    cdef int arity, number
    if item_or_items is None:
        items = USUAL
    elif is_one:
        items = (item_or_items,)
    elif isinstance(item_or_items, (list, tuple)):
        items = tuple(item_or_items)
    else:
        raise TypeError(f"process_info() takes an item or a list of items, not {item_or_items!r}")
    lookup(scheduler, pid, "process_info()")
    numbers = [number_of(item) for item in items]
    if is_process(scheduler):
        charge_call(scheduler, 1)
    found = look(scheduler, <Pid>pid, numbers)
    if found is None:
        return None
    values, frames, function, arity = found
    frames = own_frames(frames)
    for at, number in enumerate(numbers):
        values[at] = tell(<Pid>pid, <item_t>number, values[at], frames, function, arity)
    if is_one:
        return values[0]
    if item_or_items is not None:
        return list(zip(items, values))
    result = dict(zip(items, values))
    if not result["registered_name"]:
        del result["registered_name"]
    return result
