"""The table of processes that `i()` prints.

A listing walks the process table with a cursor: it asks for as many rows as the page still has room
for, prints them, and goes on after the id of the last one. So it never holds a second list of all
processes, its first page costs the same beside ten processes as beside a million, and who has died
while the prompt waited is not shown afterwards.

A page is counted in lines, the headings, the totals and the second row of a process among them.
"""

from __future__ import annotations

import os
import sys

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO, TypeAlias

    # pid, initial call, name or label, current function, heap, reductions, messages, stack
    Row: TypeAlias = tuple[object, str, str, str, int, int, int, int]
    # The rows of at most so many processes with an id above the given one, each with its id.
    NextRows: TypeAlias = Callable[[int, int], list[tuple[int, Row]]]

PROMPT = "more (y/n)? (y) "
# Lines of a page where no terminal says how many it has (`c:i/0` counts 100 too).
PAGE_LINES = 100
# Lines of a terminal that a page leaves free: for the prompt, and for the answer's newline.
PROMPT_LINES = 2
# Rows asked for at once when nothing is paged: few enough to hold, enough to make the call cheap.
UNPAGED_ROWS = 128
SUFFIXES = "KMGTPE"


class _Enough(Exception):
    """The reader of a listing does not want another page."""


def i(*, file: TextIO | None = None, limit: int | None = None) -> None:
    """Print a table of the processes, two rows for each, in order of creation.

    Row 1: pid, initial call, heap (words), reductions, messages in the queue. Row 2: registered
    name, else label, else blank; current function; stack (words). The last two rows are the sums.
    Text that is too long is cut; a number that is too long is shown in thousands (``K``), millions
    (``M``), and so on (``G``, ``T``, ``P``, ``E``), by the first of them that fits, rounded down.

    On a terminal the listing stops after each screenful, elsewhere after 100 lines, and asks
    ``more (y/n)? (y)`` on `file`; the answer is read from ``sys.stdin``. ``n``, ``q`` or the end of
    input ends the listing, without the sums. It does not stop where nobody could answer: `file` is
    no terminal, and ``sys.stdin`` is missing, closed or has nothing in it, or is a terminal whose
    user asked for the listing to go to `file`.

    Parameters
    ----------
    file
        Where to print; ``sys.stdout`` if None.
    limit
        List (and sum) at most so many processes, the oldest; all if None.

    Raises
    ------
    NotRunning
        No scheduler runs in this thread.
    ValueError
        `limit` is negative.

    Cost
    ----
    A few microseconds a process that is printed, nothing for the others.

    Source
    ------
    ``c:i/0``

    Examples
    --------
    >>> import csched
    >>> def main():
    ...     csched.i(limit=0)
    >>> csched.run(main)  # doctest: +NORMALIZE_WHITESPACE
    Pid                   Initial Call                          Heap     Reds Msgs
    Registered            Current Function                     Stack
    Total                                                          0        0    0
                                                                   0
    """
    from csched._inspect import next_rows

    list_processes(next_rows, file=file, limit=limit)


def list_processes(next_rows: NextRows, *, file: TextIO | None, limit: int | None) -> None:
    """Print the listing of the processes that the cursor `next_rows` walks over."""
    if limit is not None and limit < 0:
        raise ValueError(f"limit must be at least 0, not {limit}")
    left = sys.maxsize if limit is None else limit
    heaps = all_reductions = queued = stacks = 0
    pager = _Pager(file)
    # The first rows come before the headings: outside a scheduler nothing is to be printed.
    rows = next_rows(-1, min(left, pager.rows_room(headings=2)))
    try:
        pager.put(_line("Pid", "Initial Call", "Heap", "Reds", "Msgs"))
        pager.put(_line("Registered", "Current Function", "Stack", "", ""))
        while rows:
            for _, row in rows:
                pid, initial_call, name, function, heap, reductions, messages, stack = row
                pager.put(
                    _line(
                        repr(pid),
                        initial_call,
                        shorten(heap, 8),
                        shorten(reductions, 8),
                        shorten(messages, 4),
                    )
                )
                pager.put(_line(name, function, shorten(stack, 8), "", ""))
                heaps += heap
                all_reductions += reductions
                queued += messages
                stacks += stack
            left -= len(rows)
            rows = next_rows(rows[-1][0], min(left, pager.rows_room())) if left else []
        pager.put(
            _line("Total", "", shorten(heaps, 8), shorten(all_reductions, 8), shorten(queued, 4))
        )
        pager.put(_line("", "", shorten(stacks, 8), "", ""))
    except _Enough:
        pass
    pager.flush()


