/* See sleeper.h. */
#define _GNU_SOURCE
#include "sleeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

int csched_sleeper_open(csched_sleeper_t *sleeper) {
    int fds[2];
    if (pipe(fds) < 0) return -1;
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    sleeper->read_fd = fds[0];
    sleeper->write_fd = fds[1];
    return 0;
}

void csched_sleeper_close(csched_sleeper_t *sleeper) {
    close(sleeper->read_fd);
    close(sleeper->write_fd);
}

void csched_sleeper_wait(csched_sleeper_t *sleeper, int64_t ns) {
    struct pollfd fd = {sleeper->read_fd, POLLIN, 0};
    int ready;
#ifdef __linux__
    struct timespec timeout = {ns / 1000000000, ns % 1000000000};
    ready = ppoll(&fd, 1, ns == INT64_MAX ? NULL : &timeout, NULL);
#else
    /* Rounded up, so that nothing is early; a long wait is taken in parts. */
    int64_t ms = ns / 1000000 + 1;
    ready = poll(&fd, 1, ns == INT64_MAX ? -1 : ms > 1000000 ? 1000000 : (int)ms);
#endif
    if (ready > 0) csched_sleeper_drain(sleeper);
}

int csched_sleeper_fd(const csched_sleeper_t *sleeper) { return sleeper->read_fd; }

void csched_sleeper_drain(csched_sleeper_t *sleeper) {
    char buffer[64];
    while (read(sleeper->read_fd, buffer, sizeof buffer) > 0) {
    }
}

void csched_sleeper_wake(csched_sleeper_t *sleeper) {
    while (write(sleeper->write_fd, "", 1) < 0 && errno == EINTR) {
    }
}
