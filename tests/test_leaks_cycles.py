"""Cyclic garbage is bounded, whoever makes it, and collections do not break what goes on."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from leak_bodies import Knot, Token

import csched
from csched import (
    ANY,
    CopyError,
    Down,
    exit,
    receive,
    run,
    self,
    send,
    spawn,
    spawn_monitor,
    yield_,
)

CRASH = Path(__file__).with_name("crash")

pytestmark = pytest.mark.skipif(
    csched.run(csched.system_info, "garbage_collection") != "process",
    reason="no private heaps here",
)


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    gc.collect()
    assert Token.alive == 0


async def nothing(*args):
    pass


def knots(count):
    return [Knot() for _ in range(count)]


# --- Bounds ------------------------------------------------------------------------------------


def make_many(count=20_000):
    """The most that were alive at once, of many that are garbage at once."""
    most = 0
    for _ in range(count):
        Knot()
        most = max(most, Token.alive)
    return most


def loop():
    while True:
        pass


def make_many_under_a_lock():
    spawn(loop)  # Somebody else is runnable, but may not run.
    with threading.RLock():
        return make_many()


def test_a_process_that_makes_no_call_is_collected_while_it_is_alone():
    # A Knot is five objects for the collector, and it looks after 10,000.
    assert run(make_many) < 6_000


def test_a_process_that_cannot_be_preempted_is_collected():
    assert run(make_many, preempt=False) < 6_000
    assert run(make_many_under_a_lock) < 6_000


def test_a_process_in_another_thread_is_collected():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(run(make_many)))
    thread.start()
    thread.join()
    assert seen[0] < 6_000


def test_what_other_threads_make_while_all_processes_wait_is_collected():
    def main():
        me = self()
        thread = threading.Thread(target=lambda: send(me, make_many(100_000)))
        thread.start()
        most = receive(timeout=60)
        thread.join()
        return most

    # What was made in the slices of others waits for these; the rest is collected as it comes.
    assert run(main) < 30_000


def test_a_heap_that_only_grows_is_collected_ever_more_rarely():
    looked_at = []

    def look(phase, info):
        if phase == "start":
            looked_at.append(len(gc.get_objects(generation=0)))

    def main():
        gc.callbacks.append(look)
        try:
            return [[number] for number in range(300_000)]
        finally:
            gc.callbacks.remove(look)

    run(main)
    # Each time that it is looked at, it has doubled: in all, no more than twice its last size.
    assert 300_000 < sum(looked_at) < 700_000


def test_what_processes_were_spawned_with_is_bounded_when_they_are_dead():
    def main():
        most = 0
        for _ in range(600):
            spawn(nothing, knots(50))
            yield_()
            most = max(most, Token.alive)
        return most

    assert run(main) < 6_000


def test_what_failed_spawns_have_copied_is_bounded():
    def main():
        most = 0
        for _ in range(600):
            with pytest.raises(CopyError):
                spawn(nothing, knots(50), sys._getframe())
            most = max(most, Token.alive)
        return most

    assert run(main) < 6_000


def test_what_the_last_spawn_has_copied_is_garbage_when_the_run_has_ended():
    def main():
        with pytest.raises(CopyError):
            spawn(nothing, Knot(), sys._getframe())

    run(main)


# --- What goes on ------------------------------------------------------------------------------


class Swallower:
    """It swallows its process's end so often that a stack would be given up for it."""

    def swallow(self):
        for _ in range(300):
            try:
                csched.exit(csched.self(), "kill") if csched.is_alive(csched.self()) else yield_()
            except BaseException:
                pass

    def __deepcopy__(self, memo):
        self.swallow()
        return None


class Tangled(Swallower):
    def __init__(self):
        self.me = self

    def __del__(self):
        self.swallow()


def swallow_in_a_collection():
    Tangled()
    gc.collect()


def swallow_in_a_copy():
    send(self(), Swallower())


@pytest.mark.parametrize("body", [swallow_in_a_collection, swallow_in_a_copy])
def test_no_stack_is_given_up_in_the_midst_of_a_collection_or_a_copy(body):
    def main():
        _, ref = spawn_monitor(body)
        reason = receive(Down(ref, ANY, ANY, ANY), timeout=60).reason
        make_many()  # Collections still work,
        assert receive("never", timeout=0.001, default=None) is None  # and processes can wait.
        return reason, Token.alive < 6_000

    assert run(main) == ("killed", True)


def test_a_collection_in_a_copying_hook_is_of_the_sender():
    class Collects:
        def __init__(self, seen):
            self.seen = seen

        def __deepcopy__(self, memo):
            gc.collect()
            self.seen.append(Token.alive)
            return None

    def other(parent):
        Knot()
        send(parent, "made")
        receive()

    def main():
        pid = spawn(other, self())
        receive("made", timeout=60)
        Knot()
        seen = []
        send(pid, Collects(seen))
        exit(pid, "kill")
        return seen

    assert run(main) == [1]


def run_collections(seed, seconds, how):
    program = [sys.executable, "-W", "ignore", CRASH / "collect.py", str(seed), str(seconds), how]
    done = subprocess.run(
        program,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(csched.__file__))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=10 * seconds + 150,
    )
    assert (done.returncode, done.stdout[:6]) == (0, "sound "), done.stderr


@pytest.mark.parametrize(("seed", "how"), [(0, ""), (1, ""), (2, "fork"), (3, "thread")])
def test_finalizers_may_do_whatever_a_process_can(seed, how):
    run_collections(seed, 0.3, how)


@pytest.mark.stress
@pytest.mark.parametrize("how", ["", "fork", "thread"])
@pytest.mark.parametrize("seed", range(100, 103))
def test_finalizers_may_do_so_for_long(seed, how):
    run_collections(seed, 10, how)


def test_a_process_is_not_interrupted_while_its_exit_is_made(monkeypatch):
    def slow(error, reason="normal"):
        # A process that blocks while it unwinds is given a second.
        end = time.monotonic() + 1.5 * (reason == "told")
        while time.monotonic() < end:
            time.sleep(0.01)
        error.args = (reason,)
        error.reason = reason

    async def wait():
        await csched.aio.receive()

    def main():
        spawn(loop)
        pid, ref = spawn_monitor(wait)
        yield_()
        exit(pid, "told")
        return receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    monkeypatch.setattr(csched.ProcessExit, "__init__", slow)
    assert run(main) == "told"