def shorten(number: int, width: int) -> str:
    """`number` in at most `width` characters: in full, or by the first suffix that makes it fit.

    >>> shorten(12345678, 8), shorten(123456789, 8), shorten(123456789, 4)
    ('12345678', '123456K', '123M')
    """
    text = str(number)
    for suffix in SUFFIXES:
        if len(text) <= width:
            break
        number //= 1000
        text = f"{number}{suffix}"
    return text


def _line(first: str, second: str, third: str, fourth: str, fifth: str) -> str:
    first, second = printable(first), printable(second)
    return f"{first:<21.21} {second:<33.33} {third:>8} {fourth:>8} {fifth:>4}\n"


def printable(text: str) -> str:
    # A label is any text: a newline in it would tear the table.
    return text if text.isprintable() else repr(text)[1:-1]


class _Pager:
    """Writes lines, and asks whether to go on whenever a page is full."""

    def __init__(self, file: TextIO | None) -> None:
        self._out = sys.stdout if file is None else file
        self._asked_for_file = file is not None
        self._terminal = self._out.isatty()
        self._page_lines: int | None = _screen_lines(self._out) if self._terminal else PAGE_LINES
        self._room: int | None = self._page_lines
        self._lines: list[str] = []
        self._asked = False

    def put(self, line: str) -> None:
        if self._room == 0:
            self._turn_page()
        self._lines.append(line)
        if self._room is not None:
            self._room -= 1

    def rows_room(self, headings: int = 0) -> int:
        """How many processes to look at next: no more than this page shows, for they may die."""
        if self._room == 0:
            self._turn_page()
        if self._room is None:
            self.flush()
            return UNPAGED_ROWS
        return max(1, (self._room - headings + 1) // 2)

    def flush(self) -> None:
        self._out.write("".join(self._lines))
        self._lines.clear()
        self._out.flush()

    def _turn_page(self) -> None:
        answer = None
        if not self._terminal and not self._asked:
            # Whether somebody is there has to be seen before the question is printed.
            answer = self._answer_so_far()
            if answer == "":
                self._page_lines = self._room = None
                return
        self._asked = True
        while True:
            self._lines.append(PROMPT)
            self.flush()
            if answer is None:
                answer = _read_answer()
            word = answer.strip().lower()
            if answer == "" or word in ("n", "no", "q", "quit"):
                raise _Enough
            if word in ("", "y", "yes"):
                break
            answer = None
        self._room = self._page_lines

    def _answer_so_far(self) -> str | None:
        """The answer, "" if there will be none, None if it is still to come."""
        if sys.stdin is None or sys.stdin.closed:
            return ""
        # Who sits at the terminal would wait at a prompt that has gone into the file.
        if self._asked_for_file and sys.stdin.isatty():
            return ""
        return None if _is_pending(sys.stdin) else _read_answer()


def _screen_lines(out: TextIO) -> int:
    # Imported here because they are slow to import and hardly ever needed.
    import contextlib
    import shutil

    lines = 0
    with contextlib.suppress(OSError):
        lines = os.get_terminal_size(out.fileno()).lines
    if lines == 0:
        lines = shutil.get_terminal_size().lines
    return max(1, lines - PROMPT_LINES)


def _is_pending(stdin: TextIO) -> bool:
    """Whether there is nothing to read yet, and the end has not come either."""
    import select

    try:
        return not select.select([stdin], [], [], 0)[0]
    except (OSError, TypeError, ValueError):
        return False


def _read_answer() -> str:
    """The next line of input, "" at its end."""
    try:
        return sys.stdin.readline() if sys.stdin is not None else ""
    except (OSError, ValueError):
        return ""
