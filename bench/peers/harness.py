"""What the programs in Python share: their command line, warming up, the memory of a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from bench.workloads import WORKLOADS

STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def serve(measure: Callable[[str, int], float]) -> None:
    """Print what one operation of ``sys.argv`` takes, in nanoseconds or bytes.

    `measure(workload, size)` does the work once and returns the seconds, of processor time, or the
    bytes that all of it took.
    """
    name, size = sys.argv[1], int(sys.argv[2])
    workload = WORKLOADS[name]
    if workload.unit == "bytes":
        print(measure(name, size) / size)
    else:
        measure(name, workload.warm_up(size))
        print(measure(name, size) / workload.operations(size) * 1e9)
