"""``csched`` without a terminal: the program that standard input holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import csched

Program = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    def run(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "csched"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(csched.__file__).parent.parent)},
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_it_runs_as_the_first_process_with_csched_s_names(program: Program) -> None:
    done = program(
        "def f(pid):\n"
        "    send(pid, 'hello')\n"
        "spawn(f, self())\n"
        "print(self(), await aio.receive())\n"
        "1 + 1\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "#PID<0.0.0> hello\n", "")


def test_what_it_raises_is_shown_with_its_source(program: Program) -> None:
    done = program("def f():\n    1 / 0\nf()\n")
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert '  File "<stdin>", line 2, in f' in lines
    assert "    1 / 0" in lines
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_a_program_that_is_no_python_is_not_run(program: Program) -> None:
    done = program("print(1)\ndef\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("SyntaxError")


@pytest.mark.parametrize(("code", "status"), [("exit()", 0), ("import sys; sys.exit(3)", 3)])
def test_its_exit_status_is_the_programs(code: str, status: int, program: Program) -> None:
    done = program(code)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
