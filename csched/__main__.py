"""The command line: ``csched``, and ``python -m csched``, which is the same.

Without arguments it is a shell, if standard input is a terminal; else it runs the program that
standard input holds, as ``python`` does. If there is none, it prints its help.

Exit status: 0 if the first process returned; 1 if it raised (with the traceback) or ended by an
exit (with the reason); 2 if there was nothing to run, with the name that was not found; 130 after
Ctrl-C. ``SystemExit`` keeps its own meaning.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import inspect
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

from csched import ProcessExit, run

FAILED = 1
NOTHING_TO_RUN = 2
# What a shell reports of a program that SIGINT ended.
INTERRUPTED = 130
DEMO_PROCESSES = 1_000_000
# The largest process limit (`run`), less some room for the demo's own process.
MOST_PROCESSES = 134_217_000


class NothingToRun(Exception):
    """The command line names something that is not there."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (``sys.argv[1:]`` if None) and return the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        if options.command is None:
            if sys.stdin is not None and sys.stdin.isatty():
                _put_first_on_path("")
                sys.argv = [""]
                sys.exit(_shell())
            elif not _run_input():
                parser.print_help()
        elif options.command == "demo":
            from csched._demo import demo

            demo(options.processes)
        else:
            function, args = _find(options.target, options.args)
            run(function, *args)
    except NothingToRun as error:
        print(f"csched run: {error}", file=sys.stderr)
        return NOTHING_TO_RUN
    except ProcessExit as error:
        return _exit_status(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        _print_traceback(error)
        return FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="csched",
        description="The processes of Erlang and Elixir in CPython. Without a command: a shell.",
    )
    parser.add_argument("--version", action="version", version=f"csched {_version()}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    run_parser = commands.add_parser(
        "run",
        help="run a script's main, or a function by name, as the first process",
        description="Run a function as the first process. It gets each ARG as a str if it takes "
        "parameters, and nothing if it takes none; sys.argv holds them in any case.",
    )
    run_parser.add_argument(
        "target",
        metavar="FILE | MODULE[:FUNCTION]",
        help="a script that defines main, or a module and its function (default: main)",
    )
    run_parser.add_argument("args", metavar="ARG", nargs=argparse.REMAINDER)
    demo_parser = commands.add_parser(
        "demo",
        help="a million processes: spawn, message, list a page, end",
        description="Spawn processes that are all alive at once, send each a message, await its "
        "answer, and print time and memory per process.",
    )
    demo_parser.add_argument(
        "--processes",
        metavar="N",
        type=_process_count,
        default=DEMO_PROCESSES,
        help="how many (default: %(default)s)",
    )
    return parser


def _version() -> str:
    try:
        return importlib.metadata.version("csched")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _process_count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 1 <= count <= MOST_PROCESSES:
        raise argparse.ArgumentTypeError(f"{text} is not in 1..{MOST_PROCESSES}")
    return count


def _shell() -> Any:
    """The shell, and what `sys.exit` is to be called with after it."""
    from csched._shell import shell

    version = sys.version.split()[0]
    return shell(
        f"csched {_version()} on Python {version} - Ctrl-D to exit (type h() ENTER for help)"
    )


def _run_input() -> bool:
    """Run a program that standard input holds, as ``python`` does; whether there is one."""
    source = b"" if sys.stdin is None else sys.stdin.buffer.read()
    if not source.strip():
        return False
    from csched._shell import run_program

    sys.argv = [""]
    _put_first_on_path("")
    run_program(importlib.util.decode_source(source))
    return True


def _find(target: str, args: list[str]) -> tuple[Callable[..., Any], list[str]]:
    """The function that `target` names, and those of `args` that it takes."""
    if os.path.isfile(target):
        module, name = _load_script(target, args), "main"
    elif target.endswith(".py") or os.sep in target:
        raise NothingToRun(f"there is no file {target!r}")
    else:
        module_name, _, name = target.partition(":")
        name = name or "main"
        if not module_name:
            raise NothingToRun(f"{target!r} names no module")
        sys.argv = [module_name, *args]
        module = _import_module(module_name)
        sys.argv[0] = getattr(module, "__file__", None) or module_name
    try:
        function = functools.reduce(getattr, name.split("."), module)
    except AttributeError:
        raise NothingToRun(f"{target!r} has no function {name!r}") from None
    if not callable(function):
        raise NothingToRun(f"{name!r} of {target!r} is no function")
    return function, _accepted(function, name, args)


def _load_script(path: str, args: list[str]) -> ModuleType:
    """Execute a script as a module of its own name, not as ``__main__``.

    A script that also works without this command ends in ``if __name__ == "__main__": run(main)``:
    that is not to run it a second time. The listing shows `procs:main/0`, and `spawn` by name finds
    the module. It is compiled here and not imported, since an import would leave a cache file.
    """
    name = os.path.basename(path).removesuffix(".py").replace(".", "_")
    if name in sys.modules:
        name = "__csched_main__"
    # Absolute, as Python has it for a script: the program may change its folder.
    absolute = os.path.abspath(path)
    spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, absolute))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    _put_first_on_path(os.path.dirname(absolute))
    sys.argv = [path, *args]
    sys.modules[name] = module
    with io.open_code(absolute) as file:
        code = compile(file.read(), absolute, "exec", dont_inherit=True)
    exec(code, module.__dict__)
    return module


def _import_module(name: str) -> ModuleType:
    _put_first_on_path(os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only if the module itself is missing, not one that it imports.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise NothingToRun(f"there is no file or module {name!r}") from None
        raise


def _put_first_on_path(folder: str) -> None:
    # In place of what the interpreter has put there for its own script, as `python FILE` has it.
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _accepted(function: Callable[..., Any], name: str, args: list[str]) -> list[str]:
    try:
        signature = inspect.signature(function)
    except ValueError:
        return args
    if not signature.parameters:
        return []
    try:
        signature.bind(*args)
    except TypeError as error:
        raise NothingToRun(f"{name}{signature} does not take these arguments: {error}") from None
    return args


def _exit_status(error: ProcessExit) -> int:
    reason = error.reason
    if isinstance(reason, tuple) and len(reason) == 2 and reason[0] == "system_exit":
        sys.exit(reason[1])
    print(f"csched: the first process exited with reason {reason!r}", file=sys.stderr)
    return FAILED


def _print_traceback(error: Exception) -> None:
    # The frames of this file say nothing about the program.
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


if __name__ == "__main__":
    sys.exit(main())
