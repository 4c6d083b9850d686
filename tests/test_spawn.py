"""Spawning: every kind of function, by itself or by name, and what is refused."""

from __future__ import annotations

import functools
import logging
import math
import sys
from types import ModuleType

import pytest

import csched
from csched import (
    aio,
    is_alive,
    processes,
    receive,
    run,
    self,
    send,
    spawn,
    yield_,
)


def report(parent, *args):
    send(parent, ("ran", *args))


async def report_async(parent, *args):
    send(parent, ("ran", *args))


class Reporter:
    """A callable, a namespace of functions, and a bound method."""

    def __init__(self, parent=None, *args):
        if parent is not None:
            send(parent, ("ran", *args))

    def __call__(self, parent, *args):
        send(parent, ("ran", *args))

    def method(self, parent, *args):
        send(parent, ("ran", *args))

    @staticmethod
    def static(parent, *args):
        send(parent, ("ran", *args))

    @classmethod
    async def of_class(cls, parent, *args):
        send(parent, ("ran", *args))


class AsyncReporter:
    async def __call__(self, parent, *args):
        send(parent, ("ran", *args))


def closure(make):
    def captured(parent, *args):
        return make(parent, *args)

    return captured


TARGETS = {
    "a function": report,
    "an async function": report_async,
    "a lambda": lambda parent, *args: report(parent, *args),
    "a lambda that makes a coroutine": lambda parent, *args: report_async(parent, *args),
    "a closure": closure(report),
    "a closure over an async function": closure(report_async),
    "a partial": functools.partial(functools.partial(report)),
    "a partial of an async function": functools.partial(report_async),
    "a bound method": Reporter().method,
    "a bound class method": Reporter.of_class,
    "a static method": Reporter.static,
    "an instance with __call__": Reporter(),
    "an instance with an async __call__": AsyncReporter(),
    "a class": Reporter,
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_any_callable_can_be_spawned(target):
    def main():
        spawn(target, self(), 1, "two")
        return receive(timeout=30)

    assert run(main) == ("ran", 1, "two")


def double(number):
    return 2 * number


async def double_async(number):
    await aio.yield_()
    return 2 * number


class Doubler:
    def __call__(self, number):
        return 2 * number

    async def method(self, number):
        return 2 * number


FIRST = {
    "a function": double,
    "an async function": double_async,
    "a lambda": lambda number: 2 * number,
    "a lambda that makes a coroutine": lambda number: double_async(number),
    "a partial of an async function": functools.partial(double_async),
    "an instance with __call__": Doubler(),
    "a bound async method": Doubler().method,
    "a builtin": (2).__mul__,
}


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_any_callable_can_be_the_first_process(first):
    assert run(first, 21) == 42


def test_a_builtin_can_be_spawned():
    def main():
        spawn(send, self(), "sent by a builtin")
        return receive(timeout=30)

    assert run(main) == "sent by a builtin"


def test_a_partial_with_keywords_can_be_spawned():
    def say(parent, *, text):
        send(parent, text)

    def main():
        spawn(functools.partial(say, text="keyword"), self())
        return receive(timeout=30)

    assert run(main) == "keyword"


def test_what_a_closure_has_captured_is_copied_when_it_is_spawned():
    def main():
        captured = ["before"]
        parent = self()
        spawn(lambda: (captured.append("child"), send(parent, captured)))
        captured.append("after")
        return receive(timeout=30), captured

    assert run(main) == (["before", "child"], ["before", "after"])


def test_arguments_are_copied_when_the_process_is_spawned():
    def child(parent, argument):
        argument.append("child")
        send(parent, argument)

    def main():
        argument = ["before"]
        spawn(child, self(), argument)
        argument.append("after")
        return receive(timeout=30), argument

    assert run(main) == (["before", "child"], ["before", "after"])


def test_what_a_process_returns_is_dropped():
    def main():
        child = spawn(lambda: object())
        while is_alive(child):
            yield_()
        return receive(timeout=0, default="nothing")

    assert run(main) == "nothing"


# --- MFA ---------------------------------------------------------------------------------------

THIS = sys.modules[__name__]


@pytest.mark.parametrize("args", [list, tuple])
@pytest.mark.parametrize(
    ("module", "function"),
    [
        (THIS, "report"),
        (THIS, "report_async"),
        (Reporter, "static"),
        (Reporter, "of_class"),
        (__name__, "report"),
    ],
    ids=["module", "async", "class", "async in a class", "dotted name"],
)
def test_an_mfa_is_spawned_by_name(module, function, args):
    def main():
        spawn(module, function, args((self(), 1)))
        return receive(timeout=30)

    assert run(main) == ("ran", 1)


def test_a_dotted_name_is_imported_in_the_new_process(tmp_path, monkeypatch):
    package = tmp_path / "csched_spawned"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "part.py").write_text(
        "import csched\n"
        "importer = csched.self()\n"
        "def tell(parent):\n"
        "    csched.send(parent, (importer, csched.self()))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def main():
        child = spawn("csched_spawned.part", "tell", [self()])
        assert "csched_spawned.part" not in sys.modules
        return child, receive(timeout=30)

    try:
        child, told = run(main)
    finally:
        for name in ("csched_spawned", "csched_spawned.part"):
            sys.modules.pop(name, None)
    assert told == (child, child)


def test_it_is_an_mfa_only_if_there_are_three_arguments():
    def main():
        spawn(Reporter, self())
        spawn(Reporter, self(), 1, 2)
        return receive(timeout=30), receive(timeout=30)

    assert run(main) == (("ran",), ("ran", 1, 2))


def test_a_function_with_two_arguments_is_no_mfa():
    def main():
        spawn(report, self(), "static")
        return receive(timeout=30)

    assert run(main) == ("ran", "static")


@pytest.mark.parametrize("namespace", [math, Reporter, "math"], ids=["module", "class", "str"])
@pytest.mark.parametrize(
    "rest", [(1, []), (None, ()), ("f", 1), ("f", "x"), ("f", {1}), (b"f", [])]
)
def test_an_mfa_of_wrong_types_is_a_type_error_in_the_caller(namespace, rest):
    def main():
        with pytest.raises(TypeError):
            spawn(namespace, *rest)
        return len(processes())

    assert run(main) == 1


@pytest.mark.parametrize(
    "args", [("math",), ("math", "pi"), (math,), (math, "pi"), (None,), (1, 2)]
)
def test_what_is_neither_callable_nor_an_mfa_is_a_type_error_in_the_caller(args):
    def main():
        with pytest.raises(TypeError):
            spawn(*args)
        return len(processes())

    assert run(main) == 1


def test_a_coroutine_is_a_type_error_that_says_what_to_pass():
    def main():
        coroutine = report_async(self())
        try:
            with pytest.raises(TypeError, match="report_async"):
                spawn(coroutine)
        finally:
            coroutine.close()

    run(main)


def test_spawn_without_arguments_is_a_type_error():
    def main():
        with pytest.raises(TypeError):
            spawn()

    run(main)


def test_an_argument_that_cannot_be_copied_starts_no_process():
    def main():
        with pytest.raises(csched.CopyError):
            spawn(report, self(), (i for i in ()))
        return len(processes())

    assert run(main) == 1


UNKNOWN = {
    "module": ("no_such_module", "f", [1]),
    "module in a package": ("logging.no_such_module", "f", [1]),
    "package": ("no_such_package.module", "f", [1]),
    "name of a module": ("", "f", [1]),
    "relative name": (".relative", "f", [1]),
    "function": ("math", "no_such_function", [1]),
    "function of a module": (math, "no_such_function", []),
    "function of a class": (Reporter, "no_such_function", []),
    "what is no function": (math, "pi", []),
    "arity": (THIS, "report", []),
    "arity of an async def": (THIS, "report_async", []),
    "arity of a builtin": (math, "sqrt", [1, 2, 3]),
}


@pytest.mark.parametrize("mfa", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_function_ends_the_child_and_is_logged(mfa, caplog):
    def main():
        child = spawn(*mfa)
        assert type(child) is csched.Pid
        while child in processes():
            yield_()
        return repr(child)

    pid = run(main)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("csched", logging.ERROR)
    assert pid in record.getMessage()
    assert record.exc_info is None or "TypeError" not in caplog.text
    namespace, function, args = mfa
    name = getattr(namespace, "__name__", namespace)
    assert f"{function}/{len(args)}" in record.getMessage()
    assert name in record.getMessage()


def test_a_module_that_fails_inside_its_import_is_a_crash(tmp_path, monkeypatch, caplog):
    (tmp_path / "csched_broken.py").write_text("import csched_that_it_needs\n")
    (tmp_path / "csched_raises.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)

    def main():
        for name in ("csched_broken", "csched_raises"):
            child = spawn(name, "f", [])
            while child in processes():
                yield_()

    run(main)
    broken, raises = caplog.records
    assert broken.exc_info[0] is ModuleNotFoundError
    assert "csched_that_it_needs" in caplog.text
    assert raises.exc_info[0] is ZeroDivisionError


def test_a_type_error_inside_the_function_of_an_mfa_is_a_crash(monkeypatch, caplog):
    module = ModuleType("csched_made")

    def raises():
        raise TypeError("raises() takes 0 positional arguments but 1 was given")

    module.raises = raises
    module.calls_wrongly = lambda: raises(1)
    monkeypatch.setitem(sys.modules, "csched_made", module)

    def main():
        for name in ("raises", "calls_wrongly"):
            child = spawn("csched_made", name, [])
            while child in processes():
                yield_()

    run(main)
    assert [record.exc_info[0] for record in caplog.records] == [TypeError, TypeError]


def test_an_mfa_is_found_when_it_runs_and_not_when_it_is_spawned(monkeypatch):
    module = ModuleType("csched_made")
    module.f = None
    monkeypatch.setitem(sys.modules, "csched_made", module)

    def main():
        spawn("csched_made", "f", [self()])
        module.f = report
        return receive(timeout=30)

    assert run(main, preempt=False) == ("ran",)
