"""The terminal, as the processes of the shell share it.

1. One process, `Terminal.serve`, writes. It is the group leader of the evaluator and of all that
   this spawns, and is sent what is written to ``sys.stderr`` as well: crash reports, warnings.
2. A process for each line, `Terminal.read_line`, reads (`_shell_line`). Ctrl-C ends it.
3. What is written while a prompt is on the screen goes above it.
4. Ctrl-C ends the `foreground` process: the reader, or the evaluator while it evaluates. The signal
   handler itself does that, and no process that it would have to wake: it may be that nobody else
   can run, since the foreground process holds an RLock, or imports.
5. One process at a time reads, in order of asking: a background process that calls `input` takes
   its turn after the line that is being typed, and the next prompt waits for its answer.

Rejected: a thread that reads (nothing could interrupt its `input`: signals are handled in the main
thread); prompt_toolkit (a dependency, and it wants an asyncio loop).

Sources: user_drv.erl and group.erl; IEx.
"""

from __future__ import annotations

import builtins
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, TextIO

import csched
from csched import NotRunning, Pid, Ref, receive, send
from csched._shell_line import LineEditor

# The exit reason of what Ctrl-C ends.
INTERRUPTED = "interrupted"


class Terminal:
    """Who writes, who reads, and whom Ctrl-C concerns: one for all processes of the shell."""

    def __init__(self) -> None:
        self.out: TextIO = sys.stdout
        self.errors: TextIO = sys.stderr
        # The process that writes.
        self.server: Pid | None = None
        # Whom Ctrl-C ends, and whom it has ended last.
        self.foreground: Pid | None = None
        self.interrupted: Pid | None = None
        self._builtin_input = builtins.input
        self._editor = LineEditor(builtins.input)

    @contextlib.contextmanager
    def taken(self, namespace: dict[str, Any]) -> Iterator[None]:
        """Take over Ctrl-C, `input`, ``sys.stderr`` and the line editor, then give them back."""
        handler = signal.signal(signal.SIGINT, self.on_interrupt)
        builtins.input = self.input
        sys.stderr = ErrorOutput(self)
        try:
            with self._editor.serving(namespace):
                yield
        finally:
            sys.stderr = self.errors
            builtins.input = self._builtin_input
            signal.signal(signal.SIGINT, handler)

    def on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        """The handler of SIGINT, called in the stack of whichever process runs."""
        pid = self.foreground
        if pid is not None:
            self.interrupted = pid
            csched.exit(pid, INTERRUPTED)
            # The signal above is a message to one that traps exits.
            csched.exit(pid, "kill")

    # --- Reading -------------------------------------------------------------------------------

    def input(self, prompt: object = "", /) -> str:
        """Read a line from standard input, in turn; without its newline.

        The prompt string, if given, is printed before. At the end of input `EOFError` is raised.
        """
        server = self.server
        try:
            reader = csched.self()
        except NotRunning:
            server = None
        if server is None:
            return self._builtin_input(prompt)
        ref = csched.make_ref()
        try:
            send(server, ("reads", reader, ref))
            receive(("turn", ref))
            return self._editor.read(prompt)
        finally:
            send(server, ("has read", ref))

    def read_line(self, shell: Pid, ref: Ref, prompt: str) -> None:
        """The body of a process: send ``(ref, line)`` to the shell; None at the end of input."""
        line = None
        self.foreground = csched.self()
        try:
            with contextlib.suppress(EOFError):
                line = self.input(prompt)
        finally:
            self.foreground = None
        send(shell, (ref, line))

    # --- Writing -------------------------------------------------------------------------------

    def serve(self) -> None:
        """The body of a process: write what others ask for (Erlang's I/O protocol); give turns."""
        csched.set_label("terminal")
        readers: dict[Ref, Pid] = {}
        while True:
            match receive():
                case ("io_request", Pid() | Ref() as sender, ref, ("put_chars", _, str(text))):
                    self._write(self.out, text)
                    send(sender, ("io_reply", ref, "ok"))
                case ("io_request", Pid() | Ref() as sender, ref, _):
                    send(sender, ("io_reply", ref, ("error", "request")))
                case ("errors", str(text)):
                    self._write(self.errors, text)
                case ("reads", Pid() as reader, Ref() as ref):
                    readers[ref] = reader
                    if len(readers) == 1:
                        send(reader, ("turn", ref))
                case ("has read", Ref() as ref) if ref in readers:
                    was_first = ref == next(iter(readers))
                    del readers[ref]
                    if was_first and readers:
                        ref, reader = next(iter(readers.items()))
                        send(reader, ("turn", ref))

    def put(self, text: str) -> None:
        """Have a text written after all that was sent before, and wait until it is."""
        assert self.server is not None
        ref = csched.make_ref()
        send(self.server, ("io_request", csched.self(), ref, ("put_chars", "unicode", text)))
        receive(("io_reply", ref, csched.ANY))

    def _write(self, file: TextIO, text: str) -> None:
        with self._editor.above_prompt() as is_above:
            if is_above and not text.endswith("\n"):
                text += "\n"
            try:
                file.write(text)
            except UnicodeEncodeError:
                encoding = file.encoding
                file.write(text.encode(encoding, "backslashreplace").decode(encoding))
            file.flush()


class ErrorOutput:
    """What ``sys.stderr`` is in the shell: lines go to the terminal's process; nobody waits."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._rest = ""
        # A process that holds an RLock is not preempted.
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal.errors, name)

    def write(self, text: str) -> int:
        with self._lock:
            lines, newline, self._rest = (self._rest + text).rpartition("\n")
        if newline:
            self._put(lines + newline)
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._lock:
            text, self._rest = self._rest, ""
        if text:
            self._put(text)

    def _put(self, text: str) -> None:
        server = self._terminal.server
        try:
            if server is not None:
                send(server, ("errors", text))
                return
        except NotRunning:
            pass
        self._terminal.errors.write(text)
        self._terminal.errors.flush()
