"""What one process does to itself and to its data is no concern of any other."""

from __future__ import annotations

import logging
import sys
import time
from types import SimpleNamespace
from unittest import mock

import pytest

import csched
from csched import ProcessExit, aio, receive, run, self, send, sleep, spawn

# Globals are one for all processes.
world = SimpleNamespace()


def call(body, *args):
    return body(*args)


async def acall(body, *args):
    return body(*args)


both_kinds = pytest.mark.parametrize("kind", [call, acall], ids=["def", "async def"])


def raise_it(error):
    raise error


def until_dead(*pids):
    for pid in pids:
        while csched.is_alive(pid):
            sleep(0.001)


def run_beside_others(kind, body, *args):
    """Run a process to its end; fail if that harms others. Returns its pid."""

    def echo():
        while True:
            send(receive(), "alive")

    async def aecho():
        while True:
            send(await aio.receive(), "alive")

    def main():
        others = [spawn(echo), spawn(aecho), spawn(echo)]
        pid = spawn(kind, body, *args)
        until_dead(pid)
        for other in others:
            send(other, self())
            assert receive(timeout=60) == "alive"
        assert csched.processes() == [self(), *others]
        return pid

    return run(main)


@pytest.fixture
def reports(caplog):
    """What the logger `csched` has logged."""
    caplog.set_level(logging.DEBUG)

    def reports():
        return [record for record in caplog.records if record.name == "csched"]

    return reports


def the_only(reports):
    records = reports()
    assert len(records) == 1, records
    return records[0]


# A crash


@both_kinds
@pytest.mark.parametrize(
    "error",
    [
        ValueError("why"),
        KeyError("why"),
        AssertionError("why"),
        StopAsyncIteration("why"),
        GeneratorExit("why"),
        KeyboardInterrupt("why"),
        BaseException("why"),
        MemoryError("why"),
        ExceptionGroup("why", [OSError("and"), ValueError("so")]),
    ],
    ids=repr,
)
def test_a_crash_ends_one_process_and_is_logged_once(kind, error, reports):
    pid = run_beside_others(kind, raise_it, error)
    report = the_only(reports)
    message = report.getMessage()
    assert report.levelno == logging.ERROR
    assert repr(pid) in message
    assert f"{__name__}:{kind.__name__}/2" in message
    assert type(error).__name__ in message
    text = logging.Formatter().format(report)
    assert "Traceback (most recent call last)" in text
    assert "in raise_it" in text and "raise error" in text
    assert "why" in text
    assert ".pyx" not in text


def test_a_crash_in_nested_calls_is_logged_with_all_of_them(reports):
    def inner():
        return 1 // 0

    def outer():
        try:
            inner()
        except ZeroDivisionError as error:
            raise LookupError("outer") from error

    run_beside_others(call, outer)
    text = logging.Formatter().format(the_only(reports))
    assert "in inner" in text and "in outer" in text
    assert "ZeroDivisionError" in text and "direct cause" in text and "LookupError: outer" in text


def test_a_crash_after_awaits_is_logged_with_the_chain_of_awaits(reports):
    async def inner():
        await aio.sleep(0.001)
        raise ValueError("deep")

    async def outer():
        await aio.yield_()
        await inner()

    def main():
        until_dead(spawn(outer))

    run(main)
    report = the_only(reports)
    text = logging.Formatter().format(report)
    assert f"{__name__}:outer/0" in report.getMessage()
    assert "in outer" in text and "in inner" in text


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ((lambda: 1 // 0,), f"{__name__}:<lambda>/0"),
        ((int, "no number"), "builtins:int/1"),
        ((sys.modules[__name__], "raise_it", [ValueError()]), f"{__name__}:raise_it/1"),
        ((__name__, "raise_it", [ValueError()]), f"{__name__}:raise_it/1"),
    ],
    ids=["lambda", "builtin", "module", "module's name"],
)
def test_a_report_names_the_initial_call(target, name, reports):
    run(lambda: until_dead(spawn(*target)))
    assert f"initial call {name} " in the_only(reports).getMessage() + " "


