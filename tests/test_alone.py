"""A process that computes while nobody else could run costs few ticks, and nobody waits for it."""

from __future__ import annotations

import resource
import time

import pytest

import csched
from csched import aio, receive, run, self, send, send_after, spawn

SECONDS = 0.5


def compute(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_THREAD"), reason="waits are not counted here")
def test_one_that_computes_alone_has_few_ticks() -> None:
    def waits_of_others() -> int:
        everybody = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        return everybody - resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    def main() -> int:
        before = waits_of_others()
        compute(SECONDS)
        return waits_of_others() - before

    # With every tick of 1 ms it is 1,000 a second.
    assert run(main) < 400 * SECONDS


def test_it_is_preempted_when_others_can_run_at_last() -> None:
    def main() -> bool:
        compute(0.1)
        pid = spawn(send, self(), "done")
        while not csched.process_info(self(), "message_queue_len"):
            pass
        return csched.is_alive(pid)

    assert run(main) is False


def test_a_timer_that_was_set_before_comes_when_it_is_due() -> None:
    """The first is due while it computes alone: a tick comes for that."""

    async def waiter(home: csched.Pid, due: float) -> None:
        await aio.receive()
        send(home, time.monotonic() - due)

    def main() -> float:
        late: list[float] = []
        for _ in range(10):
            due = time.monotonic() + 0.033
            send_after(spawn(waiter, self(), due), "now", 0.033)
            compute(0.05)
            late.append(receive())
        return min(late)

    # The ticks that are left out would be 5 ms.
    assert 0 <= run(main) < 0.004
