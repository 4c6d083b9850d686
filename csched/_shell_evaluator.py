"""What the shell evaluates, and how it shows what comes of that.

The evaluator is a process, whose mailbox is the user's, and goes on from input to input. What an
input raises is shown, and it goes on. An exit, its own or one that it is told, ends it. The names
that are bound live longer: they are those of the module ``__main__``, as in Python's own shell, so
that functions and classes of the prompt can be pickled by name. Like all names of a module they are
one for all processes.
"""

from __future__ import annotations

import builtins
import inspect
import linecache
import pydoc
import sys
import textwrap
import traceback
import types
from os.path import dirname
from types import CodeType, ModuleType
from typing import Any, NamedTuple, NoReturn

import csched
from csched import Crash, Pid, ProcessExit, Ref, aio, send
from csched._shell_terminal import Terminal

# What the evaluator says of an input, unless the shell is to `Leave`: it goes on, or it ends.
GOES_ON = "goes on"
ENDS = "ends"

PACKAGE = dirname(csched.__file__)
LIBRARY = dirname(linecache.__file__)
MISSING = object()
# Characters of what `h()` says about a name: a row of 100 with it.
SYNOPSIS_WIDTH = 74


class Leave(NamedTuple):
    """The shell is to end, with what `sys.exit` was called with."""

    status: str | int | None


async def execute(code: CodeType, main: ModuleType) -> None:
    """Run code that may await, in the module `main`."""
    result = types.FunctionType(code, main.__dict__)()
    if code.co_flags & inspect.CO_COROUTINE:
        await result


async def evaluate(terminal: Terminal, shell: Pid, main: ModuleType) -> NoReturn:
    """The body of the evaluator: for each ``("evaluate", ref, code)``, ``(ref, what of it)``."""
    csched.set_label("evaluator")
    while True:
        _, ref, code = await aio.receive(("evaluate", Ref, CodeType))
        outcome: object = GOES_ON
        try:
            terminal.foreground = csched.self()
            await execute(code, main)
        except SystemExit as error:
            status = error.code
            outcome = Leave(status if status is None or isinstance(status, int) else str(status))
        except ProcessExit as error:
            if csched.is_alive(csched.self()):
                sys.stderr.write(f"** (exit) {text_of(error.reason)}\n")
                send(shell, (ref, ENDS))
            elif terminal.interrupted == csched.self():
                # The terminal has shown ^C.
                interrupt = KeyboardInterrupt().with_traceback(error.__traceback__)
                sys.stderr.write("\n" + report(interrupt))
                send(shell, (ref, ENDS))
            raise
        except BaseException as error:
            sys.stderr.write(report(error))
        finally:
            terminal.foreground = None
            sys.stdout.flush()
            sys.stderr.flush()
        send(shell, (ref, outcome))


def display(value: object) -> None:
    """``sys.displayhook``: print the value of an expression, and bind it to ``_``."""
    if value is None:
        return
    # What the input has spawned begins before its value is shown.
    csched.yield_()
    print(repr(value))
    vars(sys.modules["__main__"])["_"] = value


# --- Errors ------------------------------------------------------------------------------------


def remember(filename: str, source: str) -> None:
    """Let tracebacks, and `inspect`, find the source of an input."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)


def report(error: BaseException) -> str:
    """An exception as iex shows it: what was raised first, then where; the user's code only."""
    trace = traceback.TracebackException.from_exception(error)
    leave_out_runtime(trace)
    return report_trace(trace)


def report_trace(trace: traceback.TracebackException) -> str:
    before = ""
    if trace.__cause__ is not None:
        before = report_trace(trace.__cause__)
        before += "\nThe above exception was the direct cause of the following exception:\n\n"
    elif trace.__context__ is not None and not trace.__suppress_context__:
        before = report_trace(trace.__context__)
        before += "\nDuring handling of the above exception, another exception occurred:\n\n"
    lines = list(trace.format_exception_only())
    # The place of a SyntaxError comes before it, notes come after.
    place = [line for line in lines if line.startswith(" ")]
    said = "".join(line for line in lines if not line.startswith(" "))
    name, colon, message = said.partition(": ")
    said = f"** ({name}) {message}" if colon else f"** ({said.rstrip()})\n"
    parts = [before, said, *place, *trace.stack.format()]
    for member in trace.exceptions or ():
        parts.append(textwrap.indent(report_trace(member), "  "))
    return "".join(parts)


def leave_out_runtime(trace: traceback.TracebackException) -> None:
    """Take csched's own frames out of a traceback, and those of the libraries that it calls."""
    kept = []
    is_runtime = False
    for frame in trace.stack:
        folder = dirname(frame.filename)
        is_runtime = (
            frame.filename.endswith(".pyx")
            or folder == PACKAGE
            or (is_runtime and folder == LIBRARY)
        )
        if not is_runtime:
            kept.append(frame)
    trace.stack[:] = kept
    for other in (trace.__cause__, trace.__context__, *(trace.exceptions or ())):
        if other is not None:
            leave_out_runtime(other)


def reason_of(reason: object) -> str:
    """The reason of an exit signal that has ended the evaluator."""
    if not isinstance(reason, Crash):
        return text_of(reason)
    return "an exception was raised:\n" + textwrap.indent(reason.traceback.rstrip(), "    ")


def text_of(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return object.__repr__(value)


# --- Names -------------------------------------------------------------------------------------


def main_module() -> ModuleType:
    """A module ``__main__`` with csched's names, for the user's."""
    main = ModuleType("__main__")
    names = {name: getattr(csched, name) for name in csched.__all__}
    main.__dict__.update(names, __builtins__=builtins, csched=csched, exit=exit, h=h)
    return main


def exit(*args: Any, **options: Any) -> Any:
    """`csched.exit`; without arguments it ends the shell, as Python's `exit` does."""
    if not args and not options:
        raise SystemExit
    return csched.exit(*args, **options)


def h(thing: object = MISSING, /) -> None:
    """Print the documentation of something; without an argument, what there is."""
    if thing is not MISSING:
        print(pydoc.plain(pydoc.render_doc(thing)))
        return
    print("csched's names, which are all there already; h(name) says more about one:\n")
    for name in csched.__all__:
        synopsis, _ = pydoc.splitdoc(pydoc.getdoc(getattr(csched, name)))
        shown = textwrap.shorten(synopsis, SYNOPSIS_WIDTH, placeholder=" ...")
        print(f"    {name:<20} {shown}".rstrip())
    print("\n_ is the last value. exit() or Ctrl-D ends the shell, Ctrl-C what it evaluates.")
