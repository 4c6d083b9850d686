/* See ticker.h. */
#define _GNU_SOURCE
#include <Python.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ticker.h"

#ifdef CSCHED_KERNEL_TIMER
#include <sys/syscall.h>
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
#endif

/* One that has had the CPU for itself for so many ticks gets the ones that follow several at a time: */
#define ALONE_AFTER 10
#define ALONE_STEP 5
/* and so many if it blocks in the kernel. */
#define QUIET_STEP 10

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
           ticker->polls || now >= ticker->next_deadline_ns;
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

/* Ticks until the next signal. */
static int64_t next_step(csched_ticker_t *ticker) {
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    if (anyone_waits(ticker, now)) {
        ticker->alone = 0;
        return 1;
    }
    ticker->alone += ticker->step;
    if (ticker->alone < ALONE_AFTER) return 1;
    uint64_t slice = ticker->slice;
    int64_t most = slice != 0 && slice == ticker->quiet ? QUIET_STEP : ALONE_STEP;
    int64_t until_due = (ticker->next_deadline_ns - now) / ticker->interval_ns;
    return until_due < 1 ? 1 : until_due < most ? until_due : most;
}

/* Signals every so many ticks from now on; 0: none. */
static void set_step(csched_ticker_t *ticker, int64_t step) {
#ifdef CSCHED_KERNEL_TIMER
    int64_t ns = step * ticker->interval_ns;
    struct itimerspec every = {{ns / 1000000000, ns % 1000000000}, {ns / 1000000000, ns % 1000000000}};
    timer_settime(ticker->timer, 0, &every, NULL);
#endif
    ticker->step = step;
}

static void on_signal(int signum, siginfo_t *info, void *context) {
    int saved_errno = errno;
    csched_ticker_t *ticker = active;
    if (ticker != NULL) {
        if (ticker->is_timed && info->si_code == SI_TIMER) ticker->ticks += (1 + info->si_overrun) * ticker->step;
        if (ticker->slice != 0) on_tick(ticker, ticker->slice, signum);
        if (ticker->is_timed) {
            int64_t step = ticker->busy ? next_step(ticker) : 0;
            if (step != ticker->step) set_step(ticker, step);
            ticker->parked = step == 0;
        }
    }
    errno = saved_errno;
}

void csched_ticker_trip(csched_ticker_t *ticker) {
    if (ticker->signals && ticker->slice != 0) {
        ticker->blocked = 0;
        ticker->tripped = ticker->slice;
        PyErr_SetInterruptEx(SIGURG);
    }
}

static void *tick(void *arg) {
    csched_ticker_t *ticker = arg;
    int64_t next = clock_ns(CLOCK_MONOTONIC);
    while (!ticker->stop) {
        if (!ticker->busy) {
            pthread_mutex_lock(&ticker->mutex);
            ticker->parked = 1;
            __sync_synchronize();
            while (!ticker->busy && !ticker->stop) pthread_cond_wait(&ticker->wake, &ticker->mutex);
            ticker->parked = 0;
            pthread_mutex_unlock(&ticker->mutex);
            next = clock_ns(CLOCK_MONOTONIC);
            ticker->alone = 0;
            ticker->step = 1;
            continue;
        }
        next += ticker->step * ticker->interval_ns;
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
        ticker->ticks += ticker->step;
        if (ticker->signals) pthread_kill(ticker->target, SIGURG);
        ticker->step = next_step(ticker);
    }
    return NULL;
}

/* Ticks from the kernel; whether it does that. */
static int start_timer(csched_ticker_t *ticker) {
#ifdef CSCHED_KERNEL_TIMER
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGURG;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &ticker->timer) < 0) return 0;
    ticker->is_timed = ticker->parked = 1;
    return 1;
#else
    return 0;
#endif
}

/* Ticks from a thread; 0, or an error number. */
static int start_thread(csched_ticker_t *ticker) {
    pthread_mutex_init(&ticker->mutex, NULL);
    pthread_cond_init(&ticker->wake, NULL);
    /* The thread must take no signal that is meant for Python. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&ticker->thread, NULL, tick, ticker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
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
    ticker->step = 1;
    set_base(ticker);
    if (signals) {
        struct sigaction action = {0};
        action.sa_sigaction = on_signal;
        /* No SA_RESTART: a blocked system call must return, or it could not be preempted. */
        action.sa_flags = SA_ONSTACK | SA_SIGINFO;
        sigemptyset(&action.sa_mask);
        active = ticker;
        sigaction(SIGURG, &action, &ticker->before);
    }
    int error = signals && start_timer(ticker) ? 0 : start_thread(ticker);
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
    if (ticker->is_timed) {
        ticker->parked = 0;
        ticker->alone = 0;
        set_step(ticker, 1);
        return;
    }
    pthread_mutex_lock(&ticker->mutex);
    pthread_cond_signal(&ticker->wake);
    pthread_mutex_unlock(&ticker->mutex);
}

static void stop_thread(csched_ticker_t *ticker) {
    pthread_mutex_lock(&ticker->mutex);
    ticker->stop = 1;
    pthread_cond_signal(&ticker->wake);
    pthread_mutex_unlock(&ticker->mutex);
    pthread_join(ticker->thread, NULL);
    pthread_mutex_destroy(&ticker->mutex);
    pthread_cond_destroy(&ticker->wake);
}

void csched_ticker_stop(csched_ticker_t *ticker) {
    ticker->slice = 0;
    started = NULL;
    if (!ticker->lost) {
        if (!ticker->is_timed) stop_thread(ticker);
#ifdef CSCHED_KERNEL_TIMER
        if (ticker->is_timed) timer_delete(ticker->timer);
#endif
    }
    if (ticker->signals) {
        /* What was sent has arrived: a signal to one's own process is delivered by the next return from
         * the kernel, and sigaction is one. */
        active = NULL;
        sigaction(SIGURG, &ticker->before, NULL);
    }
    free(ticker);
}
