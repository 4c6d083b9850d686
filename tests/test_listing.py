from __future__ import annotations

import io
import os
import pty
import re
import sys
import termios
from collections.abc import Callable, Iterator

import pytest

from csched._listing import PROMPT, list_processes, shorten

# pid, initial call, name or label, current function, heap, reductions, messages, stack
Row = tuple[object, str, str, str, int, int, int, int]

HEADINGS = [
    "Pid                   Initial Call                          Heap     Reds Msgs",
    "Registered            Current Function                     Stack              ",
]


class FakePid:
    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"#PID<0.{self.number}.0>"


class Table:
    """So many processes, which die when told to; notes what the listing asks for."""

    def __init__(self, count: int) -> None:
        self.alive = range(count)
        self.largest_request = 0
        self.requests = 0

    def next_rows(self, after: int, n: int) -> list[tuple[int, Row]]:
        self.largest_request = max(self.largest_request, n)
        self.requests += 1
        first = max(after + 1, self.alive.start)
        return [
            (id_, (FakePid(id_), "procs:main/0", "", "procs:loop/1", 233, 10, 1, 3))
            for id_ in range(first, min(first + n, self.alive.stop))
        ]


class Answers(io.StringIO):
    """Input that does something each time it is read."""

    def __init__(self, text: str, on_read: Callable[[], object]) -> None:
        super().__init__(text)
        self.on_read = on_read

    def readline(self, size: int | None = -1, /) -> str:
        self.on_read()
        return super().readline()


def listing(table: Table, *, limit: int | None = None) -> str:
    buffer = io.StringIO()
    list_processes(table.next_rows, file=buffer, limit=limit)
    return buffer.getvalue()


def rows_of(*rows: Row) -> list[str]:
    def next_rows(after: int, n: int) -> list[tuple[int, Row]]:
        return list(enumerate(rows))[after + 1 : after + 1 + n]

    buffer = io.StringIO()
    list_processes(next_rows, file=buffer, limit=None)
    return buffer.getvalue().split("\n")[:-1]


@pytest.fixture(autouse=True)
def no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)


def test_the_listing_is_exact_to_the_character() -> None:
    lines = rows_of(
        (FakePid(0), "procs:main/0", "main", "procs:loop/1", 376, 4352, 0, 4),
        (FakePid(1), "procs:greeter/1", "", "csched:receive/1", 22175, 175893, 2, 303),
    )
    assert lines == [
        *HEADINGS,
        "#PID<0.0.0>           procs:main/0                           376     4352    0",
        "main                  procs:loop/1                             4              ",
        "#PID<0.1.0>           procs:greeter/1                      22175   175893    2",
        "                      csched:receive/1                       303              ",
        "Total                                                      22551   180245    2",
        "                                                             307              ",
    ]
    assert {len(line) for line in lines} == {78}


def test_longer_text_keeps_its_first_characters() -> None:
    lines = rows_of((FakePid(10**25), "a" * 50, "b" * 50, "c" * 50, 1, 1, 1, 1))
    assert lines[2] == f"#PID<0.10000000000000 {'a' * 33}        1        1    1"
    assert lines[3] == f"{'b' * 21} {'c' * 33}        1              "


def test_a_number_that_does_not_fit_is_shown_with_a_suffix_and_never_cut() -> None:
    lines = rows_of((FakePid(0), "m:f/0", "", "m:f/0", 123456789, 10**15, 12345, 99999999))
    assert lines[2].endswith("  123456K 1000000G  12K")
    assert lines[3].endswith(" 99999999              ")
    assert {len(line) for line in lines} == {78}


@pytest.mark.parametrize(
    ("number", "width", "text"),
    [
        (0, 4, "0"),
        (9999, 4, "9999"),
        (10000, 4, "10K"),
        (999999, 4, "999K"),
        (1000000, 4, "1M"),
        (123456789, 4, "123M"),
        (123456789012, 4, "123G"),
        (99999999, 8, "99999999"),
        (100000000, 8, "100000K"),
        (2**64, 8, "18446P"),
    ],
)
def test_a_number_takes_the_first_suffix_that_makes_it_fit(
    number: int, width: int, text: str
) -> None:
    assert shorten(number, width) == text
    assert len(shorten(number, width)) <= width


def test_the_totals_sum_what_is_listed() -> None:
    assert listing(Table(7), limit=3).splitlines()[-2:] == [
        "Total                                                        699       30    3",
        "                                                               9              ",
    ]


def test_a_newline_in_a_label_does_not_tear_the_table() -> None:
    lines = rows_of((FakePid(0), "m:f/0", "two\nlines", "m:f/0", 1, 1, 1, 1))
    assert len(lines) == 6
    assert lines[3].startswith(r"two\nlines ")


def test_limit_lists_the_oldest_only() -> None:
    assert listing(Table(7), limit=0).splitlines()[:3] == [
        *HEADINGS,
        f"Total{'0':>59} {'0':>8}    0",
    ]
    assert re.findall(r"#PID<0\.(\d+)\.0>", listing(Table(7), limit=2)) == ["0", "1"]
    assert len(listing(Table(7), limit=99).splitlines()) == 2 + 7 * 2 + 2


def test_a_negative_limit_is_refused_and_prints_nothing() -> None:
    buffer = io.StringIO()
    with pytest.raises(ValueError, match="limit must be at least 0, not -1"):
        list_processes(Table(1).next_rows, file=buffer, limit=-1)
    assert buffer.getvalue() == ""


