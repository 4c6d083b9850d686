"""A program on a pseudo-terminal, and what its screen shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import csched

SECONDS = 60
ROWS, COLUMNS = 50, 100
PROMPT = re.compile(r"(csched|\.{6})\(\d+\)> ")
# Runs a program with the terminal in argv[1] as its controlling one.
BOOTSTRAP = """
import fcntl, os, sys, termios
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
for number in range(3):
    os.dup2(fd, number)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
ESCAPE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b[=>]")


class Screen:
    """All lines that were ever shown: as much of an xterm as a line editor needs."""

    def __init__(self) -> None:
        self.lines = [""]
        self.row = self.column = 0
        self.rest = ""

    def feed(self, text: str) -> None:
        text = self.rest + text
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self.show(text[at])
                at += 1
                continue
            found = ESCAPE.match(text, at)
            if found is None:
                break  # It is to come yet.
            self.obey(found[1] or "", found[2])
            at = found.end()
        self.rest = text[at:]

    def show(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        elif char == "\b":
            self.column -= 1
        elif char >= " ":
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + char + line[self.column + 1 :]
            self.column += 1

    def obey(self, argument: str, command: str | None) -> None:
        count = int(argument) if argument.isdigit() else 1
        line = self.lines[self.row]
        if command == "K":
            self.lines[self.row] = line[: self.column]
        elif command == "C":
            self.column += count
        elif command == "P":
            self.lines[self.row] = line[: self.column] + line[self.column + count :]
        elif command == "@":
            self.lines[self.row] = line[: self.column] + " " * count + line[self.column :]

    @property
    def last(self) -> str:
        return self.lines[-1]


class PseudoTerminal:
    """`python ARGS`, on a terminal."""

    def __init__(self, *args: str, home: Path) -> None:
        self.home = home
        self.screen = Screen()
        self.fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", BOOTSTRAP, os.ttyname(slave), *args],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=home,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(csched.__file__).parent.parent),
                "HOME": str(home),
                "TERM": "xterm",
                "INPUTRC": os.devnull,
            },
        )
        self.slave = slave  # Held open: without it, reading fails before the program has begun.

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.fd)
        os.close(self.slave)

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def wait_until(self, holds: Callable[[Screen], object]) -> None:
        """Read what the program writes until the screen is as it is to be."""
        deadline = time.monotonic() + SECONDS
        while not holds(self.screen):
            assert time.monotonic() < deadline, "\n".join(self.screen.lines)
            if select.select([self.fd], [], [], 1)[0]:
                self.screen.feed(os.read(self.fd, 65536).decode())

    def wait_for(self, line: str) -> None:
        """Wait for this line, past its prompt, to be the last one or the one before."""

        def is_there(screen: Screen) -> bool:
            return any(PROMPT.sub("", shown) == line for shown in screen.lines[-2:])

        self.wait_until(is_there)

    def wait_for_output(self, line: str) -> None:
        """Wait for this line to be the last that was printed, its newline included."""
        self.wait_until(lambda screen: screen.lines[-2:] == [line, ""])

    def prompt(self, after: int = -1) -> None:
        """Wait for a prompt that nothing was typed at, on a line below that one."""
        self.wait_until(
            lambda screen: len(screen.lines) - 1 > after and PROMPT.fullmatch(screen.last)
        )

    def enter(self, text: str) -> list[str]:
        """Type lines, each at a prompt; what is shown between the last one and the next prompt."""
        for line in text.split("\n"):
            row = len(self.screen.lines) - 1
            self.type(line + "\r")
            self.prompt(after=row)
        return self.screen.lines[row + 1 : -1]

    def interrupt(self) -> list[str]:
        """Press Ctrl-C; the lines shown until the next prompt."""
        row = len(self.screen.lines) - 1
        self.type("\x03")
        self.prompt(after=row)
        return self.screen.lines[row + 1 : -1]

    def wait(self) -> int:
        """The exit status, when the program has ended; all that it wrote is on the screen then."""
        os.close(self.slave)
        self.slave = os.open(os.devnull, os.O_RDONLY)
        with contextlib.suppress(OSError):  # The program has closed the terminal, too.
            self.wait_until(lambda screen: False)
        return self.process.wait(SECONDS)
