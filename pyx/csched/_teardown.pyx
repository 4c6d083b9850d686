"""Teardown; its theory of operation is in `_teardown.pxd`."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint8_t, uint32_t

from csched._copy cimport copy_message
from csched._cpython cimport csched_report_unraisable
from csched._ids cimport Pid, Ref
from csched._limit cimport dismiss, leave_queue
from csched._process cimport FLAG_DOOMED, Attributes, attributes_of, has, process_t, sender_t
from csched._relation cimport (
    link_free, link_t, links_pop, links_remove, message_timer_free, message_timer_t, monitor_t, relations_t,
    timers_remove,
)
from csched._signal cimport EXIT_BY_LINK, Signals, copy_reason, detach_monitor, exit_signal, fire, release
from csched._timer cimport wheel_cancel
from csched._types cimport CONTEXT_REDS, COPY_WORDS_PER_REDUCTION, STATE_EXITING

from csched._errors import ProcessExit


cdef object make_exit(process_t* process):
    cdef uint8_t state = process.state
    # This is Python code, but of the runtime: what a tick would raise in it would end the run.
    process.state = STATE_EXITING
    try:
        return ProcessExit(<object>process.exit)
    finally:
        process.state = state


cdef int report_end(Signals signals, process_t* process, object error) except -1:
    cdef object services = signals.services
    if has(process, FLAG_DOOMED) and error is None and process.unwindings:
        services.report_swallowed(
            <object>process.pid, <object>process.function, process.arity, attributes_of(process).unwinding)
    if error is not None and not isinstance(error, (ProcessExit, SystemExit)):
        # It may be told to exit while it reports: that must not cut the report off.
        process.unwindings = max(process.unwindings, <uint8_t>1)
        services.report_crash(<object>process.pid, <object>process.function, process.arity, error)
    return 0


cdef void send_output(Signals signals, process_t* process, Attributes attributes) noexcept:
    try:
        signals.services.send_output(<object>process.pid, attributes.group_leader, attributes.output)
    except BaseException as failure:
        csched_report_unraisable(failure, <object>process.pid)
    attributes.output = None


cdef int set_reason(Signals signals, process_t* process, object error) except -1:
    cdef object reason
    cdef size_t words = 0
    if has(process, FLAG_DOOMED) or error is None or process.relations == NULL:
        return 0
    if process.relations.links == NULL and process.relations.monitored_by == NULL:
        return 0
    try:
        # What it refers to beyond itself, its frames above all, is nobody's business.
        reason = copy_message(signals.services.reason_of(error), &words)
    except BaseException as failure:
        try:
            reason = signals.services.substitute_reason(error, failure)
        except BaseException:
            reason = f"<{type(error).__name__} that cannot be told>"
    Py_INCREF(reason)
    process.exit = <PyObject*>reason
    return 0


cdef void stop_timers(Signals signals, relations_t* relations, int* budget) noexcept:
    """Cancel the timers that send to it."""
    cdef message_timer_t* timer
    while relations.timers != NULL and budget[0] > 0:
        timer = relations.timers
        timers_remove(&relations.timers, timer)
        wheel_cancel(signals.wheel, &timer.timer)
        message_timer_free(timer)
        budget[0] -= 1


cdef int leave_the_table(Signals signals, process_t* process) except -1:
    """What only few processes have; then the name and the pid are free."""
    cdef Attributes attributes
    cdef sender_t* record
    cdef Pid pid
    if process.relations != NULL and process.relations.attributes != NULL:
        attributes = <Attributes>process.relations.attributes
        while attributes.sending != NULL:  # Its stack was given up in the middle of a send.
            record = attributes.sending
            attributes.sending = record.outer
            leave_queue(record)
        dismiss(signals, process)
        if attributes.suspending is not None:
            for pid, times in attributes.suspending.items():
                if pid.process != NULL:
                    release(signals, <process_t*>pid.process, <uint32_t>times)
            attributes.suspending = None
        if attributes.name is not None:
            signals.names.pop(attributes.name, None)
            attributes.name = None
    signals.table.remove(<Pid>process.pid)
    return 0


cdef int signal_links(Signals signals, process_t* process, object reason, int* budget) except -1:
    cdef relations_t* relations = process.relations
    cdef Pid pid = <Pid>process.pid
    cdef process_t* other
    cdef link_t* half
    cdef Pid other_pid
    cdef size_t words = 0
    while relations.links != NULL and budget[0] > 0:
        words = 0
        half = links_pop(&relations.links)
        other = <process_t*>half.process
        link_free(half)
        link_free(links_remove(&other.relations.links, pid.id))
        budget[0] -= 1
        other_pid = <Pid>other.pid
        copy = copy_reason(signals, other, reason, &words)
        budget[0] -= <int>min(words // COPY_WORDS_PER_REDUCTION, <size_t>CONTEXT_REDS)
        # To copy it may have run Python code, which may have ended the other.
        other = <process_t*>other_pid.process
        if other != NULL:
            exit_signal(signals, pid, other, copy, words, EXIT_BY_LINK)
    return 0


cdef void drop_monitors(relations_t* relations, int* budget) noexcept:
    """Its own monitors and aliases."""
    cdef monitor_t* monitor
    cdef Ref ref
    while relations.monitors != NULL and budget[0] > 0:
        monitor = relations.monitors
        ref = <Ref>monitor.ref
        ref.alias = 0
        detach_monitor(monitor)
        budget[0] -= 1


cdef int tell_watchers(Signals signals, process_t* process, object reason, int* budget) except -1:
    cdef int words
    while process.relations.monitored_by != NULL and budget[0] > 0:
        budget[0] -= 1
        words = fire(signals, process.relations.monitored_by, <Pid>process.pid, reason)
        budget[0] -= min(words // <int>COPY_WORDS_PER_REDUCTION, <int>CONTEXT_REDS)
    return 0


cdef bint tear_down(Signals signals, process_t* process, int* budget) except -1:
    cdef relations_t* relations = process.relations
    cdef object reason
    if relations != NULL and relations.timers != NULL:
        stop_timers(signals, relations, budget)
        if relations.timers != NULL:
            return False
    if (<Pid>process.pid).process != NULL:
        leave_the_table(signals, process)
    if relations == NULL:
        return True
    reason = <object>process.exit if process.exit != NULL else "normal"
    while relations.links != NULL and budget[0] > 0:
        try:
            signal_links(signals, process, reason, budget)
        except BaseException as error:
            csched_report_unraisable(error, <object>process.pid)
    drop_monitors(relations, budget)
    while relations.monitored_by != NULL and budget[0] > 0:
        try:
            tell_watchers(signals, process, reason, budget)
        except BaseException as error:
            csched_report_unraisable(error, <object>process.pid)
    return relations.links == NULL and relations.monitors == NULL and relations.monitored_by == NULL
