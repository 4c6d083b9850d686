"""`i()` with real processes: what each row says, whatever the process is doing."""

from __future__ import annotations

import functools
import io as textio
import sys
import time

import pytest
from kinds import Async, Plain, both_kinds

import csched
from csched import aio, receive, run, self, send, spawn, yield_
from csched._inspect import next_rows
from csched._listing import PROMPT

HERE = __name__
FIELDS = ("pid", "initial_call", "name", "current_function", "heap", "reductions", "messages")


def rows():
    """Pid -> its row, as a dict."""
    return {
        row[0]: dict(zip((*FIELDS, "stack"), row, strict=True)) for _, row in next_rows(-1, 10_000)
    }


def listing(**options):
    file = textio.StringIO()
    assert csched.i(file=file, **options) is None
    return file.getvalue()


@pytest.fixture(autouse=True)
def no_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)


def wait(parent, *rest):
    send(parent, "begun")
    receive("never")


async def wait_async(parent, *rest):
    send(parent, "begun")
    await aio.receive("never")


class Waiter:
    def method(self, parent):
        wait(parent)

    @staticmethod
    def static(parent):
        wait(parent)

    def __call__(self, parent, number):
        wait(parent)


def make_closure(number):
    def closure(parent, *, keyword=None):
        wait(parent, number)

    return closure


TARGETS = [
    ((wait,), f"{HERE}:wait/1"),
    ((wait_async,), f"{HERE}:wait_async/1"),
    ((lambda parent: wait(parent),), f"{HERE}:<lambda>/1"),
    ((make_closure(1),), f"{HERE}:closure/1"),
    ((functools.partial(wait),), f"{HERE}:wait/1"),
    ((Waiter().method,), f"{HERE}:Waiter.method/1"),
    ((Waiter.static,), f"{HERE}:Waiter.static/1"),
    ((sys.modules[HERE], "wait", 1), f"{HERE}:wait/2"),
    ((HERE, "wait_async", 1, 2), f"{HERE}:wait_async/3"),
    ((Waiter, "static"), f"{HERE}:Waiter.static/1"),
]


@pytest.mark.parametrize(("target", "name"), TARGETS, ids=[name for _, name in TARGETS])
def test_the_initial_call_is_the_function_that_was_spawned(target, name):
    def main():
        function, *rest = target
        if isinstance(function, str | type) or not callable(function):
            pid = spawn(function, rest[0], [self(), *rest[1:]])
        else:
            pid = spawn(function, self(), *rest)
        before = rows()[pid]["initial_call"]
        receive("begun", timeout=60)
        return before, rows()[pid]["initial_call"]

    assert run(main) == (name, name)


def test_the_initial_call_of_a_builtin_names_its_module():
    def main():
        pid = spawn(time.sleep, 60)
        return rows()[pid]["initial_call"]

    assert run(main) == "time:sleep/1"


def test_a_process_that_has_not_begun_is_in_its_initial_call():
    def main():
        pid = spawn(wait, self())
        row = rows()[pid]
        assert row["current_function"] == row["initial_call"]
        return row["current_function"], row["reductions"], row["messages"], row["stack"]

    assert run(main, preempt=False) == (f"{HERE}:wait/1", 0, 0, 0)


@both_kinds
def test_the_current_function_of_a_waiting_process_is_its_innermost(kind):
    async def innermost(io, parent, a, *, b):
        send(parent, "begun")
        await io.receive("never")

    async def middle(io, parent):
        await innermost(io, parent, 1, b=2)

    async def child(io, parent):
        await middle(io, parent)

    async def main(io):
        pid = kind.spawn(child, self())
        await io.receive("begun", timeout=60)
        await io.sleep(0.001)
        return rows()[pid]["current_function"], rows()[pid]["stack"]

    name, stack = kind.run(main)
    # A plain process of `kinds` has one frame more: the one that stands for the plain function.
    assert name in (f"{HERE}:innermost/4", "kinds:PlainCalls.receive/0")
    assert stack > 30


