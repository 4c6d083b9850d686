"""Collections in the midst of everything: ``collect.py SEED SECONDS [fork | thread]``.

Processes make cycles whose finalizers, weak reference callbacks and generators do, at random,
whatever a process can do, while other threads make cycles and collect. `fork`: processes fork, too.
`thread`: the interpreter ends while all this goes on in a daemon thread. Says `sound` at the end.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
import threading
import time
import tracemalloc
import weakref

import csched
from csched import ANY, aio, receive, run, self, send, sleep, spawn, yield_

RNG = random.Random()
# What is expected where finalizers do what they should not.
EXPECTED = (
    csched.NotRunning,
    ValueError,
    csched.NoProc,
    csched.SystemLimit,
    RuntimeError,
    TimeoutError,
)
kept: list = []
ends = 0


def other():
    return RNG.choice(csched.processes() or [self()])


def is_first():
    # The first process is to see the end: it traps exits, and does nothing that would kill it.
    return self() == csched.processes()[0]


def kill_another():
    if others := csched.processes()[1:]:
        csched.exit(RNG.choice(others), RNG.choice(["kill", "told", ("x", [1])]))


def keep_objects():
    kept.append(gc.get_objects())
    del kept[:-2]


def make_a_chain():
    last = None
    for _ in range(5_000):
        last = [last, {}]


ACTS = [
    lambda: spawn(short, RNG.random()),
    lambda: spawn(ashort, RNG.random()),
    lambda: send(other(), [Tangle()]),
    lambda: send(self(), Tangle()),
    lambda: receive(ANY, timeout=0, default=None),
    lambda: receive("never", timeout=0.001, default=None),
    lambda: sleep(0.001),
    lambda: yield_(),
    lambda: None if is_first() else csched.exit("the end"),
    lambda: None if is_first() else csched.exit(self(), "kill"),
    kill_another,
    lambda: None if is_first() else csched.link(other()),
    lambda: csched.monitor(other(), tag=Tangle()),
    lambda: csched.alias(reply=True),
    lambda: csched.send_after(self(), Tangle(), 0.001),
    lambda: csched.put("key", Tangle()),
    lambda: csched.set_label(Tangle()),
    lambda: csched.process_info(other()),
    lambda: csched.process_info(other(), "messages"),
    lambda: csched.process_flag("trap_exit", is_first() or RNG.random() < 0.5),
    lambda: csched.process_flag("mailbox_limit", RNG.choice([None, 1_000])),
    lambda: gc.collect(RNG.randrange(3)),
    lambda: gc.collect(),
    lambda: gc.get_referrers(other()),
    lambda: gc.freeze(),
    lambda: gc.unfreeze(),
    keep_objects,
    make_a_chain,
    lambda: [Tangle() for _ in range(20)],
    lambda: 1 / 0,
]  # fmt: skip


def act():
    global ends
    ends += 1
    with contextlib.suppress(*EXPECTED):
        RNG.choice(ACTS)()


class Tangle:
    """In a cycle of several kinds of object."""

    def __init__(self):
        self.me = [self, {"me": self}, lambda: self]
        kind = RNG.randrange(5)
        if kind == 0:
            self.reference = weakref.ref(self, lambda reference: act())
            kept_weakly.append(self.reference)
            del kept_weakly[:-100]
        elif kind == 1:
            self.generator = self.numbers()
            next(self.generator)
        elif kind == 2:
            self.agenerator = self.anumbers()
            with contextlib.suppress(StopIteration):
                self.agenerator.__anext__().send(None)
        elif kind == 3:
            self.coroutine = aio.receive(self)

    def numbers(self):
        try:
            yield self
        finally:
            act()

    async def anumbers(self):
        try:
            yield self
        finally:
            act()

    def __deepcopy__(self, memo):
        if RNG.random() < 0.05:
            gc.collect()
        return Tangle()

    def __del__(self):
        if RNG.random() < 0.3:
            act()


kept_weakly: list = []


def short(number):
    for _ in range(RNG.randrange(30)):
        Tangle()
    if number < 0.3:
        raise ValueError(Tangle())


async def ashort(number):
    held = Tangle()
    await aio.sleep(number * 0.001)
    short(number)
    del held


def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(RNG.randrange(200)):
            Tangle()
        if RNG.random() < 0.5:
            with contextlib.suppress(*EXPECTED):
                RNG.choice(ACTS[:8] + ACTS[11:])()
        if RNG.random() < 0.3:
            yield_()
        if "fork" in sys.argv and RNG.random() < 0.01:
            child = os.fork()
            if child == 0:
                gc.collect()
                short(0.5)
                os._exit(0)
            os.waitpid(child, 0)
        csched.process_flag("trap_exit", False)
        while receive(ANY, timeout=0, default=None) is not None:
            pass


async def awork(seconds):
    await aio.yield_()
    work(seconds)


def main(seconds):
    csched.process_flag("trap_exit", True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pids = [spawn(RNG.choice([work, awork]), seconds / 4) for _ in range(8)]
        # Not by monitors: a finalizer that runs in this process may take their messages.
        late = time.monotonic() + 120
        while any(map(csched.is_alive, pids)):
            assert time.monotonic() < late, [p for p in pids if csched.is_alive(p)]
            sleep(0.001)
            while receive(ANY, timeout=0, default=None) is not None:
                pass


def beside(stop):
    while not stop.is_set():
        for _ in range(100):
            one = []
            one.append(one)
        gc.collect(0)
        time.sleep(0)


if __name__ == "__main__":
    seed, seconds = int(sys.argv[1]), float(sys.argv[2])
    RNG.seed(seed)
    sys.unraisablehook = lambda unraisable: None
    import logging

    logging.getLogger("csched").addHandler(logging.NullHandler())
    logging.getLogger("csched").propagate = False
    if seed % 2:
        tracemalloc.start()
    if seed % 3 == 0:
        sys.set_asyncgen_hooks(finalizer=lambda generator: act())
    stop = threading.Event()
    thread = threading.Thread(target=beside, args=[stop], daemon=True)
    if "fork" not in sys.argv:
        thread.start()
    if "thread" in sys.argv:
        threading.Thread(target=run, args=[main, seconds], daemon=True).start()
        time.sleep(seconds / 2)
    else:
        for _ in range(3):
            run(main, seconds / 3, slice=0.0003)
        stop.set()
    print("sound", ends)
