"""The guards of files: put on when a scheduler starts, taken off at its end, seen by nobody."""

from __future__ import annotations

import builtins
import ctypes
import io
import sys
from typing import Any

import pytest

import csched

TYPES = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper)
WORD = ctypes.sizeof(ctypes.c_void_p)


def looks(kind: type) -> list[object]:
    """Addresses of the C functions of a type's methods and of its `next`, and how they look."""
    functions: list[object] = []
    for name, method in vars(kind).items():
        if type(method).__name__ == "method_descriptor":
            functions.append((name, method_address(method), repr(method), method.__doc__))
        elif name == "__next__":
            functions.append((name, wrapped_address(method)))
    return functions


def word(address: int) -> int:
    return ctypes.c_void_p.from_address(address).value or 0


def method_address(method: object) -> int:
    """d_method->ml_meth of a method descriptor, m_ml->ml_meth of a builtin function."""
    before = 2 if isinstance(method, type(len)) else 5
    return word(word(id(method) + before * WORD) + WORD)


def wrapped_address(method: object) -> int:
    return word(id(method) + 6 * WORD)


def test_methods_are_guarded_while_a_scheduler_runs_and_put_back_after_it() -> None:
    def all_looks() -> list[list[object]]:
        return [*(looks(kind) for kind in TYPES), [method_address(print)]]

    before = all_looks()
    during = csched.run(all_looks)
    assert all(now != then for now, then in zip(during, before, strict=True))
    assert all_looks() == before
    with pytest.raises(ZeroDivisionError):
        csched.run(lambda: 1 // 0)
    assert all_looks() == before
    assert csched.run(all_looks, preempt=False) == before


def test_a_subclass_made_meanwhile_works_afterwards(tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"one\ntwo\n")

    def make() -> type[io.BufferedReader]:
        class Reader(io.BufferedReader):
            pass

        with Reader(io.FileIO(tmp_path / "file")) as file:
            assert list(file) == [b"one\n", b"two\n"]
        return Reader

    made = csched.run(make)
    with made(io.FileIO(tmp_path / "file")) as file:
        assert list(file) == [b"one\n", b"two\n"]


def test_a_print_that_is_not_the_builtin_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[object] = []
    monkeypatch.setattr(builtins, "print", printed.append)
    csched.run(lambda: print("one"))
    assert printed == ["one"]


def test_print_takes_its_usual_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    def show() -> None:
        print()
        print(1, 2, sep="-", end="!\n", file=None, flush=True)
        print("x", file=sys.stdout)
        with pytest.raises(TypeError):
            print(1, nonsense=2)  # type: ignore[call-overload]

    csched.run(show)
    assert capsys.readouterr().out == "\n1-2!\nx\n"


def test_guarded_calls_keep_no_references(tmp_path: Any) -> None:
    data = b"data" * 3
    (tmp_path / "file").write_bytes(data)

    def use() -> None:
        with open(tmp_path / "file", "rb+") as file:
            file.write(data)
            file.seek(0)
            assert file.read(3) == b"dat"
            assert [*file] == [b"adatadata"]
            with pytest.raises(TypeError):
                file.write(None)  # type: ignore[arg-type]
            file.truncate()
        with open(tmp_path / "file") as text:
            print("", end="", file=sys.stderr)
            text.reconfigure(newline="")
            assert [*text] == ["datadatadata"]

    def count() -> list[int]:
        return [sys.getrefcount(thing) for thing in (data, sys.stderr, True, None)]

    def main() -> None:
        use()
        before = count()
        for _ in range(300):
            use()
        assert all(abs(now - then) < 50 for now, then in zip(count(), before, strict=True))

    csched.run(main, slice=0.0002)
