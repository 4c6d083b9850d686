"""A process that was preempted, thousands of times, goes on as if nothing had been."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import decimal
import gc
import hashlib
import json
import random
import re
import sqlite3
import sys
import threading
import time

import pytest

from csched import aio, receive, run, self, send, share, sleep, spawn, yield_

# The shortest slice there is.
SLICE = 0.0001
VARIABLE = contextvars.ContextVar("variable", default=None)


# Work whose result depends on all that the interpreter keeps for a thread. Each takes some 20 ms.


def hashes():
    digest = b""
    for n in range(15_000):
        digest = hashlib.sha256(digest + bytes([n % 256])).digest()
    return digest


def texts():
    data = [{"n": n, "text": "x" * (n % 17), "parts": [n, [n, None, 1.5]]} for n in range(300)]
    for _ in range(8):
        data = json.loads(json.dumps(data))
    text = re.sub(r"\d+", lambda match: str(int(match[0]) * 3), json.dumps(data))
    return re.sub(r"\d+", lambda match: str(len(match[0])), text)


def sorts():
    rng = random.Random(1)
    numbers = [rng.randrange(10**6) for _ in range(8_000)]
    found = sorted(numbers, key=lambda n: sum(map(int, str(n))))
    found.sort(key=str, reverse=True)
    return found


def decimals():
    with decimal.localcontext() as context:
        context.prec = 40
        total = decimal.Decimal(0)
        for n in range(1, 6_000):
            total += decimal.Decimal(1) / n
            assert decimal.getcontext().prec == 40
    return total


def database():
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.create_function("twice", 1, lambda n: 2 * n)
        connection.execute("CREATE TABLE numbers (n INTEGER)")
        connection.executemany("INSERT INTO numbers VALUES (?)", ((n,) for n in range(5_000)))
        return connection.execute("SELECT sum(twice(n)), count(*) FROM numbers").fetchone()


def recursion():
    def ackermann(m, n):
        if m == 0:
            return n + 1
        return ackermann(m - 1, 1 if n == 0 else ackermann(m, n - 1))

    def depth(n):
        return 0 if n == 0 else 1 + depth(n - 1)

    return ackermann(2, 60), [depth(n) for n in range(0, 600, 10)]


def generators():
    def tree(n):
        if n:
            yield from tree(n - 1)
            yield n
            yield from tree(n - 1)

    def average():
        total = count = 0
        while True:
            total += yield total // max(count, 1)
            count += 1

    running = average()
    next(running)
    return [running.send(n) for n in tree(12)]


def exceptions():
    trace = []
    for n in range(3_000):
        try:
            try:
                raise KeyError(n)
            except KeyError as outer:
                assert sys.exc_info()[1] is outer
                try:
                    raise ValueError(n) from outer
                except ValueError as inner:
                    assert inner.__cause__ is outer and inner.__context__ is outer
                    assert sys.exc_info()[1] is inner
                    trace.append(inner.__traceback__.tb_lineno)
                assert sys.exc_info()[1] is outer
                raise
            finally:
                trace.append(n)
        except LookupError as error:
            assert error.args == (n,)
            assert error.__traceback__.tb_next is None
        assert sys.exc_info() == (None, None, None)
    return trace


def contexts():
    @contextlib.contextmanager
    def level(n):
        token = VARIABLE.set(n)
        try:
            yield n
        finally:
            VARIABLE.reset(token)

    trace = []
    for n in range(1_500):
        with level(n) as outer, level(-n) as inner, contextlib.suppress(ArithmeticError):
            assert VARIABLE.get() == inner == -outer
            trace.append(contextvars.copy_context().run(VARIABLE.get))
            raise ZeroDivisionError
        assert VARIABLE.get() is None
    return trace


def coroutines():
    async def leaf(n):
        return n

    async def numbers():
        for n in range(3_000):
            yield await leaf(n)

    async def total():
        return sum([n async for n in numbers()])

    try:
        total().send(None)
    except StopIteration as stop:
        return stop.value


def garbage():
    class Node:
        pass

    found = []
    for n in range(2_000):
        left, right = Node(), Node()
        left.other, right.other, left.n = right, left, n
        if n % 500 == 0:
            gc.collect(0)
        found.append(left.other.other.n)
    return found


WORK = [
    hashes, texts, sorts, decimals, database, recursion, generators, exceptions, contexts,
    coroutines, garbage,
]  # fmt: skip


def do(work, user):
    send(user, (work, work()))


async def ado(work, user):
    send(user, (work, work()))


@pytest.mark.parametrize("work", WORK)
def test_work_that_is_preempted_gives_the_same_result(work):
    def main():
        for kind in (do, ado) * 2:
            spawn(kind, work, self())
        return [receive(timeout=60)[1] for _ in range(4)]

    assert run(main, slice=SLICE) == [work()] * 4


def test_work_of_all_sorts_at_once_gives_the_same_results():
    expected = {work: work() for work in WORK}

    def main():
        for work in WORK:
            for kind in (do, ado):
                spawn(kind, work, self())
        return [receive(timeout=60) for _ in range(2 * len(WORK))]

    found = run(main, slice=SLICE)
    assert {work for work, _ in found} == set(WORK)
    for work, result in found:
        assert result == expected[work], work


def descend(depth, bottom):
    return bottom() if depth == 0 else descend(depth - 1, bottom)


def test_each_process_may_recurse_as_deep_as_if_it_were_alone():
    depth = sys.getrecursionlimit() - 200

    def wait(user):
        def bottom():
            send(user, "there")
            receive("up")
            return depth

        send(user, descend(depth, bottom))

    def main():
        pids = [spawn(wait, self()) for _ in range(20)]
        for _ in pids:
            receive("there", timeout=60)
        for pid in pids:
            send(pid, "up")
        return [receive(timeout=60) for _ in pids]

    assert run(main) == [depth] * 20


def test_recursion_that_is_preempted_at_any_depth_ends_at_the_limit_as_ever():
    def limit():
        depth = 0

        def down():
            nonlocal depth
            depth += 1
            down()

        try:
            down()
        except RecursionError:
            return depth

    def measure(user):
        send(user, {limit() for _ in range(30)})

    def main():
        for _ in range(4):
            spawn(measure, self())
        return set.union(*(receive(timeout=60) for _ in range(4)))

    alone = run(limit)
    # Who is preempted at the very limit has no room for the handler, and ends there.
    assert all(alone - 5 <= depth <= alone for depth in run(main, slice=SLICE))


def test_an_exception_being_handled_is_each_processs_own():
    def handle(n, user):
        try:
            raise ValueError(n)
        except ValueError:
            for _ in range(20):
                yield_()
                sleep(0)
                assert sys.exc_info()[1].args == (n,)
        assert sys.exc_info()[1] is None
        send(user, n)

    async def ahandle(n, user):
        try:
            raise ValueError(n)
        except ValueError:
            for _ in range(20):
                await aio.yield_()
                await aio.sleep(0)
                assert sys.exc_info()[1].args == (n,)
        assert sys.exc_info()[1] is None
        send(user, n)

    def main():
        for n in range(10):
            spawn(handle if n % 2 else ahandle, n, self())
        return {receive(timeout=60) for _ in range(10)}

    assert run(main) == set(range(10))


def test_a_file_written_by_many_processes_holds_every_line_whole(tmp_path):
    def write(file, n, user):
        for line in range(200):
            print(f"{n} {line} " + "x" * 100, file=file)
            if line % 20 == 0:
                file.flush()
        send(user, n)

    def main(file):
        for n in range(8):
            spawn(write, file, n, self())
        return {receive(timeout=10) for _ in range(8)}

    path = tmp_path / "lines"
    with open(path, "w") as file:
        assert run(main, share(file), slice=SLICE) == set(range(8))
    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(f"{n} {m} " + "x" * 100 for n in range(8) for m in range(200))


def test_asyncio_in_a_process_goes_on_beside_loops():
    async def main_of_asyncio():
        async def add(n):
            await asyncio.sleep(0.001)
            return n

        return sum(await asyncio.gather(*(add(n) for n in range(50))))

    def main():
        for work in (hashes, sorts):
            spawn(do, work, self())
        spawn(do, lambda: asyncio.run(main_of_asyncio()), self())
        return sorted(str(receive(timeout=60)[1]) for _ in range(3))

    assert str(sum(range(50))) in run(main, slice=SLICE)


# Contexts


def keep_a_value(value, user):
    inherited = VARIABLE.get()
    VARIABLE.set(value)
    for _ in range(5):
        list(range(20_000))
        assert VARIABLE.get() == value
        sleep(0.001)
        assert VARIABLE.get() == value
    send(user, inherited)


async def akeep_a_value(value, user):
    inherited = VARIABLE.get()
    VARIABLE.set(value)
    for _ in range(5):
        list(range(20_000))
        assert VARIABLE.get() == value
        await aio.sleep(0.001)
        assert VARIABLE.get() == value
    send(user, inherited)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_each_process_has_a_context_of_its_own_inherited_at_spawn(kind):
    def parent(user):
        VARIABLE.set("parent's")
        for n in range(5):
            spawn(keep_a_value, n, self())
            spawn(akeep_a_value, n, self())
        VARIABLE.set("set after the spawn")
        inherited = {receive(timeout=60) for _ in range(10)}
        send(user, (inherited, VARIABLE.get()))

    async def aparent(user):
        parent(user)

    def main():
        spawn(parent if kind == "def" else aparent, self())
        answer = receive(timeout=60)
        return answer, VARIABLE.get()

    found = run(main, slice=SLICE)
    assert found == (({"parent's"}, "set after the spawn"), None)
    assert VARIABLE.get() is None


def test_a_call_with_a_timeout_that_is_preempted_is_neither_early_nor_for_ever():
    def main():
        spawn(do, lambda: hashes() and hashes(), self())
        lock = threading.Lock()
        lock.acquire()
        began = time.perf_counter()
        assert not lock.acquire(timeout=0.2)
        waited = time.perf_counter() - began
        time.sleep(0.1)
        return waited, time.perf_counter() - began - waited

    waited, slept = run(main, slice=SLICE)
    assert 0.2 <= waited < 10
    assert 0.1 <= slept < 10
