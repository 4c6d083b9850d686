"""Sending: in what order, to whom, from where, and what is refused."""

from __future__ import annotations

import gc
import os
import threading

import pytest
from kinds import both_kinds, gone

import csched
from csched import receive, run, self, send, spawn, yield_


@both_kinds
def test_messages_between_two_processes_keep_their_order(kind):
    async def sender(io, parent):
        for number in range(2000):
            send(parent, number)
            if number % 7 == 0:
                await io.yield_()

    async def main(io):
        kind.spawn(sender, self())
        return [await io.receive(timeout=60) for _ in range(2000)]

    assert kind.run(main) == list(range(2000))


@both_kinds
def test_each_of_many_senders_keeps_its_order(kind):
    async def sender(io, parent, name):
        for number in range(200):
            send(parent, (name, number))
            if number % (name + 1) == 0:
                await io.yield_()

    async def main(io):
        for name in range(10):
            kind.spawn(sender, self(), name)
        arrived = [await io.receive(timeout=60) for _ in range(2000)]
        return [[number for who, number in arrived if who == name] for name in range(10)]

    assert kind.run(main) == [list(range(200))] * 10


@both_kinds
def test_a_process_can_send_to_itself(kind):
    async def main(io):
        send(self(), 1)
        send(self(), 2)
        return await io.receive(), await io.receive()

    assert kind.run(main) == (1, 2)


def test_send_returns_the_message_itself():
    def main():
        message = [1, [2]]
        assert send(self(), message) is message
        received = receive()
        assert received == message and received is not message
        assert received[1] is not message[1]

    run(main)


def test_a_message_is_copied_when_it_is_sent():
    def main():
        message = [1]
        send(self(), message)
        message.append(2)
        send(self(), message)
        return receive(), receive()

    assert run(main) == ([1], [1, 2])


def test_a_message_is_there_at_once():
    def main():
        send(self(), "here")
        return receive(timeout=0)

    assert run(main) == "here"


@both_kinds
def test_the_dead_swallow_messages(kind):
    async def child(io):
        pass

    async def main(io):
        pid = kind.spawn(child)
        await gone(io, pid)
        message = object
        return send(pid, message) is message

    assert kind.run(main)


def test_messages_that_nobody_received_go_with_their_process():
    collected = []

    class Message:
        def __deepcopy__(self, memo):
            return Message()

        def __del__(self):
            collected.append(1)

    def child():
        receive("end")

    def main():
        pid = spawn(child)
        yield_()
        for _ in range(5):
            send(pid, Message())
        collected.clear()
        send(pid, "end")
        while pid in csched.processes():
            yield_()
        return len(collected)

    assert run(main) == 5


@pytest.mark.parametrize("name", ["nobody", "", "0.0.0"])
def test_an_unknown_name_is_a_value_error(name):
    def main():
        with pytest.raises(ValueError):
            send(name, "message")

    run(main)


@pytest.mark.parametrize("dest", [None, 0, 1.0, b"name", (0, 0, 0), [], object(), csched.Pid, send])
def test_what_is_no_destination_is_a_type_error(dest):
    def main():
        with pytest.raises(TypeError):
            send(dest, "message")

    run(main)


def test_a_destination_is_checked_before_the_message_is_copied():
    hooks = []

    class Message:
        def __deepcopy__(self, memo):
            hooks.append(1)
            return self

    def main():
        for dest in (None, "nobody"):
            with pytest.raises((TypeError, ValueError)):
                send(dest, Message())

    run(main)
    assert hooks == []


def test_a_message_that_cannot_be_copied_delivers_nothing():
    def main():
        with open(os.devnull) as file, pytest.raises(csched.CopyError) as refused:
            send(self(), {"conn": ["first", file]})
        assert str(refused.value).startswith('message["conn"][1]')
        return receive(timeout=0, default="nothing")

    assert run(main) == "nothing"


def test_a_hook_that_raises_delivers_nothing():
    class Message:
        def __deepcopy__(self, memo):
            raise RuntimeError("not this one")

    def main():
        with pytest.raises((csched.CopyError, RuntimeError)):
            send(self(), [1, Message()])
        return receive(timeout=0, default="nothing")

    assert run(main) == "nothing"


def test_a_message_that_a_hook_sends_arrives_before_its_own():
    class Message:
        def __init__(self, dest):
            self.dest = dest

        def __deepcopy__(self, memo):
            send(self.dest, "by the hook")
            return "the copy"

    def main():
        send(self(), Message(self()))
        return receive(timeout=0), receive(timeout=0)

    assert run(main) == ("by the hook", "the copy")


@both_kinds
def test_a_hook_may_spawn_and_receive_what_is_there(kind):
    class Message:
        def __deepcopy__(self, memo):
            spawn(int)
            return receive(timeout=0)

    async def main(io):
        send(self(), "older")
        send(self(), Message())
        return await io.receive(timeout=0)

    assert kind.run(main) == "older"


def test_flush_prints_and_drops_all_messages(capsys):
    def main():
        for message in ("text", 1, ["list"], None):
            send(self(), message)
        assert csched.flush() is None
        csched.flush()
        return receive(timeout=0, default="empty")

    assert run(main) == "empty"
    assert capsys.readouterr().out == "'text'\n1\n['list']\nNone\n"


