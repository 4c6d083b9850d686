"""The line editor of the shell: Python's `readline`, if it is GNU readline.

Python's `input` runs the editor's loop itself, in C. In a process that has two consequences. The
loop waits in the kernel, where the process is asked again and again whether it still does; and a
signal of the ticker that meets a write of the editor's makes the C library drop what was to be
shown. So the loop is here, as GNU readline provides for programs that have other things to do:

1. A thread waits for a key, and sends a message; the process that reads waits for that. With nobody
   else runnable the scheduler sleeps.
2. readline gets the key in one go: the process holds an RLock meanwhile, so it is not preempted,
   and the signals of the ticker and of Ctrl-C are blocked.
3. In between the process may be killed, which takes the editor down; and other processes may write,
   which takes the line off the screen, and draws it anew below (`above_prompt`).

Python's `readline` module has no names for this. It is linked with the library, whose symbols are
found through it. Where they are not (no ctypes, libedit), lines are read by `input`, with the
consequences above, and what others write comes in the middle of the line.

Sources: the GNU Readline Library, 2.4.12 "Alternate Interface", 2.4.6 "Redisplay", 2.5.
"""

from __future__ import annotations

import contextlib
import os
import queue
import rlcompleter
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import csched
from csched import NotRunning, Pid, Ref, receive, send

readline: ModuleType | None
try:
    import readline
except ImportError:
    readline = None

HISTORY = "~/.csched_history"


class LineEditor:
    """Reads lines from the terminal."""

    def __init__(self, builtin_input: Callable[[object], str]) -> None:
        self._builtin_input = builtin_input
        self._readline: GnuReadline | None = None
        if readline is not None and sys.stdin.isatty() and sys.stdout.isatty():
            with contextlib.suppress(ImportError, OSError, AttributeError, ValueError):
                self._readline = GnuReadline(readline)

    def read(self, prompt: object) -> str:
        """What `input` returns; for processes."""
        if self._readline is None or sys.stdin is not self._readline.stdin:
            return self._builtin_input(prompt)
        return self._readline.read(prompt)

    def above_prompt(self) -> contextlib.AbstractContextManager[bool]:
        """What is written to the terminal meanwhile comes above a prompt; whether there is one.

        If there is, what is written must be whole lines.
        """
        if self._readline is None or not self._readline.is_editing():
            return contextlib.nullcontext(False)
        return self._readline.above_prompt()

    @contextlib.contextmanager
    def serving(self, namespace: dict[str, Any]) -> Iterator[None]:
        """Complete what is in `namespace`, and keep a history, as Python's own shell does."""
        if readline is None:
            yield
            return
        with contextlib.suppress(OSError):
            readline.read_init_file()
        if "libedit" in (readline.__doc__ or ""):
            readline.parse_and_bind("bind ^I rl_complete")
        else:
            readline.parse_and_bind("tab: complete")
            # To ask whether to show them all, or more, readline waits where nobody else can run.
            readline.parse_and_bind("set completion-query-items 0")
            readline.parse_and_bind("set page-completions off")
        readline.set_completer(rlcompleter.Completer(namespace).complete)
        history = os.path.expanduser(HISTORY)
        with contextlib.suppress(OSError):
            readline.read_history_file(history)
        try:
            yield
        finally:
            readline.set_completer(None)
            with contextlib.suppress(OSError):
                readline.write_history_file(history)


class GnuReadline:
    """The library's own functions; raises what `ctypes` does if they are not there."""

    FUNCTIONS = (
        "rl_callback_handler_install",
        "rl_callback_handler_remove",
        "rl_callback_read_char",
        "rl_clear_visible_line",
        "rl_on_new_line",
        "rl_redisplay",
        "fflush",
        "free",
    )

    def __init__(self, module: ModuleType) -> None:
        import ctypes

        self.stdin = sys.stdin
        self._fd = self.stdin.fileno()
        self._module = module
        # Built into the interpreter, it has no file. The GIL is kept: it calls Python back.
        library = ctypes.PyDLL(getattr(module, "__file__", None))
        self._install, self._remove, self._read_char, self._clear, *rest = (
            getattr(library, name) for name in self.FUNCTIONS
        )
        self._on_new_line, self._redisplay, self._flush, free = rest
        free.argtypes = [ctypes.c_void_p]
        # Its own handlers of SIGINT and others would take them away from Python's.
        ctypes.c_int.in_dll(library, "rl_catch_signals").value = 0
        self._line: bytes | None = None
        self._is_editing = False

        def on_line(address: int | None) -> None:
            self._line = None
            if address is not None:
                self._line = ctypes.string_at(address)
                free(address)
            self._end()

        self._on_line = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(on_line)
        # Keeps a process from being preempted.
        self._lock = threading.RLock()
        self._waiters: queue.SimpleQueue[tuple[Pid, Ref]] = queue.SimpleQueue()
        # Signals are for the scheduler's thread, which may be blocked; a new one inherits the mask.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        threading.Thread(target=self._watch, daemon=True).start()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _watch(self) -> None:
        """The body of a thread: tell whoever waits that there is a key to read."""
        while True:
            pid, ref = self._waiters.get()
            # If it was closed, the reader will see.
            with contextlib.suppress(OSError):
                select.select([self._fd], [], [])
            with contextlib.suppress(NotRunning):
                send(pid, ("key", ref))

    def is_editing(self) -> bool:
        """Whether a line is being typed: its prompt is on the screen."""
        return self._is_editing

    def read(self, prompt: object) -> str:
        sys.stdout.flush()
        sys.stderr.flush()
        encoding = self.stdin.encoding
        shown = str(prompt).encode(encoding, "backslashreplace")
        try:
            with self._undisturbed():
                self._is_editing = True
                self._install(shown, self._on_line)
            while self._is_editing:
                ref = csched.make_ref()
                self._waiters.put((csched.self(), ref))
                receive(("key", ref))
                with self._undisturbed():
                    # Ctrl-C makes the terminal drop what was typed: no key, no reading.
                    while self._is_editing and select.select([self._fd], [], [], 0)[0]:
                        self._read_char()
        finally:
            with self._undisturbed():
                self._end()
        if self._line is None:
            raise EOFError
        line = self._line.decode(encoding, "surrogateescape")
        history = self._module
        if line and line != history.get_history_item(history.get_current_history_length()):
            history.add_history(line)
        return line

    def _end(self) -> None:
        if self._is_editing:
            self._is_editing = False
            self._remove()

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Let the library write, whatever others do."""
        with self._lock:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            try:
                # It may have a handler called, which raises.
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGURG, signal.SIGINT])
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    @contextlib.contextmanager
    def above_prompt(self) -> Iterator[bool]:
        with self._undisturbed():
            self._clear()
            self._flush(None)
        yield True
        if self._is_editing:
            with self._undisturbed():
                self._on_new_line()
                self._redisplay()
