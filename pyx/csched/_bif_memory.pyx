from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint8_t, uint64_t

from csched._bif cimport any_scheduler, charge_call, is_process, lookup, running
from csched._collect cimport check_heap_size, collect_heap
from csched._context cimport own_context
from csched._cpython cimport Py_CLEAR, csched_report_unraisable, csched_swap_context, csched_thread_state
from csched._process cimport (
    FLAG_DOOMED, FLAG_EXITING, FLAG_NEWS, FLAG_WAITS_FOR_MESSAGE, has, lower_flag, messages_of, process_t, raise_flag,
)
from csched._scheduler cimport OBJECTS_PER_REDUCTION, Scheduler, charge
from csched._signal cimport make_runnable, wake
from csched._types cimport ASK_MESSAGE, CONTEXT_REDS, STATE_RUNNING, STATE_SUSPENDED, STATE_WAITING

from csched._errors import NotRunning


cdef PyObject* take_fiber_context(process_t* process) noexcept:
    """The contextvars context of a process whose stack is parked, owned; NULL if it is empty."""
    cdef object context = (<object>process.fiber).gr_context
    if context is None:
        return NULL
    Py_INCREF(context)
    return <PyObject*>context


cdef void collect_there(Scheduler scheduler, process_t* process) noexcept:
    """Collect its heap in its own contextvars context."""
    cdef PyObject* context
    cdef PyObject* before
    try:
        own_context(process)
    except MemoryError as error:
        csched_report_unraisable(error, <object>process.pid)
        return
    context = process.context
    if process.fiber != NULL:
        context = take_fiber_context(process)
    before = context
    csched_swap_context(scheduler.thread, &context)
    collect_heap(scheduler, process)
    csched_swap_context(scheduler.thread, &context)
    if process.fiber == NULL:
        process.context = context
        return
    if context != before:  # It had none, and a finalizer has set a variable.
        (<object>process.fiber).gr_context = <object>context
    Py_CLEAR(context)


cdef void visit(Scheduler scheduler, process_t* process) noexcept:
    cdef process_t* caller = scheduler.current
    cdef uint64_t scanned = scheduler.scanned
    cdef int asked = scheduler.asked
    cdef uint8_t state = process.state
    cdef bint waits = has(process, FLAG_WAITS_FOR_MESSAGE)
    cdef uint64_t tail = process.mailbox.tail
    if caller != NULL:
        caller.heap.allocated += scheduler.gc.allocated[0]
    scheduler.gc.allocated[0] = 0
    lower_flag(process, FLAG_WAITS_FOR_MESSAGE)
    process.state = STATE_RUNNING
    scheduler.current = process
    collect_there(scheduler, process)
    scheduler.current = caller
    process.state = state
    scheduler.scanned = scanned
    scheduler.asked = asked
    if state == STATE_WAITING:
        if waits:
            raise_flag(process, FLAG_WAITS_FOR_MESSAGE)
        if has(process, FLAG_DOOMED) or (waits and (process.mailbox.tail != tail or has(process, FLAG_NEWS))):
            wake(scheduler, process)
    elif state == STATE_SUSPENDED and has(process, FLAG_DOOMED):
        make_runnable(scheduler, process)


def garbage_collect(pid=None):
    """Collect the garbage of one process: cycles that nothing refers to any more.

    There is seldom a reason to: a process is collected by itself when it has made many objects.

    Parameters
    ----------
    pid : Pid, optional
        The process; the caller if it is left out.

    Returns
    -------
    bool
        False if the process is dead.

    Raises
    ------
    TypeError
        Not a Pid.
    ValueError
        A pid of another run.
    NotRunning
        Not in the scheduler's thread; or no process calls, and no pid is given.

    Notes
    -----
    Finalizers run as the process whose objects they are about, and cannot wait. Where the memory of processes
    cannot be told apart (``system_info("garbage_collection")`` is ``"interpreter"``) all memory is collected.
    Inside a finalizer nothing is done. Cost: O(objects of the process), 25 ns for each. Source:
    ``erlang:garbage_collect/0,1``.

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     pid = csched.spawn(csched.receive)
    ...     return csched.garbage_collect(), csched.garbage_collect(pid)
    >>> csched.run(main)
    (True, True)
    """
    cdef Scheduler scheduler = running() if pid is None else any_scheduler()
    cdef process_t* process
    if scheduler.thread != csched_thread_state():
        raise NotRunning("garbage_collect() was called in a thread that is not the scheduler's")
    if pid is None:
        process = scheduler.current
    else:
        process = lookup(scheduler, pid, "garbage_collect()")
        if process == NULL or has(process, FLAG_DOOMED | FLAG_EXITING):
            return False
    if scheduler.preemption.is_collecting():
        return True
    if process == scheduler.current:
        collect_heap(scheduler, process)
    else:
        visit(scheduler, process)
    survivors = process.heap.survivors
    check_heap_size(scheduler, process)
    if is_process(scheduler):
        charge_call(scheduler, 1 + <int>min(survivors // OBJECTS_PER_REDUCTION, <unsigned int>CONTEXT_REDS))
    return True


def hibernate():
    """Wait until there is a message in the mailbox, with as little memory as possible; do not take it.

    Suspends. First collects the process's garbage. Returns at once if a message is there already.

    Raises
    ------
    NotRunning
        The caller is no process.

    Notes
    -----
    Unlike Erlang's, it keeps the stack of the process, and returns: an ``async def`` process that waits in
    ``await aio.hibernate()`` has none. Cost: as `garbage_collect`. Source: ``erlang:hibernate/3``.

    Examples
    --------
    >>> import csched
    >>> def sleeper(parent):
    ...     csched.hibernate()
    ...     csched.send(parent, csched.receive())
    >>> def main():
    ...     csched.send(csched.spawn(sleeper, csched.self()), "good morning")
    ...     return csched.receive()
    >>> csched.run(main)
    'good morning'
    """
    cdef Scheduler scheduler = running()
    cdef process_t* process = scheduler.current
    charge(scheduler, 1)
    if process.state != STATE_RUNNING or has(process, FLAG_DOOMED):
        scheduler.park(ASK_MESSAGE)  # Raises.
    while messages_of(process) == 0:
        scheduler.collect(process)
        scheduler.scanned = process.mailbox.tail
        if messages_of(process) == 0:  # A finalizer may have sent something.
            scheduler.park(ASK_MESSAGE)
