from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

import csched

# The same csched, wherever it is: it may be built in place and not installed.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(csched.__file__).parent.parent)}
Command: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run the command in a folder of its own."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "csched", *args],
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_a_script_s_main_is_the_first_process(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "procs.py", "import csched\ndef main():\n    print(csched.self())\n")
    done = command("run", "procs.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "#PID<0.0.0>\n", "")


def test_an_async_main_is_awaited(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "procs.py", "async def main(name):\n    print(name)\n")
    assert command("run", "procs.py", "joe").stdout == "joe\n"


def test_main_gets_the_arguments_as_text(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "procs.py", "def main(*args): print(args)\n")
    assert (
        command("run", "procs.py", "1", "--flag", "-h", "").stdout == "('1', '--flag', '-h', '')\n"
    )
    assert command("run", "procs.py").stdout == "()\n"


def test_a_main_without_parameters_finds_them_in_argv(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "procs.py", "import sys\ndef main(): print(sys.argv)\n")
    assert command("run", "procs.py", "a", "b").stdout == "['procs.py', 'a', 'b']\n"


def test_arguments_that_main_does_not_take_are_an_error(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "procs.py", "def main(first, second=0): pass\n")
    assert command("run", "procs.py", "1").returncode == 0
    done = command("run", "procs.py")
    assert done.returncode == 2
    assert "main(first, second=0) does not take these arguments" in done.stderr
    assert "'first'" in done.stderr


def test_a_script_is_a_module_of_its_own_name(command: Command, tmp_path: Path) -> None:
    write(
        tmp_path,
        "sub/procs.py",
        "import inspect, pickle, sys, neighbour\n"
        "class Point: pass\n"
        "def main():\n"
        "    print(__name__, __file__, sys.modules['procs'].main is main)\n"
        "    print(type(pickle.loads(pickle.dumps(Point()))) is Point)\n"
        "    print(inspect.getsource(Point), end='')\n"
        "if __name__ == '__main__':\n"
        "    raise AssertionError('it would run twice')\n",
    )
    write(tmp_path, "sub/neighbour.py", "")
    done = command("run", "sub/procs.py")
    assert done.stderr == ""
    assert done.stdout == (f"procs {tmp_path / 'sub/procs.py'} True\nTrue\nclass Point: pass\n")
    assert not list(tmp_path.rglob("__pycache__/procs*"))


def test_a_script_may_have_the_name_of_a_loaded_module(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "io.py", "import io\ndef main(): print(__name__, io.StringIO.__name__)\n")
    assert command("run", "io.py").stdout == "__csched_main__ StringIO\n"


def test_a_function_is_found_by_module_and_name(command: Command, tmp_path: Path) -> None:
    write(
        tmp_path,
        "package/procs.py",
        "import sys\n"
        "def main(): print('main', sys.argv)\n"
        "class Procs:\n"
        "    def greeter(name): print('Hello', name)\n",
    )
    assert command("run", "package.procs:Procs.greeter", "world").stdout == "Hello world\n"
    path = str(tmp_path / "package/procs.py")
    assert command("run", "package.procs", "x").stdout == f"main {[path, 'x']}\n"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nothing.py", "there is no file 'nothing.py'"),
        ("sub/nothing", "there is no file 'sub/nothing'"),
        ("nothing", "there is no file or module 'nothing'"),
        ("nothing.at_all:main", "there is no file or module 'nothing.at_all'"),
        ("procs:nothing", "'procs:nothing' has no function 'nothing'"),
        ("empty.py", "'empty.py' has no function 'main'"),
        ("procs:number", "'number' of 'procs:number' is no function"),
        (":main", "':main' names no module"),
    ],
)
def test_what_is_not_there_is_named_with_status_2(
    target: str, message: str, command: Command, tmp_path: Path
) -> None:
    write(tmp_path, "procs.py", "number = 1\n")
    write(tmp_path, "empty.py", "")
    done = command("run", target)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"csched run: {message}\n"


def test_an_import_that_fails_within_the_module_is_shown(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "procs.py", "import nothing\n")
    done = command("run", "procs")
    assert done.returncode == 1
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'nothing'\n")


def test_a_main_that_raises_ends_with_its_traceback_and_status_1(
    command: Command, tmp_path: Path
) -> None:
    write(tmp_path, "procs.py", "def main():\n    return 1 / 0\n")
    done = command("run", "procs.py")
    assert done.returncode == 1
    assert "return 1 / 0" in done.stderr
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert "__main__.py" not in done.stderr


def test_a_syntax_error_is_shown_where_it_is(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "procs.py", "def main(:\n")
    done = command("run", "procs.py")
    assert done.returncode == 1
    assert f'File "{tmp_path / "procs.py"}", line 1' in done.stderr
    assert "SyntaxError" in done.stderr


def test_an_exit_of_the_first_process_is_named_with_status_1(
    command: Command, tmp_path: Path
) -> None:
    write(tmp_path, "procs.py", "import csched\ndef main(): csched.exit(('no', 'more'))\n")
    done = command("run", "procs.py")
    assert done.returncode == 1
    assert done.stderr == "csched: the first process exited with reason ('no', 'more')\n"


@pytest.mark.parametrize(("code", "status"), [("", 0), ("0", 0), ("3", 3), ("'why'", 1)])
def test_system_exit_keeps_its_meaning(
    code: str, status: int, command: Command, tmp_path: Path
) -> None:
    write(tmp_path, "procs.py", f"import sys\ndef main(): sys.exit({code})\n")
    done = command("run", "procs.py")
    assert done.returncode == status
    assert done.stderr == ("why\n" if code == "'why'" else "")


def test_what_main_returns_is_no_status(command: Command, tmp_path: Path) -> None:
    write(tmp_path, "procs.py", "def main(): return 3\n")
    assert command("run", "procs.py").returncode == 0


def test_ctrl_c_ends_with_status_130_and_no_traceback(tmp_path: Path) -> None:
    write(
        tmp_path,
        "procs.py",
        "def main():\n    print('ready', flush=True)\n    while True: pass\n",
    )
    with subprocess.Popen(
        [sys.executable, "-m", "csched", "run", "procs.py"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, "")


def test_without_a_command_it_prints_its_help(command: Command) -> None:
    done = command()
    assert done.returncode == 0
    assert done.stdout.startswith("usage: csched")
    assert command("--help").stdout == done.stdout


@pytest.mark.parametrize(
    "args",
    [("walk",), ("run",), ("demo", "--processes", "many"), ("demo", "--processes", "0")],
)
def test_a_wrong_command_line_has_status_2(args: tuple[str, ...], command: Command) -> None:
    done = command(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: csched" in done.stderr


def test_the_version_is_printed(command: Command) -> None:
    assert re.fullmatch(r"csched (\d+\.\d+\S*|\(not installed\))\n", command("--version").stdout)


def test_the_demo_runs_with_any_number_of_processes(command: Command) -> None:
    for count in ("1", "2_500"):
        done = command("demo", "--processes", count)
        assert (done.returncode, done.stderr) == (0, "")
        assert "_demo:echo/0" in done.stdout
        assert re.search(r"^message, answer and end +[\d,]+ ns each$", done.stdout, re.MULTILINE)
