"""Group leaders that print for others: the I/O protocol, and what becomes of `sys.stdout`."""

from __future__ import annotations

import contextlib
import errno
import io as files
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from file_processes import Drain, Pipe, assert_whole, in_processes, talk
from kinds import Plain, both_kinds, drain, gone

import csched
from csched import ANY, group_leader, receive, run, self, send, spawn

REQUEST = ("io_request", ANY, csched.Ref, ("put_chars", "unicode", str))


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


async def printer(io: Any) -> None:
    """Print what comes; tell who asked that it is done."""
    while True:
        parent, text, options = await io.receive((csched.Pid, ANY, dict))
        try:
            print(text, **options)
        except OSError as error:
            send(parent, error.errno)
        else:
            send(parent, "printed")


def member(kind: type[Plain], leader: csched.Pid) -> csched.Pid:
    pid = kind.spawn(printer)
    group_leader(leader, pid)
    return pid


async def answer(io: Any, reply: Any = "ok") -> tuple[csched.Pid, str]:
    """Serve one request; who sent it, and the text."""
    _, sender, ref, request = await io.receive(REQUEST, timeout=60)
    send(sender, ("io_reply", ref, reply))
    return sender, request[2]


# --- Requests ------------------------------------------------------------------------------------


@both_kinds
def test_what_a_process_prints_is_asked_of_its_leader_line_by_line(
    kind: type[Plain], capsys: pytest.CaptureFixture[str]
) -> None:
    async def main(io: Any) -> list[Any]:
        group_leader(self(), self())  # Not by default: the first process is its own leader already.
        leader = kind.spawn(leads, self())
        pid = member(kind, leader)
        seen = []
        for text, options in [
            ("one", {}),
            ("two\nthree", {"end": ""}),
            ("!", {}),
            ("four", {"end": "", "flush": True}),
            (5, {"end": "\n\n"}),
        ]:
            send(pid, (self(), text, options))
            await io.receive("printed", timeout=60)
            seen.append([m[1] for m in await drain(io) if m[0] == pid])
        return seen

    async def leads(io: Any, parent: csched.Pid) -> None:
        while True:
            send(parent, await answer(io))

    assert kind.run(main) == [["one\n"], ["two\n"], ["three!\n"], ["four"], ["5\n\n"]]
    assert capsys.readouterr().out == ""


@both_kinds
def test_a_printing_process_waits_for_the_reply_and_takes_nothing_else(kind: type[Plain]) -> None:
    async def child(io: Any, parent: csched.Pid) -> None:
        await io.receive("go")
        print("text")
        send(parent, [await io.receive() for _ in range(3)])
        send(parent, await drain(io))

    async def main(io: Any) -> Any:
        pid = kind.spawn(child, self())
        leader = kind.spawn(wait)
        group_leader(leader, pid)
        group_leader(self(), leader)
        send(pid, ("io_reply", csched.make_ref(), "of another request"))
        send(pid, "go")
        await io.yield_()
        send(pid, "meanwhile")
        send(leader, pid)
        return await io.receive(list, timeout=60), await io.receive(list, timeout=60)

    async def wait(io: Any) -> None:
        pid = await io.receive(csched.Pid)
        _, sender, ref, _ = await io.receive(REQUEST)
        assert sender == pid
        send(pid, "before the reply")
        send(sender, ("io_reply", ref, "ok"))
        await io.receive("end")

    first, rest = kind.run(main, preempt=False)
    assert first[0][2] == "of another request"
    assert first[1:] == ["meanwhile", "before the reply"]
    assert rest == []


@both_kinds
def test_a_leader_that_is_dead_or_dies_or_refuses_is_an_input_output_error(
    kind: type[Plain],
) -> None:
    async def refuses(io: Any) -> None:
        await answer(io, ("error", "enospc"))
        await io.receive("end")

    async def dies(io: Any) -> None:
        await io.receive(REQUEST)

    async def main(io: Any) -> list[Any]:
        leaders = [kind.spawn(refuses), kind.spawn(dies), kind.spawn(dies)]
        pids = [member(kind, leader) for leader in leaders]
        csched.exit(leaders[2], "kill")
        await gone(io, leaders[2])
        seen = []
        for pid in pids:
            send(pid, (self(), "text", {}))
            seen.append(await io.receive(timeout=60))
        return seen

    assert kind.run(main) == [errno.EIO] * 3


@both_kinds
def test_a_process_that_is_told_to_exit_prints_without_waiting(kind: type[Plain]) -> None:
    async def child(io: Any, parent: csched.Pid) -> None:
        try:
            send(parent, "ready")
            await io.receive("end")
        finally:
            print("last words")
            send(parent, "unwound")

    async def leads(io: Any, parent: csched.Pid) -> None:
        await io.receive("go on")
        send(parent, await answer(io))
        await io.receive("end")

    async def main(io: Any) -> Any:
        leader = kind.spawn(leads, self())
        pid = kind.spawn(child, self())
        group_leader(leader, pid)
        await io.receive("ready")
        csched.exit(pid, "stop")
        await io.receive("unwound", timeout=60)
        await gone(io, pid)
        send(leader, "go on")
        return await io.receive(tuple, timeout=60) == (pid, "last words\n")

    assert kind.run(main)


