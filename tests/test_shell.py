"""The shell, on a pseudo-terminal: what is typed, and what the screen shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pseudo_terminal import PseudoTerminal

PID = r"#PID<0\.\d+\.0>"
SHELL = ("-W", "error", "-m", "csched")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], PseudoTerminal]]:
    """Start a shell; all have one home."""
    shells = []

    def start() -> PseudoTerminal:
        shell = PseudoTerminal(*SHELL, home=tmp_path)
        shells.append(shell)
        shell.prompt()
        return shell

    yield start
    for shell in shells:
        shell.close()


@pytest.fixture
def shell(start: Callable[[], PseudoTerminal]) -> PseudoTerminal:
    return start()


# --- Evaluating ----------------------------------------------------------------------------------


def test_the_examples_of_the_elixir_guide_give_what_it_shows(shell: PseudoTerminal) -> None:
    (pid,) = shell.enter("spawn(lambda: 1 + 1)")
    assert re.fullmatch(PID, pid)
    shell.enter('class Procs:\n    def greeter(name):\n        print(f"Hello {name}")\n')
    hello, pid = shell.enter('spawn(Procs, "greeter", ["world"])')
    assert hello == "Hello world"
    assert re.fullmatch(PID, pid)
    assert shell.enter("pid = spawn(lambda: 1 + 2)") == []
    assert shell.enter("is_alive(pid)") == ["False"]
    listing = shell.enter("i()")
    assert listing[0].split() == ["Pid", "Initial", "Call", "Heap", "Reds", "Msgs"]
    assert listing[1].split() == ["Registered", "Current", "Function", "Stack"]
    assert re.match(PID, listing[2])
    assert listing[-2].startswith("Total")


def test_values_are_shown_and_the_last_one_is_kept(shell: PseudoTerminal) -> None:
    assert shell.enter("None") == []
    assert shell.enter("1; 'two'") == ["1", "'two'"]
    assert shell.enter("_ * 2") == ["'twotwo'"]
    assert shell.enter("self()") == shell.enter("self()")


def test_an_input_may_await(shell: PseudoTerminal) -> None:
    shell.enter("me = self()")
    shell.enter("pid = spawn(lambda: send(me, ('answer', receive())))")
    assert shell.enter("send(pid, 42); (await aio.receive())[1]") == ["42", "42"]
    shell.enter("for n in range(3):\n    await aio.sleep(0)\n    send(me, n)\n")
    assert shell.enter("flush()") == ["0", "1", "2"]


def test_an_incomplete_input_goes_on_at_a_prompt_of_the_same_width(shell: PseudoTerminal) -> None:
    assert shell.enter("(1,\n2)") == ["(1, 2)"]
    assert shell.screen.lines[-4:] == ["csched(1)> (1,", "......(1)> 2)", "(1, 2)", "csched(2)> "]
    assert shell.enter("   ") == []
    assert shell.screen.last == "csched(2)> "


def test_what_is_defined_at_the_prompt_is_found_by_name_and_has_a_source(
    shell: PseudoTerminal,
) -> None:
    shell.enter("import inspect, pickle\ndef f():\n    return 5\n")
    assert shell.enter("f.__module__, pickle.loads(pickle.dumps(f)) is f") == ["('__main__', True)"]
    assert shell.enter("print(inspect.getsource(f))") == ["def f():", "    return 5", ""]
    assert re.fullmatch(PID, shell.enter("spawn('__main__', 'f', [])")[0])


def test_help_is_there(shell: PseudoTerminal) -> None:
    assert "    Start a process and return its pid at once." in shell.enter("h(spawn)")
    assert any(line.split()[:2] == ["spawn", "Start"] for line in shell.enter("h()"))


# --- Errors --------------------------------------------------------------------------------------


def test_an_exception_is_shown_with_the_users_code_only_and_the_evaluator_goes_on(
    shell: PseudoTerminal,
) -> None:
    pid = shell.enter("x = 3\nself()")
    shell.enter("def f(n):\n    return send(n, 'message')\n")
    lines = shell.enter("f(1.5)")
    assert lines[0].startswith("** (TypeError) send() takes a Pid")
    places = [line for line in lines if line.startswith("  File")]
    assert places == [
        '  File "<csched:4>", line 1, in <module>',
        '  File "<csched:3>", line 2, in f',
    ]
    assert "    return send(n, 'message')" in lines
    assert shell.enter("x\nself()") == pid


def test_each_exception_of_a_chain_is_shown(shell: PseudoTerminal) -> None:
    lines = shell.enter("raise ExceptionGroup('two', [KeyError(1), TypeError()]) from ValueError()")
    assert [line for line in lines if "**" in line] == [
        "** (ValueError)",
        "** (ExceptionGroup) two (2 sub-exceptions)",
        "  ** (KeyError) 1",
        "  ** (TypeError)",
    ]
    lines = shell.enter("try: 1 / 0\nexcept ZeroDivisionError: undefined\n")
    assert [line for line in lines if "**" in line] == [
        "** (ZeroDivisionError) division by zero",
        "** (NameError) name 'undefined' is not defined",
    ]


def test_what_is_no_python_is_shown_and_not_evaluated(shell: PseudoTerminal) -> None:
    lines = shell.enter("print(1); def")
    assert lines[:3] == [
        "** (SyntaxError) invalid syntax",
        '  File "<csched:1>", line 1',
        "    print(1); def",
    ]
    assert shell.screen.last == "csched(1)> "


def test_an_exit_ends_the_evaluator_and_the_names_stay(shell: PseudoTerminal) -> None:
    (pid,) = shell.enter("x = 3; me = self(); me")
    shell.enter("child = spawn_link(receive)")
    assert shell.enter("exit(('out of', 'paper'))") == ["** (exit) ('out of', 'paper')"]
    (other,) = shell.enter("self()")
    assert other != pid
    assert shell.enter("x, is_alive(me), is_alive(child)") == ["(3, False, False)"]


def test_a_linked_process_that_crashes_takes_the_evaluator_with_it(shell: PseudoTerminal) -> None:
    (pid,) = shell.enter("x = 3; self()")
    shell.enter("def crash():\n    1 / 0\n")
    shell.type("spawn_link(crash); receive()\r")
    shell.wait_until(lambda screen: screen.last == "csched(4)> ")
    lines = shell.screen.lines
    at = lines.index(
        f"** (EXIT from {pid}) shell process exited with reason: an exception was raised:"
    )
    assert lines[at + 1] == "    Traceback (most recent call last):"
    assert "    ZeroDivisionError: division by zero" in lines[at:]
    assert shell.enter("x, self() == pid") == ["(3, False)"]


def test_an_evaluator_that_ends_while_the_prompt_waits_is_replaced_at_once(
    shell: PseudoTerminal,
) -> None:
    (pid,) = shell.enter("x = 3; me = self(); me")
    shell.enter("spawn(lambda: (receive(me), exit(me, 'enough')))")
    shell.enter("send(_, me)")
    line = f"** (EXIT from {pid}) shell process exited with reason: 'enough'"
    shell.wait_until(lambda screen: line in screen.lines and screen.last == "csched(4)> ")
    assert shell.enter("x, is_alive(me)") == ["(3, False)"]


# --- Background processes ------------------------------------------------------------------------


@pytest.fixture
def signal_all(shell: PseudoTerminal) -> Callable[[], None]:
    """Let the processes go on that are in ``wait()``."""
    gate = shell.home / "gate"
    os.mkfifo(gate)
    shell.enter("def wait(): open('gate').read()\n")
    return lambda: gate.write_text("go on")


def test_processes_go_on_while_the_prompt_waits(
    shell: PseudoTerminal, signal_all: Callable[[], None]
) -> None:
    shell.enter("pid = spawn(lambda: (wait(), print('done'), 1 / 0))")
    signal_all()
    shell.wait_for("ZeroDivisionError: division by zero")
    shell.prompt()
    shown = shell.screen.lines[shell.screen.lines.index("done") :]
    assert re.fullmatch(f"Process {PID} with initial call __main__:<lambda>/0 raised .*", shown[1])


def test_what_others_print_comes_above_the_line_that_is_typed(
    shell: PseudoTerminal, signal_all: Callable[[], None]
) -> None:
    shell.enter("import sys")
    shell.enter("def say(end, **where): print('some', 'text', end=end, flush=True, **where)\n")
    shell.enter("pid = spawn(lambda: (wait(), say('\\n'), say(''), say('', file=sys.stderr)))")
    shell.type("6 * 78\b")
    shell.wait_for("6 * 7")
    signal_all()
    line = "csched(5)> 6 * 7"
    shell.wait_until(lambda screen: screen.lines[-4:] == ["some text"] * 3 + [line])
    shell.type("\r")
    shell.prompt()
    assert shell.screen.lines[-3:] == [line, "42", "csched(6)> "]


def test_a_busy_process_does_not_stop_the_prompt(shell: PseudoTerminal) -> None:
    shell.enter("def hog():\n    while True: pass\n")
    shell.enter("pids = [spawn(hog) for _ in range(3)]")
    assert shell.enter("6 * 7") == ["42"]


def test_who_reads_takes_turns(shell: PseudoTerminal, signal_all: Callable[[], None]) -> None:
    shell.enter(
        "def ask():\n    wait()\n    send(me, 'asks')\n    print('hello', input('name? '))\n"
    )
    shell.enter("me = self()\npid = spawn(ask)")
    signal_all()
    # The prompt has its turn; then it is the other's, though the next prompt comes.
    shell.type("receive()\r")
    shell.wait_until(lambda screen: screen.last == "name? ")
    shell.type("joe\r")
    shell.prompt(after=len(shell.screen.lines) - 1)
    assert {"'asks'", "hello joe"} <= set(shell.screen.lines[-5:])


def test_a_process_that_is_killed_while_it_reads_gives_its_turn_back(
    shell: PseudoTerminal, signal_all: Callable[[], None]
) -> None:
    shell.type("pid = spawn(input, 'name? '); _ = spawn(lambda: (wait(), exit(pid, 'stop')))\r")
    shell.wait_until(lambda screen: screen.last == "name? ")
    signal_all()
    shell.wait_until(lambda screen: screen.last == "name? csched(3)> ")
    assert shell.enter("6 * 7") == ["42"]


# --- Ctrl-C --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "while True: print(end='')",
        "while True: yield_()",
        "receive()",
        "time.sleep(1000)",
        "await aio.receive()",
        "await aio.sleep(1000)",
        "input()",
        "lock.acquire()",
        "with threading.RLock(): f()",
        "copy.deepcopy(Endless())",
        "process_flag('trap_exit', True); receive(int)",
        "while True: process_flag('trap_exit', True)",
    ],
)
def test_ctrl_c_interrupts_the_evaluation_wherever_it_is(code: str, shell: PseudoTerminal) -> None:
    shell.enter("import copy, threading, time\nlock = threading.Lock(); pid = self(); x = 3")
    shell.enter("_ = lock.acquire()\ndef f():\n    while True: pass\n")
    shell.enter("class Endless:\n    def __deepcopy__(self, memo): f()\n")
    shell.enter(f"async def g():\n    print('begun')\n    {code}\n")
    shell.type("await g()\r")
    shell.wait_for_output("begun")
    lines = shell.interrupt()
    assert lines[:2] == ["** (KeyboardInterrupt)", '  File "<csched:7>", line 1, in <module>']
    for name in ("csched/", ".pyx", "/contextlib.py", "/signal.py"):
        assert not [line for line in lines if name in line]
    assert shell.enter("x, is_alive(pid), self() == pid") == ["(3, False, False)"]


def test_who_is_linked_hears_of_an_interruption(shell: PseudoTerminal) -> None:
    shell.enter("def watch():\n    process_flag('trap_exit', True)\n    print(receive())\n")
    shell.enter("pid = self(); other = spawn_link(watch)")
    shell.type("print('begun'); receive()\r")
    shell.wait_for_output("begun")
    shell.interrupt()
    shell.enter("print(pid)")
    exit = f"Exit(pid={shell.screen.lines[-2]}, reason='interrupted')"
    shell.wait_until(lambda screen: exit in screen.lines)


def test_ctrl_c_at_the_prompt_drops_the_input(shell: PseudoTerminal) -> None:
    shell.enter("pid = self()")
    shell.type("undefined")
    shell.wait_for("undefined")
    assert shell.interrupt() == ["KeyboardInterrupt"]
    shell.enter("x = (1,")
    shell.type("2")
    shell.wait_for("2")
    assert shell.interrupt() == ["KeyboardInterrupt"]
    assert shell.interrupt() == ["KeyboardInterrupt"]
    assert shell.screen.last == "csched(2)> "
    assert shell.enter("self() == pid, 'x' in globals()") == ["(True, False)"]


# --- The end -------------------------------------------------------------------------------------


def test_ctrl_d_ends_the_shell_and_all_processes(shell: PseudoTerminal) -> None:
    shell.enter("def wait():\n    try: receive()\n    finally: print('unwound')\n")
    shell.enter("pid = spawn(wait)")
    shell.type("\x04")
    assert shell.wait() == 0
    assert shell.screen.lines[-3:] == ["csched(3)> ", "unwound", ""]


@pytest.mark.parametrize(
    ("code", "status"), [("exit()", 0), ("quit()", 0), ("import sys; sys.exit(3)", 3)]
)
def test_the_shell_ends_as_python_s_own_does(code: str, status: int, shell: PseudoTerminal) -> None:
    shell.type(f"{code}\r")
    assert shell.wait() == status
    assert shell.screen.lines[-2:] == [f"csched(1)> {code}", ""]


# --- Editing -------------------------------------------------------------------------------------


def test_the_tab_key_completes_csched_s_names_and_the_users(shell: PseudoTerminal) -> None:
    shell.enter("quite_a_long_name = 'abc'")
    assert shell.enter("quite_a\t.upp\t") == ["'ABC'"]
    assert shell.screen.lines[-3] == "csched(2)> quite_a_long_name.upper()"
    assert shell.enter("process_in\tself(), 'label')") == ["'evaluator'"]


def test_completions_are_listed_without_a_question(shell: PseudoTerminal) -> None:
    """To answer it, all would have to wait."""
    shell.type("csched.\t\t")
    shell.wait_until(lambda screen: screen.last == "csched(1)> csched." and len(screen.lines) > 9)


def test_the_history_goes_from_one_shell_to_the_next(start: Callable[[], PseudoTerminal]) -> None:
    first = start()
    first.enter("6 * 7")
    first.type("\x04")
    first.wait()
    second = start()
    assert second.enter("\x1b[A") == ["42"]
    assert second.screen.lines[-3] == "csched(1)> 6 * 7"


def test_a_home_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / ".csched_history").mkdir()
    shell = PseudoTerminal(*SHELL, home=tmp_path)
    try:
        shell.prompt()
        assert shell.enter("6 * 7") == ["42"]
        shell.type("\x04")
        assert shell.wait() == 0
        assert shell.screen.lines[-2:] == ["csched(2)> ", ""]
    finally:
        shell.close()


def test_importing_csched_does_not_import_the_shell() -> None:
    code = "import csched, sys; print([name for name in sys.modules if 'shell' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"
