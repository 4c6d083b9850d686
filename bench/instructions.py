"""Instructions for each operation, which noise cannot change: ``python -m bench.instructions``.

valgrind counts what a program executes (`--tool=cachegrind --cache-sim=no`: the fastest of its
tools that counts, and one that does not mind switched stacks). A workload is run with N and with
2 N operations; the difference is what N take, so neither start nor end is in it. It repeats within
0.1 %.

The figures that are kept, `instructions.json`, are those of a build: the interpreter's version and
compiler, and the machine. Against its own build a count may be 3 % larger. Of a build that nothing
is kept of, each count is compared as a multiple of the yardstick, which is the interpreter alone,
with the nearest there is, and may be 15 % larger. ``--refresh`` keeps what is counted.

Exit status: 0 if nothing is larger than that, 1 if something is, 2 if valgrind is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.counted import WORKLOADS

ROOT = Path(__file__).parent.parent
KEPT = Path(__file__).with_name("instructions.json")
OPERATIONS = 5_000
MARGIN = 1.03
MARGIN_ELSEWHERE = 1.15
# The stacks that a plain process saves are on the heap of the C library, which takes more or fewer
# instructions for them by what else is there: one environment differs from another by a tenth.
MARGINS = {"round_trip_plain": 1.15}
# A count that is so much less than what is kept should be kept instead.
BETTER = 0.97
YARDSTICK = "yardstick"

Counts = dict[str, float]


def build() -> str:
    """What the counts depend on, besides csched."""
    version = platform.python_version()
    return f"CPython {version}, {platform.python_compiler()}, {platform.machine()}"


def count(workload: str, operations: int) -> int:
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command += [sys.executable, "-m", "bench.counted", workload, str(operations)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "LC_ALL": "C"}
    # The first of two runs must not have to write bytecode that the second one reads.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return int(found[1].replace(",", ""))


def count_all() -> Counts:
    """Instructions for one operation of each workload."""
    runs = [(name, times * OPERATIONS) for name in WORKLOADS for times in (1, 2)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = list(pool.map(lambda run: count(*run), runs))
    return {
        name: round((twice - once) / OPERATIONS, 1)
        for name, once, twice in zip(WORKLOADS, counts[::2], counts[1::2], strict=True)
    }


def nearest(kept: dict[str, Counts], name: str) -> str:
    """The build whose name has most in common with this one's beginning."""
    return max(kept, key=lambda other: len(os.path.commonprefix([other, name])))  # noqa: RUF071


def compare(counts: Counts, kept: dict[str, Counts], name: str) -> tuple[list[str], bool]:
    """The rows of a Markdown table, and whether nothing is too large."""
    other = name if name in kept else nearest(kept, name)
    old = kept[other]
    margin = MARGIN
    scale = 1.0
    if other != name:
        margin = MARGIN_ELSEWHERE
        scale = counts[YARDSTICK] / old[YARDSTICK]
    rows = [
        f"Instructions for one operation; {name}.",
        f"Kept: {other}." if other == name else f"Kept, in multiples of the yardstick: {other}.",
        "",
        "| workload | counted | kept | ratio | |",
        "|---|---|---|---|---|",
    ]
    passed = True
    for workload, counted in counts.items():
        expected = old[workload] * scale
        ratio = counted / expected
        most = max(margin, MARGINS.get(workload, 1.0))
        verdict = ""
        if ratio > most and workload != YARDSTICK:
            verdict = f"more than {most:g} times"
            passed = False
        elif ratio < BETTER and other == name:
            verdict = "better: keep it (--refresh)"
        rows.append(f"| {workload} | {counted:.1f} | {expected:.1f} | {ratio:.3f} | {verdict} |")
    return rows, passed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--refresh", action="store_true", help="keep what is counted")
    refresh = parser.parse_args(arguments).refresh
    if shutil.which("valgrind") is None:
        print("valgrind is not here: apt-get install valgrind", file=sys.stderr)
        return 2
    kept: dict[str, Counts] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    name = build()
    counts = count_all()
    if refresh or not kept:
        kept[name] = counts
        KEPT.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    rows, passed = compare(counts, kept, name)
    print("\n".join(rows))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
