"""Teardown: what the end of a process does to all that it was tied to.

Purpose: the order of SEMANTICS 3, for any number of links and monitors, without recursion and without a pause.

1. The order: its timers, and all that others have asked of it or it of others (suspensions, senders that wait); its
   name, and the pid out of the table; exit signals to its links; its own monitors and aliases; Down to those
   who monitor it. So when Exit or Down arrives the name is free, and the pid is that of a dead process.
2. A deadly exit signal marks the other process, and makes it runnable: it is torn down in a slice of its own. A
   chain of a million costs no stack.
3. A step takes what it works on out first, and is O(log n) and a copy of the reason; but those who wait to send
   to it, and those that it has suspended, are released in one. When the budget is used up, or a tick has come,
   the process is queued like any other, and goes on in its next slice: where it was follows from what is left.
4. FLAG_EXITING is up all the time: nothing new is tied to it, so this ends.

Sources: erl_process.c (erts_do_exit_process, erts_continue_exit_process).
"""

from csched._process cimport Attributes, process_t
from csched._signal cimport Signals


# What is raised in a process that was told to exit.
cdef object make_exit(process_t* process)
# Log what is to be logged of a process that has raised `error` (None: nothing). Runs Python code, in the process.
cdef int report_end(Signals signals, process_t* process, object error) except -1
# Send what a process has printed of an unfinished line to its group leader.
cdef void send_output(Signals signals, process_t* process, Attributes attributes) noexcept
# Find out why a process ends that has raised `error` (None: nothing), if anybody will be told. Runs Python code.
cdef int set_reason(Signals signals, process_t* process, object error) except -1
# Go on with the teardown of a process whose reason is in `exit`; `budget` is reduced by what was used. 1: it is
# done. May run Python code.
cdef bint tear_down(Signals signals, process_t* process, int* budget) except -1
