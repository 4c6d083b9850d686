"""What `test_links` measures, each as a program: `python links.py NAME` prints its figures."""

from __future__ import annotations

import gc
import json
import sys

from million import CLOCK, rss

from csched import (
    Down,
    aio,
    cancel_timer,
    demonitor,
    exit,
    link,
    monitor,
    process_flag,
    receive,
    run,
    self,
    send,
    send_after,
    sleep,
    spawn,
    system_info,
    unlink,
    yield_,
)

MILLION = 1_000_000


async def wait():
    await aio.receive()


async def link_and_wait(pid):
    link(pid)
    await aio.receive()


async def monitor_and_wait(pid):
    monitor(pid)
    await aio.receive()


async def watch(pid, home):
    """Tell whoever asked why the other one ended."""
    monitor(pid)
    down = await aio.receive(Down)
    send(home, down.reason)


def all_begun():
    """Wait until all who were spawned have run and wait."""
    yield_()
    yield_()


def all_gone(left=1):
    while system_info("process_count") > left:
        sleep(0.01)


def ticker():
    """Run every millisecond; at a message, answer how late that was at the worst.

    Before all who have to run when many end: it shows for how long nobody else could run.
    """
    process_flag("priority", "high")
    worst = 0.0
    while True:
        before = CLOCK()
        home = receive(timeout=0.001, default=None)
        worst = max(worst, CLOCK() - before - 0.001)
        if home is not None:
            send(home, ("gap", worst))
            worst = 0.0


def worst_gap(pid):
    send(pid, self())
    return receive(("gap", float))[1]


def chain_of_links():
    def main():
        begin = CLOCK()
        first = last = spawn(wait)
        for _ in range(MILLION - 1):
            last = spawn(link_and_wait, last)
        all_begun()
        made = CLOCK() - begin
        assert system_info("process_count") == MILLION + 1
        begin = CLOCK()
        exit(first, "broken")
        all_gone()
        return {"made_s": made, "died_s": CLOCK() - begin}

    return run(main)


def hub_of_links():
    def main():
        pid = spawn(ticker)
        hub = spawn(wait)
        for _ in range(MILLION):
            spawn(link_and_wait, hub)
        while system_info("process_count") < MILLION + 3:
            yield_()
        all_begun()
        worst_gap(pid)
        begin = CLOCK()
        exit(hub, "broken")
        all_gone(2)
        died = CLOCK() - begin
        return {"died_s": died, "gap_ms": worst_gap(pid) * 1e3}

    return run(main)


def one_with_many_watchers():
    def main():
        pid = spawn(ticker)
        target = spawn(wait)
        for _ in range(MILLION):
            spawn(watch, target, self())
        all_begun()
        worst_gap(pid)
        begin = CLOCK()
        exit(target, "broken")
        for _ in range(MILLION):
            assert receive(str) == "broken"
        told = CLOCK() - begin
        all_gone(2)
        return {"told_s": told, "gap_ms": worst_gap(pid) * 1e3}

    return run(main)


def costly_reason():
    async def hub():
        await aio.receive()
        exit([[n] for n in range(1000)])

    def main():
        pid = spawn(ticker)
        target = spawn(hub)
        for number in range(4_000):
            spawn(link_and_wait if number % 2 else monitor_and_wait, target)
        all_begun()
        worst_gap(pid)
        begin = CLOCK()
        send(target, "end")
        # Those who are linked, and the target; those who only watch end by the message.
        all_gone(2)
        return {"told_s": CLOCK() - begin, "gap_ms": worst_gap(pid) * 1e3}

    return run(main)


def one_who_watches_many():
    def main():
        pids = [spawn(wait) for _ in range(MILLION)]
        refs = {monitor(pid): pid for pid in pids}
        all_begun()
        begin = CLOCK()
        for pid in pids:
            exit(pid, "broken")
        for _ in range(MILLION):
            down = receive(Down)
            assert refs.pop(down.ref) == down.object and down.reason == "broken"
        return {"told_s": CLOCK() - begin, "left": len(refs)}

    return run(main)


def one_who_watches_many_ends():
    async def watcher(pids, home):
        for pid in pids:
            monitor(pid)
        send(home, "ready")
        await aio.receive()

    def main():
        ticking = spawn(ticker)
        target = spawn(wait)
        pid = spawn(watcher, [target] * MILLION, self())
        receive("ready")
        worst_gap(ticking)
        monitor(pid)
        begin = CLOCK()
        exit(pid, "kill")
        # It comes when its own monitors are gone.
        receive(Down)
        ended = CLOCK() - begin
        gap = worst_gap(ticking)
        # Nothing of them is left at the target: it ends like any other.
        begin = CLOCK()
        exit(target, "kill")
        all_gone(2)
        return {"ended_s": ended, "gap_ms": gap * 1e3, "target_ms": (CLOCK() - begin) * 1e3}

    return run(main)


def memory_of(tie):
    """Bytes that a tie takes, beyond the processes that are tied: a chain of a million."""

    async def member(following):
        await aio.receive("wait")
        await aio.receive("tie")
        tie(following)
        await aio.receive("never")

    def main():
        process_flag("trap_exit", True)
        pids = [self()]
        for _ in range(MILLION):
            pids.append(spawn(member, pids[-1]))
        all_begun()
        # What the first slices take is there before.
        for pid in pids[1:]:
            send(pid, "wait")
        yield_()
        before = rss()
        for pid in pids[1:]:
            send(pid, "tie")
        yield_()
        yield_()
        return {"bytes_each": (rss() - before) / MILLION}

    return run(main)


def memory_of_links():
    return memory_of(link)


def memory_of_monitors():
    return memory_of(monitor)


def ties_made_and_undone():
    """What a million of each leave behind."""

    def timers(other):
        refs = [send_after(other, "late", 1e6) for _ in range(MILLION)]
        for ref in refs:
            assert cancel_timer(ref) > 0

    def timers_of_a_name(other):
        refs = [send_after("nobody", "late", 1e6) for _ in range(MILLION)]
        for ref in refs:
            assert cancel_timer(ref) > 0

    def monitors(other):
        refs = [monitor(other) for _ in range(MILLION)]
        for ref in refs:
            assert demonitor(ref, info=True)

    def links(other):
        for _ in range(MILLION):
            link(other)
            unlink(other)

    def main():
        other = spawn(wait)
        figures = {}
        for kind in (timers, timers_of_a_name, monitors, links):
            kind(other)
            before, blocks = rss(), sys.getallocatedblocks()
            kind(other)
            figures[kind.__name__ + "_mb"] = (rss() - before) / 1e6
            figures[kind.__name__ + "_blocks"] = sys.getallocatedblocks() - blocks
        return figures

    return run(main)


if __name__ == "__main__":
    # A collection that looks at a million objects is a pause of its own, and not csched's.
    gc.disable()
    print(json.dumps(globals()[sys.argv[1]]()))
