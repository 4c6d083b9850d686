"""`process_info`: what it reads is of one moment, is the asker's own, and costs what was asked."""

from __future__ import annotations

import contextlib
import gc
import itertools
import sys
import threading
import tracemalloc

import pytest
from kinds import both_kinds, gone

import csched
from csched import aio, process_info, receive, run, self, send, spawn, yield_


class Uncopyable:
    """What no other process can get."""

    def __reduce_ex__(self, protocol):
        raise TypeError("not to be copied")

    def __repr__(self):
        return "an uncopyable"


class Unspeakable(Uncopyable):
    def __repr__(self):
        raise RuntimeError("no repr either")


def test_the_items_of_one_request_are_of_one_moment():
    """However often others run between the words, two items of one request never disagree."""

    def count():
        while True:
            csched.put("number", csched.get("number", 0) + 1)
            csched.set_label(csched.get("number"))

    def main():
        pid = spawn(count)
        items = ["reductions", "dictionary", "backtrace", "dictionary", "reductions"]
        while not process_info(pid, "dictionary"):
            yield_()
        seen = set()
        # It is preempted in mid-request: the counter runs only then.
        while len(seen) < 20:
            values = [value for _, value in process_info(pid, items)]
            assert values[0] == values[4]
            assert values[1] == values[3]
            seen.add(values[0])

    run(main, slice=0.0001)


@both_kinds
def test_what_cannot_be_copied_is_shown_by_its_repr(kind):
    async def child(io, parent):
        csched.put("plain", [1])
        csched.put("bad", Uncopyable())
        csched.put("worse", Unspeakable())
        send(parent, "begun")
        await io.receive("end")

    async def main(io):
        pid = kind.spawn(child, self())
        await io.receive("begun", timeout=60)
        return process_info(pid, "dictionary")

    assert kind.run(main) == {"plain": [1], "bad": "an uncopyable", "worse": "<Unspeakable>"}


def test_values_that_are_one_object_are_one_in_the_copy_too():
    def main():
        shared = [1]
        csched.put("a", shared)
        csched.put("b", shared)
        seen = process_info(self(), "dictionary")
        return seen["a"] is seen["b"], seen["a"] is shared

    assert run(main) == (True, False)


def test_a_process_that_ends_while_it_is_asked_about_is_dead_or_told_whole():
    """The `repr` of what cannot be copied lets others run: there may be nothing to tell then."""

    class Ending(Uncopyable):
        def __repr__(self):
            csched.send(csched.whereis("child"), "end")
            while csched.whereis("child") is not None:
                yield_()
            return "ended"

    def child():
        csched.put("key", Ending())
        send(csched.whereis("main"), "begun")
        receive("end")

    def main():
        csched.register("main", self())
        pid = csched.spawn_opt(child, name="child")
        receive("begun", timeout=60)
        return process_info(pid, ["dictionary", "status"]), process_info(pid)

    assert run(main) == (None, None)


def test_a_finalizer_that_changes_what_is_read_does_no_harm():
    """An allocation in mid-reading may collect garbage, whose finalizers link and send."""

    def main():
        main_pid = self()
        sent, linked = [], []

        class Node:
            def __init__(self):
                self.cycle = self

            def __del__(self):
                send(main_pid, "from a finalizer")
                sent.append(1)
                # It runs in whatever process collects, or in none.
                with contextlib.suppress(csched.NotRunning):
                    if csched.self() == main_pid:
                        linked.append(spawn(receive))
                        csched.link(linked[-1])

        threshold = gc.get_threshold()
        gc.set_threshold(1)
        try:
            for _ in range(200):
                Node()
                found = dict(process_info(main_pid, ["links", "messages", "message_queue_len"]))
                assert all(isinstance(pid, csched.Pid) for pid in found["links"])
                assert set(found["messages"]) <= {"from a finalizer"}
        finally:
            gc.set_threshold(*threshold)
        gc.collect()
        items = ["links", "message_queue_len", "messages"]
        (_, links), (_, queued), (_, messages) = process_info(main_pid, items)
        return links == linked != [], queued == len(messages) == len(sent) == 200

    assert run(main) == (True, True)


def test_priority_messages_come_first_and_are_counted():
    def main():
        urgent = csched.alias(priority=True)
        for number in range(3):
            send(self(), number)
        send(urgent, "urgent")
        found = process_info(self(), ["messages", "message_queue_len", "heap_size"])
        return [value for _, value in found[:2]]

    assert run(main) == [["urgent", 0, 1, 2], 4]


