"""References, and what a receive for one does not look at; SEMANTICS.md, section 2."""

from __future__ import annotations

import time

import pytest
from kinds import both_kinds, drain, fill

import csched
from csched import ANY, make_ref, run, self, send, spawn


@both_kinds
def test_a_reference_is_found_behind_what_arrived_before_it(kind):
    async def main(io):
        fill(*range(10))
        ref = make_ref()
        fill("between", (ref, "answer"))
        return (await io.receive((ref, ANY), timeout=0))[1], await drain(io)

    assert kind.run(main) == ("answer", [*range(10), "between"])


def test_what_arrived_before_a_reference_was_made_is_not_looked_at():
    looked_at = []

    class Message:
        def __deepcopy__(self, memo):
            return self

        @property
        def __class__(self):
            looked_at.append(1)
            return Message

    def main():
        fill(*[(Message(), 1)] * 100)
        ref = make_ref()
        fill((Message(), 2), (1, ref))
        looked_at.clear()
        return csched.receive((int, ref), timeout=0)[0]

    assert run(main) == 1
    assert len(looked_at) <= 1


@both_kinds
def test_several_references_may_be_waited_for_in_any_order(kind):
    async def server(io):
        requests = [await io.receive() for _ in range(6)]
        for client, ref in reversed(requests):
            send(client, (ref, "answer"))

    async def main(io):
        for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 0, 5, 1, 4, 2]):
            pid = kind.spawn(server)
            refs = []
            for number in range(6):
                refs.append(make_ref())
                send(pid, (self(), refs[-1]))
                send(self(), number)
            for number in order:
                assert (await io.receive((refs[number], str), timeout=60))[0] == refs[number]
        return await drain(io)

    assert kind.run(main) == [*range(6)] * 3


@both_kinds
def test_an_abandoned_reference_hides_nothing_later(kind):
    async def main(io):
        fill("old")
        abandoned = make_ref()
        with pytest.raises(TimeoutError):
            await io.receive(abandoned, timeout=0.001)
        fill(*range(50))
        failing = make_ref()
        fill((failing, 1))
        with pytest.raises(ZeroDivisionError):
            await io.receive((failing, lambda m: 1 / 0))
        first = await io.receive()
        second = await io.receive(int)
        fill((abandoned, "late"))
        return first, second, (await io.receive((abandoned, str)))[1], len(await drain(io))

    assert kind.run(main) == ("old", 0, "late", 50)


@both_kinds
def test_a_reference_inside_a_wait_for_another_is_answered(kind):
    async def server(io):
        while True:
            client, ref, nested = await io.receive()
            if nested:
                send(client, ("question", self()))
                await io.receive("go on")
            send(client, (ref, "answer"))

    async def call(io, pid, nested):
        ref = make_ref()
        send(pid, (self(), ref, nested))
        if nested:
            _, who = await io.receive(("question", csched.Pid), timeout=60)
            other = kind.spawn(server)
            await call(io, other, False)
            send(who, "go on")
        return (await io.receive((ref, str), timeout=60))[1]

    async def main(io):
        fill(*range(20))
        pid = kind.spawn(server)
        answers = [await call(io, pid, bool(number % 2)) for number in range(10)]
        return answers, await drain(io)

    assert kind.run(main) == (["answer"] * 10, list(range(20)))


@both_kinds
def test_a_reference_of_another_process_is_looked_for_everywhere(kind):
    async def maker(io, parent):
        await io.receive("now")
        for number in range(30):
            send(self(), number)
        send(parent, make_ref())

    async def main(io):
        pid = kind.spawn(maker, self())
        send(pid, "now")
        ref = await io.receive(csched.Ref, timeout=60)
        fill("x", (ref, 1), "y")
        return (await io.receive((ref, int), timeout=0))[1], await drain(io)

    assert kind.run(main) == (1, ["x", "y"])


def call_seconds(queued, calls):
    def server():
        while True:
            client, ref = csched.receive()
            send(client, (ref, "answer"))

    def main():
        pid = spawn(server)
        for number in range(queued):
            send(self(), number)
        best = float("inf")
        for _ in range(5):
            begin = time.perf_counter()
            for _ in range(calls):
                ref = make_ref()
                send(pid, (self(), ref))
                csched.receive((ref, ANY))
            best = min(best, time.perf_counter() - begin)
        return best

    return run(main)


def test_a_call_does_not_take_longer_with_many_messages_in_the_queue():
    assert call_seconds(100_000, 200) < 10 * call_seconds(0, 200)
