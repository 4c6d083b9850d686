"""The work of `bench.compare` on csched: the bodies that the benchmarks of this folder measure.

``csched_peer KIND WORKLOAD SIZE``; the kind of the processes is `async` or `plain`.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import csched
from bench.peers.harness import serve
from bench.workloads import RING

LIMIT = 2_000_000


def body(workload: str, kind: str, size: int) -> tuple[Any, ...]:
    """The first process of a run, which returns the seconds or the bytes, and its arguments."""
    # Only the one: what the others import would be in the way of collections.
    file = "spawn_idle" if workload == "idle_bytes" else workload
    module = importlib.import_module(f"bench.bench_{file}")
    match workload:
        case "spawn_exit":
            return module.spawn_all, kind, size
        case "idle_bytes":
            return module.grow, kind, size
        case "ring":
            return module.BODIES[kind], RING, size
        case "skynet":
            return module.sum_up, kind, size
        case "timer":
            return module.send_cancel, 0, size
        case _:
            return module.BODIES[kind], size


if __name__ == "__main__":
    kind = sys.argv.pop(1)
    serve(lambda workload, size: csched.run(*body(workload, kind, size), process_limit=LIMIT))