@both_kinds
def test_memory_grows_with_what_is_kept_and_falls_with_it(kind):
    """Each link, monitor, timer and message is in it, and gone from it afterwards."""

    async def child(io):
        await io.receive("end")

    async def main(io):
        def memory():
            return process_info(self(), "memory")

        pids = [kind.spawn(child) for _ in range(100)]
        sizes = [memory()]
        for pid in pids:
            csched.link(pid)
        sizes.append(memory())
        refs = [csched.monitor(pid) for pid in pids]
        sizes.append(memory())
        timers = [csched.send_after(self(), "late", 3600) for _ in range(100)]
        sizes.append(memory())
        for _ in range(100):
            send(self(), ["x"] * 100)
        sizes.append(memory())
        grown = [b - a for a, b in itertools.pairwise(sizes)]
        for pid, ref, timer in zip(pids, refs, timers, strict=True):
            csched.unlink(pid)
            csched.demonitor(ref)
            csched.cancel_timer(timer)
            await io.receive(list)
        # Their arrays and the lists that this one has made.
        del ref, refs, timer, timers
        grown_lists = sys.getsizeof(sizes) + sys.getsizeof(grown)
        return grown, memory() - sizes[0] - grown_lists

    grown, left = kind.run(main)
    assert [size >= least for size, least in zip(grown, (3200, 6400, 9600, 80_000), strict=True)]
    assert all(size > 0 for size in grown)
    assert left < 1000


def test_a_thousand_links_are_all_told_in_order():
    """More than fit one look at the tree: in order of creation, whatever the order of linking."""

    def main():
        pids = [spawn(receive) for _ in range(1000)]
        for at in range(1000):
            csched.link(pids[at * 7 % 1000])
        return process_info(self(), "links") == pids

    assert run(main)


def test_the_parent_of_a_process_may_be_dead():
    def middle(parent):
        send(parent, spawn(receive))

    def main():
        pid = spawn(middle, self())
        child = receive(csched.Pid, timeout=60)
        while csched.is_alive(pid):
            yield_()
        yield_()
        parent = process_info(child, "parent")
        return parent == pid, process_info(parent), process_info(self(), "parent")

    assert run(main) == (True, None, None)


def test_another_thread_may_ask_and_does_not_see_the_stack_of_the_one_that_runs():
    def main():
        pid = spawn(receive)
        answers = []

        def ask():
            answers.append([process_info(pid, "status"), process_info(me, "current_function")])

        me = self()
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return answers

    assert run(main, preempt=False) == [["runnable", f"{__name__}:main/0"]]


@pytest.mark.parametrize("items", [5, {"status"}, [1], ["status", None], b"status"])
def test_items_are_strings(items):
    with pytest.raises(TypeError):
        run(lambda: process_info(self(), items))


def test_a_pid_of_another_run_is_refused():
    old = run(self)
    with pytest.raises(ValueError, match="another run"):
        run(lambda: process_info(old))


@both_kinds
def test_a_suspended_process_that_is_told_to_exit_is_exiting(kind):
    async def child(io):
        await io.receive("end")

    async def main(io):
        pid = kind.spawn(child)
        await io.yield_()
        csched.suspend(pid)
        csched.exit(pid, "enough")
        status = process_info(pid, "status")
        await gone(io, pid)
        return status

    assert kind.run(main) == "exiting"


def test_the_suspended_who_have_died_are_not_told():
    def main():
        pids = [spawn(receive) for _ in range(2)]
        for pid in pids:
            csched.suspend(pid)
        csched.exit(pids[0], "kill")
        while pids[0] in csched.processes():
            yield_()
        return process_info(self(), "suspending") == [(pids[1], 1, 0)]

    assert run(main)


def test_a_waiting_coroutine_that_was_asked_about_keeps_nothing_of_it():
    """Its frame object, once made, would stay with it: 100 bytes for each of a million."""

    async def child():
        await aio.receive("end")

    def main():
        pids = [spawn(child) for _ in range(1001)]
        csched.sleep(0.001)
        yield_()
        ask = ["backtrace", "current_location", "memory", "current_function", "stack_size"]
        process_info(pids[0], ask)
        gc.collect()
        tracemalloc.start()
        try:
            for pid in pids[1:]:
                process_info(pid, ask)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert run(main) < 50_000
