"""`bt`: the stack of a process as Python prints one; and where each of its frames is."""

from __future__ import annotations

import io as textio

import pytest

import csched
from csched import aio, process_info, receive, run, self, send, spawn, yield_

HERE = __name__


def printed(pid):
    file = textio.StringIO()
    assert csched.bt(pid, file=file) is None
    return file.getvalue()


def inner(parent):
    send(parent, "begun")
    receive("end")  # plain


def outer(parent):
    inner(parent)  # calls plain


async def async_inner(parent):
    send(parent, "begun")
    await aio.receive("end")  # async


async def async_outer(parent):
    await async_inner(parent)  # calls async


def spin(parent):
    send(parent, "begun")
    while True:
        pass  # spins


async def async_spin(parent):
    spin(parent)  # calls spin


KINDS = [
    (outer, ["outer", "inner"], ["calls plain", "plain"]),
    (async_outer, ["async_outer", "async_inner"], ["calls async", "async"]),
    (async_spin, ["async_spin", "spin"], ["calls spin", None]),
]


@pytest.mark.parametrize(("target", "names", "marks"), KINDS, ids=[kind[1][0] for kind in KINDS])
def test_the_stack_is_printed_with_its_source_most_recent_last(target, names, marks):
    def main():
        pid = spawn(target, self())
        receive("begun", timeout=60)
        while process_info(pid, "status") == "running" or process_info(pid, "reductions") == 0:
            yield_()
        yield_()
        return repr(pid), printed(pid), process_info(pid, "backtrace")

    pid, text, backtrace = run(main)
    lines = text.splitlines()
    assert lines[0] == f"Stack of {pid} (most recent call last):"
    assert len(lines) == 1 + 2 * len(names)
    for name, mark, place, source in zip(names, marks, lines[1::2], lines[2::2], strict=True):
        assert place.startswith(f'  File "{__file__}", line ')
        assert place.endswith(f", in {name}")
        assert mark is None or source.endswith(f"# {mark}")
    assert target is async_spin or text == backtrace


def test_the_stack_of_the_caller_ends_where_it_asks():
    def ask():
        return printed(self())  # asks

    def main():
        return ask()

    text = run(main)
    assert text.splitlines()[-3:-2] != []
    assert "return printed(self())  # asks" in text
    assert text.splitlines()[-2].endswith(", in printed")
    assert "csched/_" not in text


def test_a_process_that_has_not_begun_is_where_it_will_begin():
    def main():
        return printed(spawn(inner, self()))

    lines = run(main, preempt=False).splitlines()
    first = inner.__code__.co_firstlineno
    assert lines[1:] == [
        f'  File "{__file__}", line {first}, in inner',
        "    def inner(parent):",
    ]


def test_a_process_in_no_python_code_is_in_its_builtin():
    def main():
        pid = spawn(csched.sleep, 3600)
        yield_()
        return printed(pid), process_info(pid, ["current_location", "current_stacktrace"])

    text, places = run(main, preempt=False)
    place = ("csched._bif:sleep/1", "", 0)
    assert text.splitlines()[1:] == ["  in csched._bif:sleep/1"]
    assert places == [("current_location", place), ("current_stacktrace", [place])]


def test_a_dead_process_is_said_to_be_dead(capsys):
    def main():
        pid = csched.pid(0, 107, 0)
        csched.bt(pid)

    run(main)
    assert capsys.readouterr().out == "#PID<0.107.0> is not alive\n"


def test_only_a_pid_has_a_stack():
    with pytest.raises(TypeError):
        run(lambda: csched.bt("name"))
    with pytest.raises(csched.NotRunning):
        csched.bt(None)


def recurse(parent, levels):
    if levels:
        recurse(parent, levels - 1)
    else:
        inner(parent)


async def async_recurse(parent, levels):
    if levels:
        await async_recurse(parent, levels - 1)
    else:
        await async_inner(parent)


@pytest.mark.parametrize("target", [recurse, async_recurse])
def test_a_deep_stack_is_told_in_full_and_printed_folded(target):
    def main():
        pid = spawn(target, self(), 100)
        receive("begun", timeout=60)
        yield_()
        return process_info(pid, "current_stacktrace"), printed(pid)

    places, text = run(main)
    assert [name for name, _, _ in places].count(f"{HERE}:{target.__name__}/2") == 101
    assert "[Previous line repeated 97 more times]" in text