def test_a_plain_process_is_in_the_function_that_waits():
    def innermost(parent, a, *, b):
        wait(parent)

    def child(parent):
        innermost(parent, 1, b=2)

    def main():
        pid = spawn(child, self())
        receive("begun", timeout=60)
        return rows()[pid]["current_function"]

    assert run(main) == f"{HERE}:wait/1"


def test_a_coroutine_is_in_the_innermost_of_what_it_awaits():
    async def numbers(parent):
        send(parent, "begun")
        yield await aio.receive("never")

    async def child(parent):
        async for _ in numbers(parent):
            pass

    def main():
        deep = [spawn(child, self()), spawn(recurse, self(), 50)]
        for _ in deep:
            receive("begun", timeout=60)
        yield_()
        found = rows()
        return [found[pid]["current_function"] for pid in deep], found[deep[1]]["stack"]

    names, stack = run(main)
    assert names[1] == f"{HERE}:wait_async/1"
    assert names[0] in (f"{HERE}:numbers/1", f"{HERE}:child/1")
    assert stack > 50 * 10


async def recurse(parent, levels):
    if levels:
        await recurse(parent, levels - 1)
    else:
        await wait_async(parent)


def spin(parent):
    send(parent, "begun")
    while True:
        pass


async def spin_async(parent):
    await spin_deeper(parent)


async def spin_deeper(parent):
    spin(parent)


@pytest.mark.parametrize("target", [spin, spin_async], ids=["plain", "async"])
def test_a_preempted_process_is_where_it_was_stopped(target):
    def main():
        pid = spawn(target, self())
        receive("begun", timeout=60)
        row = rows()[pid]
        return row["current_function"], row["stack"] > 0

    assert run(main) == (f"{HERE}:spin/1", True)


@both_kinds
def test_the_one_that_asks_is_in_the_function_that_asks(kind):
    async def ask():
        return rows()[self()]["current_function"], listing()

    async def main(io):
        return await ask()

    name, text = kind.run(main)
    assert name == f"{HERE}:rows/0"
    # The runtime's own frames are never the current function.
    assert f"{HERE}:listing/0" in text
    assert "csched" not in text.replace("test", "")


def test_a_runtime_function_is_never_the_current_one():
    def main():
        pids = [spawn(receive), spawn(csched.sleep, 60), spawn(yield_)]
        yield_()
        found = rows()
        return [found[pid]["current_function"] for pid in pids if pid in found]

    names = run(main)
    # A builtin has no frame: the process is still in its initial call.
    assert names[:2] == ["csched._bif:receive/0", "csched._bif:sleep/1"]


def test_the_messages_in_the_queue_are_counted():
    def main():
        pid = spawn(wait, self())
        receive("begun", timeout=60)
        empty = rows()[pid]
        for number in range(7):
            send(pid, [number])
        full = rows()[pid]
        return empty["messages"], full["messages"], full["heap"] - empty["heap"]

    empty, full, grown = run(main)
    assert (empty, full) == (0, 7)
    assert grown >= 7 * 7


@both_kinds
def test_heap_and_stack_are_sane(kind):
    async def child(io, parent):
        send(parent, "begun")
        await io.receive("never")

    async def main(io):
        pids = [kind.spawn(child, self()) for _ in range(10)]
        for _ in pids:
            await io.receive("begun", timeout=60)
        await io.sleep(0.001)
        found = rows()
        assert list(found) == [self(), *pids]
        return [(found[pid]["heap"], found[pid]["stack"]) for pid in pids]

    sizes = set(kind.run(main))
    assert len(sizes) == 1
    heap, stack = sizes.pop()
    assert 10 <= heap <= 1000
    assert 10 <= stack <= 1000


# --- The table ---------------------------------------------------------------------------------


