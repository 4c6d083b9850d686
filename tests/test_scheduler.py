"""Scheduling: what is charged, how long a slice is, and that nobody starves (SEMANTICS.md, 7)."""

from __future__ import annotations

import threading
import time

import pytest
from kinds import Async, Plain, both_kinds

import csched
from csched import make_ref, processes, receive, run, self, send, spawn
from csched._inspect import next_rows

SLICE = 4_000
# The debug build has shorter slices, so that tests reach their ends.
DEBUG_SLICE = 64


def reductions_of(pid):
    """What the listing shows; it charges nothing itself."""
    for _, row in next_rows(-1, 1_000_000):
        if row[0] is pid:
            return row[5]
    raise AssertionError(f"{pid} is not listed")


def cost(call, *args):
    """The reductions that a call is charged, within one slice."""
    me = self()
    before = reductions_of(me)
    call(*args)
    return reductions_of(me) - before


def run_slowly(main):
    """Run with slices so long that no tick is charged, on a busy machine either."""
    return run(main, preempt=False, slice=1.0)


def slice_length():
    """How many sends, of 5 reductions each, fit one slice."""

    def observer(parent):
        send(parent, "observed")

    def main():
        spawn(observer, self())
        nobody = spawn(int)
        for count in range(1, 10_000):
            send(nobody, None)
            if receive("observed", timeout=0, default=None):
                return count
        raise AssertionError("a process that only sends was never stopped")

    return run_slowly(main)


def is_debug_build():
    return slice_length() < 100


# --- Charges -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [self, make_ref, lambda: receive(timeout=0, default=None), csched.flush, lambda: spawn(int)],
    ids=["self", "make_ref", "receive", "flush", "spawn"],
)
def test_a_call_into_the_runtime_is_charged_one_reduction(call):
    def main():
        nobody_yet = cost(lambda: None)
        return [cost(call) - nobody_yet for _ in range(3)]

    assert run_slowly(main) == [1, 1, 1]


def test_a_received_message_is_charged_one_reduction():
    def main():
        send(self(), 1)
        send(self(), 2)
        return cost(receive), cost(receive, int)

    assert run_slowly(main) == (1, 1)


def test_the_virtual_reductions_of_a_send_are_not_shown():
    def main():
        me = self()
        return [cost(send, me, "message") for _ in range(3)]

    assert run_slowly(main) == [1, 1, 1]


@pytest.mark.parametrize("words", [640, 6400])
def test_a_copied_message_is_charged_by_its_words(words):
    if is_debug_build():
        pytest.skip("slices are too short to tell")

    def main():
        me, message = self(), [None] * words
        return cost(send, me, message)

    assert words // 64 <= run_slowly(main) <= words // 64 * 1.3 + 3


def test_a_message_of_less_than_64_words_costs_no_more_than_its_send():
    def main():
        me = self()
        return cost(send, me, [1, 2, 3]), cost(send, me, ("text", {"a": 1}))

    assert run_slowly(main) == (1, 1)


def test_a_shared_message_costs_no_more_than_its_send():
    def main():
        me, message = self(), ("x" * 1_000_000, (1,) * 1_000_000)
        return cost(send, me, message)

    assert run_slowly(main) == 1


def test_a_huge_message_is_charged_a_slice_at_most():
    def child(parent):
        send(parent, [None] * 1_000_000)
        receive()

    def main():
        pid = spawn(child, self())
        receive(list)
        return reductions_of(pid)

    assert run_slowly(main) <= SLICE + 10


@both_kinds
def test_reductions_grow_with_each_slice(kind):
    async def child(io, parent):
        for _ in range(50):
            await io.yield_()
        send(parent, "done")
        await io.receive()

    async def main(io):
        pid = kind.spawn(child, self())
        before = reductions_of(pid)
        await io.receive("done")
        return before, reductions_of(pid)

    before, after = kind.run(main, preempt=False, slice=1.0)
    assert before == 0
    assert 50 <= after <= 60


def test_time_in_python_is_charged_in_whole_slices():
    def busy(parent, seconds):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        send(parent, "done")
        receive()

    def main():
        pid = spawn(busy, self(), 0.1)
        receive("done")
        return reductions_of(pid)

    # 100 slices of CPU time, fewer if ticks came late, more if others had the processor meanwhile.
    assert run(main) >= 5 * (DEBUG_SLICE if is_debug_build() else SLICE)


# --- Slices ------------------------------------------------------------------------------------


