"""What `bench.compare` compares: the work, in words and in numbers, and the targets.

Every program of `bench.peers` does the same, each in the manner of its platform. A process is a
process of Erlang's, a goroutine, a task of asyncio's or trio's, a greenlet of gevent's; what it
receives comes through a channel or queue of its own where the platform has no mailboxes. csched and
BEAM copy what is sent; in the others sender and receiver have the same object.

A size is a multiple of 1,000; for skynet a power of ten. A tenth of it is the warm-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The processes of the ring.
RING = 1_000
KINDS = ("async", "plain")
PEERS = ("beam", "go", "asyncio", "trio", "gevent")


@dataclass(frozen=True)
class Workload:
    """One row of the table."""

    # What one operation is, in the words of the table.
    title: str
    # How many operations (of idle_bytes: processes; of skynet: leaves) a program does.
    size: int
    # "ns" or "bytes", for one operation.
    unit: str = "ns"
    # Which kinds of csched's processes do it.
    kinds: tuple[str, ...] = KINDS
    # Who has something like it.
    peers: tuple[str, ...] = PEERS
    # The size for those that would take minutes, or more memory than there is.
    sizes: Mapping[str, int] = field(default_factory=dict)
    # By kind and peer: how many times less csched takes, at least.
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def size_for(self, program: str, fraction: float) -> int:
        """The size for one program (`csched plain`, `asyncio`) where a part of it will do."""
        size = self.sizes.get(program.replace("floor", "csched"), self.size)
        if self is WORKLOADS["skynet"]:
            power = 1
            while power * 10 <= size * fraction:
                power *= 10
            return power
        return max(1, int(size * fraction) // 1_000) * 1_000

    def warm_up(self, size: int) -> int:
        """The size with which a program warms up before it measures."""
        if self is WORKLOADS["skynet"]:
            return max(1, size // 10)
        return max(1, size // 10_000) * 1_000

    def operations(self, size: int) -> int:
        """How many operations a size is."""
        if self is WORKLOADS["skynet"]:
            return size if size == 1 else size + self.operations(size // 10)
        return size


WORKLOADS = {
    "spawn_exit": Workload(
        "spawn + exit",
        200_000,
        sizes={"trio": 50_000, "gevent": 50_000},
        targets={"async": {"beam": 1.8, "go": 2.2, "asyncio": 10}},
    ),
    "idle_bytes": Workload(
        "memory of an idle process",
        100_000,
        unit="bytes",
        sizes={"csched plain": 10_000, "trio": 10_000, "gevent": 10_000},
        targets={"async": {"beam": 5, "go": 5, "asyncio": 8}},
    ),
    "pingpong": Workload(
        "round trip of a tuple",
        100_000,
        sizes={"asyncio": 50_000, "trio": 20_000, "gevent": 20_000},
        targets={
            "async": {"beam": 1.7, "go": 1, "asyncio": 25},
            "plain": {"beam": 1, "asyncio": 10},
        },
    ),
    "ring": Workload(
        "hop in a ring of 1,000",
        200_000,
        sizes={"asyncio": 100_000, "trio": 40_000, "gevent": 40_000},
        targets={"async": {"beam": 1.5, "go": 1, "asyncio": 25}},
    ),
    "skynet": Workload(
        "skynet of a million, a process",
        1_000_000,
        # As many of these, all alive at once, take 5 GB or more.
        sizes={"csched plain": 100_000, "trio": 100_000, "gevent": 100_000},
        targets={"async": {"beam": 4, "go": 1, "asyncio": 20}},
    ),
    "fan_in": Workload(
        "message, 100 senders to one",
        200_000,
        sizes={"trio": 50_000},
        targets={"async": {"beam": 1, "asyncio": 3}},
    ),
    "flood": Workload(
        "message, one sender to one",
        200_000,
        sizes={"trio": 50_000},
        targets={"async": {"beam": 1, "asyncio": 3}},
    ),
    "dict": Workload(
        "dict of 5, send + receive",
        100_000,
        # The others have nothing that copies.
        peers=("beam",),
        targets={"async": {"beam": 1}, "plain": {"beam": 1}},
    ),
    "timer": Workload(
        "timer, set + cancel",
        200_000,
        kinds=("async",),
        sizes={"trio": 50_000},
        targets={"async": {"beam": 2, "go": 1, "asyncio": 3}},
    ),
}
