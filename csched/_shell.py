"""The shell: ``csched`` without arguments.

Processes do it, as in iex: the first has lines read, and what they make up evaluated (`Shell`); one
writes, and one for each line reads (`_shell_terminal`); one evaluates, and is replaced when it ends
(`_shell_evaluator`).

The prompt counts what was evaluated, errors included: the name of an input, by which tracebacks
find its source, is never given twice.

Sources: IEx.Server and IEx.Evaluator; shell.erl.
"""

from __future__ import annotations

import ast
import codeop
import contextlib
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

import csched
from csched import Down, Ref, monitor, receive, send, share, spawn, spawn_link, spawn_monitor
from csched._shell_evaluator import (
    ENDS,
    GOES_ON,
    Leave,
    display,
    evaluate,
    execute,
    main_module,
    reason_of,
    remember,
    report,
)
from csched._shell_terminal import Terminal

# What stands for a line that Ctrl-C has cut off.
CUT_OFF = object()


class Shell:
    """The first process: read, have it evaluated, again."""

    def __init__(self, terminal: Terminal, main: ModuleType) -> None:
        self.terminal = terminal
        self.main = main
        self.compile = codeop.CommandCompiler()
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        # Counts the inputs that were evaluated; a traceback names them by it.
        self.count = 1

    def run(self, banner: str) -> object:
        """The body of the process: what ``sys.exit`` was called with, None after Ctrl-D."""
        csched.set_label("shell")
        self.terminal.server = spawn_link(self.terminal.serve)
        self.start_evaluator()
        self.terminal.put(f"{banner}\n")
        while True:
            code = self.read()
            if code is None:
                self.terminal.put("\n")
                outcome: object = Leave(None)
            else:
                outcome = self.evaluate(code)
            if isinstance(outcome, Leave):
                self.leave()
                return outcome.status
            self.count += 1

    def leave(self) -> None:
        """Let those who are shut down next print by themselves: the terminal's process goes too."""
        self.terminal.server = None
        for pid in csched.processes():
            with contextlib.suppress(ValueError):  # It has ended meanwhile.
                csched.group_leader(csched.self(), pid)

    # --- Reading -------------------------------------------------------------------------------

    def read(self) -> CodeType | None:
        """The next input, compiled; None at the end of input."""
        lines: list[str] = []
        while True:
            dots = "." * len("csched")
            line = self.read_line(f"{dots if lines else 'csched'}({self.count})> ")
            if line is None:
                return None
            if line is CUT_OFF:
                self.terminal.put("\nKeyboardInterrupt\n")
                lines.clear()
                continue
            assert isinstance(line, str)
            if not lines and not line.strip():
                continue
            lines.append(line)
            source = "\n".join(lines)
            filename = f"<csched:{self.count}>"
            try:
                code = self.compile(source, filename)
            except Exception as error:
                self.terminal.put(report(error.with_traceback(None)))
                lines.clear()
                continue
            if code is not None:
                remember(filename, source + "\n")
                return code

    def read_line(self, prompt: str) -> object:
        """A line of input; CUT_OFF, or None at the end of input."""
        ref = csched.make_ref()
        reader, watch = spawn_monitor(self.terminal.read_line, csched.self(), ref, prompt)
        while True:
            match receive():
                case (Ref() as answered, line) if answered == ref:
                    csched.demonitor(watch, flush=True)
                    return line
                case Down(ref=down) if down == watch:
                    return CUT_OFF if self.terminal.interrupted == reader else None
                case Down(ref=down, reason=reason) if down == self.watch:
                    self.replace_evaluator(reason)

    # --- Evaluating ----------------------------------------------------------------------------

    def start_evaluator(self) -> None:
        self.evaluator = spawn(evaluate, self.terminal, csched.self(), self.main)
        assert self.terminal.server is not None
        csched.group_leader(self.terminal.server, self.evaluator)
        self.watch = monitor(self.evaluator)

    def replace_evaluator(self, reason: object) -> None:
        """A new one for one that has ended, which says why."""
        self.terminal.put(
            f"** (EXIT from {self.evaluator!r}) shell process exited with reason: "
            f"{reason_of(reason)}\n"
        )
        self.start_evaluator()

    def evaluate(self, code: CodeType) -> object:
        """Have an input evaluated: GOES_ON, or Leave."""
        ref = csched.make_ref()
        send(self.evaluator, ("evaluate", ref, code))
        has_said = False
        while True:
            match receive():
                case (Ref() as answered, outcome) if answered == ref:
                    if outcome != ENDS:
                        return outcome
                    has_said = True
                case Down(ref=down, reason=reason) if down == self.watch:
                    if has_said:
                        self.start_evaluator()
                    else:
                        self.replace_evaluator(reason)
                    return GOES_ON


def shell(banner: str) -> Any:
    """Run the shell to its end; what ``sys.exit`` is to be called with."""
    main = main_module()
    terminal = share(Terminal())
    with installed(main), terminal.taken(main.__dict__):
        return csched.run(Shell(terminal, main).run, banner)


def run_program(source: str) -> None:
    """Run a program that is no file as the first process, with csched's names there."""
    main = main_module()
    remember("<stdin>", source)
    with installed(main):
        code = compile(source, "<stdin>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        csched.run(execute, code, main)


@contextlib.contextmanager
def installed(main: ModuleType) -> Iterator[None]:
    """Make `main` the module ``__main__``."""
    before, hook = sys.modules["__main__"], sys.displayhook
    sys.modules["__main__"], sys.displayhook = main, display
    try:
        yield
    finally:
        sys.modules["__main__"], sys.displayhook = before, hook
