/* How an idle scheduler waits: for a moment, a signal, or another thread that has something for it. */
#ifndef CSCHED_SLEEPER_H
#define CSCHED_SLEEPER_H

#include <stdint.h>

typedef struct {
    int read_fd;
    int write_fd; /* Of a pipe: any byte wakes, so Python's signal handler may write it (signal.set_wakeup_fd). */
} csched_sleeper_t;

/* 0, or -1 with errno set. */
int csched_sleeper_open(csched_sleeper_t *sleeper);
void csched_sleeper_close(csched_sleeper_t *sleeper);
/* Wait for at most `ns` (INT64_MAX: for ever) until csched_sleeper_wake is called or a signal comes.
 * To be called without the GIL. A wake that came before is not lost. */
void csched_sleeper_wait(csched_sleeper_t *sleeper, int64_t ns);
/* What a poller watches for it; and take back what has made that readable. */
int csched_sleeper_fd(const csched_sleeper_t *sleeper);
void csched_sleeper_drain(csched_sleeper_t *sleeper);
/* From any thread. */
void csched_sleeper_wake(csched_sleeper_t *sleeper);

#endif
