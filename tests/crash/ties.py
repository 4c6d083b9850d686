"""What ties processes together, at random and under preemption: ``ties.py SEED SECONDS``.

Processes of both kinds link, monitor, alias, register, set timers, suspend, trap, limit their
mailboxes, and end each other; foreign threads, finalizers and copying hooks join in. The first
process monitors all of them, and ends each run by killing them. Says `sound` if each `Down` came
once, nobody survived, no name was left and nothing was raised that must not be.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import random
import sys
import threading
import time
import traceback

import csched
from csched import Down, Pid, ProcessExit, aio

PEERS = 40
NAMES = [f"name {n}" for n in range(8)]
ALIASES = [None, "explicit_unalias", "demonitor", "reply_demonitor"]
MODES = ["block", "drop", "drop_oldest", "exit"]
# What these calls raise when the other side is dead, or full, or the wrong one.
# A RuntimeError: no process, no room, no waiting in a hook.
EXPECTED = (csched.NoProc, ValueError, csched.CopyError, RuntimeError)

# Module globals are one for all processes and threads. The slots are replaced, never removed.
peers: list[Pid | None] = [None] * PEERS
aliases: list[object] = [None] * 64
timers: list[object] = [None] * 64
strange: list[object] = []
chance = random.Random(0)
stopping = threading.Event()


class Boom(Exception):
    pass


def anybody(rng):
    pid = rng.choice(peers)
    if pid is None:
        raise ValueError("nobody yet")
    return pid


class Hook:
    """An object whose copying and whose end meddle with everybody, now and then."""

    def __init__(self):
        self.me = self if chance.random() < 0.5 else None

    def __deepcopy__(self, memo):
        meddle()
        if chance.random() < 0.05:
            raise Boom
        return Hook()

    def __del__(self):
        meddle()


def meddle():
    if chance.random() < 0.5:
        return
    with contextlib.suppress(*EXPECTED):
        chance.choice(MEDDLING)(chance)


def reason_of(rng):
    return rng.choice(["normal", "kill", "shutdown", "other", ("shutdown", [1]), Hook(), [Hook()]])


def message_of(rng):
    return rng.choice(["text", 7, [1, [2]], {"a": bytearray(b"1")}, Hook(), (Hook(), [Hook()])])


def link(rng):
    csched.link(anybody(rng))


def unlink(rng):
    csched.unlink(anybody(rng))


def monitor(rng):
    target = anybody(rng) if rng.random() < 0.7 else rng.choice(NAMES)
    tag = rng.choice([None, None, "tag", Hook()])
    ref = csched.monitor(target, alias=rng.choice(ALIASES), tag=tag)
    aliases[rng.randrange(len(aliases))] = ref


def demonitor(rng):
    ref = rng.choice(aliases)
    if ref is not None:
        csched.demonitor(ref, flush=rng.random() < 0.5, info=rng.random() < 0.5)


def alias(rng):
    ref = csched.alias(reply=rng.random() < 0.5, priority=rng.random() < 0.5)
    aliases[rng.randrange(len(aliases))] = ref


def unalias(rng):
    ref = rng.choice(aliases)
    if ref is not None:
        csched.unalias(ref)


def register(rng):
    csched.register(rng.choice(NAMES), anybody(rng))


def unregister(rng):
    csched.unregister(rng.choice(NAMES))


def destination(rng):
    return rng.choice([anybody(rng), rng.choice(aliases) or anybody(rng), rng.choice(NAMES)])


def send(rng):
    csched.send(destination(rng), message_of(rng))


def set_timer(rng):
    start = rng.choice([csched.send_after, csched.start_timer])
    ref = start(destination(rng), message_of(rng), rng.choice([0, 0.0005, 0.003, 1000]))
    timers[rng.randrange(len(timers))] = ref


def cancel_timer(rng):
    ref = rng.choice(timers)
    if ref is not None:
        rng.choice([csched.cancel_timer, csched.read_timer])(ref)


def suspend(rng):
    csched.suspend(anybody(rng))


def resume(rng):
    csched.resume(anybody(rng))


def trap(rng):
    csched.process_flag("trap_exit", rng.random() < 0.6)


def limit(rng):
    csched.process_flag("mailbox_limit", rng.choice([None, 1, 3, 50]))


def tell_to_exit(rng):
    if rng.random() < 0.3:
        csched.exit(anybody(rng), reason_of(rng))


def end(rng):
    if rng.random() < 0.2:
        csched.exit(reason_of(rng))
    if rng.random() < 0.2:
        raise Boom(Hook())


def spawn(rng):
    if csched.system_info("process_count") < 3 * PEERS:
        body = rng.choice([work, awork])
        rng.choice([csched.spawn, csched.spawn_link, csched.spawn_monitor])(body, rng.random())


def look(rng):
    csched.is_alive(anybody(rng))
    csched.get_label(anybody(rng))
    csched.whereis(rng.choice(NAMES))
    csched.set_label(message_of(rng))
    csched.put("key", Hook())
    list(range(rng.randrange(2000)))


MEDDLING = [
    send, tell_to_exit, link, unlink, monitor, demonitor, unalias, spawn, set_timer, cancel_timer,
    register, unregister, suspend, resume,
]  # fmt: skip
STEPS = [
    *MEDDLING, alias, send, send, look, end, trap, limit, set_timer, monitor, link,
]  # fmt: skip


def waits(rng):
    return rng.choice([0, 0, 0.0003, 0.002])


def work(seed):
    rng = random.Random(seed)
    try:
        for _ in range(rng.randrange(200)):
            with contextlib.suppress(*EXPECTED):
                rng.choice(STEPS)(rng)
            if rng.random() < 0.3:
                csched.receive(timeout=waits(rng), default=None)
            if rng.random() < 0.05:
                csched.sleep(waits(rng))
    finally:
        meddle()


async def awork(seed):
    rng = random.Random(seed)
    try:
        for _ in range(rng.randrange(200)):
            with contextlib.suppress(*EXPECTED):
                rng.choice(STEPS)(rng)
            if rng.random() < 0.3:
                await aio.receive(timeout=waits(rng), default=None)
            if rng.random() < 0.05:
                await aio.sleep(waits(rng))
    finally:
        meddle()


def foreign(seed):
    rng = random.Random(seed)
    while not stopping.is_set():
        with contextlib.suppress(*EXPECTED):
            rng.choice([send, tell_to_exit])(rng)
        time.sleep(rng.random() * 0.001)


def fill_slots(rng, watched):
    for slot in range(PEERS):
        pid = peers[slot]
        if pid is None or not csched.is_alive(pid):
            peers[slot], ref = csched.spawn_opt(
                rng.choice([work, awork]),
                rng.random(),
                monitor=True,
                priority=rng.choice(["low", "normal", "high"]),
                mailbox_limit=rng.choice([None, None, 1, 5]),
                on_full=rng.choice(MODES),
            )
            watched[ref] = peers[slot]


def take_downs(watched, told, timeout):
    message = csched.receive(timeout=timeout, default=None)
    while message is not None:
        # Hooks that ran in the first process may have tied it to others, too.
        if type(message) is Down and message.ref in watched:
            # Only once, and a process that was there when it was watched.
            if watched.pop(message.ref) != message.object or message.reason == "noproc":
                strange.append(message)
            told.add(message.ref)
        elif type(message) is Down and message.ref in told:
            strange.append(message)
        message = csched.receive(timeout=0, default=None)


def main(seed, seconds):
    rng = random.Random(seed)
    csched.process_flag("priority", "max")
    csched.process_flag("trap_exit", True)
    watched, told = {}, set()
    end = time.monotonic() + seconds
    peers[:] = [None] * PEERS
    while time.monotonic() < end:
        fill_slots(rng, watched)
        take_downs(watched, told, 0.003)
    end = time.monotonic() + 60
    while csched.system_info("process_count") > 1 or watched:
        for pid in csched.processes():
            if pid != csched.self():
                csched.exit(pid, "kill")
        take_downs(watched, told, 0.01)
        if time.monotonic() > end:
            strange.append(("left behind", csched.processes(), watched))
            break
    if csched.registered():
        strange.append(csched.registered())
    return len(told)


if __name__ == "__main__":
    seed, seconds = int(sys.argv[1]), float(sys.argv[2])
    chance.seed(seed)

    def report(record):
        if record.levelno == logging.WARNING:
            return  # ProcessExit is swallowed wherever it is raised in a finalizer.
        if record.exc_info is None or record.exc_info[0] not in (Boom, csched.CopyError):
            strange.append(logging.Formatter().format(record))

    def unraisable(found):
        if found.exc_type not in (ProcessExit, Boom):
            strange.append("".join(traceback.format_exception(found.exc_value)))

    logger = logging.getLogger("csched")
    handler = logging.Handler()
    handler.emit = report
    logger.addHandler(handler)
    logger.propagate = False
    sys.unraisablehook = unraisable
    gc.set_threshold(random.Random(seed).choice([5, 50, 700]), 5, 5)
    threads = [threading.Thread(target=foreign, args=[seed + n]) for n in range(2)]
    for thread in threads:
        thread.start()
    runs = ended = 0
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            ended += csched.run(main, seed + runs, seconds / 4, slice=0.0002)
            runs += 1
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    print(f"{runs} runs, {ended} ends,", list(dict.fromkeys(map(str, strange)))[:20] or "sound")