def test_flush_goes_on_after_a_repr_that_raised():
    class Nameless:
        def __deepcopy__(self, memo):
            return self

        def __repr__(self):
            raise RuntimeError("no name")

    def main():
        send(self(), Nameless())
        send(self(), "next")
        with pytest.raises(RuntimeError, match="no name"):
            csched.flush()
        return receive(timeout=0)

    assert run(main) == "next"


# --- From other threads ------------------------------------------------------------------------


@both_kinds
def test_a_message_from_another_thread_wakes_a_scheduler_that_sleeps(kind):
    async def main(io):
        parent = self()
        threads = []
        for number in range(20):
            # Started by the one that is to sleep: the scheduler is idle, or about to be.
            thread = threading.Thread(target=send, args=(parent, number))
            thread.start()
            threads.append(thread)
            assert await io.receive(timeout=60) == number
        for thread in threads:
            thread.join()

    kind.run(main)


@both_kinds
def test_many_threads_lose_nothing_and_keep_their_order(kind):
    def work(dest, name):
        for number in range(500):
            send(dest, (name, [number]))

    async def main(io):
        threads = [threading.Thread(target=work, args=(self(), name)) for name in range(8)]
        for thread in threads:
            thread.start()
        arrived = [await io.receive(timeout=60) for _ in range(8 * 500)]
        for thread in threads:
            thread.join()
        assert await io.receive(timeout=0, default=None) is None
        return [[number for who, [number] in arrived if who == name] for name in range(8)]

    assert kind.run(main) == [list(range(500))] * 8


def test_another_thread_gets_the_same_errors():
    errors = []

    def work(dest):
        for bad in ((None, 1), ("nobody", 1), (dest, (i for i in ()))):
            try:
                send(*bad)
            except Exception as error:
                errors.append(type(error))
        send(dest, "tried")

    def main():
        thread = threading.Thread(target=work, args=(self(),))
        thread.start()
        assert receive(timeout=60) == "tried"
        thread.join()

    run(main)
    assert errors == [TypeError, ValueError, csched.CopyError]


def test_only_a_process_may_make_the_other_calls():
    calls = [self, receive, yield_, csched.flush, lambda: csched.sleep(0), lambda: spawn(int)]
    calls.append(lambda: csched.exit("normal"))
    errors = []

    def work(dest):
        for call in calls:
            try:
                call()
            except Exception as error:
                errors.append(type(error))
        send(dest, "tried")

    def main():
        thread = threading.Thread(target=work, args=(self(),))
        thread.start()
        assert receive(timeout=60) == "tried"
        thread.join()

    run(main)
    assert errors == [csched.NotRunning] * len(calls)


def test_another_threads_send_after_the_run_is_not_running():
    def main():
        return self()

    old = run(main)
    errors = []

    def work():
        try:
            send(old, 1)
        except csched.NotRunning as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(errors) == 1


@both_kinds
def test_a_copying_hook_in_another_thread_does_not_stop_the_processes(kind):
    inside, finish = threading.Event(), threading.Event()

    class Slow:
        def __deepcopy__(self, memo):
            inside.set()
            assert finish.wait(60)
            return "copied slowly"

    thread = None

    async def echo(io, parent):
        while True:
            send(parent, await io.receive())

    async def main(io):
        nonlocal thread
        thread = threading.Thread(target=send, args=(self(), Slow()))
        thread.start()
        assert inside.wait(60)
        try:
            pid = kind.spawn(echo, self())
            for number in range(10):
                send(pid, number)
                assert await io.receive(timeout=60) == number
        finally:
            finish.set()
        return await io.receive(timeout=60)

    assert kind.run(main) == "copied slowly"
    thread.join()


def test_a_collection_in_another_thread_does_not_stop_the_processes():
    inside, finish = threading.Event(), threading.Event()

    class Slow:
        def __init__(self):
            self.cycle = self

        def __del__(self):
            inside.set()
            assert finish.wait(60)

    def work():
        gc.collect()

    def main():
        thread = threading.Thread(target=work)
        thread.start()
        assert inside.wait(60)
        try:
            child = spawn(receive)
            while child in csched.processes():
                send(child, "end")
                yield_()
        finally:
            finish.set()
            thread.join()
        return "done"

    # Made outside of all processes, or it would be one's, and collected with that alone.
    Slow()
    assert run(main) == "done"


def test_a_send_to_a_process_that_ends_meanwhile_is_swallowed():
    class EndsIt:
        def __init__(self, pid):
            self.pid = pid

        def __deepcopy__(self, memo):
            send(self.pid, "end")
            return self

    def work(pid, message, done):
        send(pid, message)
        done.set()

    def main():
        for _ in range(50):
            child = spawn(receive, "end")
            yield_()
            done = threading.Event()
            thread = threading.Thread(target=work, args=(child, EndsIt(child), done))
            thread.start()
            while child in csched.processes() or not done.is_set():
                yield_()
            thread.join()
        return "done"

    assert run(main) == "done"
