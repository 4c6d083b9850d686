"""Collecting; its theory of operation is in `_collect.pxd`."""

from libc.stdint cimport int64_t, uint32_t

from csched._cpython cimport csched_report_unraisable
from csched._heap cimport heap_bytes
from csched._process cimport (
    FLAG_TIMED_OUT, FLAG_YIELDED, Attributes, attributes_or_none, lower_flag, process_t, raise_flag,
)
from csched._signal cimport Signals, doom
from csched._timer cimport timer_free, timer_t
from csched._types cimport WORD_SIZE


cdef void collect_heap(Signals signals, process_t* process) noexcept:
    cdef timer_t* timer = process.timer
    cdef uint32_t flags = process.flags & (FLAG_TIMED_OUT | FLAG_YIELDED)
    process.timer = NULL
    lower_flag(process, FLAG_TIMED_OUT | FLAG_YIELDED)
    signals.heaps.collect(&process.heap)
    if process.timer != NULL:
        timer_free(signals.wheel, process.timer)
    process.timer = timer
    lower_flag(process, FLAG_TIMED_OUT | FLAG_YIELDED)
    raise_flag(process, flags)


cdef void check_heap_size(Signals signals, process_t* process) noexcept:
    cdef Attributes attributes = attributes_or_none(process)
    if attributes is not None and attributes.max_heap_size:
        try:
            check_size(signals, process, attributes.max_heap_size)
        except BaseException as error:
            csched_report_unraisable(error, <object>process.pid)


cdef int check_size(Signals signals, process_t* process, int64_t limit) except -1:
    cdef int64_t words = heap_bytes(&process.heap) // WORD_SIZE
    if words > limit:
        doom(signals, process, "killed")
        signals.services.report_large_heap(<object>process.pid, <object>process.function, process.arity, words, limit)
    return 0
