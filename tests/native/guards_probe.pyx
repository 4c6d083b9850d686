# distutils: sources = pyx/csched/guards.c pyx/csched/interp.c
"""`guards.c` and `interp.c` for tests; a copy of its own, beside the one in the package."""

cdef extern from "guards.h":
    int csched_held
    int csched_guards_install() except -1
    void csched_guards_remove() noexcept
    void csched_guards_thread(unsigned long ident, void (*released)() noexcept) noexcept

cdef extern from "interp.h":
    void* csched_top_frame() noexcept
    int csched_frames_forbid(void* base, object roots, tuple codes) noexcept

cdef int releases_len = 0


cdef void note_release() noexcept:
    global releases_len
    releases_len += 1


def install():
    csched_guards_install()


def remove():
    csched_guards_remove()


def count_on(unsigned long ident):
    """Count on the thread `ident`, from 0."""
    global csched_held, releases_len
    csched_held = 0
    releases_len = 0
    csched_guards_thread(ident, note_release)


def held():
    return csched_held


def set_held(int count):
    """As the scheduler does when it enters a process."""
    global csched_held
    csched_held = count


def releases():
    """How often the count has fallen to 0 since `count_on`."""
    return releases_len


def top_frame():
    return <size_t>csched_top_frame()


def forbids(roots, size_t base=0):
    return bool(csched_frames_forbid(<void*>base, roots, ()))
