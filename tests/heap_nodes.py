"""Objects whose life the tests of heaps count. Classes are shared by all processes."""

from __future__ import annotations

from typing import Any, ClassVar


class Node:
    """One that is garbage only for a collector."""

    alive: ClassVar[int] = 0

    def __init__(self, at_end: Any = None) -> None:
        Node.alive += 1
        self.me = self
        self.at_end = at_end

    def __del__(self) -> None:
        Node.alive -= 1
        if self.at_end is not None:
            self.at_end()


def cycle(at_end: Any) -> None:
    Node(at_end)


def make_cycles(count: int) -> None:
    for _ in range(count):
        Node()
