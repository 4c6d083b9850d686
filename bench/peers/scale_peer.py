"""One point of a curve of `bench.scale`: ``scale_peer WORKLOAD KIND PROCESSES``.

Prints the nanoseconds, or the bytes, that one operation takes where there are so many processes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import csched
from bench import bench_ring, bench_send_random, bench_spawn_idle, bench_timer

OPERATIONS = 200_000
LIMIT = 2_000_000


def run(body: Callable[..., Any], *args: Any) -> float:
    return float(csched.run(body, *args, process_limit=LIMIT))


def spawn(kind: str, processes: int) -> float:
    # A few are spawned in less than a slice, which chance may spoil.
    runs = 10 if processes <= 10_000 else 1
    return sum(run(bench_spawn_idle.spawn_all, kind, processes) for _ in range(runs)) / runs


def memory(kind: str, processes: int) -> float:
    return run(bench_spawn_idle.grow, kind, processes) / processes


def ring(kind: str, processes: int) -> float:
    hops = max(1, OPERATIONS // processes) * processes
    return run(bench_ring.BODIES[kind], processes, hops) / hops


def send(kind: str, processes: int) -> float:
    return run(bench_send_random.send_all, kind, processes, OPERATIONS) / OPERATIONS


def timer(kind: str, pending: int) -> float:
    return run(bench_timer.send_cancel, pending, OPERATIONS) / OPERATIONS


POINTS = {
    "spawn": lambda kind, n: spawn(kind, n) / n * 1e9,
    "memory": memory,
    "ring": lambda kind, n: ring(kind, n) * 1e9,
    "send": lambda kind, n: send(kind, n) * 1e9,
    "timer": lambda kind, n: timer(kind, n) * 1e9,
}

if __name__ == "__main__":
    workload, kind, processes = sys.argv[1:]
    print(POINTS[workload](kind, int(processes)))
