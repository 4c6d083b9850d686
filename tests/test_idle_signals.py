"""Signals that come when no process is runnable: an idle scheduler deals with them at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from csched import receive, run, self, send, send_after

# Long enough for the scheduler to be asleep. If it is not yet, the signal is dealt with anyway.
A_WHILE = 0.2
SECONDS = 30


@pytest.mark.parametrize("by", [signal.raise_signal, lambda n: os.kill(os.getpid(), n)])
def test_a_signal_that_another_thread_gets_wakes_the_scheduler(by: Callable[[int], None]) -> None:
    over = threading.Event()

    def hit() -> None:
        time.sleep(A_WHILE)
        by(signal.SIGINT)
        over.wait(SECONDS)

    thread = threading.Thread(target=hit)

    def main() -> None:
        thread.start()
        receive()

    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(main)
        assert time.monotonic() - start < SECONDS
    finally:
        over.set()
        thread.join()


def test_what_a_handler_does_for_the_processes_is_done_at_once() -> None:
    """It is called while nobody runs: a message, and a timer that is earlier than all others."""

    def main() -> list[str]:
        me = self()

        def handler(signum: int, frame: object) -> None:
            send(me, "message")
            send_after(me, "timer", 0.01)

        before = signal.signal(signal.SIGUSR1, handler)
        try:
            threading.Timer(A_WHILE, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            return [receive(timeout=SECONDS), receive(timeout=SECONDS)]
        finally:
            signal.signal(signal.SIGUSR1, before)

    assert run(main) == ["message", "timer"]


def test_the_wakeup_fd_of_the_program_is_left_in_place() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write)
    try:
        run(lambda: receive(timeout=0.01, default=None))
        assert signal.set_wakeup_fd(-1) == write
    finally:
        signal.set_wakeup_fd(before)
        os.close(read)
        os.close(write)
