
from csched._bif cimport any_scheduler, charge_call, lookup
from csched._cpython cimport csched_thread_state
from csched._ids cimport NO_OWNER, Pid
from csched._process cimport FLAG_DOOMED, FLAG_EXITING, has, process_t
from csched._scheduler cimport Scheduler


cdef Scheduler asking():
    """The scheduler that runs; the call is charged if a process makes it."""
    cdef Scheduler scheduler = any_scheduler()
    if scheduler.current != NULL and scheduler.thread == csched_thread_state():
        charge_call(scheduler, 1)
    return scheduler


def is_alive(pid):
    """Whether a process lives: it has been spawned and not been told to exit.

    Parameters
    ----------
    pid : Pid

    Raises
    ------
    TypeError
        Not a Pid.
    ValueError
        A pid of another run.

    Notes
    -----
    Cost: O(1). Source: ``erlang:is_process_alive/1``, Elixir's ``Process.alive?/1``.
    """
    cdef Scheduler scheduler = asking()
    cdef process_t* process = lookup(scheduler, pid, "is_alive()")
    return process != NULL and not has(process, FLAG_DOOMED | FLAG_EXITING)


def processes():
    """The pids of all processes, in order of creation.

    Notes
    -----
    Cost: O(n), some 10 ns for each. Source: ``erlang:processes/0``, Elixir's ``Process.list/0``.
    """
    return asking().table.pids()


def pid(first, number=None, serial=None):
    """A pid from its numbers, ``pid(0, 107, 0)``, or from text, ``pid("0.107.0")`` or ``pid("#PID<0.107.0>")``.

    It may be of a process that is dead, or was never born. For shells and debugging.

    Raises
    ------
    TypeError
        Neither three ints nor one str.
    ValueError
        Text that is not a pid's, or numbers out of range.

    Notes
    -----
    Cost: O(log n). Source: IEx's ``pid/1,3``.
    """
    return asking().table.parse(first, number, serial)


def make_ref():
    """A new reference, equal to no other of this run.

    A `receive` whose pattern has it does not look at messages that had arrived before it was made.

    Notes
    -----
    Source: ``erlang:make_ref/0``.
    """
    cdef Scheduler scheduler = any_scheduler()
    if scheduler.thread != csched_thread_state() or scheduler.current == NULL:
        return scheduler.table.make_ref(NO_OWNER, 0)
    charge_call(scheduler, 1)
    return scheduler.table.make_ref((<Pid>scheduler.current.pid).id, scheduler.current.mailbox.tail)
