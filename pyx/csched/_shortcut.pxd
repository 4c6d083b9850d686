"""Shortcuts: the commonest form of a call, answered before its arguments are parsed.

Purpose: `send(pid, message)`, `receive()`, `aio.receive()`, `spawn(function, *atoms)`, `send_after(pid, message,
seconds)` and `cancel_timer(ref)` are most of what processes do. Parsing their keywords and defaults takes as long as
what they then have to do.

1. A builtin function calls what its PyMethodDef says. That of each of these is made to point to the shortcut in
   here, which looks at the number of arguments and, unless it is the commonest form, calls what it pointed to
   before. Name, signature, docstring and identity of the function stay.
2. A shortcut means the same as the long way: it leaves to that whatever is not simple (`is_simple`).
3. Of `send` there are two: that of the PyMethodDef, which the interpreter's own instruction calls, may move a message;
   that which everybody else gets, by the function's vectorcall, may not (`_move`).

Rejected: functions made here from PyMethodDefs of their own: their signatures and docstrings would be written in C.
"""
