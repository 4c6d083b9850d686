"""Destinations; their theory of operation is in `_post.pxd`."""

from cpython.object cimport PyObject

from csched._cpython cimport csched_report_unraisable
from csched._ids cimport ALIAS_PRIORITY, Pid, Ref
from csched._limit cimport admit
from csched._mailbox cimport mailbox_push
from csched._process cimport FLAG_BOUNDED, has, process_t
from csched._relation cimport forget_target, message_timer_free, message_timer_t, timers_remove
from csched._signal cimport Signals, alias_owner, push_urgent, tell, use_up


cdef int check_dest(Signals signals, object dest, str caller) except -1:
    if type(dest) is Pid:
        if (<Pid>dest).run != signals.table.run:
            signals.table.check(<Pid>dest)
    elif type(dest) is Ref:
        if (<Ref>dest).run != signals.table.run:
            raise ValueError(f"{dest!r} is a reference of another run of csched")
    elif type(dest) is not str:
        raise TypeError(f"{caller} takes a Pid, a name or an alias as destination, not {dest!r}")
    return 0


cdef process_t* find_receiver(Signals signals, object dest, bint* is_urgent) noexcept:
    cdef object pid
    is_urgent[0] = False
    if type(dest) is Ref:
        is_urgent[0] = (<Ref>dest).alias & ALIAS_PRIORITY != 0
        return alias_owner(<Ref>dest)
    if type(dest) is str:
        pid = signals.names.get(dest)
        if pid is None:
            return NULL
        return <process_t*>(<Pid>pid).process
    return <process_t*>(<Pid>dest).process


cdef int arrive(Signals signals, message_timer_t* timer) except -1:
    cdef PyObject* message = timer.message
    cdef bint is_urgent
    cdef process_t* process = find_receiver(signals, <object>timer.dest, &is_urgent)
    if process == NULL:
        return 0
    if has(process, FLAG_BOUNDED):
        admit(signals, process, message, timer.words, is_urgent, False)
        timer.message = NULL
        use_up(timer.dest)
        return 0
    if is_urgent:
        push_urgent(process, message, timer.words)
    else:
        mailbox_push(&process.mailbox, message, timer.words)
    timer.message = NULL
    tell(signals, process)
    use_up(timer.dest)
    return 0


cdef void expire(Signals signals, message_timer_t* timer) noexcept:
    cdef process_t* process = <process_t*>timer.timer.owner
    if process != NULL:
        timers_remove(&process.relations.timers, timer)
    # It can be cancelled no more: what follows may run Python code.
    forget_target(timer.ref)
    try:
        arrive(signals, timer)
    except BaseException as error:
        csched_report_unraisable(error, <object>timer.dest)
    message_timer_free(timer)
