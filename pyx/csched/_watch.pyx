"""The system monitor; its theory of operation is in `_watch.pxd`."""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport INT64_MAX, int64_t, uint32_t

cimport csched._scheduler as core
from csched._bif cimport charge_call, lookup, running
from csched._cpython cimport csched_report_unraisable, csched_thread_state
from csched._heap cimport HEAP_MIN, heap_bytes
from csched._ids cimport Pid, entries_of, leaf_t
from csched._mailbox cimport mailbox_t, message_t
from csched._preempt cimport remove_callback
from csched._process cimport (
    FLAG_DOOMED, FLAG_EXITING, FLAG_NEW, FLAG_LARGE_HEAP, FLAG_LONG_QUEUE, FLAG_URGENT, Attributes, has, lower_flag,
    messages_of, process_t, raise_flag,
)
from csched._scheduler cimport Scheduler
from csched._signal cimport SLICES_TIMED, Signals, deliver_signal
from csched._timer cimport deadline_after, monotonic_ns
from csched._types cimport WORD_SIZE

import gc
import types

from csched import _names
from csched._names import call_name, code_name


cdef extern from "Python.h":
    # Without a collection, making a tuple or a frame object runs no Python code.
    bint PyGC_Disable() noexcept
    bint PyGC_Enable() noexcept
    PyObject* PyEval_GetFrame() noexcept

cdef extern from "interp.h":
    PyObject* csched_generator_globals(object generator) noexcept


cdef enum:
    # Words of a report: the tuple, the dict and what is in it.
    REPORT_WORDS = 50

# Of each kind of generator, the attributes for its code and for what it awaits.
cdef dict AWAITING = {
    types.CoroutineType: ("cr_code", "cr_await"),
    types.GeneratorType: ("gi_code", "gi_yieldfrom"),
    types.AsyncGeneratorType: ("ag_code", "ag_await"),
}
# Modules of csched whose functions are processes like any user's.
cdef tuple PROGRAMS = _names.PROGRAMS


# --- Reading a process, without Python code -----------------------------------------------------


cdef str users_module(object names):
    """The name of the module with these globals; None if it is of the runtime."""
    cdef object name = names.get("__name__")
    if type(name) is not str:
        return "?"
    if name == "csched" or ((<str>name).startswith("csched.") and name not in PROGRAMS):
        return None
    return name


cdef tuple place_in_stack(object frame):
    """(code, module) of the innermost frame that is not the runtime's; None if there is none."""
    cdef str module
    while frame is not None:
        module = users_module(frame.f_globals)
        if module is not None:
            return frame.f_code, module
        frame = frame.f_back
    return None


cdef tuple place_in_awaits(object awaitable):
    """The same for a suspended coroutine: the last in the chain of what it awaits."""
    cdef tuple place = None
    cdef PyObject* names
    cdef str module
    while type(awaitable) in AWAITING:
        names = csched_generator_globals(awaitable)
        if names == NULL:
            break
        code, awaits = AWAITING[type(awaitable)]
        module = users_module(<object>names)
        if module is not None:
            place = getattr(awaitable, code), module
        awaitable = getattr(awaitable, awaits)
    return place


cdef tuple place_of(process_t* process):
    """Where a process is that has just stopped, or is about to go on; None before it begins, and when it has ended."""
    cdef PyObject* frame
    if has(process, FLAG_EXITING) or has(process, FLAG_NEW):
        return None
    if process.fiber != NULL:
        return place_in_stack((<object>process.fiber).gr_frame)
    if process.coroutine != NULL and not (<object>process.coroutine).cr_running:
        return place_in_awaits(<object>process.coroutine)
    # On this stack.
    frame = PyEval_GetFrame()
    return place_in_stack(<object>frame) if frame != NULL else None


cdef int64_t ring_bytes(mailbox_t* mailbox) noexcept:
    return <int64_t>(mailbox.mask + 1) * sizeof(message_t) if mailbox.ring != &mailbox.slot else 0


# --- Reports -----------------------------------------------------------------------------------


