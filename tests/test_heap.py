"""Each process has a heap of its own, which is collected alone."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import tracemalloc
import weakref

import pytest
from heap_nodes import Node, cycle, make_cycles

import csched
from csched import (
    ANY,
    Down,
    receive,
    run,
    self,
    send,
    sleep,
    spawn,
    spawn_monitor,
    spawn_opt,
    yield_,
)

pytestmark = pytest.mark.skipif(
    csched.run(csched.system_info, "garbage_collection") != "process",
    reason="no private heaps here",
)


def test_the_collector_is_left_as_it_was():
    for enabled in (True, False):
        before = gc.get_threshold(), gc.get_objects, gc.get_referrers
        (gc.enable if enabled else gc.disable)()
        try:
            assert run(gc.isenabled) is True
            with pytest.raises(ZeroDivisionError):
                run(lambda: 1 / 0)
            assert gc.isenabled() is enabled
        finally:
            gc.enable()
        assert (gc.get_threshold(), gc.get_objects, gc.get_referrers) == before


def test_a_process_that_makes_cycles_for_ever_keeps_a_bounded_heap():
    def main():
        most = 0
        for _ in range(300):
            make_cycles(500)
            yield_()
            most = max(most, Node.alive)
        return most

    assert run(main) < 20_000


def test_finalizers_of_a_collection_run_as_their_process():
    def child(parent):
        seen = []
        cycle(lambda: seen.append(self()))
        while not seen:
            make_cycles(1_000)
            yield_()
        send(parent, seen == [self()])

    def main():
        spawn(child, self())
        return receive(timeout=60)

    assert run(main) is True


def test_a_collection_looks_at_the_objects_of_its_process_alone():
    def other(parent):
        cycle(None)
        send(parent, "made")
        receive()

    def main():
        alive = Node.alive
        pid = spawn(other, self())
        receive("made", timeout=60)
        gc.collect()
        mine = Node.alive - alive
        csched.exit(pid, "kill")
        return mine

    assert run(main) == 1


def test_gc_collect_means_the_memory_of_the_caller():
    def main():
        alive = Node.alive
        make_cycles(10)
        yield_()
        make_cycles(10)
        gc.collect()
        return Node.alive - alive

    assert run(main) == 0


def test_referrers_and_objects_of_the_caller_are_found():
    def main():
        target = []
        holder = [target]
        yield_()
        later = [target]
        found = gc.get_referrers(target)
        objects = gc.get_objects()
        return [any(one is kept for one in found) for kept in (holder, later)], [
            any(one is kept for one in objects) for kept in (holder, later)
        ]

    assert run(main) == ([True, True], [True, True])


def test_a_weak_reference_to_a_cycle_dies_with_it():
    def main():
        node = Node()
        node.me = node
        reference = weakref.ref(node)
        del node
        yield_()
        gc.collect()
        return reference()

    assert run(main) is None


def test_what_the_dead_leave_behind_is_collected():
    def main():
        alive = Node.alive
        for _ in range(400):
            _, ref = spawn_monitor(make_cycles, 100)
            receive(Down(ref, ANY, ANY, ANY), timeout=60)
        return Node.alive - alive

    assert run(main) < 30_000


def test_a_finalizer_that_receives_does_not_wake_or_lose_a_sleeper():
    def look():
        # What is not collected before the process has ended may be after the run.
        with contextlib.suppress(csched.NotRunning):
            receive("nothing", timeout=0, default=None)

    def child(parent):
        cycle(look)
        make_cycles(3_000)
        sleep(0.01)
        send(parent, "slept")
        cycle(look)
        make_cycles(3_000)
        send(parent, receive("late", timeout=60))

    def main():
        pid = spawn(child, self())
        receive("slept", timeout=60)
        send(pid, "late")
        return receive(timeout=60)

    assert run(main) == "late"


def test_a_process_that_is_too_large_after_a_collection_is_killed(caplog):
    def grow():
        kept = []
        while True:
            kept.append([None])
            if len(kept) % 1_000 == 0:
                yield_()

    def main():
        _, ref = spawn_opt(grow, monitor=True, max_heap_size=100_000)
        return receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    assert run(main) == "killed"
    assert "max_heap_size is 100000" in caplog.text


def test_without_private_heaps_processes_work_as_well():
    program = """
import gc, csched
from csched import receive, self, send, spawn
from heap_nodes import Node, make_cycles
def child(parent):
    for _ in range(50):
        make_cycles(1_000)
    send(parent, Node.alive)
def main():
    spawn(child, self())
    assert gc.isenabled()
    assert receive(timeout=60) < 20_000
    frozen = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() > frozen
    send(self(), "done")
    return receive(timeout=60), csched.system_info("garbage_collection")
assert csched.run(main) == ("done", "interpreter")
assert gc.get_threshold()[0] < 10_000 and gc.get_freeze_count() == 0
"""
    here = os.path.dirname(__file__)
    root = os.path.dirname(os.path.dirname(csched.__file__))
    subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "CSCHED_HEAP": "interpreter",
            "PYTHONPATH": os.pathsep.join((root, here)),
        },
        check=True,
        timeout=60,
    )


def test_reference_counts_and_sizes_are_what_they_were():
    def look():
        mine = [1]
        other = mine
        return sys.getrefcount(mine), sys.getsizeof(mine), other is mine

    def child(parent):
        send(parent, look())

    def main():
        spawn(child, self())
        return receive(timeout=60)

    assert run(main) == look()


def test_tracemalloc_tells_where_a_process_has_allocated():
    def child(parent):
        kept = [bytearray(1_000) for _ in range(1_000)]
        here = tracemalloc.get_object_traceback(kept[0])
        send(parent, (here[0].filename, tracemalloc.get_traced_memory()[0]))

    def main():
        spawn(child, self())
        return receive(timeout=60)

    tracemalloc.start()
    try:
        filename, size = run(main)
    finally:
        tracemalloc.stop()
    assert filename == __file__
    assert size > 1_000_000


def test_a_weak_reference_calls_back_in_the_process_that_made_it():
    def child(parent):
        node = Node()
        reference = weakref.ref(node, lambda _: send(parent, self()))
        del node
        gc.collect()
        receive("end", timeout=60)
        return reference

    def main():
        pid = spawn(child, self())
        told = receive(timeout=60)
        send(pid, "end")
        return told == pid

    assert run(main) is True
