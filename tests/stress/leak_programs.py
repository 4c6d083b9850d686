"""What `test_million_gone` measures, each as a program: `leak_programs.py NAME` prints it."""

from __future__ import annotations

import ctypes
import gc
import json
import sys

from million import all_gone, rss

import csched
from csched import aio, processes, run, self, send, sleep, spawn, statistics, yield_

COUNT = 1_000_000


class Node:
    """One that only a collection finds."""

    made = 0
    alive = 0
    most_alive = 0

    def __init__(self):
        Node.made += 1
        Node.alive += 1
        Node.most_alive = max(Node.most_alive, Node.alive)
        self.me = self

    def __del__(self):
        Node.alive -= 1


async def idle():
    await aio.receive()


def spawn_idle(count):
    """The caller keeps no list of their pids: that would be memory of its own."""
    for _ in range(count):
        spawn(idle)
    while statistics("run_queue"):
        yield_()


def end_all():
    me = self()
    for pid in processes():
        if pid != me:
            send(pid, "end")
    all_gone()


def a_million_thrice():
    """RSS at first, at the peaks and after the ends of three runs, in bytes."""
    figures = {}

    def main(number):
        spawn_idle(COUNT)
        figures[f"peak_{number}"] = rss()
        end_all()
        figures[f"ended_{number}"] = rss()

    run(spawn_idle, 1_000)
    gc.collect()
    figures["before"] = rss()
    for number in (1, 2, 3):
        run(main, number)
        gc.collect()
        figures[f"after_{number}"] = rss()
    figures["kept_each"] = (figures["after_3"] - figures["before"]) / COUNT
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
        figures["trimmed"] = rss() / figures["before"]
    return figures


def cycles_beside_a_million():
    """How much of what the one makes is alive at once; what is left when it is killed."""
    figures = {}

    def make_cycles():
        while True:
            Node()

    def main():
        spawn_idle(COUNT)
        before = rss()
        pid = spawn(make_cycles)
        figures["most_words"] = 0
        while Node.made < 1_000_000:
            sleep(0.001)
            words = csched.process_info(pid, "total_heap_size")
            figures["most_words"] = max(figures["most_words"], words)
        figures["grown"] = rss() - before
        csched.exit(pid, "kill")
        while csched.process_info(pid) is not None:
            yield_()
        figures["left"] = Node.alive

    run(main)
    gc.collect()
    return {
        **figures,
        "made": Node.made,
        "most_alive": Node.most_alive,
        "left_after": Node.alive,
    }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