cdef inline bint is_over(Watch watch) noexcept:
    cdef process_t* monitor
    if watch.pid is None:
        return True
    monitor = <process_t*>watch.pid.process
    return monitor == NULL or has(monitor, FLAG_DOOMED | FLAG_EXITING)


cdef int report(Signals signals, Watch watch, process_t* process, str tag, object info) except -1:
    """Tell the monitor process. Without collections, this runs no Python code."""
    cdef object message = ("monitor", <object>process.pid, tag, info)
    if not is_over(watch):
        deliver_signal(signals, <process_t*>watch.pid.process, message, REPORT_WORDS)
    return 0


cdef void on_message(Signals signals, process_t* process) noexcept:
    cdef Watch watch = <Watch>signals.watch
    cdef bint collects
    if has(process, FLAG_LONG_QUEUE | FLAG_DOOMED | FLAG_EXITING) or messages_of(process) < watch.high:
        return
    if process.pid == <PyObject*>watch.pid:
        return
    collects = PyGC_Disable()
    raise_flag(process, FLAG_LONG_QUEUE)
    watch.is_flagged = True
    try:
        report(signals, watch, process, "long_message_queue", True)
    except MemoryError:
        lower_flag(process, FLAG_LONG_QUEUE)
    if collects:
        PyGC_Enable()


cdef void on_slice_begin(Signals signals, process_t* process) noexcept:
    cdef Watch watch = <Watch>signals.watch
    cdef bint collects
    if watch.long_schedule_ns == INT64_MAX:
        return
    collects = PyGC_Disable()
    watch.function = <object>process.function if process.function != NULL else None
    watch.arity = process.arity
    try:
        watch.place = place_of(process)
    except MemoryError:
        watch.place = None
    if collects:
        PyGC_Enable()
    watch.began_ns = monotonic_ns()


cdef int look_at_slice(Signals signals, Watch watch, process_t* process) except -1:
    cdef int64_t began_ns = watch.began_ns
    cdef int64_t took = monotonic_ns() - began_ns
    cdef tuple began = watch.place
    cdef object function = watch.function
    cdef tuple ended
    watch.began_ns = 0
    watch.place = None
    watch.function = None
    if began_ns == 0 or took < watch.long_schedule_ns or process.pid == <PyObject*>watch.pid:
        return 0
    ended = place_of(process)
    initial = call_name(function, watch.arity) if began is None or ended is None else None
    report(signals, watch, process, "long_schedule", {
        "timeout": <double>took / 1e9,
        "in": code_name(*began) if began is not None else initial,
        "out": code_name(*ended) if ended is not None else initial,
    })
    return 0


cdef int look_at_queue(Signals signals, Watch watch, process_t* process) except -1:
    if has(process, FLAG_LONG_QUEUE) and messages_of(process) <= watch.low:
        lower_flag(process, FLAG_LONG_QUEUE)
        report(signals, watch, process, "long_message_queue", False)
    return 0


cdef int look_at_heap(Signals signals, Watch watch, process_t* process) except -1:
    cdef mailbox_t* urgent = NULL
    cdef int64_t mailbox = <int64_t>process.mailbox.words
    cdef int64_t heap = sizeof(process_t) + ring_bytes(&process.mailbox)
    if has(process, FLAG_URGENT):
        urgent = (<Attributes>process.relations.attributes).urgent
        mailbox += <int64_t>urgent.words
        heap += sizeof(mailbox_t) + ring_bytes(urgent)
    heap = heap // WORD_SIZE
    if signals.heaps.collections != watch.collections:
        # In this slice.
        watch.collections = signals.heaps.collections
        heap += heap_bytes(&process.heap) // WORD_SIZE
    else:
        heap += mailbox
        if heap < watch.large_heap and process.heap.survivors > <unsigned int>HEAP_MIN:
            return 0  # It is seen when it is collected next.
    if heap < watch.large_heap:
        lower_flag(process, FLAG_LARGE_HEAP)
    elif not has(process, FLAG_LARGE_HEAP):
        raise_flag(process, FLAG_LARGE_HEAP)
        watch.is_flagged = True
        report(signals, watch, process, "large_heap", {"heap_size": heap, "mailbox": mailbox})
    return 0


