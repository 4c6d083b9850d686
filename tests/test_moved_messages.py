"""What a message was that has been moved: its receiver's from the beginning, and nobody else's."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import pytest
from heap_nodes import Node
from kinds import both_kinds, gone
from test_move import WARM, Note, heaps  # noqa: F401
from test_scheduler import is_debug_build

import csched
from csched import process_info, self, send

# As a list, more than a slice pays for.
LONG = 300_000


async def forget(calls: Any) -> None:
    """Receive nothing: what was received last is returned by an exception that keeps it (3.12)."""
    await calls.receive("nothing", timeout=0, default=None)


async def forward(calls: Any, to: csched.Pid) -> None:
    """Send on the address of each message, and whether it is the only one who has it."""
    while True:
        message = await calls.receive()
        await forget(calls)
        send(to, (id(message), sys.getrefcount(message)))


@both_kinds
def test_the_receiver_has_the_only_reference(kind):
    async def body(calls):
        note, pid = Note(), kind.spawn(forward, self())
        for _ in range(WARM):
            send(pid, note([1]))
            address, references = await calls.receive()
        return address == note.address, references

    # The variable's and the argument's.
    assert kind.run(body) == (True, 2)


@both_kinds
@pytest.mark.parametrize("preempt", [True, False])
def test_a_sender_that_is_stopped_in_the_call_does_not_keep_the_message(kind, preempt):
    async def sender(calls, to):
        note = Note()
        for _ in range(WARM):
            send(to, note([0]))
        send(to, note.address)
        for size in [0] * WARM + [LONG]:
            send(to, note([0] * size))
        send(to, ("sent", note.address))

    async def body(calls):
        Node.alive = 0
        pid = kind.spawn(sender, self())
        while type(await calls.receive()) is not int:
            pass
        while len(message := await calls.receive()) == 0:
            pass
        await forget(calls)
        # Its slice is used up by the call, in which it stands.
        in_call = (
            process_info(pid, "message_queue_len") == 0
            and process_info(self(), "message_queue_len") == 0
        )
        address, references = id(message), sys.getrefcount(message)
        message.append(LastWords())
        del message
        alive = Node.alive
        return in_call, references, alive, await calls.receive() == ("sent", address)

    class LastWords:
        def __init__(self):
            Node.alive += 1

        def __del__(self):
            Node.alive -= 1

    assert kind.run(body, preempt=preempt) == (True, 2, 0, True)


@both_kinds
def test_the_message_of_a_sender_that_is_killed_in_the_call_is_whole(kind):
    async def sender(calls, to):
        for size in [0] * WARM + [LONG]:
            send(to, [*range(size)])
        send(to, "the killed goes on")

    async def body(calls):
        pid = kind.spawn(sender, self())
        while len(message := await calls.receive()) == 0:
            pass
        csched.exit(pid, "kill")
        await gone(calls, pid)
        await forget(calls)
        return (
            message == [*range(LONG)],
            sys.getrefcount(message),
            process_info(self(), "message_queue_len"),
        )

    assert kind.run(body, preempt=False) == (True, 2, 0)


@both_kinds
def test_it_costs_what_a_copy_costs(kind):
    def reductions():
        return process_info(self(), "reductions")

    async def body(calls):
        me, moved, copied = self(), [], []
        for _ in range(WARM):
            before = reductions()
            send(me, [{"a": [0] * 500, 1: {*range(700)}}, bytearray(9000), ("x", (1, 2), {})])
            moved.append(reductions() - before)
            before = reductions()
            _ = send(me, [{"a": [0] * 500, 1: {*range(700)}}, bytearray(9000), ("x", (1, 2), {})])
            copied.append(reductions() - before)
        # Some have the end of a slice in between.
        return min(moved[-10:]), min(copied)

    moved, copied = kind.run(body, preempt=False)
    assert moved == copied > 40


@both_kinds
def test_references_to_what_is_in_it_are_neither_lost_nor_left(kind):
    async def body(calls):
        me, mark = self(), "".join(["ma", "rk"])
        dead = csched.spawn(int)
        await gone(calls, dead)
        before = sys.getrefcount(mark), sys.getrefcount(None)
        for _ in range(20 * WARM):
            send(me, {"a": mark, "b": [mark, (mark, {mark})]})
            await calls.receive()
            send(dead, [mark])
        await forget(calls)
        after = sys.getrefcount(mark), sys.getrefcount(None)
        return after[0] - before[0], abs(after[1] - before[1]) < WARM

    assert kind.run(body) == (0, True)


@both_kinds
def test_a_cycle_through_it_is_found_when_the_receiver_is_collected(kind):
    async def receiver(calls, to):
        Node.alive = 0
        for _ in range(WARM):
            message = await calls.receive()
        address = id(message)
        node = Node()
        node.message = message
        message[0]["node"] = [message, node]
        del message, node
        await forget(calls)
        gc.collect()
        send(to, (address, Node.alive))

    async def body(calls):
        note, pid = Note(), kind.spawn(receiver, self())
        for _ in range(WARM):
            send(pid, note([{"a": [1]}]))
        address, alive = await calls.receive()
        return address == note.address, alive

    assert kind.run(body) == (True, 0)


@both_kinds
def test_it_is_among_the_objects_of_its_receiver_and_of_no_other(kind, heaps):  # noqa: F811
    def has(address):
        return address in {id(candidate) for candidate in gc.get_objects()}

    async def receiver(calls, to):
        for _ in range(WARM):
            message = await calls.receive()
        send(to, (id(message), has(id(message)), gc.is_tracked(message), gc.is_tracked(message[1])))
        await calls.receive()

    async def body(calls):
        note, pid = Note(), kind.spawn(receiver, self())
        for _ in range(WARM):
            send(pid, note(["x", {"a": 1}]))
        address, *told = await calls.receive()
        assert address == note.address
        # All are on one list where processes have none of their own.
        return told, has(address) == (heaps == "interpreter")

    assert kind.run(body) == ([True, True, False], True)


@both_kinds
@pytest.mark.parametrize("heaps", ["private"], indirect=True)
def test_it_counts_for_the_heap_of_its_receiver(kind):
    """Else a sender would be collected for what it has given away, and the receiver never."""

    async def keeper(calls):
        kept = []
        Node()
        while True:
            kept.append(await calls.receive())

    async def garbage_of(calls, receiver):
        """Of the sender, once it has sent; then of both."""
        Node.alive = 0
        pid = kind.spawn(receiver)
        await calls.yield_()
        alive = Node.alive
        mine = Node()
        del mine
        for _ in range(10_000):
            send(pid, [[]])
        await calls.yield_()
        return alive, Node.alive

    # The receiver's is gone, the sender's is not. (The debug build collects whoever makes 50.)
    assert kind.run(garbage_of, keeper) in ([(1, 0), (1, 1)] if is_debug_build() else [(1, 1)])


@both_kinds
@pytest.mark.parametrize("on_full", ["block", "drop", "drop_oldest"])
def test_to_a_mailbox_with_a_limit_it_is_copied(kind, on_full):
    async def body(calls):
        options = {"mailbox_limit": 2, "on_full": on_full}
        note, pid = Note(), csched.spawn_opt(kind.function(forward), self(), **options)
        outcomes = set()
        for _ in range(WARM):
            send(pid, note([1]))
            outcomes.add((await calls.receive())[0] == note.address)
        return outcomes

    assert kind.run(body) == {False}


@both_kinds
def test_what_another_thread_sends_is_copied(kind):
    async def body(calls):
        me, sent = self(), []

        def from_outside():
            for _ in range(WARM):
                message = [1]
                sent.append(id(message))
                kept = [message]
                del message
                send(me, kept.pop())

        thread = threading.Thread(target=from_outside)
        thread.start()
        received = [await calls.receive() for _ in range(WARM)]
        thread.join()
        return len(received), sum(
            id(message) == address for message, address in zip(received, sent, strict=True)
        )

    assert kind.run(body) == (WARM, 0)


class SendsWhenCopied:
    def __init__(self, to: Any, note: Note) -> None:
        self.to = to
        self.note = note

    def __deepcopy__(self, memo: Any) -> Any:
        send(self.to, self.note([1]))
        return self.note.address


@both_kinds
def test_what_a_hook_of_another_copy_sends_is_copied(kind):
    async def other(calls):
        while True:
            await calls.receive()

    async def body(calls):
        me, note, pid = self(), Note(), kind.spawn(other)
        for _ in range(WARM):
            send(pid, SendsWhenCopied(me, note))
            received = await calls.receive()
        return id(received) == note.address

    assert kind.run(body) is False


@both_kinds
def test_what_a_finalizer_sends_in_a_collection_arrives_whole(kind):
    async def body(calls):
        me, received = self(), []
        for number in range(WARM):
            Node(lambda number=number: tell_number(me, number))
        gc.collect()
        for _ in range(WARM):
            received.append(await calls.receive())
        del received[0][1]["number"][:]
        gc.collect()
        return sorted(number for number, _ in received), received[0][1]

    assert kind.run(body) == ([*range(WARM)], {"number": []})


parting: list[Parting] = []


class Parting:
    """Sends what is garbage with it."""

    to: csched.Pid

    def __init__(self, number: int) -> None:
        self.me, self.parts = self, [[[number]]]

    def __del__(self) -> None:
        send(self.to, self.parts.pop())


@both_kinds
def test_what_a_collection_is_at_is_not_moved_even_if_csched_does_not_hear_of_it(kind):
    async def body(calls):
        Parting.to, received, callbacks = self(), [], gc.callbacks[:]
        gc.callbacks.clear()
        try:
            # What was made before the run is on the interpreter's lists.
            parting.clear()
            gc.collect()
        finally:
            gc.callbacks[:] = callbacks
        for _ in range(WARM):
            received.append(await calls.receive(timeout=10))
            received[-1].append(received[-1])
            gc.collect()
        return sorted(number for ((number,), _) in received)

    parting.extend(map(Parting, range(WARM)))
    assert kind.run(body) == [*range(WARM)]


def tell_number(to: csched.Pid, number: int) -> None:
    send(to, [number, {"number": [number]}])


@both_kinds
@pytest.mark.parametrize("preempt", [True, False])
def test_many_that_are_moved_stay_whole(kind, preempt):
    async def node(calls, last):
        while True:
            number, parts, pids = await calls.receive()
            if number % 20 == 0:
                parts["me"] = parts
                gc.collect()
            if number == 0:
                send(last, [parts["sum"][0]])
            else:
                send(
                    pids[number % len(pids)],
                    [number - 1, {"sum": [parts["sum"][0] + number]}, [*pids]],
                )

    async def body(calls):
        pids = [kind.spawn(node, self()) for _ in range(7)]
        for start in range(100, 120):
            send(pids[start % 7], [start, {"sum": [0]}, [*pids]])
        received = [await calls.receive() for _ in range(20)]
        return sorted(received)

    assert kind.run(body, preempt=preempt) == [
        [start * (start + 1) // 2] for start in range(100, 120)
    ]


def pass_on(to: csched.Pid) -> None:
    while True:
        send(to, csched.receive())


@pytest.mark.parametrize("preempt", [True, False])
def test_one_that_is_passed_on_at_once_is_moved_all_the_way(preempt):
    def body():
        note, to = Note(), self()
        for _ in range(5):
            to = csched.spawn(pass_on, to)
        for _ in range(WARM):
            send(to, note({"a": [1]}))
            received = csched.receive()
        return received, id(received) == note.address

    assert csched.run(body, preempt=preempt) == ({"a": [1]}, True)
