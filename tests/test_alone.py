"""A process that computes while nobody else could run gets few ticks, and nobody waits for it."""

from __future__ import annotations

import time

import csched
from csched import aio, receive, run, self, send, send_after, spawn


def compute(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_it_is_preempted_when_others_can_run_at_last() -> None:
    def main() -> bool:
        compute(0.1)
        pid = spawn(send, self(), "done")
        while not csched.process_info(self(), "message_queue_len"):
            pass
        return csched.is_alive(pid)

    assert run(main) is False


def test_a_timer_that_was_set_before_comes_when_it_is_due() -> None:
    """Alone for 10 ticks, it gets one signal for five; but one for the timer."""

    def main() -> float:
        due = time.monotonic() + 0.36
        pid = spawn(waiter, self(), due)
        send_after(pid, "now", 0.36)
        compute(0.6)
        return receive()

    async def waiter(home: csched.Pid, due: float) -> None:
        await aio.receive()
        send(home, time.monotonic() - due)

    # Signals come after 240, 340 and 440 ms, if nothing is due.
    assert 0 <= run(main, slice=0.02) < 0.05