@both_kinds
def test_a_process_that_is_killed_while_it_waits_for_its_leader_ends(kind: type[Plain]) -> None:
    async def leads(io: Any, parent: csched.Pid) -> None:
        send(parent, (await io.receive(REQUEST))[0])
        await io.receive("end")

    async def main(io: Any) -> Any:
        pid = member(kind, kind.spawn(leads, self()))
        send(pid, (self(), "text", {}))
        await io.receive("io_request", timeout=60)
        ref = csched.monitor(pid)
        csched.exit(pid, "stop")
        return (await io.receive(csched.Down(ref, ANY, ANY, ANY), timeout=60)).reason

    assert kind.run(main) == "stop"


@both_kinds
def test_the_rest_of_a_line_is_sent_when_a_process_ends_or_changes_its_leader(
    kind: type[Plain],
) -> None:
    async def leads(io: Any, parent: csched.Pid) -> None:
        while True:
            send(parent, (self(), *await answer(io)))

    async def child(io: Any, parent: csched.Pid) -> None:
        print("one", end="")
        send(parent, "printed")
        await io.receive("go on")
        print("two", end="")

    async def main(io: Any) -> Any:
        first, second = kind.spawn(leads, self()), kind.spawn(leads, self())
        pid = kind.spawn(child, self())
        group_leader(first, pid)
        await io.receive("printed", timeout=60)
        group_leader(second, pid)
        one = await io.receive(tuple, timeout=60)
        send(pid, "go on")
        two = await io.receive(tuple, timeout=60)
        return one[0] == first, one[2], two == (second, pid, "two")

    assert kind.run(main, preempt=False) == (True, "one", True)


def test_a_finalizer_in_a_copy_prints_without_waiting_and_gets_no_reply() -> None:
    class Chatty:
        def __deepcopy__(self, memo: Any) -> Chatty:
            print("copied")
            return Chatty()

    def child(parent: csched.Pid) -> None:
        receive("go")
        send(parent, Chatty())
        send(parent, "sent")
        send(parent, receive(timeout=0.0, default="nothing"))

    def main() -> Any:
        pid = spawn(child, self())
        group_leader(leader := spawn(leads, self()), pid)
        send(pid, "go")
        text = receive(("text", str), timeout=60)
        receive(Chatty, timeout=60)
        receive("sent", timeout=60)
        assert csched.is_alive(leader)
        return text, receive(timeout=60)

    def leads(parent: csched.Pid) -> None:
        _, sender, ref, request = receive(timeout=60)
        send(sender, ("io_reply", ref, "ok"))
        send(parent, ("text", request[2]))
        receive("end")

    assert run(main, preempt=False) == (("text", "copied\n"), "nothing")


# --- Who prints ----------------------------------------------------------------------------------


@both_kinds
def test_a_leader_prints_as_its_own_leader_decides(
    kind: type[Plain], capsys: pytest.CaptureFixture[str]
) -> None:
    """One whose leader is the first process, or itself, writes; a chain leads to such a one."""

    async def relay(io: Any) -> None:
        while True:
            _, sender, ref, request = await io.receive(REQUEST)
            print(f"<{request[2].strip()}>")
            send(sender, ("io_reply", ref, "ok"))

    async def main(io: Any) -> None:
        by_default, own = kind.spawn(relay), kind.spawn(relay)
        between = kind.spawn(relay)
        group_leader(own, own)
        group_leader(own, between)
        for leader in (by_default, own, between):
            pid = member(kind, leader)
            send(pid, (self(), "text", {}))
            await io.receive("printed", timeout=60)
        group_leader(self(), pid)
        send(pid, (self(), "by itself", {}))
        await io.receive("printed", timeout=60)
        print("first")

    kind.run(main)
    assert capsys.readouterr().out == "<text>\n<text>\n<<text>>\nby itself\nfirst\n"


