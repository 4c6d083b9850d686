"""The timer wheel: what is to happen at which moment, a million times over.

Purpose: every wait with a timeout sets a timer, and nearly all of them are cancelled. So set and
cancel are O(1) and allocate nothing beyond the timer itself; finding what has expired is O(1)
amortised, and years without a timer are passed over in a few steps.

1. Time is counted in granules of 2**16 ns. `elapsed` is the granule up to which the wheel has been
   turned. It never goes back, and only `wheel_pop_expired` moves it.
2. A timer whose granule is `elapsed` or an earlier one is in `due`. Any other one is in the slot
   that follows from the highest group of SLOT_BITS bits in which its granule differs from
   `elapsed`: the group is the level, its value in the timer's granule the slot.
3. Hence at every level only slots above the one of `elapsed` are in use, and the earliest timers
   are those of the lowest slot of the lowest level in use: two counts of trailing zeros find it.
4. Hence two timers of one granule are always in the same list. Lists are appended to and moved in
   order, so the order of setting is kept; `due` is sorted by deadline, stably, before it is read.
5. A timer stays in `due` until its exact deadline: never early, not even within a granule.
6. A timer is in at most one list, and `place` says in which. It leaves the wheel one at a time,
   when it is popped, so whatever handling it does, any other one may still be set or cancelled.

Ownership: whoever set a timer owns it and must cancel it before it frees it. The wheel follows
`owner` nowhere. Timers that are not embedded in something else come from the wheel's own pool. All
of it belongs to one scheduler, and is used only by the thread that holds the GIL.

Cost: a timer moves down a level when the slot it is in begins, at most LEVELS - 1 times, and all
timers of a slot move at once: a million of them 3 ms if they were made one after the other, 50 ms
if they are strewn over memory.

Rejected: a binary heap (cancel is O(log n), or leaves garbage: a million receives that did not time
out); asyncio's heap (cancelled handles stay in it); a chain of all that has expired (what is on it
could no longer be cancelled); a fixed tick (either late by a tick, or a million wake-ups).

Sources: Varghese and Lauck, Hashed and Hierarchical Timing Wheels, 1987, scheme 7; erl_time.h.
"""

from libc.stdint cimport int64_t, uint16_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec


cdef enum:
    # Bits of a deadline below a granule. 65.5 us: a timer for the usual millisecond and more needs
    # to move down a level once or twice, and a wait of a slice has a slot of its own.
    GRANULE_BITS = 16
    # Bits of a granule to a level, so that the slots in use fit one machine word.
    SLOT_BITS = 6
    SLOTS = 64
    # 8 levels of 6 bits and 16 bits below: more than the 63 of a deadline. Nothing is out of range.
    LEVELS = 8
    # `place` of a timer in `due`, and of one in no list; below these, level * SLOTS + slot.
    PLACE_DUE = 512
    PLACE_NOT_SET = 513
    # Free timers that are kept: 40 KB at most.
    TIMER_POOL = 1024


cdef struct timer_t:
    timer_t* next           # In its list, or in the pool; changed by the wheel alone.
    timer_t* prev           # In its list; changed by the wheel alone.
    int64_t deadline_ns     # On the clock of `monotonic_ns`; changed by `wheel_set` alone.
    void* owner             # The process it belongs to; the owner's to change, unread here.
    uint16_t kind           # What it is for; the owner's to change, unread here.
    uint16_t place          # Which list it is in; changed by the wheel alone.


cdef struct timer_list_t:
    timer_t* first          # NULL: empty.
    timer_t* last           # Meaningless while `first` is NULL.


cdef struct wheel_t:
    uint64_t timers_len             # Timers that are set.
    int64_t elapsed                 # The granule up to which the wheel has been turned.
    bint due_is_sorted              # `due` is in order; whoever comes out of order clears it.
    timer_list_t due                # Timers of granules up to `elapsed`, not yet popped.
    uint64_t used[LEVELS]           # Bit s of level l: that slot is not empty.
    timer_list_t slots[LEVELS * SLOTS]
    timer_t* pool                   # Free timers, linked by `next`.
    uint64_t pool_len               # How many; at most TIMER_POOL.


# `wheel_free` forgets timers that are still set; those that came from `timer_new` are leaked by it.
cdef wheel_t* wheel_new(int64_t now_ns) except NULL
cdef void wheel_free(wheel_t* wheel) noexcept

# Set a timer, or move one that is set: it then counts as set now. A deadline that is past is due at
# once.
cdef void wheel_set(wheel_t* wheel, timer_t* timer, int64_t deadline_ns) noexcept
# Does nothing to a timer that is not set.
cdef void wheel_cancel(wheel_t* wheel, timer_t* timer) noexcept
# The next timer with a deadline up to `now_ns`, no longer set, or NULL: in order of deadline, equal
# ones in order of setting. Call it until it says NULL, or look again later: nothing is lost in
# between.
cdef timer_t* wheel_pop_expired(wheel_t* wheel, int64_t now_ns) noexcept
# How long nothing can expire: never later than the earliest deadline, and equal to it if that is in
# `due` or alone in its slot. Else it is the slot's start, and a pop at that moment or later moves
# the slot's timers down; so a sleeper looks again at most LEVELS times. INT64_MAX: no timer is set.
cdef int64_t wheel_next_deadline(wheel_t* wheel) noexcept

# A timer that is not set, from the pool; `owner` NULL and `kind` 0.
cdef timer_t* timer_new(wheel_t* wheel) except NULL
# Cancels it if need be.
cdef void timer_free(wheel_t* wheel, timer_t* timer) noexcept

# Now plus `seconds`, or INT64_MAX if that is out of range. Never early; what is not above 0 is now.
cdef int64_t deadline_after(double seconds, int64_t now_ns) noexcept nogil


cdef inline void timer_init(timer_t* timer) noexcept:
    """Make a timer that is embedded in something else ready to be set."""
    timer.next = NULL
    timer.prev = NULL
    timer.deadline_ns = 0
    timer.owner = NULL
    timer.kind = 0
    timer.place = PLACE_NOT_SET


cdef inline bint timer_is_set(const timer_t* timer) noexcept:
    return timer.place != PLACE_NOT_SET


cdef inline int64_t monotonic_ns() noexcept nogil:
    """Nanoseconds on the clock of all deadlines, the one of `time.monotonic_ns`."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec
