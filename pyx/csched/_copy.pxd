"""Copying messages: what one process sends, another gets as its own.

Purpose: processes share nothing that can be changed. What cannot be changed is passed by reference,
everything else is copied, by exact type, with sharing and cycles within the message kept as they are.

The way of an object: `copy_object` returns atoms at once; `meet` (`_copy_kinds`) says whether it is
shared, was copied before (`_copy_state`), or which kind it is of; containers and bytearrays are copied
here, instances, exceptions and functions in `_copy_objects`, what copies itself in `_copy_hooks`, and
what lies deeper than COPY_DEPTH in `_copy_deep`.

1. Nothing is delivered unless all is copied; a copy that fails leaves no reference behind.
2. A container never refers to NULL where Python code could see it: a list has the length of what is in
   it already, a tuple is hidden from the collector until it is full, a dict begins as a snapshot.
3. Whatever may run Python code (hooks, `__hash__`, `__eq__`, finalizers) may change what is being
   copied, and free it: a reference to each object is held while it is copied, sizes are read anew.
4. A tuple or frozenset all of whose parts are shared is shared itself.
5. `hooks_running` is above 0 for as long as a copy may call Python: in a hook, in any of rule 3. It
   counts copies, since a hook may start one.
6. The memo is asked only about what has more references than one (`_copy_state`, rule 2).

Rejected: `copy.deepcopy` (18 times slower, recursion that ends at 250 levels, no path to the culprit),
pickle (no identity for handles; loses what only its module could find again).
"""

from cpython.ref cimport PyObject


# Above 0 while Python code may run on behalf of a copy: processes must not be switched.
cdef int hooks_running

# A copy for another process, and its size in words: 0 if all of it is shared. Paths start with "message".
cdef object copy_message(object message, size_t* words)
# The tuple (function, args), args a tuple, copied as one message. Paths start with "args" or 'closure["x"]'.
cdef object copy_spawn(object function, object args, size_t* words)

cpdef object copy(object message)
