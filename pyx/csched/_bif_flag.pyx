from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint32_t

from csched._bif cimport acting, any_scheduler, charge_call, lookup, running
from csched._copy cimport copy_message
from csched._ids cimport Pid
from csched._limit cimport let_in
from csched._process cimport (
    FLAG_BOUNDED, FLAG_DOOMED, FLAG_EXITING, FLAG_SUSPENDED, FLAG_TRAPS_EXIT, Attributes, attributes_of,
    attributes_or_none, has, lower_flag, process_t, raise_flag
)
from csched._scheduler cimport Scheduler
from csched._signal cimport release

PRIORITY_NAMES = ("max", "high", "normal", "low")
cdef tuple ON_FULL_NAMES = ("block", "drop", "drop_oldest", "exit")


# The largest `max_heap_size`, in words (`MAX_SMALL`, erl_term.h).
cdef int64_t MAX_HEAP_WORDS = (<int64_t>1 << 59) - 1


cdef int check_choice(object value, tuple names, str what) except -1:
    """The index of a value among the names that it may be."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {value!r}")
    if value not in names:
        raise ValueError(f"{what} is one of {', '.join(names)}, not {value!r}")
    return names.index(value)


cdef int64_t check_count(object value, int64_t least, int64_t most, str what) except -1:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is an int or None, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{what} must be from {least} to {most:,}, not {value:,}")
    return value


cdef int check_priority(object value) except -1:
    return check_choice(value, PRIORITY_NAMES, "priority")


cdef int check_on_full(object value) except -1:
    return check_choice(value, ON_FULL_NAMES, "on_full")


cdef int64_t check_max_heap_size(object value) except -1:
    return check_count(value, 0, MAX_HEAP_WORDS, "max_heap_size")


cdef int64_t check_mailbox_limit(object value) except -1:
    return check_count(value, 1, UINT32_MAX, "mailbox_limit")


cdef int set_mailbox_limit(Scheduler scheduler, process_t* process, int64_t limit) except -1:
    cdef Attributes attributes = attributes_of(process)
    attributes.mailbox_limit = <uint32_t>limit
    if limit:
        raise_flag(process, FLAG_BOUNDED)
    else:
        lower_flag(process, FLAG_BOUNDED)
    return let_in(scheduler, process)


def process_flag(flag, value):
    """Set a flag of the process that calls, and return what it was.

    Parameters
    ----------
    flag : str
        ``"trap_exit"`` (bool): exit signals become messages ``Exit(pid, reason)``. ``"priority"``: ``"low"``,
        ``"normal"``, ``"high"`` or ``"max"``. ``"max_heap_size"``: words, None for no limit. ``"message_queue_data"``:
        ``"on_heap"`` or ``"off_heap"``, which is kept and changes nothing. ``"mailbox_limit"``: messages, None for no
        limit; what happens to more was chosen by `spawn_opt`, and is ``"block"`` otherwise.
    value : object

    Returns
    -------
    object
        The old value.

    Raises
    ------
    TypeError
        The value is of the wrong type.
    ValueError
        No such flag, or no such value.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: ``erlang:process_flag/2``.
    """
    cdef Scheduler scheduler = acting()
    cdef process_t* process = scheduler.current
    cdef Attributes attributes = attributes_or_none(process)
    cdef int64_t number
    if flag == "trap_exit":
        if not isinstance(value, bool):
            raise TypeError(f"trap_exit is a bool, not {value!r}")
        old = has(process, FLAG_TRAPS_EXIT)
        if value:
            raise_flag(process, FLAG_TRAPS_EXIT)
        else:
            lower_flag(process, FLAG_TRAPS_EXIT)
        old = True if old else False
    elif flag == "priority":
        number = check_priority(value)
        old = PRIORITY_NAMES[process.priority]
        process.priority = <uint8_t>number  # It is in no queue now.
    elif flag == "max_heap_size":
        number = check_max_heap_size(value)
        old = (attributes.max_heap_size if attributes is not None else 0) or None
        attributes_of(process).max_heap_size = number
    elif flag == "message_queue_data":
        number = check_choice(value, ("on_heap", "off_heap"), "message_queue_data")
        old = "off_heap" if attributes is not None and attributes.off_heap else "on_heap"
        attributes_of(process).off_heap = number != 0
    elif flag == "mailbox_limit":
        number = check_mailbox_limit(value)
        old = (attributes.mailbox_limit if attributes is not None else 0) or None
        set_mailbox_limit(scheduler, process, number)
    else:
        raise ValueError(f"process_flag() knows no flag {flag!r}")
    charge_call(scheduler, 1)
    return old


# --- The process dictionary --------------------------------------------------------------------


def put(key, value):
    """Keep a value in the process dictionary, and return what was there under that key, or None.

    Nothing is copied: nobody else sees it.

    Parameters
    ----------
    key : hashable
    value : object

    Raises
    ------
    TypeError
        The key is not hashable.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: ``erlang:put/2``.
    """
    cdef Scheduler scheduler = acting()
    cdef Attributes attributes = attributes_of(scheduler.current)
    charge_call(scheduler, 1)
    if attributes.dictionary is None:
        attributes.dictionary = {}
    old = attributes.dictionary.get(key)
    attributes.dictionary[key] = value
    return old


cdef dict own_dictionary():
    """The process dictionary of the caller, None if it is empty."""
    cdef Scheduler scheduler = running()
    cdef Attributes attributes = attributes_or_none(scheduler.current)
    charge_call(scheduler, 1)
    return attributes.dictionary if attributes is not None else None


def get(key, default=None):
    """What is in the process dictionary under this key, or the default.

    Raises
    ------
    TypeError
        The key is not hashable.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: ``erlang:get/1``.
    """
    cdef dict dictionary = own_dictionary()
    if dictionary is None:
        hash(key)
        return default
    return dictionary.get(key, default)


def get_keys():
    """The keys of the process dictionary, in the order in which they were put there.

    Notes
    -----
    Cost: O(n). Source: ``erlang:get_keys/0``.
    """
    cdef dict dictionary = own_dictionary()
    return list(dictionary) if dictionary is not None else []


def erase(key):
    """Remove a key from the process dictionary, and return what was there, or None.

    Raises
    ------
    TypeError
        The key is not hashable.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1). Source: ``erlang:erase/1``.
    """
    cdef dict dictionary = own_dictionary()
    if dictionary is None:
        hash(key)
        return None
    return dictionary.pop(key, None)


# --- Labels and leaders --------------------------------------------------------------------------


def set_label(label):
    """Give the process that calls a label, which `i()` shows in place of a name. None takes it away.

    Parameters
    ----------
    label : object
        Anything that can be copied; it need not be unlike others' labels.

    Raises
    ------
    CopyError
        It cannot be copied.
    NotRunning
        The caller is no process.

    Notes
    -----
    Source: ``proc_lib:set_label/1``, Elixir's ``Process.set_label/1``.
    """
    cdef Scheduler scheduler = acting()
    cdef size_t words = 0
    label = copy_message(label, &words)
    attributes_of(scheduler.current).label = label
    charge_call(scheduler, 1)


def get_label(pid):
    """The label of a process; None if it has none, or is dead.

    Parameters
    ----------
    pid : Pid

    Raises
    ------
    TypeError
        Not a Pid.
    ValueError
        A pid of another run.
    NotRunning
        No scheduler is running.

    Notes
    -----
    Source: ``proc_lib:get_label/1``.
    """
    cdef Scheduler scheduler = any_scheduler()
    cdef process_t* process = lookup(scheduler, pid, "get_label()")
    cdef Attributes attributes = attributes_or_none(process) if process != NULL else None
    cdef size_t words = 0
    return copy_message(attributes.label, &words) if attributes is not None else None


# --- Suspension ----------------------------------------------------------------------------------


cdef int forget_dead(Attributes attributes) except -1:
    """Those that a process has suspended and that have died since: now and then, so that they do not pile up."""
    cdef Pid pid
    for pid in list(attributes.suspending):
        if pid.process == NULL:
            del attributes.suspending[pid]
    attributes.suspending_max = 16 + 2 * <uint32_t>len(attributes.suspending)
    return 0


def suspend(pid):
    """Let a process not run until it is resumed as often as it was suspended; for debugging.

    Messages still arrive at it, and an exit signal ends it. What the caller has suspended is resumed when the
    caller ends.

    Parameters
    ----------
    pid : Pid
        Not the caller's.

    Returns
    -------
    bool
        True.

    Raises
    ------
    TypeError
        Not a Pid.
    ValueError
        It is dead, the caller itself, or of another run.
    NotRunning
        The caller is no process.

    Notes
    -----
    Source: ``erlang:suspend_process/1``.
    """
    cdef Scheduler scheduler = acting()
    cdef process_t* process = lookup(scheduler, pid, "suspend()")
    cdef Attributes attributes, suspended
    if process == NULL or has(process, FLAG_DOOMED | FLAG_EXITING):
        raise ValueError(f"{pid!r} is dead: it cannot be suspended")
    if process == scheduler.current:
        raise ValueError("a process cannot suspend itself")
    attributes = attributes_of(scheduler.current)
    suspended = attributes_of(process)
    if attributes.suspending is None:
        attributes.suspending = {}
    elif len(attributes.suspending) >= attributes.suspending_max:
        forget_dead(attributes)
    attributes.suspending[pid] = attributes.suspending.get(pid, 0) + 1
    suspended.suspends += 1
    raise_flag(process, FLAG_SUSPENDED)
    charge_call(scheduler, 1)
    return True


def resume(pid):
    """Take one `suspend` of the process that calls back.

    Parameters
    ----------
    pid : Pid

    Returns
    -------
    bool
        True.

    Raises
    ------
    TypeError
        Not a Pid.
    ValueError
        The caller has not suspended it, it is dead, or it is of another run.
    NotRunning
        The caller is no process.

    Notes
    -----
    Source: ``erlang:resume_process/1``.
    """
    cdef Scheduler scheduler = acting()
    cdef process_t* process = lookup(scheduler, pid, "resume()")
    cdef Attributes attributes = attributes_or_none(scheduler.current)
    if process == NULL:
        raise ValueError(f"{pid!r} is dead: it cannot be resumed")
    if attributes is None or attributes.suspending is None or pid not in attributes.suspending:
        raise ValueError(f"this process has not suspended {pid!r}")
    if attributes.suspending[pid] == 1:
        del attributes.suspending[pid]
    else:
        attributes.suspending[pid] -= 1
    release(scheduler, process, 1)
    charge_call(scheduler, 1)
    return True