def test_stop_iteration_is_a_crash_like_any_other(reports):
    run_beside_others(call, raise_it, StopIteration("why"))
    assert "StopIteration" in the_only(reports).getMessage()


def test_a_callable_that_answers_any_attribute_may_crash(reports):
    run_beside_others(call, mock.Mock(side_effect=ValueError("why")))
    assert "ValueError" in the_only(reports).getMessage()
    run(lambda: until_dead(spawn(mock.Mock(side_effect=ValueError("why")))))
    assert len(reports()) == 2


@both_kinds
def test_an_exception_without_a_text_is_logged_all_the_same(kind, reports):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no text")

        __repr__ = __str__

    pid = run_beside_others(kind, lambda: raise_it(Mute()))
    report = the_only(reports)
    assert repr(pid) in report.getMessage()
    assert "Mute" in logging.Formatter().format(report)


@both_kinds
def test_the_recursion_limit_ends_one_process(kind, reports):
    def down():
        down()

    run_beside_others(kind, down)
    assert "RecursionError" in the_only(reports).getMessage()


@both_kinds
@pytest.mark.parametrize("error", [SystemExit(), SystemExit(0), SystemExit(3), SystemExit("no")])
def test_system_exit_ends_one_process_and_is_not_logged(kind, error, reports):
    run_beside_others(kind, raise_it, error)
    run_beside_others(kind, sys.exit, error.code)
    assert reports() == []


@both_kinds
@pytest.mark.parametrize("reason", ["normal", "kill", "shutdown", ("any", [1, 2]), None])
def test_exit_ends_one_process_and_is_not_logged(kind, reason, reports):
    run_beside_others(kind, csched.exit, reason)
    assert reports() == []


def test_finally_blocks_run_before_a_process_is_dead(reports):
    def die():
        try:
            raise ValueError
        finally:
            world.alive = csched.is_alive(self())

    run_beside_others(call, die)
    assert world.alive is True
    the_only(reports)


def test_everybody_may_crash_at_once(reports):
    def main():
        until_dead(*(spawn((call, acall)[n % 2], raise_it, ValueError(n)) for n in range(200)))

    run(main)
    assert sorted(record.exc_info[1].args[0] for record in reports()) == list(range(200))
    assert len({record.getMessage().split()[1] for record in reports()}) == 200


def test_a_crash_is_logged_though_the_run_ends_meanwhile(reports):
    def die():
        send(world.main, "dying")
        raise ValueError

    def main():
        world.main = self()
        for _ in range(50):
            spawn(die)
        receive("dying")

    for _ in range(10):
        run(main, slice=0.0001)
    # Those who had not begun are not to be seen; of the others nothing is lost.
    assert len(reports()) >= 10
    assert all(record.exc_info[0] is ValueError for record in reports())


# A handler of logs


class Handler(logging.Handler):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def emit(self, record):
        self.body(record)


@pytest.fixture
def handle():
    """`handle(body)` makes `body` a handler of the logger `csched`."""
    logger = logging.getLogger("csched")
    handlers = []

    def handle(body):
        handlers.append(Handler(body))
        logger.addHandler(handlers[-1])

    yield handle
    for handler in handlers:
        logger.removeHandler(handler)