def test_a_slice_is_four_thousand_reductions():
    # A send is 5, and a look for the answer 1; a few more go to the beginning.
    slice_reductions = DEBUG_SLICE if is_debug_build() else SLICE
    assert slice_reductions / 6 - 5 <= slice_length() <= slice_reductions / 6 + 5


@both_kinds
def test_a_process_that_only_sends_lets_the_others_run(kind):
    async def sender(io, dest):
        while True:
            send(dest, None)

    async def main(io):
        dead = spawn(int)
        for _ in range(3):
            kind.spawn(sender, dead)
        for _ in range(20):
            await io.yield_()
        return "ran"

    assert kind.run(main, preempt=False) == "ran"


CALLS = {
    "self": self,
    "make_ref": make_ref,
    "receive": lambda: receive(timeout=0, default=None),
    "flush": csched.flush,
    "processes": processes,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_process_that_only_calls_the_runtime_is_stopped_by_ticks_at_least(call):
    def caller():
        while True:
            call()

    def main():
        pids = [spawn(caller) for _ in range(2)]
        for _ in range(5):
            csched.yield_()
        return [csched.is_alive(pid) for pid in pids]

    assert run(main) == [True, True]


@both_kinds
def test_a_process_that_finds_all_its_messages_lets_the_others_run(kind):
    async def receiver(io):
        while True:
            send(self(), 1)
            await io.receive()

    async def main(io):
        for _ in range(3):
            kind.spawn(receiver)
        for _ in range(20):
            await io.yield_()
        return "ran"

    assert kind.run(main, preempt=False) == "ran"


def test_a_process_that_only_awaits_lets_the_others_run():
    async def receiver():
        from csched import aio

        while True:
            await aio.receive(timeout=0, default=None)

    def main():
        for _ in range(3):
            spawn(receiver)
        for _ in range(20):
            csched.yield_()
        return "ran"

    assert run(main, preempt=False) == "ran"


# --- Fairness ----------------------------------------------------------------------------------


def shares(hog, count, seconds):
    """What part of the work each of so many hogs has done."""

    def main():
        parent = self()
        pids = [spawn(hog, parent) for _ in range(count)]
        csched.sleep(seconds)
        # What they have done until now: they go on while this one counts.
        send(parent, "now")
        work = dict.fromkeys(pids, 0)
        while (report := receive()) != "now":
            work[report] += 1
        return sorted(work.values())

    return run(main)


def hog(parent):
    me = self()
    while True:
        for _ in range(2_000):
            pass
        send(parent, me)


async def async_hog(parent):
    hog(parent)


@pytest.mark.parametrize("body", [hog, async_hog], ids=["plain", "async"])
def test_equal_hogs_get_equal_shares(body):
    work = shares(body, 8, 1.0)
    assert work[0] > 0
    assert work[-1] <= 3 * work[0]


def test_a_busy_process_does_not_delay_a_sleeper_for_long():
    def busy():
        while True:
            pass

    def main():
        for _ in range(10):
            spawn(busy)
        late = []
        for _ in range(20):
            begin = time.monotonic()
            csched.sleep(0.01)
            late.append(time.monotonic() - begin - 0.01)
        return sorted(late)

    late = run(main)
    assert late[0] >= 0
    assert late[len(late) // 2] < 0.05


def test_two_that_talk_leave_a_third_of_the_time_to_one_that_computes():
    def computing(parent):
        me = self()
        while True:
            for _ in range(2_000):
                pass
            send(parent, me)

    def talking(partner):
        while True:
            partner = receive() if partner is None else partner
            send(partner, self())
            receive()

    def alone():
        parent = self()
        spawn(computing, parent)
        csched.sleep(0.5)
        return count()

    def beside():
        parent = self()
        first = spawn(talking, None)
        spawn(talking, first)
        spawn(computing, parent)
        csched.sleep(0.5)
        return count()

    def count():
        send(self(), "now")
        work = 0
        while receive() != "now":
            work += 1
        return work

    assert run(beside) > 0.15 * run(alone)


@pytest.mark.parametrize("first", [Plain, Async], ids=["plain", "async"])
def test_run_may_be_called_again_and_in_another_thread(first):
    async def main(io):
        pid = first.spawn(echo)
        send(pid, self())
        return await io.receive(timeout=60)

    async def echo(io):
        send(await io.receive(), "echo")

    results = [first.run(main) for _ in range(3)]
    thread = threading.Thread(target=lambda: results.append(first.run(main)))
    thread.start()
    thread.join()
    assert results == ["echo"] * 4
