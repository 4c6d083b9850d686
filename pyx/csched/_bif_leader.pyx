"""Group leaders; their theory of operation is in `_bif_leader.pxd`."""

cimport cython
from cpython.object cimport PyObject

cimport csched._scheduler as core
from csched._bif cimport (
    RAISE, WAIT_FOUND, charge_call, is_process, lookup, running, wait_begin, wait_poll, wait_t,
)
from csched._copy cimport hooks_running
from csched._cpython cimport new_reference
from csched._ids cimport Pid, Ref
from csched._preempt cimport follow_file, inside_file
from csched._process cimport (
    FLAG_DOOMED, FLAG_EXITING, FLAG_HAS_LEADER, Attributes, attributes_of, attributes_or_none, has, lower_flag,
    process_t, raise_flag,
)
from csched._scheduler cimport Scheduler
from csched._signal cimport Signals
from csched._types cimport ASK_MESSAGE, STATE_RUNNING

import errno
import sys

from csched._bif import send
from csched._bif_link import demonitor, monitor
from csched._bif_process import make_ref


cdef enum:
    # Characters of a line that is not complete and yet is sent.
    LINE_MAX = 8192

# Tag of the message that a leader is down: no other monitor's looks like it.
cdef str LEADER_DOWN = "io_down"


# --- Requests ----------------------------------------------------------------------------------


@cython.final
cdef class Answer:
    def __call__(self, message):
        # ("io_reply", ref, reply), or (LEADER_DOWN, ref, "process", pid, reason).
        return type(message) is tuple and len(message) in (3, 5) and message[1] is self.ref


cdef object wait_for_answer(Scheduler scheduler, Ref ref):
    """The message that answers a request."""
    cdef Answer answer = Answer()
    cdef PyObject* message
    cdef wait_t wait
    answer.ref = ref
    wait_begin(scheduler, &wait, answer)
    wait.position = ref.mark  # A receive marker: what is older cannot answer.
    while wait_poll(scheduler, &wait, &message) != WAIT_FOUND:
        scheduler.park(ASK_MESSAGE)
    return new_reference(message)


cdef int put_chars(Scheduler scheduler, Pid leader, str text) except -1:
    """Have the group leader of the process that runs print, and wait until it has."""
    cdef process_t* process = scheduler.current
    cdef object pid = <object>process.pid
    if process.state != STATE_RUNNING or has(process, FLAG_DOOMED):
        scheduler.services.send_output(pid, leader, text)
        return 0
    if hooks_running() or scheduler.preemption.is_collecting():
        scheduler.services.send_output(make_ref(), leader, text)
        return 0
    ref = monitor(leader, tag=LEADER_DOWN)
    try:
        send(leader, ("io_request", pid, ref, ("put_chars", "unicode", text)))
        answer = wait_for_answer(scheduler, ref)
    finally:
        demonitor(ref, flush=True)
    if len(answer) == 5:
        raise OSError(errno.EIO, f"the group leader {leader!r} is dead, which prints for {pid!r}")
    if type(answer[2]) is tuple and len(answer[2]) == 2 and answer[2][0] == "error":
        raise OSError(errno.EIO, f"the group leader {leader!r} could not print for {pid!r}: {answer[2][1]!r}")
    return 0


# --- sys.stdout --------------------------------------------------------------------------------


cdef Attributes led():
    """The attributes of the process that calls, if another process prints for it; else None."""
    cdef Scheduler scheduler = core.current
    cdef Attributes attributes
    if scheduler is None or not is_process(scheduler) or not has(scheduler.current, FLAG_HAS_LEADER):
        return None
    attributes = attributes_or_none(scheduler.current)
    if attributes is None or <PyObject*>attributes.group_leader == scheduler.current.pid:
        return None
    return attributes


cdef Attributes led_outside(object file):
    """The same, unless the process got its leader while it was printing to the file: that print goes on as it began."""
    cdef Attributes attributes = led()
    return None if attributes is not None and inside_file(<PyObject*>file) else attributes


cdef PyObject* real_file(PyObject* file) noexcept:
    if type(<object>file) is not Output or led() is not None:
        return NULL
    return <PyObject*>(<Output>file).real


