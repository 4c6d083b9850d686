"""The interpreter ends while processes live: ``leave.py HOW``."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time

from csched import aio, receive, run, self, send, sleep, spawn

begun = threading.Event()


def loop():
    while True:
        for _ in range(1000):
            pass
        sleep(0)


async def wait():
    await aio.receive()


def main(end=None):
    for _ in range(10):
        spawn(loop)
        spawn(wait)
        spawn(receive)
        spawn(time.sleep, 0.01)
    sleep(0.02)
    begun.set()
    if end is not None:
        return end()
    while True:
        sleep(0.001)


def in_daemon_thread():
    threading.Thread(target=run, args=[main], daemon=True).start()
    begun.wait()


def at_exit():
    atexit.register(lambda: print(run(main, lambda: "ran at exit")))


def in_daemon_thread_and_at_exit():
    in_daemon_thread()
    atexit.register(time.sleep, 0.05)


def by_sys_exit():
    run(main, lambda: sys.exit(3))


def by_os_exit():
    run(main, lambda: os._exit(3))


def by_fork():
    def fork():
        pid = os.fork()
        if pid == 0:
            os._exit(5)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    sys.exit(run(main, fork))


def with_pids_kept():
    global kept
    kept = run(main, lambda: [self(), spawn(receive), spawn(wait), spawn(loop)])
    run(lambda: send(self(), "message"))


def with_an_abandoned_process():
    def swallow():
        while True:
            with contextlib.suppress(BaseException):
                receive()

    def amain():
        spawn(swallow)
        sleep(0.01)

    run(amain)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("end of the script")
