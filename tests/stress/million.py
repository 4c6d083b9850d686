"""What `test_million` measures, each as a program: `python million.py NAME` prints its figures.

It imports csched and next to nothing else: what a library has put into the context that processes
inherit, say, is not csched's cost.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import statistics
import sys
import time

import csched
from csched import ANY, aio, make_ref, processes, receive, run, self, send, sleep, spawn, yield_

CLOCK = time.perf_counter


def rss():
    """Bytes of memory that the program has now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def seconds(call, *args):
    begin = CLOCK()
    call(*args)
    return CLOCK() - begin


def best(call, times=5):
    return min(seconds(call) for _ in range(times))


def all_gone():
    """Wait until the caller is the only process."""
    while len(processes()) > 1:
        sleep(0.01)


def idle_bodies():
    async def echo():
        client, number = await aio.receive()
        send(client, number + 1)
        await aio.receive()

    def main():
        count = 1_000_000
        before = rss()
        begin = CLOCK()
        pids = [spawn(echo) for _ in range(count)]
        spawned = CLOCK() - begin
        # The list of pids is the test's own.
        table = sys.getsizeof(pids)
        while len(processes()) != count + 1:
            yield_()
        sleep(0)
        begin = CLOCK()
        yield_()
        started = CLOCK() - begin
        idle = rss() - before - table
        me = self()
        begin = CLOCK()
        total = 0
        for first in range(0, count, 10_000):
            for pid in pids[first : first + 10_000]:
                send(pid, (me, 1))
            for _ in range(10_000):
                total += receive(int)
        answered = CLOCK() - begin
        assert total == 2 * count
        listed = best(processes)
        with open(os.devnull, "w") as nowhere:
            page = best(lambda: csched.i(file=nowhere, limit=48))
        for pid in pids:
            send(pid, "end")
        begin = CLOCK()
        all_gone()
        ended = CLOCK() - begin
        return {
            "bytes_each": idle / count,
            "spawn_us": spawned,
            "start_us": started,
            "answer_us": answered,
            "end_us": ended,
            "processes_ms": listed * 1e3,
            "page_ms": page * 1e3,
        }

    return run(main)


def blocked_bodies():
    def echo():
        client, number = receive()
        send(client, number + 1)
        receive()

    def main():
        count = 100_000
        before = rss()
        begin = CLOCK()
        pids = [spawn(echo) for _ in range(count)]
        yield_()
        blocked = CLOCK() - begin
        idle = rss() - before
        me = self()
        begin = CLOCK()
        for pid in pids:
            send(pid, (me, 1))
        total = sum(receive(int) for _ in range(count))
        answered = CLOCK() - begin
        assert total == 2 * count
        for pid in pids:
            send(pid, "end")
        begin = CLOCK()
        all_gone()
        ended = CLOCK() - begin
        each = 1e6 / count
        return {
            "bytes_each": idle / count,
            "block_us": blocked * each,
            "answer_us": answered * each,
            "end_us": ended * each,
        }

    return run(main)


def mailbox_of_a_million():
    def main():
        count = 1_000_000
        before = rss()
        me = self()
        begin = CLOCK()
        for number in range(count):
            send(me, number)
        sent = CLOCK() - begin
        size = rss() - before
        begin = CLOCK()
        selected = receive(lambda m: m == count - 1)
        scanned = CLOCK() - begin
        begin = CLOCK()
        taken = [receive() for _ in range(count - 1)]
        received = CLOCK() - begin
        assert selected == count - 1 and taken == list(range(count - 1))
        return {
            "bytes_each": size / count,
            "send_us": sent,
            "scan_us": scanned,
            "receive_us": received,
        }

    return run(main)


def ring_of_processes():
    async def member(following):
        while True:
            number = await aio.receive()
            send(following, number - 1 if number else 0)
            if number == 0:
                return

    async def last(home):
        while True:
            number = await aio.receive()
            send(home, number)
            if number == 0:
                return

    def main():
        count = 100_000
        begin = CLOCK()
        following = spawn(last, self())
        for _ in range(count - 1):
            following = spawn(member, following)
        made = CLOCK() - begin
        begin = CLOCK()
        for lap in range(3):
            send(following, 10 * count + lap)
            assert receive() == 10 * count + lap - (count - 1)
        hop = (CLOCK() - begin) / 3
        send(following, 0)
        assert receive() == 0
        all_gone()
        each = 1e6 / count
        return {"spawn_us": made * each, "hop_us": hop * each}

    return run(main)


def calls_with_a_full_mailbox():
    def server():
        while True:
            client, ref = receive()
            send(client, (ref, "answer"))

    def calls(pid, count):
        me = self()
        for _ in range(count):
            ref = make_ref()
            send(pid, (me, ref))
            receive((ref, ANY))

    def main():
        pid = spawn(server)
        calls(pid, 100)
        empty = seconds(calls, pid, 10_000)
        for number in range(500_000):
            send(self(), number)
        full = seconds(calls, pid, 10_000)
        return {"empty_us": empty * 100, "full_us": full * 100, "ratio": full / empty}

    return run(main)


def crashes():
    class Count(logging.Handler):
        def __init__(self):
            super().__init__()
            self.seen = []

        def emit(self, record):
            self.seen.append((record.levelno, record.args[0], record.exc_info[0]))

    count = Count()
    logger = logging.getLogger("csched")
    logger.addHandler(count)
    logger.propagate = False

    def crash(number):
        raise ValueError(number)

    async def crash_async(number):
        await aio.yield_()
        raise ValueError(number)

    def main():
        pids = [spawn(crash if number % 2 else crash_async, number) for number in range(10_000)]
        all_gone()
        return pids

    begin = CLOCK()
    pids = run(main)
    took = CLOCK() - begin
    assert sorted(pid for _, pid, _ in count.seen) == pids
    assert {(level, kind) for level, _, kind in count.seen} == {(logging.ERROR, ValueError)}
    return {"crash_us": took * 100}


def rounds():
    class Message:
        def __init__(self, number):
            self.number = number
            self.itself = self

    async def echo():
        while True:
            client, message = await aio.receive()
            if client is None:
                return
            send(client, message)

    def plain_echo():
        client, message = receive()
        send(client, message)

    async def crash():
        await aio.sleep(0.001)
        raise ValueError

    async def abandoned():
        await aio.receive("never", timeout=1e6)

    def main():
        me = self()
        pids = [spawn(echo) for _ in range(100_000)]
        pids_plain = [spawn(plain_echo) for _ in range(2_000)]
        for pid in pids[:20_000] + pids_plain:
            send(pid, (me, Message(1)))
        for _ in range(22_000):
            receive(lambda m: m.number == 1)
        for _ in range(200):
            spawn(crash)
        for pid in pids[::2]:
            send(pid, (None, None))
        for _ in range(1_000):
            spawn(abandoned)
            send(me, Message(2))
        yield_()
        # The rest are told to exit when this one ends.

    logging.getLogger("csched").addHandler(logging.NullHandler())
    logging.getLogger("csched").propagate = False
    memory, objects = [], []
    for _ in range(12):
        run(main)
        gc.collect()
        memory.append(rss())
        objects.append(len(gc.get_objects()))
    return {
        "memory": memory[-1],
        # One round is a tenth more or less than the next, as the allocator's pools happen to empty.
        "growth": statistics.median(memory[7:]) / statistics.median(memory[2:7]),
        "objects": objects[-1] - objects[2],
    }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