@cython.final
cdef class Output:
    """What `sys.stdout` is while processes have group leaders of their own."""

    def __cinit__(self, real):
        self.real = real

    def __getattr__(self, name):
        return getattr(self.real, name)

    def __setattr__(self, name, value):
        setattr(self.real, name, value)

    def write(self, text):
        """Write, or have the group leader of the process that calls do it, line by line."""
        cdef Attributes attributes = led_outside(self.real)
        cdef str whole
        cdef Py_ssize_t end
        if attributes is None:
            return self.real.write(text) if self.real is not None else len(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        whole = str.__str__(text)
        if attributes.output is not None:
            whole = <str>attributes.output + whole
        end = whole.rfind("\n") + 1
        if len(whole) - end >= LINE_MAX:
            end = len(whole)
        attributes.output = whole[end:] or None
        if end:
            put_chars(core.current, attributes.group_leader, whole[:end])
        return len(text)

    def writelines(self, lines):
        """Write each line."""
        for line in lines:
            self.write(line)

    def flush(self):
        """Flush, or have the group leader print what was kept of a line."""
        cdef Attributes attributes = led_outside(self.real)
        if attributes is None:
            if self.real is not None:
                self.real.flush()
        elif attributes.output is not None:
            text = attributes.output
            attributes.output = None
            put_chars(core.current, attributes.group_leader, text)


cdef int replace_output(Scheduler scheduler) except -1:
    """From here on `print` obeys group leaders."""
    scheduler.leads_output = True
    follow_file(real_file)
    real = getattr(sys, "stdout", None)
    if type(real) is not Output:
        sys.stdout = Output(real)
    return 0


cdef int restore_output(Signals signals) except -1:
    if signals.leads_output:
        follow_file(NULL)
        real = getattr(sys, "stdout", None)
        if type(real) is Output:
            sys.stdout = (<Output>real).real
    return 0


# --- The call ----------------------------------------------------------------------------------


cdef process_t* living(Scheduler scheduler, object pid) except NULL:
    cdef process_t* process = lookup(scheduler, pid, "group_leader()")
    if process == NULL or has(process, FLAG_DOOMED | FLAG_EXITING):
        raise ValueError(f"{pid!r} is not alive")
    return process


cdef int put_rest(Scheduler scheduler, Pid pid) except -1:
    """Send what a process has printed of a line to the leader that it was printed for."""
    cdef Attributes attributes = attributes_or_none(<process_t*>pid.process)
    if attributes is not None and attributes.output is not None:
        text = attributes.output
        attributes.output = None
        scheduler.services.send_output(make_ref(), attributes.group_leader, text)
    return 0


def group_leader(leader=RAISE, pid=RAISE):
    """The group leader of the process that calls; with two arguments, give a process another one.

    A process has the group leader of the process that spawned it; the first process is its own.

    What a process with another group leader than that prints to ``sys.stdout`` goes to the leader, a line in a
    message ``("io_request", pid, ref, ("put_chars", "unicode", text))``, and the process waits for
    ``("io_reply", ref, "ok")``. A dead leader, or the reply ``("error", reason)``, is an `OSError` with ``EIO``. A
    process that is its own leader prints as usual. One that is told to exit does not wait; text without an end of line
    is sent by ``flush``, and when the process ends. Nothing else happens when a leader ends.

    Parameters
    ----------
    leader : Pid, optional
        The new group leader.
    pid : Pid, optional
        The process that gets it, and gives it to those that it spawns from now on.

    Returns
    -------
    Pid or bool
        The caller's group leader, which may be dead; with two arguments, True.

    Raises
    ------
    TypeError
        One argument, or it is no Pid.
    ValueError
        One of them is dead, or of another run.
    NotRunning
        The caller is no process.

    Notes
    -----
    ``sys.stdout`` is replaced from the first call with another leader to the end of the run. Who has taken hold of it
    before, or writes to ``sys.stdout.buffer``, does not ask the leader.
    Cost: O(1). Source: ``erlang:group_leader/0,2``.

    Examples
    --------
    >>> import csched
    >>> def leader(parent):
    ...     _, sender, ref, request = csched.receive()
    ...     csched.send(sender, ("io_reply", ref, "ok"))
    ...     csched.send(parent, request)
    >>> def main():
    ...     pid = csched.spawn(lambda: csched.receive() and print("hello"))
    ...     csched.group_leader(csched.spawn(leader, csched.self()), pid)
    ...     csched.send(pid, "go on")
    ...     return csched.receive()
    >>> csched.run(main)
    ('put_chars', 'unicode', 'hello\\n')
    """
    cdef Scheduler scheduler = running()
    cdef process_t* process
    cdef Attributes attributes
    if leader is RAISE and pid is RAISE:
        attributes = attributes_or_none(scheduler.current)
        charge_call(scheduler, 1)
        if attributes is None or attributes.group_leader is None:
            return scheduler.first
        return attributes.group_leader
    if leader is RAISE or pid is RAISE:
        raise TypeError("group_leader() takes a leader and a process, or nothing")
    living(scheduler, leader)
    living(scheduler, pid)
    put_rest(scheduler, <Pid>pid)
    if leader is not scheduler.first:
        replace_output(scheduler)
    # Python code has run.
    living(scheduler, leader)
    process = living(scheduler, pid)
    if leader is not scheduler.first:
        attributes_of(process).group_leader = <Pid>leader
        raise_flag(process, FLAG_HAS_LEADER)
    elif has(process, FLAG_HAS_LEADER):
        attributes_of(process).group_leader = None
        lower_flag(process, FLAG_HAS_LEADER)
    charge_call(scheduler, 1)
    return True
