"""Everything at once, at random: ``mix.py SEED SECONDS``. Says `sound` if all results are right."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import json
import logging
import random
import re
import sys
import threading
import time

import greenlet

import csched
from csched import ProcessExit, aio, receive, run, self, send, share, sleep, spawn, yield_

VARIABLE = contextvars.ContextVar("variable")
LOCK = threading.Lock()
RLOCK = threading.RLock()
inside = 0


class Farewell:
    """In a cycle; its finalizer makes objects and sends."""

    def __init__(self, user):
        self.me, self.user = self, user

    def __del__(self):
        [{} for _ in range(10)]
        # It may be finalized after its run, or in the next one; or before it was all made.
        with contextlib.suppress(csched.NotRunning, ValueError, AttributeError):
            send(self.user, "farewell")


def numbers(n):
    if n:
        yield from numbers(n - 1)
        yield n


def plain_python(rng):
    data = [{"n": n, "t": str(n) * 3} for n in range(rng.randrange(50))]
    assert json.loads(json.dumps(data)) == data
    assert re.sub("[0-9]", lambda match: match[0] * 2, "a1b2") == "a11b22"
    assert sorted(range(30), key=lambda n: -sum(numbers(n % 7))) is not None
    assert sum(numbers(40)) == 820


def exceptions(rng):
    for n in range(rng.randrange(30)):
        try:
            try:
                raise KeyError(n)
            finally:
                list(numbers(5))
        except KeyError as error:
            assert error.args == (n,)


def garbage(rng):
    Farewell(self())
    if rng.random() < 0.2:
        gc.collect(rng.randrange(3))


def locks(rng):
    global inside
    with LOCK:
        sum(range(rng.randrange(1000)))
    with RLOCK:
        inside += 1
        assert inside == 1
        sum(numbers(20))
        inside -= 1


def blocking(rng):
    time.sleep(rng.random() * 0.003)


def contexts(rng):
    value = rng.random()
    VARIABLE.set(value)
    list(numbers(30))
    assert contextvars.copy_context()[VARIABLE] == value == VARIABLE.get()


def own_greenlets(rng):
    def body(n):
        list(numbers(n))
        got = greenlet.getcurrent().parent.switch(n)
        sleep(0)
        return got

    fiber = greenlet.greenlet(body)
    assert fiber.switch(7) == 7
    list(numbers(20))
    assert fiber.switch("got") == "got"


def threads(rng):
    thread = threading.Thread(target=send, args=[self(), ["from a thread"]])
    thread.start()
    receive(["from a thread"], timeout=60)
    thread.join()


def event_loop(rng):
    async def later():
        await asyncio.sleep(rng.choice([0, 0.001]))
        return await asyncio.gather(asyncio.to_thread(len, "abc"), asyncio.sleep(0, 1))

    try:
        asyncio.get_running_loop()
        is_own = False  # asyncio.run is refused there.
    except RuntimeError:
        is_own = rng.random() < 0.5
    assert (asyncio.run if is_own else csched.wait)(later()) == [3, 1]


def children(rng):
    reply = csched.make_ref()
    pid = spawn(echo if rng.random() < 0.5 else aecho)
    message = {"from": self(), "ref": reply, "data": [[1], {2}, {"3": bytearray(b"4")}]}
    send(pid, message)
    assert receive((csched.Ref, dict), timeout=60)[1]["data"] == message["data"]
    if rng.random() < 0.3:
        spawn(crash if rng.random() < 0.5 else acrash)


def waits(rng):
    sleep(rng.random() * 0.002)
    yield_()
    assert receive("never", timeout=0.001, default=None) is None


STEPS = [
    plain_python, exceptions, garbage, locks, blocking, contexts, own_greenlets, threads,
    event_loop, children, waits,
]  # fmt: skip


def echo():
    message = receive(dict)
    send(message["from"], (message["ref"], message))


async def aecho():
    message = await aio.receive(dict)
    await aio.sleep(0)
    send(message["from"], (message["ref"], message))


def crash():
    list(numbers(50))
    raise ValueError([Farewell(self())])


async def acrash():
    await aio.yield_()
    crash()


def work(seed, user):
    rng = random.Random(seed)
    for _ in range(6):
        rng.choice(STEPS)(rng)
    send(user, ("done", seed))


async def awork(seed, user):
    async def values():
        for n in range(5):
            await aio.yield_()
            yield n

    rng = random.Random(seed)
    for _ in range(6):
        rng.choice(STEPS)(rng)
        if rng.random() < 0.3:
            assert [value async for value in values()] == list(range(5))
        await aio.sleep(rng.random() * 0.001)
        assert await aio.receive("never", timeout=0, default=None) is None
    send(user, ("done", seed))


def stay(seed):
    rng = random.Random(seed)
    try:
        while True:
            rng.choice([plain_python, exceptions, garbage, locks, waits])(rng)
    except ProcessExit:
        list(numbers(20))
        raise
    finally:
        send(self(), "late")


def main(seed, seconds):
    rng = random.Random(seed)
    end = time.monotonic() + seconds
    done = 0
    for n in range(6):
        spawn(stay, n)
    while time.monotonic() < end:
        count = rng.randrange(1, 30)
        for _ in range(count):
            spawn(rng.choice([work, awork]), rng.random(), self())
        for _ in range(count):
            receive(("done", float), timeout=120)
        done += count
    return done


if __name__ == "__main__":
    seed, seconds = int(sys.argv[1]), float(sys.argv[2])
    logged = []
    logger = logging.getLogger("csched")
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.exc_info and record.exc_info[0])
    logger.addHandler(handler)
    logger.propagate = False
    share(logged)
    if seed % 2:
        gc.set_threshold(1)
    done = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done += run(main, seed, seconds / 3, slice=random.Random(seed).choice([0.0001, 0.0003]))
        seed += 2
    strange = [kind for kind in logged if kind is not ValueError]
    print(f"{done} done,", strange or "sound")
