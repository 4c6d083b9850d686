"""Moving messages: one that nobody but the receiver will ever see again need not be copied.

Purpose: `send(pid, {"a": 1, "b": [2]})` makes a dict only to have it copied and thrown away. Where it can be
proved that nobody could tell the difference, the receiver gets the dict itself, and the sender's reference is
taken from it.

1. What is moved: lists, dicts, sets, bytearrays (the exact types), and tuples around them, each with one
   reference, to any size and to MOVE_DEPTH levels; all that is not one of these is something that copying shares
   too and that is told without a look at its class: an atom, or a tuple of such. Anything else, and all is copied.
2. Who refers to the message? Its one counted reference is that of a slot of the sender's value stack. So it is in no
   variable, no container, no frame's or generator's stack but this; no iterator, view, exported buffer or running
   method of it exists, since each has a reference. To each of its containers the one reference is its parent's.
3. Who knows of it without a reference? Weak references (only sets have any: looked at); a dict's watchers and those
   with the same table of keys (looked at); the collector's lists (4). No instruction of 3.11 to 3.13 leaves a
   borrowed reference on the stack or in a variable. A pointer that C code has kept without counting was going to
   dangle at the end of the statement.
4. The containers are taken from the list that they are on, to the end of the receiver's, by their own links
   (`_heap`). No Python code runs between the first look and the end. One that the collector has untracked stays so.
   In a collection, or a hook of a copy, another list than the sender's is entered, and an object that a collection
   looks at is marked: nothing is moved. What is refused late stays on the sender's list.
5. Who could get at it later? `send` returns its message, so the next instruction must drop the result: then None is
   returned. Into the slot goes None as well, before anybody else runs: when the sender is preempted in the call or
   after it, or killed, nothing of it refers to the message, and the message's one reference is its mailbox's.
6. That the slot is the interpreter's and that it will do as 5 says, is known if the interpreter itself is the
   caller: `send` was called through its PyMethodDef, and not by its vectorcall, as every C function calls that is
   given it or finds it. The interpreter's specialised instruction alone does that
   (PRECALL_BUILTIN_FAST_WITH_KEYWORDS in 3.11, CALL_BUILTIN_FAST_WITH_KEYWORDS in 3.12 and 3.13), hence only in
   code that has run a few times. It passes its own stack, looks into the slots again when it releases them, and
   drops the result if POP_TOP is next. `csched_is_statement` checks that it is this instruction which the innermost
   frame is at, with two arguments in that frame's stack and `send` before them. A traced, profiled or monitored call
   is made by other instructions.
7. Only to a mailbox without a limit of a process that lives: the mailbox has the message before anybody else runs.
8. The words that are charged are those of a copy.

What differs is what the language leaves open: the order of a set, room for growth (`sys.getsizeof`), `id`.

Rejected: to move at every CALL. A C function that is called by its vectorcall may put what it likes into the slot
before the arguments, so the stack does not tell who calls: functools.partial(operator.call, send)(pid, []) has, in
3.11 and 3.12, the stack of send(pid, []). Moving what a variable refers to that is never read again: that takes
an analysis of the code. Other kinds of object: they may have finalizers, and their classes may do anything.

Sources: Python/ceval.c and Python/specialize.c of CPython 3.11, Python/bytecodes.c of 3.12 and 3.13; Objects/call.c.
"""

from cpython.object cimport PyObject

from csched._process cimport process_t
from csched._signal cimport Signals


cdef enum:
    # Levels of containers that are followed: more than messages have, a fraction of the C stack.
    MOVE_DEPTH = 20


# Give a message to its receiver, instead of a copy. `args` are the arguments of `function`, called through its
# PyMethodDef by `sender`, the process that runs; the message is args[1] and has one reference, which the caller is to
# take from there when the message is in the mailbox. 0: copy it, nothing has changed.
cdef bint move(
    Signals signals, process_t* sender, process_t* receiver, PyObject* function, PyObject** args, size_t* words
) noexcept
