"""What only Cython can reach of `_match`."""

from libc.stdint cimport uint32_t, uint64_t

from csched._match cimport matches, prepare


def newest_mark(pattern, uint64_t owner=1, uint32_t run=1):
    """Check the pattern; return the mark of its newest reference."""
    cdef uint64_t mark = 0
    prepare(pattern, owner, run, &mark)
    return mark


def count_matches(pattern, list messages):
    """Look at each message as a receive does, with nothing else around it."""
    cdef Py_ssize_t found = 0
    for message in messages:
        found += matches(pattern, message)
    return found
