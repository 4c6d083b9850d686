"""Receive patterns: what a process waits for.

Purpose: to say, before anything is received, whether a value is a pattern at all and from which
receive marker on its messages can stand, and then, message by message, whether one matches.

A pattern is one of these, tried in this order:

    ANY                                 every message
    a type                              `isinstance(message, pattern)`
    a tuple or list of patterns         the same exact type and length, each part matches its own
    a dict of patterns                  the same exact type; has the keys that the pattern names
    str bytes int float complex bool    the same exact type, and equal (subclasses likewise)
    None, Pid, Ref                      the same
    any other callable                  a predicate on the message

1. A pattern is interpreted as it stands; nothing is compiled and nothing is kept. A receive checks
   its pattern once by `prepare`; that reads it and runs no Python code unless it has to name a
   culprit.
2. `matches` trusts no earlier check: Python code may have changed a list or a dict in between. What
   has become of a pattern that is none any more is a TypeError, never a wrong answer.
3. Only predicates, `__instancecheck__`, `__class__` of a foreign object, and `__eq__` and
   `__hash__` of keys and of subclasses run Python code. They may change the message, the pattern
   and the mailbox of the message. So the caller holds a reference to both, and this module to each
   part that it takes out of a list or a dict; the parts of a tuple live as long as the tuple.
4. What a callback raises goes on to the caller.
5. Parts join by "and": hence a message can match only if it contains every Ref of the pattern, and
   the newest of those says how far back it can have been sent (`_ids`, 5). The newest is found in
   parts of tuples and lists and in values of dicts.
6. Depth is bounded by the interpreter's own limit: RecursionError past it, also for a pattern that
   contains itself.

Rejected: compiling each pattern to a program (a pattern is mostly made for one receive and used on
a handful of messages; walking it costs less than translating it, and a cache by identity goes wrong
when a list changes); equality by `==` alone (`1 == True == 1.0`).

Sources: Erlang reference manual, "Pattern matching"; Python reference, "The match statement".
"""

cimport cython
from libc.stdint cimport uint32_t, uint64_t


@cython.final
cdef class _Any:
    pass


# The only instance of `_Any`.
cdef object ANY

# Raise TypeError unless `pattern` is one; it says where in it the culprit is. `mark` becomes the
# largest mark of the references in it that process `owner` made in run `run`, 0 if there is none.
cdef int prepare(object pattern, uint64_t owner, uint32_t run, uint64_t* mark) except -1

# 1 if `message` matches `pattern`, else 0.
cpdef bint matches(object pattern, object message) except -1
