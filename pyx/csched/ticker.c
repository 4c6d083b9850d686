/* See ticker.h. */
#define _GNU_SOURCE
#include <Python.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "ticker.h"

/* One that is left alone still gets one signal in so many ticks (50 ms by default): so it deals with what Python was
 * told meanwhile by a signal that another thread got. */
#define QUIET_TICKS 50

/* One that has had the CPU for itself for so many ticks gets the ones that follow several at a time. */
#define ALONE_AFTER 10
#define ALONE_STEP 5

/* The mean follows what slices last by this part of the difference. */
#define MEAN_PART 8
/* Most intervals that are remembered of what a process has used above the mean, or below. */
#define OVER_INTERVALS 8

/* The one whose signals the handler serves. */
static csched_ticker_t *volatile active = NULL;
/* The one whose thread runs. */
static csched_ticker_t *started = NULL;

static void in_forked_child(void) {
    if (started != NULL) started->lost = 1;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Times that the calling thread has waited in the kernel. */
static long voluntary_switches(void) {
#ifdef RUSAGE_THREAD
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
#else
    /* Unknown: whoever uses no CPU is taken to wait. */
    static long count = 0;
    return ++count;
#endif
}

/* What the next tick is compared with. */
static void set_base(csched_ticker_t *ticker) {
    ticker->since_ns = clock_ns(CLOCK_MONOTONIC);
    ticker->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    ticker->waits = voluntary_switches();
}

void csched_ticker_probe(csched_ticker_t *ticker, uint64_t slice) {
    ticker->probe = slice;
    ticker->over_ns = 0;
    set_base(ticker);
}

void csched_ticker_follow(csched_ticker_t *ticker, uint64_t slice, int32_t over_us) {
    ticker->seen = slice;
    ticker->over_ns = (int64_t)over_us * 1000;
    set_base(ticker);
}

static int anyone_waits(csched_ticker_t *ticker, int64_t now) {
    return *ticker->runnable_len != 0 || *ticker->blocked_len != 0 || ticker->insist ||
           now >= ticker->next_deadline_ns;
}

/* A tick has ended a slice that has used so much. */
static void account(csched_ticker_t *ticker, int64_t used_ns) {
    int64_t over_ns = ticker->over_ns + used_ns - ticker->mean_ns;
    int64_t most_ns = OVER_INTERVALS * ticker->interval_ns;
    ticker->mean_ns += (used_ns - ticker->mean_ns) / MEAN_PART;
    ticker->over_ns = over_ns > most_ns ? most_ns : over_ns < -most_ns ? -most_ns : over_ns;
}

/* A tick has come while that slice runs. */
static void on_tick(csched_ticker_t *ticker, uint64_t slice, int signum) {
    if (slice == ticker->quiet) {
        /* It was in the kernel alone. What it has done since is not known. */
        ticker->quiet = 0;
    } else if (slice == ticker->seen || slice == ticker->probe) {
        int64_t now = clock_ns(CLOCK_MONOTONIC);
        int64_t used_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - ticker->cpu_ns;
        int64_t least_ns = ticker->interval_ns / 2 - ticker->over_ns;
        if (least_ns > ticker->interval_ns * 3 / 2) least_ns = ticker->interval_ns * 3 / 2;
        if (now - ticker->since_ns < least_ns) return;
        /* A tenth of the time is what a system call that blocks uses at the very most. */
        int blocked =
            used_ns < (now - ticker->since_ns) / 10 && voluntary_switches() != ticker->waits;
        if (!blocked && used_ns < least_ns) return;
        if (anyone_waits(ticker, now)) {
            if (!blocked) account(ticker, used_ns);
            ticker->blocked = blocked;
            ticker->tripped = slice;
            PyErr_SetInterruptEx(signum);
        } else if (blocked) {
            ticker->quiet = slice;
        }
    } else {
        ticker->over_ns = 0;
    }
    ticker->seen = slice;
    set_base(ticker);
}

static void on_signal(int signum) {
    int saved_errno = errno;
    csched_ticker_t *ticker = active;
    if (ticker != NULL && ticker->slice != 0) on_tick(ticker, ticker->slice, signum);
    errno = saved_errno;
}

void csched_ticker_trip(csched_ticker_t *ticker) {
    if (ticker->signals && ticker->slice != 0) {
        ticker->blocked = 0;
        ticker->tripped = ticker->slice;
        PyErr_SetInterruptEx(SIGURG);
    }
}

/* Called by the ticker's thread. */
static int is_left_alone(csched_ticker_t *ticker) {
    uint64_t slice = ticker->slice;
    return slice != 0 && slice == ticker->quiet && ticker->ticks - ticker->signalled < QUIET_TICKS &&
           !anyone_waits(ticker, clock_ns(CLOCK_MONOTONIC));
}

/* Ticks until the thread wakes next, `ticks` having gone by since somebody waited. */
static int64_t next_step(csched_ticker_t *ticker, int64_t ticks, int64_t now) {
    if (ticks < ALONE_AFTER) return 1;
    int64_t until_due = (ticker->next_deadline_ns - now) / ticker->interval_ns;
    return until_due < 1 ? 1 : until_due < ALONE_STEP ? until_due : ALONE_STEP;
}

static void *tick(void *arg) {
    csched_ticker_t *ticker = arg;
    int64_t next = clock_ns(CLOCK_MONOTONIC);
    int64_t step = 1, alone = 0;
    while (!ticker->stop) {
        if (!ticker->busy) {
            pthread_mutex_lock(&ticker->mutex);
            ticker->parked = 1;
            __sync_synchronize();
            while (!ticker->busy && !ticker->stop) pthread_cond_wait(&ticker->wake, &ticker->mutex);
            ticker->parked = 0;
            pthread_mutex_unlock(&ticker->mutex);
            next = clock_ns(CLOCK_MONOTONIC);
            alone = 0;
            step = 1;
            continue;
        }
        next += step * ticker->interval_ns;
        int64_t now = clock_ns(CLOCK_MONOTONIC);
        if (next < now) next = now; /* The machine was busy elsewhere: ticks are not made up for. */
#ifdef __linux__
        struct timespec until = {next / 1000000000, next % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
        }
#else
        struct timespec left = {(next - now) / 1000000000, (next - now) % 1000000000};
        nanosleep(&left, NULL);
#endif
        if (ticker->stop || !ticker->busy) continue;
        ticker->ticks += step;
        if (ticker->signals && !is_left_alone(ticker)) {
            ticker->signalled = ticker->ticks;
            pthread_kill(ticker->target, SIGURG);
        }
        now = clock_ns(CLOCK_MONOTONIC);
        alone = anyone_waits(ticker, now) ? 0 : alone + step;
        step = next_step(ticker, alone, now);
    }
    return NULL;
}

csched_ticker_t *csched_ticker_start(int64_t interval_ns, int signals,
                                     const volatile uint32_t *runnable_len,
                                     const volatile uint32_t *blocked_len) {
    csched_ticker_t *ticker = calloc(1, sizeof *ticker);
    if (ticker == NULL) return NULL;
    ticker->interval_ns = ticker->mean_ns = interval_ns;
    ticker->signals = signals;
    ticker->runnable_len = runnable_len;
    ticker->blocked_len = blocked_len;
    ticker->next_deadline_ns = INT64_MAX;
    ticker->target = pthread_self();
    set_base(ticker);
    pthread_mutex_init(&ticker->mutex, NULL);
    pthread_cond_init(&ticker->wake, NULL);
    if (signals) {
        struct sigaction action = {0};
        action.sa_handler = on_signal;
        /* No SA_RESTART: a blocked system call must return, or it could not be preempted. */
        action.sa_flags = SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        active = ticker;
        sigaction(SIGURG, &action, &ticker->before);
    }
    /* The thread must take no signal that is meant for Python. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&ticker->thread, NULL, tick, ticker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error) {
        if (signals) {
            sigaction(SIGURG, &ticker->before, NULL);
            active = NULL;
        }
        free(ticker);
        errno = error;
        return NULL;
    }
    static int watches_forks = 0;
    if (!watches_forks) watches_forks = pthread_atfork(NULL, NULL, in_forked_child) == 0;
    started = ticker;
    return ticker;
}

void csched_ticker_unpark(csched_ticker_t *ticker) {
    pthread_mutex_lock(&ticker->mutex);
    pthread_cond_signal(&ticker->wake);
    pthread_mutex_unlock(&ticker->mutex);
}

void csched_ticker_stop(csched_ticker_t *ticker) {
    ticker->slice = 0;
    started = NULL;
    if (!ticker->lost) {
        pthread_mutex_lock(&ticker->mutex);
        ticker->stop = 1;
        pthread_cond_signal(&ticker->wake);
        pthread_mutex_unlock(&ticker->mutex);
        pthread_join(ticker->thread, NULL);
    }
    if (ticker->signals) {
        /* What was sent has arrived: a signal to one's own process is delivered by the next return from
         * the kernel, and sigaction is one. */
        active = NULL;
        sigaction(SIGURG, &ticker->before, NULL);
    }
    if (!ticker->lost) {
        pthread_mutex_destroy(&ticker->mutex);
        pthread_cond_destroy(&ticker->wake);
    }
    free(ticker);
}
