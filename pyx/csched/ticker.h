/* The ticker: counts ticks, and interrupts the scheduler's thread.
 *
 * While the scheduler is busy a timer of the kernel sends its thread a real SIGURG every `interval_ns`, which is a tick.
 * The handler of that signal, in C, sees whether the slice that runs is the one that ran at the last tick; only then
 * may it trip Python's signal machinery, which runs the Python-level handler between two bytecodes of that process. An
 * idle scheduler gets no ticks. Where the kernel has no such timer a thread without the GIL sends the signals; and it
 * alone counts the ticks of a scheduler whose thread Python handles no signals in, and sends none.
 *
 * A slice that has lasted for a tick has used the CPU for at least half of it, and is over; or it has used
 * next to none, and waited in the kernel: it blocks in a system call; or it was the thread's turn to stand
 * back for another program: that is not the process's fault, and it gets another tick. Ticks come late on a
 * busy machine, and the next one then comes soon: so no slice is over before half an interval has passed.
 *
 * Whoever used more in a slice than the mean, since ticks are not regular, gets less in the next that follows a tick,
 * and the other way round: those who compute side by side get equal shares, not only equal numbers of slices.
 *
 * While nobody waits there is nothing to end: after a few such ticks there is one signal for several, or when the first
 * timer is due. Who begins to wait then does so a little longer, once. Of one that blocks in a system call there is one
 * for even more: a signal would only have it make its call again, and C code may even lose what it writes to one (stdio
 * does, and with it a line editor).
 *
 * Rejected: the thread alone. On a busy machine it gets its turn late, one tick in 100 by 1 to 9 ms; and to wake it
 * takes twice the processor time of a timer.
 *
 * The scheduler's thread writes `slice`, `probe`, `next_deadline_ns`, `insist` and the two counts; the handler runs in
 * the same thread. The ticker's thread, if there is one, writes `ticks`, `step` and `alone`, and looks at what the
 * others write. If it sees an old value, the next tick does not.
 */
#ifndef CSCHED_TICKER_H
#define CSCHED_TICKER_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

#ifdef __linux__
#define CSCHED_KERNEL_TIMER
#endif

typedef struct {
    /* Number of the slice that runs now; 0 while no process runs. */
    volatile uint64_t slice;
    /* The slice that ran at the last tick. The scheduler sets it too, when a slice begins right after a tick. */
    volatile uint64_t seen;
    /* The slice for which Python's signal machinery was tripped last. */
    volatile uint64_t tripped;
    /* A slice that is to be ended at the first tick: of a process that was blocked when it was last asked. */
    volatile uint64_t probe;
    /* A slice that blocked at the last tick, when nobody else could run. 0: none. */
    volatile uint64_t quiet;
    /* Whole ticks since the start. */
    volatile uint64_t ticks;
    /* Ticks until the next one is counted, and those since somebody waited. */
    volatile int64_t step;
    volatile int64_t alone;
    /* When `seen` or `probe` was set (CLOCK_MONOTONIC, ns); CPU time of the scheduler's thread, in ns, and
     * its voluntary context switches, then. */
    volatile int64_t since_ns;
    volatile int64_t cpu_ns;
    volatile long waits;
    /* CPU time that the process used in slices ended by a tick, above the mean of all such: of the one that runs, as
     * it was when its slice began, or has been ended now. At most 8 intervals; and that mean. */
    volatile int64_t over_ns;
    volatile int64_t mean_ns;
    /* The slice that was tripped had used next to no CPU: it blocks in a system call. */
    volatile int blocked;
    /* Lower bound of the earliest timer (CLOCK_MONOTONIC, ns). */
    volatile int64_t next_deadline_ns;
    /* How many others could run: while there is none and no timer is due, nobody is preempted. */
    const volatile uint32_t *runnable_len;
    const volatile uint32_t *blocked_len;
    /* Processes were told to exit: they are interrupted even if nobody waits. */
    volatile int insist;
    /* An event loop shares the thread: whoever runs is interrupted even if no process waits. */
    volatile int polls;
    /* The scheduler has something to run. Cleared by the scheduler when it goes to sleep. */
    volatile int busy;
    /* The timer is off, or the thread waits on `wake`, until the scheduler is busy again. */
    volatile int parked;
    volatile int stop;
    /* This is a child of fork(): neither timer nor thread are here, so slices end at runtime calls only. 1 until the
     * scheduler has noticed, then 2. */
    int lost;
    int signals;
    int64_t interval_ns;
    /* Ticks come from the timer. Else from the thread. */
    int is_timed;
#ifdef CSCHED_KERNEL_TIMER
    timer_t timer;
#endif
    pthread_t thread;
    pthread_t target;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct sigaction before;
} csched_ticker_t;

/* Start a ticker for the calling thread. With `signals`, Python-level handling of SIGURG must have been
 * set up before. NULL with errno set on failure. At most one at a time has signals. */
csched_ticker_t *csched_ticker_start(int64_t interval_ns, int signals,
                                     const volatile uint32_t *runnable_len,
                                     const volatile uint32_t *blocked_len);
/* Stop and free it; afterwards no signal of its comes any more. */
void csched_ticker_stop(csched_ticker_t *ticker);
/* Slow path of csched_ticker_busy: begin to tick. */
void csched_ticker_unpark(csched_ticker_t *ticker);
/* Trip the slice that runs now, as a tick would: a deferred preemption may be had. */
void csched_ticker_trip(csched_ticker_t *ticker);
/* The slice that begins now is of a process that blocked when it was last asked: end it at the first tick
 * if it still does. */
void csched_ticker_probe(csched_ticker_t *ticker, uint64_t slice);
/* The slice that begins now does so right after a tick, which counts as the first that has seen it; `over_us` is what
 * its process has used above the mean. */
void csched_ticker_follow(csched_ticker_t *ticker, uint64_t slice, int32_t over_us);

static inline void csched_ticker_busy(csched_ticker_t *ticker) {
    ticker->busy = 1;
    __sync_synchronize();
    if (ticker->parked && !ticker->lost) csched_ticker_unpark(ticker);
}

#endif
