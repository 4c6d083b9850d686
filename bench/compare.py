"""The same work on csched, BEAM, Go, asyncio, trio and gevent: ``python -m bench.compare``.

Each program of `bench.peers` measures its own loop in a process of its own, on one core, by
processor time. They take turns, A B C A B C; a ratio is of two numbers of the same round, so that
what changes on the machine meanwhile concerns both. The floor is what csched's own part of the work
takes on CPython if there is next to nothing between (`bench/peers/floor.c`): what no runtime there
can do without. Those that are not installed are named and left
out: ``apt-get install erlang-base golang-go``, ``pip install csched[bench]``. Written are
`compare.md`, the tables, and `compare.svg`, the medians as bars. The Python that runs it is the one
that is measured.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import options, pictures, programs, report
from bench.peers.harness import STATM
from bench.workloads import WORKLOADS, Workload

ROUNDS = 5


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="WORKLOAD",
        action="append",
        choices=list(WORKLOADS),
        help=f"this alone; may be given several times; one of {', '.join(WORKLOADS)}",
    )
    parser.add_argument(
        "--fraction",
        type=options.part,
        default=1.0,
        metavar="F",
        help="do a part of the work, for a quick look: 0.1 is a tenth",
    )
    options.add_common(parser, ROUNDS)
    return parser.parse_args(argv)


def measure(
    name: str, commands: Mapping[str, programs.Command], rounds: int, fraction: float
) -> dict[str, list[float]]:
    """What one operation took in each program, by rounds."""
    workload = WORKLOADS[name]
    ours = [f"{program} {kind}" for kind in workload.kinds for program in ("csched", "floor")]
    turns = [program for program in (*ours, *workload.peers) if program in commands]
    numbers: dict[str, list[float]] = {program: [] for program in turns}
    for n in range(rounds):
        print(f"{workload.title}: round {n + 1} of {rounds}", file=sys.stderr)
        for program in turns:
            size = str(workload.size_for(program, fraction))
            numbers[program].append(programs.number(commands[program], name, size))
    return numbers


def footnotes(names: Sequence[str], commands: Mapping[str, programs.Command]) -> list[str]:
    """Which programs did less than the others, so that they would be done in time and memory."""
    less: dict[str, list[str]] = {}
    for workload in (WORKLOADS[name] for name in names):
        for program, size in workload.sizes.items():
            if program in commands:
                less.setdefault(program, []).append(
                    f"{workload.title} ({size:,} of {workload.size:,})"
                )
    return [f"Less work for {programs.LABELS[p]}: {'; '.join(what)}.\n" for p, what in less.items()]


def bars(results: Mapping[str, tuple[Workload, report.Numbers]]) -> dict[str, dict[str, float]]:
    return {
        f"{workload.title}, {workload.unit}": {
            programs.LABELS[program]: statistics.median(values)
            for program, values in numbers.items()
            if program in programs.LABELS
        }
        for workload, numbers in results.values()
    }


def compare(names: Sequence[str], rounds: int, fraction: float, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    core = programs.pin()
    with tempfile.TemporaryDirectory() as build:
        commands, missing = programs.find(Path(build))
        for peer, remedy in missing.items():
            print(f"without {programs.LABELS[peer]}: {remedy}", file=sys.stderr)
        versions = programs.versions(commands)
        results = {
            name: (WORKLOADS[name], measure(name, commands, rounds, fraction)) for name in names
        }
    where = "each on the same core" if core is not None else "each wherever the system put it"
    text = "\n".join(
        [
            f"{versions}; {where}; medians of {rounds}, of ratios with the least and the most.\n",
            report.table_of_ratios(results),
            report.table_of_medians(results),
            *([] if "floor" in missing else [report.table_of_floors(results)]),
            *footnotes(names, commands),
            *(f"Left out: {programs.LABELS[peer]}.\n" for peer in missing),
        ]
    )
    (output / "compare.md").write_text(text.rstrip("\n") + "\n")
    print(text)
    for line in report.missed(results):
        print(line, file=sys.stderr)
    try:
        pictures.draw_bars(bars(results), output / "compare.svg")
    except pictures.Missing as missing_library:
        print(missing_library, file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments(argv)
    names = [
        name
        for name, workload in WORKLOADS.items()
        if name in (args.only or WORKLOADS) and (workload.unit != "bytes" or STATM.exists())
    ]
    try:
        compare(names, args.rounds, args.fraction, args.output)
    except programs.Failed as error:
        print(f"bench.compare: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
