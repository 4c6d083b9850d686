"""End a run beside processes that catch their end for ever: ``swallow.py WAY COUNT``."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time

from csched import ProcessExit, aio, receive, run, self, send, sleep, spawn, yield_


def spin():
    n = 0
    while True:
        n += 1


def block_on_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


async def await_messages():
    while True:
        send(self(), "message")
        await aio.receive()


WAYS = {
    "receive": receive,
    "receive_now": lambda: receive(timeout=0),
    "receive_for_a_time": lambda: receive(timeout=0.01),
    "sleep": lambda: sleep(0.01),
    "yield": yield_,
    "loop": spin,
    "block_on_lock": block_on_lock,
    "block_in_sleep": lambda: time.sleep(60),
}
ASYNC_WAYS = {
    "await_receive": aio.receive,
    "await_receive_for_a_time": lambda: aio.receive(timeout=0.01),
    "await_sleep": lambda: aio.sleep(0.01),
    "await_yield": aio.yield_,
    "await_messages": await_messages,
}


def swallow(wait, user):
    send(user, "begun")
    while True:
        with contextlib.suppress(ProcessExit, TimeoutError):
            wait()


async def aswallow(wait, user):
    send(user, "begun")
    while True:
        with contextlib.suppress(ProcessExit, TimeoutError):
            await wait()


def bystander(user):
    try:
        send(user, "begun")
        receive()
    finally:
        time.sleep(0.01)
        print("finally")


def main(way, count):
    for _ in range(count):
        if way in WAYS:
            spawn(swallow, WAYS[way], self())
        else:
            spawn(aswallow, ASYNC_WAYS[way], self())
        spawn(bystander, self())
    for _ in range(2 * count):
        receive("begun")
    sleep(0.005)  # Let them come to where they stay.


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stdout, format="%(levelname)s")
    run(main, sys.argv[1], int(sys.argv[2]))
    print("run has returned", run(len, "abc"))