def test_every_line_has_78_columns_and_every_process_two_rows():
    def main():
        pids = [spawn((wait, wait_async)[number % 2], self()) for number in range(20)]
        for _ in pids:
            receive("begun", timeout=60)
        return listing(), [self(), *pids]

    text, pids = run(main)
    lines = text.split("\n")
    assert lines.pop() == ""
    assert {len(line) for line in lines} == {78}
    assert len(lines) == 2 + 2 * len(pids) + 2
    assert [line.split()[0] for line in lines[2:-2:2]] == [repr(pid) for pid in pids]
    assert {line[:22].strip() for line in lines[3:-2:2]} == {""}
    assert lines[0] == f"{'Pid':<21} {'Initial Call':<33} {'Heap':>8} {'Reds':>8} {'Msgs':>4}"
    assert lines[1] == f"{'Registered':<21} {'Current Function':<33} {'Stack':>8} {'':>8} {'':>4}"


def test_the_totals_are_the_sums_of_the_columns():
    def main():
        pids = [spawn((wait, wait_async)[number % 2], self()) for number in range(20)]
        for _ in pids:
            receive("begun", timeout=60)
        for pid in pids[:5]:
            send(pid, "queued")
        return listing()

    lines = run(main, preempt=False).splitlines()
    first, second = lines[2:-2:2], lines[3:-2:2]

    def total(rows, columns):
        return sum(int(row[columns]) for row in rows)

    heap, reductions, messages = slice(56, 64), slice(65, 73), slice(74, 78)
    assert lines[-2][:5] == "Total"
    assert int(lines[-2][heap]) == total(first, heap)
    assert int(lines[-2][reductions]) == total(first, reductions)
    assert int(lines[-2][messages]) == total(first, messages) == 5
    assert int(lines[-1][heap]) == total(second, heap)


def test_i_writes_to_the_present_stdout(capsys):
    def main():
        return csched.i()

    assert run(main) is None
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_limit_lists_the_oldest():
    def main():
        for _ in range(5):
            spawn(receive)
        return listing(limit=2), listing(limit=0), listing(limit=99)

    assert [len(text.splitlines()) for text in run(main)] == [8, 4, 2 + 12 + 2]


class Answers(textio.StringIO):
    """Input whose reader lets others run before each answer."""

    def __init__(self, text, before):
        super().__init__(text)
        self.before = before

    def readline(self, size=-1, /):
        self.before()
        return super().readline()


@both_kinds
def test_processes_that_die_while_the_listing_pages_are_not_shown(kind, monkeypatch):
    async def child(io):
        await io.receive("end")

    async def main(io):
        pids = [kind.spawn(child) for _ in range(200)]
        await io.yield_()

        def kill_the_next_hundred():
            for pid in pids[40:140]:
                send(pid, "end")
            while len(csched.processes()) > 101:
                yield_()

        monkeypatch.setattr(sys, "stdin", Answers("y\n" * 9, kill_the_next_hundred))
        return listing(), pids

    text, pids = kind.run(main)
    shown = [word for word in text.replace(PROMPT, "").split() if word.startswith("#PID")]
    # The first page has room for 49 processes: main and 48 children.
    assert shown[1:] == [repr(pid) for pid in pids[:48] + pids[140:]]
    assert {len(line) for line in text.replace(PROMPT, "").splitlines()} == {78}


def test_processes_may_come_and_go_at_every_row():
    def short_lived():
        spawn(short_lived)

    async def short_lived_async():
        spawn(short_lived_async)
        await aio.yield_()

    def spinning():
        while True:
            pass

    def main():
        for _ in range(50):
            spawn(short_lived)
            spawn(short_lived_async)
        for _ in range(5):
            spawn(spinning)
        texts = []
        end = time.monotonic() + 1
        while time.monotonic() < end:
            texts.append(listing(limit=100))
            yield_()
        return texts

    for text in run(main, slice=0.0001):
        assert {len(line) for line in text.splitlines()} == {78}


@pytest.mark.parametrize("kinds", [(Plain,), (Async,), (Plain, Async)])
def test_processes_of_any_kind_can_list_at_the_same_time(kinds):
    async def lister(io, parent):
        for _ in range(20):
            text = listing()
            assert {len(line) for line in text.splitlines()} == {78}
            await io.yield_()
        send(parent, "listed")

    async def main(io):
        for number in range(10):
            kinds[number % len(kinds)].spawn(lister, self())
        return [await io.receive(timeout=60) for _ in range(10)]

    assert kinds[0].run(main, slice=0.0001) == ["listed"] * 10
