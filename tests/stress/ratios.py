"""What `test_ratios` measures, each as a program: `python ratios.py NAME` prints its figures.

A ratio is of the best of several times, taken in turn: what else the machine does only adds.
"""

from __future__ import annotations

import gc
import json
import os
import sys

from million import seconds

import csched
from csched import (
    ANY,
    aio,
    cancel_timer,
    demonitor,
    make_ref,
    monitor,
    processes,
    receive,
    run,
    self,
    send,
    send_after,
    spawn,
    yield_,
)

TIMES = 7


def timers():
    """Set and cancel, beside 1,000 timers and beside 1,000,000."""

    def set_and_cancel(me):
        for _ in range(50):
            refs = [send_after(me, "late", 60) for _ in range(100)]
            for ref in refs:
                cancel_timer(ref)

    def pending(me, count):
        return [send_after(me, "late", 1000 + n * 1e-3) for n in range(count)]

    def main():
        me = self()
        few, many = [], []
        for _ in range(3):
            others = pending(me, 1_000)
            few += [seconds(set_and_cancel, me) for _ in range(TIMES)]
            others += pending(me, 999_000)
            many += [seconds(set_and_cancel, me) for _ in range(TIMES)]
            for ref in others:
                cancel_timer(ref)
        return {"few_us": min(few) / 5e-3, "ratio": min(many) / min(few)}

    return run(main)


def calls():
    """Call by reference, by monitor and by alias, with an empty queue and 500,000 messages."""

    def server():
        while True:
            client, ref = receive()
            send(client, (ref, "answer"))

    def by_ref(pid, me):
        for _ in range(500):
            ref = make_ref()
            send(pid, (me, ref))
            receive((ref, ANY))

    def by_monitor(pid, me):
        for _ in range(500):
            ref = monitor(pid)
            send(pid, (me, ref))
            receive((ref, ANY))
            demonitor(ref, flush=True)

    def by_alias(pid, me):
        for _ in range(500):
            ref = monitor(pid, alias="reply_demonitor")
            send(pid, (ref, ref))
            receive((ref, ANY))

    def main():
        pid, me = spawn(server), self()
        figures = {}
        for call in (by_ref, by_monitor, by_alias):
            empty, full = [], []
            for _ in range(3):
                empty += [seconds(call, pid, me) for _ in range(TIMES)]
                for n in range(500_000):
                    send(me, n)
                full += [seconds(call, pid, me) for _ in range(TIMES)]
                for _ in range(500_000):
                    receive()
            figures[call.__name__ + "_us"] = min(empty) / 5e-4
            figures[call.__name__ + "_ratio"] = min(full) / min(empty)
        return figures

    return run(main)


def listing():
    """`processes()`, and the first page of `i()`, of a million who are tied together."""

    async def wait(before):
        if before is not None:
            monitor(before)
        await aio.receive()

    def main():
        pid = None
        for _ in range(1_000_000):
            pid = spawn(wait, pid)
        yield_()
        with open(os.devnull, "w") as nowhere:
            page = min(seconds(lambda: csched.i(file=nowhere, limit=48)) for _ in range(TIMES))
        return {
            "processes_ms": min(seconds(processes) for _ in range(TIMES)) * 1e3,
            "page_ms": page * 1e3,
        }

    return run(main)


if __name__ == "__main__":
    # A collection that looks at half a million objects is a pause of its own, and not csched's.
    gc.disable()
    print(json.dumps(globals()[sys.argv[1]]()))
