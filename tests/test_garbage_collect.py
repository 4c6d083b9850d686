"""`garbage_collect`: the memory of one process, when somebody asks for it, and its sizes."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import threading
from typing import Any

import pytest
from heap_nodes import Node, cycle, make_cycles

import csched
from csched import (
    ANY,
    Down,
    aio,
    garbage_collect,
    process_flag,
    process_info,
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

private = pytest.mark.skipif(
    run(csched.system_info, "garbage_collection") != "process", reason="no private heaps here"
)
# Shared by all processes, as any module's globals.
NOTES: dict[str, Any] = {}
KEPT: list[Any] = []
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="nobody")


def idle_with(action, parent):
    """Make a cycle whose finalizer runs `action`, and wait."""
    cycle(action)
    send(parent, "made")
    return receive("end")


async def aio_idle_with(action, parent):
    cycle(action)
    send(parent, "made")
    return await aio.receive("end")


@pytest.fixture(params=[idle_with, aio_idle_with], ids=["plain", "async"])
def sleeper(request):
    return request.param


@private
def test_a_process_collects_its_own_garbage_and_no_other():
    def other(parent):
        cycle(None)
        send(parent, "made")
        receive("end")

    def main():
        before = Node.alive
        spawn(other, self())
        receive("made", timeout=60)
        make_cycles(5)
        made = Node.alive - before
        result = garbage_collect()
        return made, result, Node.alive - before

    assert run(main) == (6, True, 1)


def test_the_garbage_of_another_that_waits_is_collected(sleeper):
    def main():
        before = Node.alive
        pid = spawn(sleeper, None, self())
        receive("made", timeout=60)
        made = Node.alive - before
        result = garbage_collect(pid)
        return made, result, Node.alive - before, process_info(pid, "status")

    assert run(main) == (1, True, 0, "waiting")


def test_finalizers_run_as_the_process_that_they_are_about(sleeper):
    def main():
        def note():
            NOTES["pid"] = self()
            NOTES["variable"] = VARIABLE.get()

        def with_variable(parent):
            VARIABLE.set("owner")
            return sleeper(note, parent)

        async def aio_with_variable(parent):
            VARIABLE.set("owner")
            return await sleeper(note, parent)

        VARIABLE.set("asker")
        is_plain = sleeper is idle_with
        pid = spawn(with_variable if is_plain else aio_with_variable, self())
        receive("made", timeout=60)
        garbage_collect(pid)
        return NOTES["pid"] == pid, NOTES["variable"], self() == pid, VARIABLE.get()

    assert run(main) == (True, "owner", False, "asker")


def test_a_variable_that_a_finalizer_sets_first_stays_with_its_process():
    def owner(parent):
        cycle(lambda: VARIABLE.set("finalizer"))
        send(parent, "made")
        receive("end")
        send(parent, VARIABLE.get())

    def main():
        pid = contextvars.Context().run(spawn, owner, self())
        receive("made", timeout=60)
        garbage_collect(pid)
        send(pid, "end")
        return receive(timeout=60), VARIABLE.get()

    assert contextvars.Context().run(run, main) == ("finalizer", "nobody")


def test_what_a_finalizer_sends_to_its_process_wakes_it(sleeper):
    def main():
        pid, ref = spawn_monitor(sleeper, lambda: send(self(), "end"), self())
        receive("made", timeout=60)
        garbage_collect(pid)
        return receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    assert run(main) == "normal"


def test_a_finalizer_that_ends_its_process_ends_it(sleeper):
    def end():
        with contextlib.suppress(csched.ProcessExit):
            csched.exit(self(), "enough")

    def main():
        pid, ref = spawn_monitor(sleeper, end, self())
        receive("made", timeout=60)
        garbage_collect(pid)
        return csched.is_alive(pid), receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    assert run(main) == (False, "enough")


def test_a_finalizer_cannot_wait_wherever_it_runs(sleeper):
    def main():
        def wait():
            try:
                receive("never", timeout=1)
            except RuntimeError as error:
                NOTES["text"] = str(error)

        pid = spawn(sleeper, wait, self())
        receive("made", timeout=60)
        garbage_collect(pid)
        return NOTES["text"]

    assert "cannot wait" in run(main)


def test_a_finalizer_that_looks_into_the_mailbox_leaves_the_wait_as_it_was():
    def owner(parent):
        cycle(lambda: receive("nothing", timeout=0, default=None))
        send(parent, "made")
        send(parent, receive("end", timeout=0.05, default="timed out"))

    def main():
        pid = spawn(owner, self())
        receive("made", timeout=60)
        garbage_collect(pid)
        return receive(timeout=60)

    assert run(main) == "timed out"


def test_a_process_in_a_queue_is_collected_and_keeps_its_place():
    def busy(parent):
        cycle(None)
        send(parent, "made")
        while True:
            yield_()

    def main():
        before = Node.alive
        pids = [spawn(busy, self()) for _ in range(3)]
        for _ in pids:
            receive("made", timeout=60)
        made = Node.alive - before
        results = [garbage_collect(pid) for pid in pids]
        left = Node.alive - before
        sleep(0.01)
        return made, results, left, [process_info(pid, "status") for pid in pids]

    made, results, left, statuses = run(main)
    assert (made, results, left) == (3, [True] * 3, 0)
    assert statuses == ["runnable"] * 3


def test_a_preempted_process_is_collected_where_it_stands():
    def spin(parent):
        cycle(None)
        send(parent, "made")
        while True:
            pass

    def main():
        before = Node.alive
        pid, ref = spawn_monitor(spin, self())
        receive("made", timeout=60)
        sleep(0.005)
        garbage_collect(pid)
        left = Node.alive - before
        csched.exit(pid, "kill")
        return left, receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    assert run(main) == (0, "killed")


def test_the_dead_and_the_dying_are_not_collected():
    def main():
        pid, ref = spawn_monitor(lambda: None)
        receive(Down(ref, ANY, ANY, ANY), timeout=60)
        dying = spawn(receive)
        csched.exit(dying, "kill")
        return garbage_collect(pid), garbage_collect(dying)

    assert run(main) == (False, False)


def test_a_process_that_is_too_large_when_somebody_collects_it_is_killed(caplog):
    def grow(parent):
        kept = [[None] for _ in range(1_000)]
        send(parent, "grown")
        receive("end")
        return kept

    def main():
        pid, ref = spawn_opt(grow, self(), monitor=True, max_heap_size=5_000)
        receive("grown", timeout=60)
        garbage_collect(pid)
        return receive(Down(ref, ANY, ANY, ANY), timeout=60).reason

    assert run(main) == "killed"
    assert "max_heap_size is 5000" in caplog.text


def test_a_collection_inside_a_collection_does_nothing():
    def main():
        def again():
            NOTES["result"] = garbage_collect(), garbage_collect(self())

        cycle(again)
        garbage_collect()
        return NOTES["result"]

    assert run(main) == (True, True)


def test_bad_arguments_are_named():
    def main():
        with pytest.raises(TypeError, match=r"garbage_collect\(\) takes a Pid, not 5"):
            garbage_collect(5)
        refused = []
        me = self()

        def elsewhere():
            for args in ((), (me,)):
                try:
                    garbage_collect(*args)
                except csched.NotRunning as error:
                    refused.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return refused

    assert len(run(main)) == 2
    with pytest.raises(csched.NotRunning):
        garbage_collect()


def test_charged_is_what_survives():
    def main():
        kept = [[] for _ in range(10_000)]
        before = process_info(self(), "reductions")
        garbage_collect()
        return process_info(self(), "reductions") - before, len(kept)

    reductions, _ = run(main)
    assert 50 <= reductions <= 4_100  # At most a slice, which is short in a debug build.


@private
def test_sizes_follow_what_a_process_keeps():
    def main():
        sizes = []

        def note():
            garbage_collect()
            sizes.append(process_info(self(), ["heap_size", "total_heap_size", "memory"]))

        note()
        kept = [[i] for i in range(1_000)]
        note()
        kept.clear()
        note()
        return [dict(items) for items in sizes]

    small, large, again = run(main)
    # A list of one item: 16 bytes of the collector, 56 of the list, 8 of its array, in words.
    assert 9_000 <= large["heap_size"] - small["heap_size"] <= 13_000
    assert abs(again["heap_size"] - small["heap_size"]) < 100
    for sizes in (small, large):
        assert sizes["total_heap_size"] >= sizes["heap_size"]
        assert sizes["memory"] >= 8 * sizes["total_heap_size"]


@private
def test_messages_in_the_queue_count_for_their_receiver():
    def main():
        pid = spawn(receive, "never")
        yield_()
        before = process_info(pid, "heap_size"), process_info(self(), "heap_size")
        message = [0] * 1_000
        for _ in range(10):
            send(pid, message)
        after = process_info(pid, "heap_size"), process_info(self(), "heap_size")
        return after[0] - before[0], after[1] - before[1]

    receivers, senders = run(main)
    assert 10_000 <= receivers <= 12_000
    assert senders < 2_000


@private
def test_the_collection_is_described():
    def main():
        process_flag("max_heap_size", 1_000_000)
        kept = [[] for _ in range(3_000)]
        garbage_collect()
        gc_info = process_info(self(), "garbage_collection")
        return gc_info, len(kept)

    info, _ = run(main)
    assert info["collector"] == "process"
    assert info["max_heap_size"] == 1_000_000
    assert info["survivors"] >= 3_000 and info["objects"] >= info["survivors"]
    assert info["threshold"] == info["survivors"]


@private
def test_what_the_dead_left_is_collected_while_nothing_runs():
    def main():
        before = Node.alive
        _, ref = spawn_monitor(make_cycles, 1_500)
        receive(Down(ref, ANY, ANY, ANY), timeout=60)
        sleep(0.01)
        return Node.alive - before

    assert run(main) < 1_000


@private
def test_what_the_dead_left_and_somebody_keeps_is_collected_when_it_is_garbage():
    def leave(count):
        KEPT.extend(Node() for _ in range(count))

    def main():
        before = Node.alive
        for _ in range(2):
            _, ref = spawn_monitor(leave, 12_000)
            receive(Down(ref, ANY, ANY, ANY), timeout=60)
            alive = Node.alive - before
            KEPT.clear()
        for _ in range(40):
            _, ref = spawn_monitor(make_cycles, 1_200)
            receive(Down(ref, ANY, ANY, ANY), timeout=60)
            sleep(0.001)
        return alive, Node.alive - before

    alive, left = run(main)
    assert alive >= 12_000
    assert left < 24_000


def test_the_lists_of_the_interpreter_are_whole_afterwards():
    class Holder:
        pass

    holders = [Holder() for _ in range(100)]

    def main():
        garbage_collect()
        yield_()
        return len([1 for one in gc.get_objects() if type(one) is Holder])

    run(main)
    gc.collect()
    found = {id(one) for one in gc.get_objects() if type(one) is Holder}
    assert {id(one) for one in holders} <= found
