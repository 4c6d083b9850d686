"""A process that blocks while nobody else could run is left alone until somebody can."""

from __future__ import annotations

import os
import resource
import threading
import time

import pytest

import csched
from csched import receive, run, self, send, spawn

SECONDS = 0.5


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_THREAD"), reason="waits are not counted here")
def test_a_process_that_blocks_alone_is_not_interrupted() -> None:
    def waits() -> int:
        return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    def main() -> tuple[int, int]:
        before = waits(), csched.statistics("preemptions")
        time.sleep(SECONDS)
        return waits() - before[0], csched.statistics("preemptions") - before[1]

    woken, preempted = run(main)
    # With a signal for each tick it is 1,000 a second.
    assert woken < 200 * SECONDS
    assert preempted == 0


def test_who_can_run_again_is_not_stopped_by_one_that_was_left_alone() -> None:
    """Woken by a message from a thread, and by its timer; each time after a while of quiet."""

    def main() -> list[str]:
        read, write = os.pipe()
        pids = [spawn(waiter, write, None), spawn(waiter, write, SECONDS)]
        thread = threading.Timer(SECONDS, send, (pids[0], "message"))
        thread.start()
        seen = [os.read(read, 1) for _ in pids]
        thread.join()
        return sorted(seen)

    def waiter(write: int, timeout: float | None) -> None:
        message = receive(timeout=timeout, default="timer")
        os.write(write, message[0].encode())

    assert run(main) == [b"m", b"t"]


def test_one_that_was_left_alone_and_then_computes_is_preempted_as_ever() -> None:
    def main() -> bool:
        read, write = os.pipe()
        threading.Timer(SECONDS, os.write, (write, b"x")).start()
        os.read(read, 1)
        pid = spawn(send, self(), "done")
        while not csched.process_info(self(), "message_queue_len"):
            pass
        return csched.is_alive(pid)

    assert run(main) is False
