"""Copying messages: what one process sends, another gets as its own.

Purpose: processes share nothing that can be changed. What cannot be changed is passed by reference,
everything else is copied, by exact type, with sharing and cycles within the message kept as they
are.

The way of an object: `copy_part` returns atoms at once, without a call; of all others `meet`
(`_copy_kinds`) says whether they are shared, were copied before (`_copy_state`), or which kind they
are of. Then `_copy_containers`, `_copy_objects` (instances, views), `_copy_frames` (exceptions,
functions) or `_copy_hooks` (what copies itself) makes the copy, and `_copy_deep` that of anything
with parts which lies deeper than COPY_DEPTH.

1. Nothing is delivered unless all is copied; a copy that fails leaves no reference behind, and no
   finalizer runs on an object that is not whole.
2. Whatever may run Python code (hooks, `__hash__`, `__eq__`, finalizers) may change what is being
   copied, and free it: a reference to each object is held while it is copied.
3. `hooks_running` is above 0 for as long as a copy in the calling thread may call Python, in any of
   rule 2. It counts copies, since a hook may start one.
4. What is copied within a hook of another copy counts as nested in it (`depth`): the C stack is
   one.

Rejected: `copy.deepcopy` (18 times slower, recursion that ends at 250 levels, no path to the
culprit), pickle (no identity for handles; loses what only its module could find again).
"""

from cpython.ref cimport PyObject


# Above 0 while Python code may run on behalf of a copy in this thread: processes must not be
# switched.
cdef int hooks_running() noexcept

# A copy for another process, and its size in words: 0 if all of it is shared. Paths start with
# "message".
cdef object copy_message(object message, size_t* words)
# The tuple (function, args), args a tuple, copied as one message. Paths start with "args" or
# 'closure["x"]'.
cdef object copy_spawn(object function, object args, size_t* words)
