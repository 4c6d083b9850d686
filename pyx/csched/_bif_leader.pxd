"""Group leaders: the process that speaks for a group of others, and prints for them.

Purpose: `group_leader`, and that `print` obeys it.

1. Each process has a group leader, inherited from who spawned it; by default the first process. Only another one
   than that is kept (FLAG_HAS_LEADER, `Attributes.group_leader`).
2. As long as nobody has another one, `print` is as always. Then `sys.stdout` is replaced by an Output until the run
   ends. That looks at who writes: most pass through; a process with a leader asks that to print, by Erlang's I/O
   protocol, and waits for the reply, or for the end of the leader.
3. A leader that prints is a process like any other: its own leader decides. So the request ends at one whose leader is
   the default one, or itself.
4. `print` writes piece by piece, the end of the line for itself. So a process's text is kept until a line is complete;
   the rest is sent when it flushes, gets another leader, or ends.
5. Who cannot wait (it is told to exit, or torn down; or inside a copying hook or a collection) sends and does
   not wait. The reply then goes to a reference that nobody listens to, unless the sender ends anyway.
6. An Output is of no run: one that somebody has kept (`contextlib.redirect_stdout` does) asks at each write
   who writes, and at what process there is.

Rejected: a write in Python (a process could be interrupted between the text and the end of its line, so lines of those
that pass through would not stay whole); an Output for each process (there is one `sys.stdout`).

Sources: Erlang's "The Erlang I/O Protocol"; io.erl; group.erl.
"""

cimport cython

from csched._ids cimport Ref
from csched._signal cimport Signals


@cython.final
cdef class Output:
    cdef readonly object real   # What `sys.stdout` was.


@cython.final
cdef class Answer:
    # A receive pattern: what ends the wait for the reply to a request.
    cdef Ref ref                # Of the monitor, and of the request.


# The run ends: `sys.stdout` is what it was, unless somebody has replaced it since.
cdef int restore_output(Signals signals) except -1