# What Python itself says of an exception that has nowhere to go.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@both_kinds
def test_a_handler_that_raises_harms_nobody(kind, handle):
    handle(lambda record: 1 // 0)
    run_beside_others(kind, raise_it, ValueError())


@both_kinds
def test_a_handler_may_send_and_be_slow(kind, handle):
    def main():
        handle(lambda record: (time.sleep(0.01), send(user, record.getMessage())))
        user = self()
        for _ in range(5):
            spawn(kind, raise_it, ValueError())
        return [receive(timeout=60) for _ in range(5)]

    assert all("ValueError" in message for message in run(main))


def test_a_handler_sees_the_process_that_crashed(handle):
    seen = []
    handle(lambda record: seen.append(self()))
    assert seen == [run_beside_others(call, raise_it, ValueError())]


# Data


@both_kinds
def test_arguments_are_copies(kind):
    def change(data, user):
        data["list"].append("child's")
        send(user, data)

    def main():
        data = {"list": [1]}
        spawn(kind, change, data, self())
        data["list"].append("parent's")
        return data, receive(timeout=60)

    assert run(main) == ({"list": [1, "parent's"]}, {"list": [1, "child's"]})


@both_kinds
def test_captured_variables_are_copies(kind):
    def main():
        data, number = [1], 1
        user = self()

        def change():
            nonlocal number
            number += 1
            data.append("child's")
            send(user, (data, number))

        spawn(kind, change)
        data.append("parent's")
        number += 10
        return data, number, receive(timeout=60)

    assert run(main) == ([1, "parent's"], 11, ([1, "child's"], 2))


def test_captured_variables_of_an_async_def_are_copies():
    def main():
        data, user = [1], self()

        async def change():
            data.append(await aio.receive())
            send(user, data)

        pid = spawn(change)
        data.append("parent's")
        send(pid, "message")
        return data, receive(timeout=60)

    assert run(main) == ([1, "parent's"], [1, "message"])


def test_messages_are_copies_in_both_directions():
    def child(user):
        message = receive()
        kept = message["list"]
        send(user, message)
        kept.append("child's")
        send(user, message)

    def main():
        message = {"list": [1], "set": {1}, "bytes": bytearray(b"1")}
        pid = spawn(child, self())
        assert send(pid, message) is message
        message["list"].append("parent's")
        message["bytes"] += b"2"
        first, second = receive(timeout=60), receive(timeout=60)
        first["list"].append("mine")
        return message, first, second

    message, first, second = run(main)
    assert message == {"list": [1, "parent's"], "set": {1}, "bytes": bytearray(b"12")}
    assert first == {"list": [1, "mine"], "set": {1}, "bytes": bytearray(b"1")}
    assert second == {"list": [1, "child's"], "set": {1}, "bytes": bytearray(b"1")}


def test_a_message_to_oneself_is_a_copy():
    def main():
        message = [1]
        send(self(), message)
        message.append(2)
        return receive()

    assert run(main) == [1]


def test_one_message_to_many_is_a_copy_for_each():
    def keep(user):
        message = receive()
        message.append(1)
        send(user, message)

    def main():
        message = []
        for pid in [spawn(keep, self()) for _ in range(5)]:
            send(pid, message)
        return message, [receive(timeout=60) for _ in range(5)]

    assert run(main) == ([], [[1]] * 5)


def test_classes_modules_and_builtins_are_shared():
    def main():
        send(self(), (SimpleNamespace, logging, len, raise_it))
        return receive()

    assert list(map(id, run(main))) == list(map(id, (SimpleNamespace, logging, len, raise_it)))


@both_kinds
def test_globals_are_one_for_all_processes(kind):
    """The hole in isolation that is documented."""

    def change():
        world.list.append("child's")

    def main():
        world.list = []
        until_dead(spawn(kind, change))
        return world.list

    assert run(main) == ["child's"]


def test_what_cannot_be_copied_is_refused_and_nothing_is_sent():
    def main():
        with pytest.raises(csched.CopyError, match=r"\[1\]"):
            send(self(), ("a", (n for n in "generator")))
        with pytest.raises(csched.CopyError):
            spawn(call, (n for n in "generator"))
        return receive(timeout=0, default="nothing"), len(csched.processes())

    assert run(main) == ("nothing", 1)


def test_a_finalizer_of_a_process_that_is_dead_may_send_but_not_wait():
    class Farewell:
        def __init__(self, user):
            self.user = user

        def __del__(self):
            try:
                receive()
            except ProcessExit:
                send(self.user, "farewell")

    def main():
        def die(user):
            kept.append(Farewell(user))

        kept = []
        spawn(die, self())
        return receive(timeout=60)

    assert run(main) == "farewell"
