cimport cython
from cpython.exc cimport PyErr_SetFromErrno
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from csched._copy cimport hooks_running
from csched._cpython cimport PyErr_CheckSignals, csched_thread_state

import _signal
import gc


cdef extern from "ticker.h":
    csched_ticker_t* csched_ticker_start(int64_t interval_ns, int signals, uint32_t* runnable_len,
                                         uint32_t* blocked_len) noexcept
    void csched_ticker_stop(csched_ticker_t* ticker) noexcept
    void csched_ticker_busy(csched_ticker_t* ticker) noexcept
    void csched_ticker_trip(csched_ticker_t* ticker) noexcept
    void csched_ticker_probe(csched_ticker_t* ticker, uint64_t slice) noexcept
    void csched_ticker_follow(csched_ticker_t* ticker, uint64_t slice, int32_t over_us) noexcept

cdef extern from "buffered.h":
    int csched_buffered_install(csched_busy_scheduler_t scheduler) except -1
    void csched_buffered_follow(real_file_t real) noexcept
    void csched_buffered_remove() noexcept

cdef extern from "busy.h":
    bint csched_busy_waits(void* process) noexcept
    bint csched_busy_inside(PyObject* file) noexcept
    bint csched_busy_spare() noexcept
    void csched_busy_forget(void* process) noexcept

cdef extern from "guards.h":
    int csched_held
    int csched_guards_install() except -1
    void csched_guards_remove() noexcept
    void csched_guards_thread(unsigned long ident, void (*released)() noexcept) noexcept

cdef extern from "interp.h":
    void* csched_top_frame() noexcept
    int csched_frames_forbid(void* base, object roots, tuple codes) noexcept

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident() noexcept

# Their locks belong to the thread: a switch would let another process into a half-imported module.
IMPORT_SYSTEM = (
    "importlib._bootstrap", "importlib._bootstrap_external", "_frozen_importlib", "_frozen_importlib_external",
)

# The ticker to ask again when the last lock is released: the guards' callback has no argument.
cdef csched_ticker_t* guarded_ticker = NULL


cdef void follow_file(real_file_t real) noexcept:
    csched_buffered_follow(real)


cdef bint inside_file(PyObject* file) noexcept:
    return csched_busy_inside(file)


cdef int remove_callback(object callback) except -1:
    cdef Py_ssize_t index
    for index in range(len(gc.callbacks)):
        if gc.callbacks[index] is callback:
            del gc.callbacks[index]
            break
    return 0


cdef void on_released() noexcept:
    """The process holds nothing any more, or has left its files: a tick that was refused meanwhile is obeyed now."""
    if guarded_ticker != NULL and guarded_ticker.tripped == guarded_ticker.slice:
        csched_ticker_trip(guarded_ticker)


@cython.final
cdef class Preemption:
    def __cinit__(self):
        self.held = &self.unguarded_held

    cdef int start(self, int64_t slice_ns, bint by_signal, object atomic, uint32_t* runnable_len,
                   uint32_t* blocked_len, csched_busy_scheduler_t files, object on_tick, object on_interrupt) except -1:
        """Begin to tick for the calling thread. On an error nothing is changed."""
        global guarded_ticker, csched_held
        self.thread = csched_thread_state()
        self.base = csched_top_frame()
        self.roots = dict.fromkeys((*IMPORT_SYSTEM, *atomic), True)
        self.codes = ()
        try:
            if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
                self.old_interrupt = _signal.signal(_signal.SIGINT, on_interrupt)
            if by_signal:
                self.old_tick = _signal.signal(_signal.SIGURG, on_tick)
        except ValueError:
            # Not the main thread: Python handles no signals here.
            by_signal = False
        except BaseException:
            # A handler of the user's was called meanwhile.
            self.stop()
            raise
        try:
            if by_signal:
                csched_guards_install()
                self.guarded = True
                self.held = &csched_held
                csched_held = 0
                files.released = on_released
                csched_buffered_install(files)
            self.first, self.last = self.before_collection, self.after_collection
            gc.callbacks.insert(0, self.first)
            gc.callbacks.append(self.last)
            self.ticker = csched_ticker_start(slice_ns, by_signal, runnable_len, blocked_len)
            if self.ticker == NULL:
                PyErr_SetFromErrno(OSError)
        except BaseException:
            self.stop()
            raise
        self.by_signal = by_signal
        if by_signal:
            guarded_ticker = self.ticker
            csched_guards_thread(PyThread_get_thread_ident(), on_released)
        return 0

    cdef int stop(self) except -1:
        """Put everything back as it was before `start`."""
        global guarded_ticker
        if self.guarded:
            guarded_ticker = NULL
            csched_guards_thread(0, NULL)
            csched_buffered_remove()
            csched_guards_remove()
            self.guarded = False
            self.held = &self.unguarded_held
        if self.ticker != NULL:
            csched_ticker_stop(self.ticker)
            self.ticker = NULL
        remove_callback(self.first)
        remove_callback(self.last)
        # What was tripped last must meet our handler, which ignores it, not the one of before. A handler
        # of the user's may be called too: what it raises is raised when all is done.
        try:
            PyErr_CheckSignals()
        finally:
            if self.old_interrupt is not None:
                _signal.signal(_signal.SIGINT, self.old_interrupt)
                self.old_interrupt = None
            if self.old_tick is not None:
                _signal.signal(_signal.SIGURG, self.old_tick)
                self.old_tick = None
        return 0

    def before_collection(self, phase, info):
        """Called by `gc` for each collection, before other callbacks."""
        if phase != "start" or csched_thread_state() != self.thread:
            return
        self.collecting = True
        self.heaps.show()
        if gc.callbacks[len(gc.callbacks) - 1] is not self.last:
            remove_callback(self.last)
            gc.callbacks.append(self.last)

    def after_collection(self, phase, info):
        """Called by `gc` for each collection, after other callbacks: they are part of it."""
        if phase == "start" or csched_thread_state() != self.thread:
            return
        self.heaps.hide()
        self.heaps.collected(info["generation"])
        self.collecting = False

    cdef bint may_switch(self) noexcept:
        """Whether the process that runs may be switched away from here."""
        return (
            self.held[0] == 0
            and not self.is_collecting()
            and hooks_running() == 0
            and self.thread.tracing == 0
            and not self.in_atomic_code()
        )

    cdef bint in_atomic_code(self) noexcept:
        """3d."""
        return csched_frames_forbid(self.base, self.roots, self.codes)

    cdef bint spares(self) noexcept:
        """Whether this tick lets the process that runs leave the files that it is in: once a slice, if it can."""
        if self.ticker.blocked or self.spared == self.ticker.slice or not csched_busy_spare():
            return False
        self.spared = self.ticker.slice
        return True

    cdef bint waits_for_file(self, void* process) noexcept:
        """Whether a file that it wants to enter is still busy."""
        return csched_busy_waits(process)

    cdef void forget(self, void* process) noexcept:
        """It will not leave the files that it is in."""
        csched_busy_forget(process)

    cdef void busy(self) noexcept:
        """The scheduler has something to run: tick."""
        csched_ticker_busy(self.ticker)

    cdef void probe(self, uint64_t slice) noexcept:
        """That slice, which begins now, is of a process that was blocked: end it at the first tick if it still is."""
        csched_ticker_probe(self.ticker, slice)

    cdef void follow(self, uint64_t slice, int32_t over_us) noexcept:
        """That slice begins right after a tick, which counts as the first that has seen it; see `process_t.over_us`."""
        csched_ticker_follow(self.ticker, slice, over_us)