def test_who_is_no_process_prints_as_usual(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        group_leader(spawn(receive, "end"), self())
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()

    run(main)
    assert capsys.readouterr().out == "from a thread\n"


def test_lines_that_pass_through_stay_whole(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """As without a group leader: `print` keeps the file from its text to the end of its line."""

    def lead() -> None:
        group_leader(spawn(receive, "end"), spawn(receive, "end"))

    drained = Drain(pipe.read)
    with open(pipe.write, "w", buffering=1) as file:
        monkeypatch.setattr(sys, "stdout", file)
        in_processes(lead, *(talk(name, 60, print) for name in "abcde"))
    assert_whole(drained.lines(), "abcde", 60)


def test_a_print_goes_on_as_it_began_though_its_process_gets_a_leader(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It keeps the file busy that the leader needs to print."""

    def leads() -> None:
        while True:
            _, sender, ref, request = receive(REQUEST)
            print("for another:", request[2], end="")
            send(sender, ("io_reply", ref, "ok"))

    def child(parent: csched.Pid, leader: csched.Pid) -> None:
        class Late:
            def __str__(self) -> str:
                group_leader(leader, csched.self())
                return "one"

        print(Late(), "two")
        print("three")
        send(parent, "done")

    def main() -> None:
        lead_somebody()
        spawn(child, self(), spawn(leads))
        receive("done", timeout=60)

    run(main)
    assert capsys.readouterr().out == "one two\nfor another: three\n"


# --- sys.stdout ----------------------------------------------------------------------------------


def lead_somebody() -> None:
    group_leader(spawn(receive, "end"), spawn(receive, "end"))


def test_standard_output_is_replaced_only_when_and_while_it_must_be() -> None:
    original = sys.stdout

    def main() -> list[bool]:
        seen = [sys.stdout is original]
        group_leader(self(), spawn(receive, "end"))
        seen.append(sys.stdout is original)
        lead_somebody()
        seen.append(sys.stdout is original)
        return seen

    assert run(main) == [True, True, False]
    assert sys.stdout is original


def test_what_stands_in_for_standard_output_is_like_it() -> None:
    file = files.TextIOWrapper(files.BytesIO(), encoding="latin-1", newline="\n")

    def main() -> None:
        lead_somebody()
        sys.stdout.writelines(["a", "b"])
        assert sys.stdout.write("\xe4") == 1
        assert (sys.stdout.encoding, sys.stdout.isatty()) == ("latin-1", False)
        sys.stdout.flush()
        sys.stdout.buffer.write(b"!")
        sys.stdout.mode = "of mine"  # type: ignore[misc]
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]
        with pytest.raises(AttributeError):
            sys.stdout.nonsense  # type: ignore[attr-defined]  # noqa: B018
        with pytest.raises(csched.CopyError):
            send(self(), sys.stdout)

    with contextlib.redirect_stdout(file):
        run(main)
        assert sys.stdout is file
    assert file.buffer.getvalue() == b"ab\xe4!"  # type: ignore[attr-defined]
    assert file.mode == "of mine"


def test_a_process_with_a_leader_can_write_only_text() -> None:
    def child(parent: csched.Pid) -> None:
        receive("go")
        try:
            sys.stdout.write(1)  # type: ignore[arg-type]
        except TypeError as error:
            send(parent, str(error))

    def main() -> Any:
        pid = spawn(child, self())
        group_leader(spawn(receive, "end"), pid)
        send(pid, "go")
        return receive(timeout=60)

    assert run(main) == "write() argument must be str, not int"


def test_who_has_redirected_standard_output_meanwhile_is_left_alone() -> None:
    mine = files.StringIO()
    original = sys.stdout

    def replace() -> None:
        lead_somebody()
        sys.stdout = mine

    def redirect() -> None:
        """What stood in is put back by whoever ends the redirection, which may be too late."""
        with contextlib.redirect_stdout(mine):
            lead_somebody()
            print("redirected")
        lead_somebody()

    try:
        run(replace)
        assert sys.stdout is mine
    finally:
        sys.stdout = original
    run(redirect)
    assert sys.stdout is original
    assert mine.getvalue() == "redirected\n"


def test_what_stood_in_for_standard_output_works_after_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = []

    def main() -> None:
        lead_somebody()
        csched.share(sys.stdout)
        kept.append(sys.stdout)

    run(main)
    print("after", file=kept[0])
    run(
        print,
        "in another run",
    )
    assert capsys.readouterr().out == "after\nin another run\n"


# --- The call ------------------------------------------------------------------------------------


@both_kinds
def test_the_leader_is_inherited_and_the_default_one_clears_it(kind: type[Plain]) -> None:
    async def tell(io: Any, parent: csched.Pid) -> None:
        send(parent, group_leader())
        await io.receive("end")

    async def parent_of(io: Any, top: csched.Pid) -> None:
        while True:
            await io.receive("spawn")
            kind.spawn(tell, top)

    async def main(io: Any) -> list[bool]:
        leader, pid = kind.spawn(parent_of, self()), kind.spawn(parent_of, self())
        seen = []
        for leads in (self(), leader, pid, self()):
            assert group_leader(leads, pid) is True
            send(pid, "spawn")
            seen.append(await io.receive(csched.Pid, timeout=60) == leads)
        return seen

    assert kind.run(main) == [True] * 4


def test_only_two_live_processes_make_a_group() -> None:
    def main() -> bool:
        pid, doomed = spawn(receive, "end"), spawn(receive, "end")
        csched.exit(doomed, "kill")
        for pair in [(doomed, pid), (pid, doomed)]:
            with pytest.raises(ValueError):
                group_leader(*pair)
        for value in (None, "name", csched.make_ref()):
            with pytest.raises(TypeError):
                group_leader(value, pid)
            with pytest.raises(TypeError):
                group_leader(pid, value)
        with pytest.raises(TypeError):
            group_leader(pid)  # type: ignore[call-overload]
        return group_leader() == self()

    assert run(main, preempt=False)


def test_outside_a_process_there_is_no_group_leader() -> None:
    with pytest.raises(csched.NotRunning):
        group_leader()
