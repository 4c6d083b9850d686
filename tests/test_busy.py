"""Who is inside a file, who waits for it, and whose turn it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Addresses of processes; a thread's owner is odd.
A, B, C = 0x1000, 0x2000, 0x3000
THREAD = 0x4001
FILE, OTHER = object(), object()


class GiveUp(Exception):
    """What a process is told that waits."""


@pytest.fixture
def busy(probe: Callable[[str], Any]) -> Iterator[Any]:
    native = probe("busy_probe")
    native.start()
    yield native
    native.stop()


def turns(busy: Any, *steps: Callable[[], object]) -> None:
    """Each time a process waits, the next of these happens."""
    left = iter(steps)

    def wait() -> int:
        next(left)()
        return 0

    busy.set_wait(wait)


def give_up() -> None:
    raise GiveUp


def test_a_free_file_is_entered_at_once_and_calls_nest(busy: Any) -> None:
    busy.set_wait(None)
    busy.enter(FILE, A)
    busy.enter(FILE, A)
    busy.enter(OTHER, B)
    busy.leave(FILE, A)
    assert busy.waits(A) is False
    busy.leave(FILE, A)
    busy.enter(FILE, B)
    assert busy.woken_processes() == []


def test_a_process_waits_until_the_last_call_of_another_ends(busy: Any) -> None:
    busy.enter(FILE, A)
    busy.enter(FILE, A)
    seen = []

    def look() -> None:
        seen.append((busy.waits(B), busy.woken_processes()))

    turns(
        busy,
        look,
        lambda: (busy.leave(FILE, A), look()),
        lambda: (busy.leave(FILE, A), look()),
    )
    busy.enter(FILE, B)
    assert seen == [(True, []), (True, []), (False, [B])]


def test_who_came_first_enters_first(busy: Any) -> None:
    busy.enter(FILE, A)
    seen = []

    def c_wants_to_enter() -> None:
        turns(busy, a_leaves_and_comes_back)
        busy.enter(FILE, C)

    def a_leaves_and_comes_back() -> None:
        busy.leave(FILE, A)
        turns(busy, look_and_give_up)
        busy.enter(FILE, A)

    def look_and_give_up() -> None:
        seen.extend(busy.waits(process) for process in (B, C, A))
        raise GiveUp

    turns(busy, c_wants_to_enter)
    with pytest.raises(GiveUp):
        busy.enter(FILE, B)
    assert seen == [False, True, True]
    assert set(busy.woken_processes()) == {B}


def test_who_gives_up_waiting_lets_the_next_one_in(busy: Any) -> None:
    busy.enter(FILE, A)

    def as_c() -> None:
        def leave_and_give_up() -> int:
            busy.leave(FILE, A)
            assert busy.woken_processes() == [B]
            busy.forget(B)
            assert busy.woken_processes() == [C]
            return 0

        busy.set_wait(leave_and_give_up)
        busy.enter(FILE, C)
        busy.leave(FILE, C)
        raise GiveUp

    turns(busy, as_c)
    with pytest.raises(GiveUp):
        busy.enter(FILE, B)


def test_a_process_that_cannot_wait_enters_beside_the_other(busy: Any) -> None:
    busy.enter(FILE, A)
    busy.set_wait(lambda: 1)
    busy.enter(FILE, B)
    seen = []

    def leave(process: int) -> Callable[[], None]:
        return lambda: (busy.leave(FILE, process), seen.append(busy.waits(C)))[1]

    turns(busy, leave(A), leave(B))
    busy.enter(FILE, C)
    assert seen == [True, False]


def test_a_thread_does_not_wait_but_is_waited_for(busy: Any) -> None:
    busy.enter(FILE, A)
    busy.set_wait(None)
    busy.enter(FILE, THREAD)
    turns(busy, lambda: busy.leave(FILE, A), lambda: busy.leave(FILE, THREAD))
    busy.enter(FILE, B)
    assert busy.woken_processes() == [B]


def test_a_process_that_is_forgotten_keeps_nobody_out(busy: Any) -> None:
    busy.enter(FILE, A)
    busy.enter(OTHER, A)
    turns(busy, lambda: busy.forget(A))
    busy.enter(FILE, B)
    busy.enter(OTHER, B)
    assert busy.woken_processes() == [B]
    busy.leave(FILE, A)


def test_a_process_that_was_spared_is_reported_when_it_has_left_all_files(busy: Any) -> None:
    busy.set_running(A)
    assert not busy.spare()
    busy.enter(FILE, A)
    busy.enter(OTHER, A)
    assert busy.spare()
    busy.leave(OTHER, A)
    assert busy.released_processes() == []
    busy.leave(FILE, A)
    assert busy.released_processes() == [A]
    busy.enter(FILE, A)
    busy.leave(FILE, A)
    assert busy.released_processes() == [A]


def test_an_owner_is_the_process_that_runs_or_the_thread(busy: Any) -> None:
    hub = busy.owner()
    busy.set_running(A)
    assert busy.owner() == A
    owners = []
    thread = threading.Thread(target=lambda: owners.append(busy.owner()))
    thread.start()
    thread.join()
    assert hub & 1
    assert owners[0] & 1
    assert owners[0] != hub


def test_the_end_forgets_processes_but_not_threads(busy: Any) -> None:
    busy.enter(FILE, A)
    busy.enter(OTHER, THREAD)
    busy.stop()
    assert busy.owner() == 0
    busy.start()
    busy.set_wait(None)
    busy.enter(FILE, B)
    turns(busy, lambda: busy.leave(OTHER, THREAD))
    busy.enter(OTHER, B)


def test_more_files_than_the_table_begins_with_are_all_remembered(busy: Any) -> None:
    files = [object() for _ in range(100)]
    for file in files:
        busy.enter(file, A)
    for file in files:
        turns(busy, give_up)
        with pytest.raises(GiveUp):
            busy.enter(file, B)
    for file in files:
        busy.leave(file, A)
        busy.enter(file, B)
