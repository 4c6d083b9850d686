"""The timer wheel; its theory of operation is in `_timer.pxd`."""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport INT64_MAX, int64_t, uint16_t, uint64_t


cdef extern from *:
    int count_leading_zeros "__builtin_clzll" (unsigned long long bits) noexcept nogil
    int count_trailing_zeros "__builtin_ctzll" (unsigned long long bits) noexcept nogil


cdef enum:
    # Piles of a merge sort; pile n holds 2**n runs, so that no memory could hold the runs of the
    # last.
    PILES = 48


cdef wheel_t* wheel_new(int64_t now_ns) except NULL:
    cdef wheel_t* wheel = <wheel_t*>PyMem_RawCalloc(1, sizeof(wheel_t))
    if wheel is NULL:
        raise MemoryError()
    wheel.elapsed = now_ns >> GRANULE_BITS
    wheel.due_is_sorted = True
    return wheel


cdef void wheel_free(wheel_t* wheel) noexcept:
    cdef timer_t* timer = wheel.pool if wheel is not NULL else NULL
    cdef timer_t* following
    while timer is not NULL:
        following = timer.next
        PyMem_RawFree(timer)
        timer = following
    PyMem_RawFree(wheel)


cdef inline void append(timer_list_t* timers, timer_t* timer) noexcept:
    timer.next = NULL
    if timers.first is NULL:
        timer.prev = NULL
        timers.first = timer
    else:
        timer.prev = timers.last
        timers.last.next = timer
    timers.last = timer


cdef inline void unlink(timer_list_t* timers, timer_t* timer) noexcept:
    if timer.prev is NULL:
        timers.first = timer.next
    else:
        timer.prev.next = timer.next
    if timer.next is NULL:
        timers.last = timer.prev
    else:
        timer.next.prev = timer.prev
    timer.place = PLACE_NOT_SET


cdef inline void put_in_place(wheel_t* wheel, timer_t* timer) noexcept:
    """Append a timer to the list that its deadline and `elapsed` call for."""
    cdef int64_t granule = timer.deadline_ns >> GRANULE_BITS
    cdef int level, slot
    if granule <= wheel.elapsed:
        if wheel.due.first is not NULL and timer.deadline_ns < wheel.due.last.deadline_ns:
            wheel.due_is_sorted = False
        timer.place = PLACE_DUE
        append(&wheel.due, timer)
        return
    level = (63 - count_leading_zeros(<uint64_t>(granule ^ wheel.elapsed))) // SLOT_BITS
    slot = <int>((granule >> (level * SLOT_BITS)) & (SLOTS - 1))
    timer.place = <uint16_t>(level * SLOTS + slot)
    wheel.used[level] |= <uint64_t>1 << slot
    append(&wheel.slots[timer.place], timer)


cdef void wheel_set(wheel_t* wheel, timer_t* timer, int64_t deadline_ns) noexcept:
    wheel_cancel(wheel, timer)
    timer.deadline_ns = deadline_ns
    put_in_place(wheel, timer)
    wheel.timers_len += 1


cdef void wheel_cancel(wheel_t* wheel, timer_t* timer) noexcept:
    cdef uint16_t place = timer.place
    if place == PLACE_NOT_SET:
        return
    wheel.timers_len -= 1
    if place == PLACE_DUE:
        unlink(&wheel.due, timer)
        return
    unlink(&wheel.slots[place], timer)
    if wheel.slots[place].first is NULL:
        wheel.used[place >> SLOT_BITS] &= ~(<uint64_t>1 << (place & (SLOTS - 1)))


cdef inline int lowest_level(wheel_t* wheel) noexcept:
    """The level of the earliest timers that are not in `due`; LEVELS if there are none."""
    cdef int level = 0
    while level < LEVELS and wheel.used[level] == 0:
        level += 1
    return level


cdef inline int64_t slot_start(wheel_t* wheel, int level, int slot) noexcept:
    """The first granule of a slot that is in use."""
    cdef int shift = level * SLOT_BITS
    # The slot shares with `elapsed` all that is above its level.
    return ((wheel.elapsed >> (shift + SLOT_BITS) << SLOT_BITS) | slot) << shift


cdef timer_t* wheel_pop_expired(wheel_t* wheel, int64_t now_ns) noexcept:
    cdef timer_t* timer
    while wheel.due.first is NULL:
        if not turn(wheel, now_ns >> GRANULE_BITS):
            return NULL
    if not wheel.due_is_sorted:
        sort(wheel)
    timer = wheel.due.first
    if timer.deadline_ns > now_ns:
        return NULL
    unlink(&wheel.due, timer)
    wheel.timers_len -= 1
    return timer