cdef int look(Signals signals, Watch watch, process_t* process) except -1:
    """See what there is to tell of a process whose slice is over."""
    if watch.long_schedule_ns != INT64_MAX:
        look_at_slice(signals, watch, process)
    if process.pid == <PyObject*>watch.pid:
        if has(process, FLAG_EXITING):
            watch.stop(signals)
    elif not has(process, FLAG_DOOMED | FLAG_EXITING):
        look_at_queue(signals, watch, process)
        if watch.large_heap != INT64_MAX:
            look_at_heap(signals, watch, process)
    return 0


cdef void on_slice_end(Signals signals, process_t* process) noexcept:
    # A finalizer in here could do nothing but send.
    cdef bint collects = PyGC_Disable()
    try:
        look(signals, <Watch>signals.watch, process)
    except BaseException as error:
        csched_report_unraisable(error, <object>process.pid)
    if collects:
        PyGC_Enable()


cdef int64_t limit_ns(object seconds) except -1:
    return deadline_after(seconds, 0) if seconds is not None else INT64_MAX


# --- The setting -------------------------------------------------------------------------------


@cython.final
cdef class Watch:
    cdef int start(self, Signals signals, Pid pid, dict options) except -1:
        """Watch from now on, instead of what was watched before."""
        self.stop(signals)
        if "long_gc" in options:
            callback = self.on_collection
            gc.callbacks.append(callback)
            self.callback = callback
        self.pid = pid
        self.options = options
        self.long_schedule_ns = limit_ns(options.get("long_schedule"))
        self.long_gc_ns = limit_ns(options.get("long_gc"))
        self.large_heap = options.get("large_heap", INT64_MAX)
        self.low, self.high = options.get("long_message_queue", (0, INT64_MAX))
        signals.watches_queues = "long_message_queue" in options
        signals.watches_slices |= SLICES_TIMED
        signals.on_message = on_message
        signals.on_slice_begin = on_slice_begin
        signals.on_slice_end = on_slice_end
        return 0

    cdef int stop(self, Signals signals) except -1:
        """Nothing is watched any more."""
        signals.watches_queues = False
        signals.watches_slices &= ~SLICES_TIMED
        self.pid = None
        self.options = None
        self.began_ns = self.collection_ns = 0
        self.place = None
        self.function = None
        if self.callback is not None:
            remove_callback(self.callback)
            self.callback = None
        return 0

    def on_collection(self, phase, info):
        """Called by `gc` before and after each collection."""
        cdef Scheduler scheduler = core.current
        cdef int64_t took
        if scheduler is None or scheduler.watch is not self or scheduler.thread != csched_thread_state():
            return
        if phase == "start":
            self.collection_ns = monotonic_ns() if scheduler.current != NULL else 0
        elif self.collection_ns and scheduler.current != NULL:
            took = monotonic_ns() - self.collection_ns
            self.collection_ns = 0
            if took >= self.long_gc_ns and self.pid is not None and scheduler.current.pid != <PyObject*>self.pid:
                report(scheduler, self, scheduler.current, "long_gc", {
                    "timeout": <double>took / 1e9, "generation": info["generation"],
                })


cdef int forget_flags(Scheduler scheduler, Watch watch) except -1:
    """Whatever was told of a process, the next monitor has not heard it."""
    cdef leaf_t* leaf
    cdef process_t* process
    cdef uint32_t i, j
    if not watch.is_flagged:
        return 0
    watch.is_flagged = False
    for i in range(scheduler.table.leaves_len):
        leaf = scheduler.table.leaves[i]
        for j in range(leaf.entries_len):
            process = <process_t*>(<Pid>entries_of(leaf)[j].pid).process
            if process != NULL:
                lower_flag(process, FLAG_LONG_QUEUE | FLAG_LARGE_HEAP)
    return 0


cdef int end_watch(Signals signals) except -1:
    if signals.watch is not None:
        (<Watch>signals.watch).stop(signals)
    return 0


cdef object check_seconds(object value, str name):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is a number of seconds, not {value!r}")
    try:
        value = float(value)
    except OverflowError:
        value = float("inf")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} is a finite number of seconds, and not negative: {value!r}")
    return value


