"""Ctrl-C, the end of the interpreter, and what else could bring it down: in subprocesses."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import csched
from csched import run

FOLDER = Path(__file__).parent / "crash"
# The scripts are to find the csched that is tested.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(csched.__file__).parents[1])}
SECONDS = 30


def command(script, args):
    return [sys.executable, "-W", "error", "-X", "faulthandler", FOLDER / script, *map(str, args)]


def run_command(script, *args):
    return subprocess.run(
        command(script, args), capture_output=True, text=True, timeout=SECONDS, env=ENVIRONMENT
    )


def run_script(script, *args):
    """The lines that a script prints; it must not be brought down, nor complain."""
    done = run_command(script, *args)
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout.splitlines()


def interrupt(*args):
    """The same for `interrupt.py`, which gets a SIGINT when it says that it is ready."""
    process = subprocess.Popen(
        command("interrupt.py", args),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        for line in process.stdout:
            if line == "ready\n":
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.communicate()
    assert err == "", err
    return process.returncode, out.splitlines()


kinds = pytest.mark.parametrize("kind", ["def", "async"])
STAYS = ["loop", "rlock", "lock", "sleep", "calls", "receive", "wait"]


@kinds
@pytest.mark.parametrize("what", STAYS)
def test_ctrl_c_comes_out_of_run_after_all_finally_blocks(what, kind):
    code, lines = interrupt(what, kind)
    assert lines == [
        "finally",
        "finally",
        "KeyboardInterrupt out of run",
        "afterwards 3",
        "handler restored True",
    ]
    assert code == 0


@kinds
def test_ctrl_c_ends_processes_that_stand_anywhere(kind):
    _, lines = interrupt("all", kind)
    assert lines[:-2] == ["finally"] * (1 + len(STAYS)) + ["KeyboardInterrupt out of run"]


@pytest.mark.parametrize("what", ["receive", "calls", "wait"])
def test_ctrl_c_comes_out_of_run_without_preemption_too(what):
    _, lines = interrupt(what, "def", "no-preemption")
    assert lines[:-2] == ["finally", "finally", "KeyboardInterrupt out of run"]


@pytest.mark.parametrize("what", STAYS)
def test_ctrl_c_ends_a_lone_process_without_preemption_too(what):
    _, lines = interrupt(what, "def", "no-preemption", "alone")
    assert lines[:-2] == ["finally", "KeyboardInterrupt out of run"]


@pytest.mark.parametrize("what", ["loop", "receive", "sleep"])
def test_the_users_own_handler_of_ctrl_c_is_left_in_place(what):
    # Alone: what the handler raises hits whichever process runs.
    _, lines = interrupt(what, "def", "own-handler", "alone")
    assert "own handler" in lines
    assert "KeyboardInterrupt out of run" not in lines


def test_a_ctrl_c_that_comes_with_the_end_of_the_run_is_not_lost():
    # Trips the signal, and returns before any handler can run.
    with pytest.raises(KeyboardInterrupt):
        run(_thread.interrupt_main)


def test_what_the_users_handler_raises_at_the_end_of_a_run_comes_out_of_it():
    def handler(signum, frame):
        raise LookupError

    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(LookupError):
            run(_thread.interrupt_main)
        assert run(len, "abc") == 3
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("in_daemon_thread", 0),
        ("at_exit", 0),
        ("in_daemon_thread_and_at_exit", 0),
        ("by_sys_exit", 3),
        ("by_os_exit", 3),
        ("by_fork", 5),
        ("with_pids_kept", 0),
    ],
)
def test_the_interpreter_ends_cleanly_while_processes_live(how, code):
    returned, lines = run_script("leave.py", how)
    assert returned == code, lines
    if how == "at_exit":
        assert lines[-1] == "ran at exit"


def test_the_interpreter_ends_cleanly_after_a_stack_was_given_up():
    done = run_command("leave.py", "with_an_abandoned_process")
    assert done.returncode == 0 and done.stdout == "end of the script\n"
    assert "given up" in done.stderr


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    "way",
    [
        "receive", "receive_now", "receive_for_a_time", "sleep", "yield", "loop", "block_on_lock",
        "block_in_sleep", "await_receive", "await_receive_for_a_time", "await_sleep",
        "await_yield", "await_messages",
    ],
)  # fmt: skip
def test_who_swallows_its_end_for_ever_does_not_keep_the_run(way, count):
    code, lines = run_script("swallow.py", way, count)
    assert code == 0
    assert lines[-1] == "run has returned 3"
    assert lines.count("finally") == count
    # One that runs through its loop may be told when it is outside its `try`, and go.
    given_up = lines.count("ERROR")
    assert given_up == lines.count("WARNING") <= count
    assert given_up == count or way == "receive_now"


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_at_once_brings_nothing_down(seed):
    code, lines = run_script("mix.py", seed, 4)
    assert code == 0
    assert lines[-1].endswith("sound")


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(100, 110))
def test_everything_at_once_for_long_brings_nothing_down(seed):
    code, lines = run_script("mix.py", seed, 30)
    assert code == 0
    assert lines[-1].endswith("sound")
