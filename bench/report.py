"""From the numbers that the programs printed to the tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.programs import LABELS
from bench.workloads import PEERS, Workload

# By program, one number for each round, in order.
Numbers = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Ratio:
    """How many times less csched takes than a peer: median, least and most of the pairs."""

    median: float
    least: float
    most: float
    target: float | None

    @property
    def holds(self) -> bool | None:
        """Whether the target is reached; None if there is none."""
        return None if self.target is None else self.median >= self.target

    def __str__(self) -> str:
        text = f"{times(self.median)} ({times(self.least)} to {times(self.most)})"
        if self.target is None:
            return text
        if self.holds:
            return f"{text}, target {self.target:g} holds"
        return f"{text}, **target {self.target:g} missed**"


def times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def ratio(
    workload: Workload, kind: str, peer: str, numbers: Numbers, program: str = "csched"
) -> Ratio:
    """The ratios of a peer's number to csched's, or to the floor, in the same round."""
    ours = numbers[f"{program} {kind}"]
    pairs = [theirs / own for theirs, own in zip(numbers[peer], ours, strict=True)]
    target = workload.targets.get(kind, {}).get(peer) if program == "csched" else None
    return Ratio(statistics.median(pairs), min(pairs), max(pairs), target)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; all columns but the first are aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def table_of_ratios(results: Mapping[str, tuple[Workload, Numbers]]) -> str:
    """How many times less csched takes than each peer, and whether that is what it should be."""
    peers = [peer for peer in PEERS if any(peer in numbers for _, numbers in results.values())]
    rows = []
    for workload, numbers in results.values():
        for kind in workload.kinds:
            title = f"{workload.title}, {kind} def" if len(workload.kinds) > 1 else workload.title
            cells = (
                str(ratio(workload, kind, peer, numbers)) if peer in numbers else ""
                for peer in peers
            )
            rows.append([title, *cells])
    return table(["csched takes less, times", *(LABELS[peer] for peer in peers)], rows)


def table_of_medians(results: Mapping[str, tuple[Workload, Numbers]]) -> str:
    """What one operation takes, in nanoseconds or bytes: the medians of the rounds."""
    programs = [p for p in LABELS if any(p in numbers for _, numbers in results.values())]
    rows = []
    for workload, numbers in results.values():
        cells = (
            f"{statistics.median(numbers[program]):,.0f}" if program in numbers else ""
            for program in programs
        )
        rows.append([f"{workload.title}, {workload.unit}", *cells])
    return table(["one operation takes", *(LABELS[program] for program in programs)], rows)


def table_of_floors(results: Mapping[str, tuple[Workload, Numbers]]) -> str:
    """What the interpreter alone takes, and how many times that csched does; how many times less
    than a peer the floor takes, where there is a target: one above that is out of reach."""
    peers = [peer for peer in PEERS if any(peer in numbers for _, numbers in results.values())]
    rows = []
    for workload, numbers in results.values():
        for kind in workload.kinds:
            floor = f"{statistics.median(numbers[f'floor {kind}']):,.0f}"
            ours = times(ratio(workload, kind, f"csched {kind}", numbers, "floor").median)
            targets = workload.targets.get(kind, {})
            cells = (
                f"{times(ratio(workload, kind, peer, numbers, 'floor').median)} "
                f"(target {targets[peer]:g})"
                if peer in numbers and peer in targets
                else ""
                for peer in peers
            )
            title = f"{workload.title}, {workload.unit}, {kind} def"
            rows.append([title, floor, ours, *cells])
    less = (f"less than {LABELS[peer]}, times" for peer in peers)
    return table(["the interpreter's own part", "the floor", "csched, times that", *less], rows)


def missed(results: Mapping[str, tuple[Workload, Numbers]]) -> list[str]:
    """The targets that do not hold, a line for each."""
    return [
        f"{workload.title}, {kind} def, against {LABELS[peer]}: {found}".replace("*", "")
        for workload, numbers in results.values()
        for kind, targets in workload.targets.items()
        for peer in targets
        if peer in numbers and (found := ratio(workload, kind, peer, numbers)).holds is False
    ]
