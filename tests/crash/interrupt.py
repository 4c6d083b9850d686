"""Run until Ctrl-C: ``interrupt.py WHAT KIND``. Says `ready` when all stand where they stay."""

from __future__ import annotations

import signal
import sys
import threading
import time

from csched import aio, receive, run, self, send, sleep, spawn


def stay_in_loop():
    n = 0
    while True:
        n += 1


def stay_in_rlock():
    lock = threading.RLock()
    while True:
        with lock:
            for _ in range(100):
                pass


def stay_in_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def stay_in_calls():
    while True:
        send(self(), "message")
        receive()


STAYS = {
    "loop": stay_in_loop,
    "rlock": stay_in_rlock,
    "lock": stay_in_lock,
    "sleep": lambda: time.sleep(60),
    "calls": stay_in_calls,
    "receive": receive,
    "wait": lambda: sleep(60),
}


def process(what, user):
    try:
        send(user, "begun")
        STAYS[what]()
    except KeyboardInterrupt:
        print("raised in a process")
        raise
    finally:
        print("finally")


async def aprocess(what, user):
    try:
        send(user, "begun")
        await aio.receive("never") if what == "wait" else STAYS[what]()
    except KeyboardInterrupt:
        print("raised in a process")
        raise
    finally:
        print("finally")


def main(whats, kind):
    try:
        others = [] if "alone" in sys.argv else whats
        for what in others:
            spawn(kind, what, self())
        for _ in others:
            receive("begun")
        sleep(0.05)  # Let them come to where they stay.
        print("ready", flush=True)
        STAYS[whats[0]]()
    finally:
        print("finally")


def own_handler(signum, frame):
    print("own handler")
    raise SystemExit(7)


if __name__ == "__main__":
    what, kind = sys.argv[1], {"def": process, "async": aprocess}[sys.argv[2]]
    options = {}
    if "own-handler" in sys.argv:
        signal.signal(signal.SIGINT, own_handler)
    if "no-preemption" in sys.argv:
        options["preempt"] = False
    whats = list(STAYS) if what == "all" else [what]
    try:
        run(main, whats, kind, **options)
    except KeyboardInterrupt:
        print("KeyboardInterrupt out of run")
    print("afterwards", run(len, "abc"))
    print("handler restored", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
