"""The work of `bench.compare` on next to nothing: how low csched's figures could be at best.

``floor_peer FOLDER KIND WORKLOAD SIZE``. The bodies are csched's own, of the benchmarks of this
folder, but what they call is `floor.c`, built in FOLDER: a queue, mailboxes, and greenlet's switch;
no preemption, no isolation, no copies but of a dict, no timer that fires. What is left is the
interpreter's share, which no runtime on CPython can do without. Garbage is not collected meanwhile.
"""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import Any

from bench.peers.harness import serve


def stand_in() -> ModuleType:
    """`floor.c` in the place of csched, before anything imports that."""
    runtime: Any = importlib.import_module("floor_runtime")
    package: Any = ModuleType("csched")
    package.aio = ModuleType("csched.aio")
    package.aio.receive = runtime.aio_receive
    package.aio.yield_ = runtime.aio_yield
    for name in (
        "Pid",
        "cancel_timer",
        "receive",
        "run",
        "self",
        "send",
        "send_after",
        "spawn",
        "yield_",
    ):
        setattr(package, name, getattr(runtime, name))
    sys.modules["csched"] = package
    return package


if __name__ == "__main__":
    sys.path.insert(0, sys.argv.pop(1))
    kind = sys.argv.pop(1)
    csched: Any = stand_in()
    from bench.peers.csched_peer import body

    gc.disable()
    serve(lambda workload, size: csched.run(*body(workload, kind, size)))