cdef bint turn(wheel_t* wheel, int64_t now) noexcept:
    """Turn the wheel to the next slot in use; False if that is later than granule `now`."""
    cdef int level = lowest_level(wheel)
    cdef int slot
    cdef int64_t start
    cdef timer_t* timer
    cdef timer_t* following
    if level < LEVELS:
        slot = count_trailing_zeros(wheel.used[level])
        start = slot_start(wheel, level, slot)
    if level == LEVELS or start > now:
        # No slot in use begins in between, so nobody's level or slot changes by this.
        if now > wheel.elapsed:
            wheel.elapsed = now
        return False
    wheel.elapsed = start
    wheel.used[level] &= ~(<uint64_t>1 << slot)
    timer = wheel.slots[level * SLOTS + slot].first
    wheel.slots[level * SLOTS + slot].first = NULL
    # `due` is empty; whoever comes out of order says so.
    wheel.due_is_sorted = True
    while timer is not NULL:
        following = timer.next
        put_in_place(wheel, timer)
        timer = following
    return True


cdef void sort(wheel_t* wheel) noexcept:
    """Sort `due` by deadline, stably: a merge sort of the ascending runs that are already in it."""
    cdef timer_t* piles[PILES]
    cdef timer_t* rest = wheel.due.first
    cdef timer_t* run
    cdef timer_t* last
    cdef int piles_len = 0
    cdef int pile
    while rest is not NULL:
        run = last = rest
        while last.next is not NULL and last.next.deadline_ns >= last.deadline_ns:
            last = last.next
        rest = last.next
        last.next = NULL
        # Like the carry of a binary counter; a pile is always older than what is merged into it.
        pile = 0
        while pile < piles_len and piles[pile] is not NULL:
            run = merge(piles[pile], run)
            piles[pile] = NULL
            pile += 1
        piles[pile] = run
        if pile == piles_len:
            piles_len += 1
    run = NULL
    for pile in range(piles_len):
        if piles[pile] is not NULL:
            run = merge(piles[pile], run)
    wheel.due.first = run
    last = NULL
    while run is not NULL:
        run.prev = last
        last = run
        run = run.next
    wheel.due.last = last
    wheel.due_is_sorted = True


cdef timer_t* merge(timer_t* older, timer_t* newer) noexcept:
    """Merge two sorted chains, by `next` alone; of equal deadlines those of `older` come first."""
    cdef timer_t* first = NULL
    cdef timer_t** link = &first
    while older is not NULL and newer is not NULL:
        if newer.deadline_ns < older.deadline_ns:
            link[0] = newer
            link = &newer.next
            newer = newer.next
        else:
            link[0] = older
            link = &older.next
            older = older.next
    link[0] = newer if older is NULL else older
    return first


cdef int64_t wheel_next_deadline(wheel_t* wheel) noexcept:
    cdef int level, slot
    cdef timer_list_t* timers
    if wheel.due.first is not NULL:
        if not wheel.due_is_sorted:
            sort(wheel)
        return wheel.due.first.deadline_ns
    level = lowest_level(wheel)
    if level == LEVELS:
        return INT64_MAX
    slot = count_trailing_zeros(wheel.used[level])
    timers = &wheel.slots[level * SLOTS + slot]
    if timers.first == timers.last:
        return timers.first.deadline_ns
    return slot_start(wheel, level, slot) << GRANULE_BITS


cdef timer_t* timer_new(wheel_t* wheel) except NULL:
    cdef timer_t* timer = wheel.pool
    if timer is not NULL:
        wheel.pool = timer.next
        wheel.pool_len -= 1
    else:
        timer = <timer_t*>PyMem_RawMalloc(sizeof(timer_t))
        if timer is NULL:
            raise MemoryError()
    timer_init(timer)
    return timer


cdef void timer_free(wheel_t* wheel, timer_t* timer) noexcept:
    wheel_cancel(wheel, timer)
    if wheel.pool_len >= TIMER_POOL:
        PyMem_RawFree(timer)
        return
    timer.next = wheel.pool
    wheel.pool = timer
    wheel.pool_len += 1


cdef int64_t deadline_after(double seconds, int64_t now_ns) noexcept nogil:
    cdef int64_t whole, left
    if not seconds > 0:
        return now_ns
    # 291 years: the product below stays within 63 bits.
    if seconds >= 9.2e9:
        return INT64_MAX
    whole = <int64_t>seconds
    # The nanosecond on top is more than what rounding may have taken off: here, in the caller's
    # decimal fraction, and in the floats by which a caller measures how long it waited.
    left = whole * 1_000_000_000 + <int64_t>((seconds - whole) * 1e9) + 1
    if left > INT64_MAX - now_ns:
        return INT64_MAX
    return now_ns + left