cdef object check_count(object value, str name):
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is an int, not {value!r}")
    if not 0 <= value < INT64_MAX:
        raise ValueError(f"{name} is out of range: {value}")
    return int(value)


cdef tuple check_marks(object value):
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"long_message_queue is a tuple (low, high), not {value!r}")
    low = check_count(value[0], "the low mark of long_message_queue")
    high = check_count(value[1], "the high mark of long_message_queue")
    if low >= high:
        raise ValueError(f"the low mark of long_message_queue is below the high one: {value!r}")
    return low, high


def system_monitor(pid, *, long_schedule=None, long_gc=None, large_heap=None, long_message_queue=None):
    """Have a process told who makes the system slow, or with ``system_monitor(None)`` nobody any more.

    There is one monitor process, and one setting, for the whole system: a call replaces what was set before. The
    setting ends with the process. The monitor process itself is never told of.

    Its messages are ``("monitor", pid, tag, info)``, where `pid` is the process concerned; by `tag`, `info` is:

    * ``"long_schedule"``: ``{"timeout": seconds, "in": function, "out": function}``. It has run for that long without
      a break, from one of these functions to the other, each ``"module:function/arity"``.
    * ``"long_gc"``: ``{"timeout": seconds, "generation": int}``. A collection took that long while it ran.
    * ``"large_heap"``: ``{"heap_size": words, "mailbox": words}``. Its heap was that large after a collection, or
      the messages in its mailbox were, at the end of a slice. Told again only after it was smaller.
    * ``"long_message_queue"``: True, when its queue has reached the high mark; False, when after that it is
      down to the low one, at the end of a slice.

    Parameters
    ----------
    pid : Pid or None
        The monitor process; without any option, as with None, nothing is watched.
    long_schedule, long_gc : float, optional
        Seconds.
    large_heap : int, optional
        Words of 8 bytes.
    long_message_queue : tuple, optional
        ``(low, high)``, numbers of messages.

    Returns
    -------
    tuple or None
        The former setting, ``(pid, options)`` with a dict; None if nothing was watched.

    Raises
    ------
    TypeError
        `pid` is neither a Pid nor None, or an option is unknown or of the wrong type.
    ValueError
        The process is dead or of another run, or an option is out of range. The former setting holds.
    NotRunning
        The caller is no process.

    Notes
    -----
    Cost: O(1), or O(processes) if queues or heaps have been told of. While something is watched, some 100 ns for each
    slice, with `long_schedule` up to some microseconds. Source: ``erlang:system_monitor/2``.

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     csched.system_monitor(csched.self(), long_message_queue=(0, 2))
    ...     pid = csched.spawn(csched.receive)
    ...     for number in range(3):
    ...         csched.send(pid, number)
    ...     return csched.receive(("monitor", pid, str, csched.ANY))[2:]
    >>> csched.run(main)
    ('long_message_queue', True)
    """
    cdef Scheduler scheduler = running()
    cdef process_t* process
    cdef Watch watch
    cdef dict options = {}
    cdef object former = None
    if long_schedule is not None:
        options["long_schedule"] = check_seconds(long_schedule, "long_schedule")
    if long_gc is not None:
        options["long_gc"] = check_seconds(long_gc, "long_gc")
    if large_heap is not None:
        options["large_heap"] = check_count(large_heap, "large_heap")
    if long_message_queue is not None:
        options["long_message_queue"] = check_marks(long_message_queue)
    if pid is None:
        if options:
            raise TypeError("system_monitor(None) ends the watch: it takes no options")
    else:
        process = lookup(scheduler, pid, "system_monitor()")
        if process == NULL or has(process, FLAG_DOOMED | FLAG_EXITING):
            raise ValueError(f"{pid!r} is not alive: it cannot be the monitor process")
    if scheduler.watch is None:
        scheduler.watch = Watch()
    watch = <Watch>scheduler.watch
    if not is_over(watch):
        former = watch.pid, watch.options
    forget_flags(scheduler, watch)
    if options:
        watch.start(scheduler, <Pid>pid, options)
    else:
        watch.stop(scheduler)
    charge_call(scheduler, 1)
    return former