def test_nothing_is_printed_when_no_scheduler_runs() -> None:
    def next_rows(after: int, n: int) -> list[tuple[int, Row]]:
        raise RuntimeError("no scheduler")

    buffer = io.StringIO()
    with pytest.raises(RuntimeError, match="no scheduler"):
        list_processes(next_rows, file=buffer, limit=None)
    assert buffer.getvalue() == ""


def test_without_a_file_the_listing_goes_to_the_present_stdout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buffer = io.StringIO()
    monkeypatch.setattr(sys, "stdout", buffer)
    list_processes(Table(1).next_rows, file=None, limit=None)
    assert buffer.getvalue() == listing(Table(1))


def closed() -> io.StringIO:
    stdin = io.StringIO("y\n")
    stdin.close()
    return stdin


class Forbidden(io.StringIO):
    def readline(self, size: int | None = -1, /) -> str:
        raise OSError("reading from stdin while output is captured")


@pytest.mark.parametrize("stdin", [None, closed(), io.StringIO(), Forbidden()])
def test_without_a_terminal_and_without_input_nothing_is_paged(
    stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    text = listing(Table(1000))
    assert PROMPT not in text
    assert len(text.splitlines()) == 2 + 2000 + 2


def test_without_a_terminal_a_page_has_100_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n\nY\n"))
    pages = listing(Table(180)).split(PROMPT)
    assert [len(page.splitlines()) for page in pages] == [100, 100, 100, 64]
    monkeypatch.setattr(sys, "stdin", None)
    assert "".join(pages) == listing(Table(180))


def test_100_lines_need_no_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert PROMPT not in listing(Table(48))


@pytest.mark.parametrize("answer", ["n\n", "q\n", "N\n", " q \n", "n"])
def test_n_and_q_end_the_listing_without_the_total(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    text = listing(Table(180))
    assert text.endswith("\n" + PROMPT)
    assert len(text.splitlines()) == 101
    assert "Total" not in text


def test_the_end_of_input_ends_the_listing_without_the_total(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    text = listing(Table(180))
    assert text.count(PROMPT) == 2
    assert text.endswith("\n" + PROMPT)
    assert "Total" not in text


def test_an_answer_that_is_none_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("what?\nn\n"))
    assert listing(Table(180)).endswith("\n" + PROMPT + PROMPT)


def test_a_process_that_died_while_the_prompt_waited_is_not_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Table(180)

    def all_die() -> None:
        table.alive = range(0)

    monkeypatch.setattr(sys, "stdin", Answers("y\n", all_die))
    first, second = listing(table).split(PROMPT)
    assert len(first.splitlines()) == 100
    assert [line.split()[0] for line in second.splitlines()] == ["Total", "147"]


def test_the_first_page_of_a_million_asks_for_no_more_than_it_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Table(1_000_000)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    listing(table)
    assert (table.requests, table.largest_request) == (1, 49)


def test_the_listing_never_holds_many_rows() -> None:
    table = Table(10_000)
    assert len(listing(table).splitlines()) == 20_004
    assert table.largest_request <= 256


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, io.TextIOWrapper]]:
    controller, device = pty.openpty()
    termios.tcsetwinsize(device, (13, 80))
    # Else each newline arrives as two characters, and what is typed comes back.
    attributes = termios.tcgetattr(device)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(device, termios.TCSANOW, attributes)
    with open(device, "r+b", buffering=0) as raw, io.TextIOWrapper(raw) as file:
        monkeypatch.setattr(sys, "stdin", file)
        yield controller, file
    os.close(controller)


def shown(controller: int, prompts: int) -> str:
    """What a terminal shows, up to the last of so many prompts."""
    text = ""
    while text.count(PROMPT) < prompts:
        text += os.read(controller, 65536).decode()
    return text


def test_on_a_terminal_a_page_has_two_lines_less_than_the_screen(
    terminal: tuple[int, io.TextIOWrapper],
) -> None:
    controller, file = terminal
    os.write(controller, b"y\nn\n")
    list_processes(Table(180).next_rows, file=file, limit=None)
    pages = shown(controller, 2).split(PROMPT)
    assert [len(page.splitlines()) for page in pages] == [11, 11, 0]


def test_a_terminal_of_three_lines_has_pages_of_one(
    terminal: tuple[int, io.TextIOWrapper],
) -> None:
    controller, file = terminal
    termios.tcsetwinsize(file.fileno(), (3, 80))
    os.write(controller, b"n\n")
    list_processes(Table(180).next_rows, file=file, limit=None)
    assert shown(controller, 1) == f"{HEADINGS[0]}\n{PROMPT}"


def test_on_a_terminal_the_end_of_input_ends_the_listing(
    terminal: tuple[int, io.TextIOWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, file = terminal
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    list_processes(Table(180).next_rows, file=file, limit=None)
    pages = shown(controller, 1).split(PROMPT)
    assert [len(page.splitlines()) for page in pages] == [11, 0]


def test_who_lists_into_a_file_is_not_asked_at_the_terminal(
    terminal: tuple[int, io.TextIOWrapper],
) -> None:
    assert PROMPT not in listing(Table(180))


def test_input_that_comes_later_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()

    class Watched(io.StringIO):
        def write(self, text: str, /) -> int:
            # The one who answers does so only once the question stands there.
            if text.endswith(PROMPT):
                os.write(writer, b"n\n")
            return super().write(text)

    with open(reader) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        buffer = Watched()
        list_processes(Table(180).next_rows, file=buffer, limit=None)
    os.close(writer)
    assert buffer.getvalue().endswith("\n" + PROMPT)
    assert len(buffer.getvalue().splitlines()) == 101
