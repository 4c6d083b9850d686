"""What one operation costs by the number of processes: ``python -m bench.scale``.

Each point is measured in a fresh interpreter on one core; the table and the curves have the medians
of the rounds. Spawn: to the first wait, all alive at once. Hop: in a ring of all. Send: to one of
them at random, which receives it. Timer: set and cancelled, beside as many others; no kind of
process has a part in it. Memory: of one that waits. Written are `scale.md` and `scale.svg`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import options, pictures, programs, report
from bench.peers.harness import STATM
from bench.workloads import KINDS

ROUNDS = 3
SIZES = [1_000, 10_000, 100_000, 1_000_000]
# A plain process that waits keeps a C stack: more of them take 7 GB.
PLAIN_MOST = 100_000
TITLES = {
    "spawn": "spawn",
    "ring": "hop in a ring of all",
    "send": "send to one at random",
    "timer": "timer beside as many, set + cancel",
    "memory": "memory of an idle process",
}
UNITS = dict.fromkeys(TITLES, "ns") | {"memory": "bytes"}
PANELS = {"one operation, ns": "ns", "an idle process, bytes": "bytes"}

# By workload and kind ("" if it has no part in it): by the number of processes.
Curves = dict[tuple[str, str], dict[int, float]]


def sizes(text: str) -> list[int]:
    return sorted({options.count(number) for number in text.split(",")})


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument(
        "--sizes",
        type=sizes,
        default=SIZES,
        metavar="N,...",
        help="numbers of processes (default: 1000,10000,100000,1000000)",
    )
    options.add_common(parser, ROUNDS)
    return parser.parse_args(argv)


def measure(numbers: Sequence[int], rounds: int) -> Curves:
    curves: Curves = {}
    for workload in TITLES:
        if workload == "memory" and not STATM.exists():
            continue
        for kind in ("",) if workload == "timer" else KINDS:
            points = curves[workload, kind] = {}
            for n in numbers:
                if kind == "plain" and n > PLAIN_MOST:
                    continue
                print(f"{label(workload, kind)}: {n:,}", file=sys.stderr)
                command = programs.python("scale_peer", workload, kind, str(n))
                points[n] = statistics.median(programs.number(command) for _ in range(rounds))
    return curves


def label(workload: str, kind: str) -> str:
    return f"{TITLES[workload]}, {kind} def" if kind else TITLES[workload]


def table(curves: Curves, numbers: Sequence[int]) -> str:
    rows = [
        [
            f"{label(workload, kind)}, {UNITS[workload]}",
            *(f"{points[n]:,.0f}" if n in points else "" for n in numbers),
        ]
        for (workload, kind), points in curves.items()
    ]
    return report.table(["processes", *(f"{n:,}" for n in numbers)], rows)


def panels(curves: Curves) -> dict[str, dict[tuple[str, str], dict[int, float]]]:
    found = {
        title: {
            (TITLES[workload], kind): points
            for (workload, kind), points in curves.items()
            if UNITS[workload] == unit and points
        }
        for title, unit in PANELS.items()
    }
    return {title: curves for title, curves in found.items() if curves}


def scale(numbers: Sequence[int], rounds: int, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    core = programs.pin()
    where = "on one core" if core is not None else "wherever the system put it"
    curves = measure(numbers, rounds)
    text = f"{programs.versions({})}, {where}; medians of {rounds}.\n\n{table(curves, numbers)}"
    (output / "scale.md").write_text(text)
    print(text)
    try:
        pictures.draw_curves(panels(curves), "processes", output / "scale.svg")
    except pictures.Missing as missing_library:
        print(missing_library, file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments(argv)
    try:
        scale(args.sizes, args.rounds, args.output)
    except programs.Failed as error:
        print(f"bench.scale: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
