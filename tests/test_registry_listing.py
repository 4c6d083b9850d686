"""`regs()`: a line for each registered process; and the name or label that `i()` shows."""

from __future__ import annotations

import io as textio

import pytest

import csched
from csched import receive, register, regs, run, self, send, set_label, spawn

HEADING = "Name                  Pid          Initial Call                      Reds Msgs"


def table():
    file = textio.StringIO()
    assert regs(file=file) is None
    return file.getvalue().splitlines()


def test_the_registered_are_listed_by_name_and_nobody_else():
    def main():
        spawn(receive)
        for name in ("zebra", "ant"):
            register(name, spawn(receive))
        pid = csched.whereis("ant")
        for number in range(3):
            send(pid, number)
        lines = table()
        csched.unregister("ant")
        return lines, table()

    before, after = run(main, preempt=False)
    call = "csched._bif:receive/0"
    ant = f"{'ant':<21} {'#PID<0.3.0>':<12} {call:<25} {0:>12} {3:>4}"
    zebra = f"{'zebra':<21} {'#PID<0.2.0>':<12} {call:<25} {0:>12} {0:>4}"
    assert before == [HEADING, ant, zebra]
    assert after == [HEADING, zebra]


def test_nobody_registered_is_the_heading_alone(capsys):
    run(regs)
    assert capsys.readouterr().out == HEADING + "\n"
    with pytest.raises(csched.NotRunning):
        regs()


def test_text_is_cut_and_a_pid_never_is():
    def a_function_with_a_name_that_is_far_too_long():
        receive()

    def main():
        for _ in range(1000):
            spawn(int)
        pid = spawn(a_function_with_a_name_that_is_far_too_long)
        register("a name that is too long\nfor its column", pid)
        return repr(pid), table()

    pid, lines = run(main)
    assert len(pid) > 12
    assert f" {pid} " in lines[1]
    assert lines[1][:22] == "a name that is too lo "
    assert {len(line) for line in lines} == {78}


@pytest.mark.parametrize(
    ("label", "name", "shown"),
    [
        (None, None, ""),
        ("text", None, "text"),
        (("worker", 1), None, "('worker', 1)"),
        ("label", "name", "name"),
        ("two\nlines", None, "two\\nlines"),
    ],
)
def test_i_shows_the_name_else_the_label(label, name, shown):
    def main():
        set_label(label)
        if name is not None:
            register(name, self())
        file = textio.StringIO()
        csched.i(file=file)
        return file.getvalue().splitlines()

    lines = run(main)
    assert lines[3][:22] == f"{shown:<22}"
    assert {len(line) for line in lines} == {78}


def test_a_label_whose_repr_fails_spoils_no_listing():
    class Label:
        def __repr__(self):
            raise RuntimeError("no repr")

    def main():
        set_label(Label())
        file = textio.StringIO()
        csched.i(file=file)
        return file.getvalue().splitlines()[3]

    assert run(main).startswith("<Label> ")
