"""A process that does not let go does not stop the others."""

from __future__ import annotations

import asyncio
import functools
import gc
import re
import signal
import socket
import sys
import threading
import time
from types import SimpleNamespace

import pytest

import csched
from csched import Pid, aio, receive, run, self, send, share, sleep, spawn

# The promise is 0.1 s on a machine of one's own.
GENEROUS = 1.0
# Globals are one for all processes: what the tests watch each other by.
world = SimpleNamespace(count=0)


def call(body, *args):
    return body(*args)


async def acall(body, *args):
    return body(*args)


both_kinds = pytest.mark.parametrize("kind", [call, acall], ids=["def", "async def"])


def echo():
    while True:
        sender, value = receive()
        send(sender, (self(), value))


async def aecho():
    while True:
        sender, value = await aio.receive()
        send(sender, (self(), value))


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return 0  # A key to sort by.


def count():
    while True:
        world.count += 1


def moved_during(body, *args):
    """Whether `count`, a process beside this one, ran while `body` did."""
    before = world.count
    body(*args)
    return world.count != before


def beside_count(body, *args, **options):
    """What `body` returns as a process beside `count`, which has begun."""
    world.count = 0

    def main():
        spawn(count)
        while not world.count:
            sleep(0.001)
        return body(*args)

    return run(main, **options)


# Nobody is stopped by one that does not let go


def stop_by_loop(parent):
    send(parent, "begun")
    while True:
        pass


def stop_by_sleep(parent):
    send(parent, "begun")
    time.sleep(30)


def stop_by_lock(parent):
    def hold(lock, user):
        lock.acquire()
        send(user, "held")
        receive()

    lock = share(threading.Lock())
    spawn(hold, lock, self())
    receive("held")
    send(parent, "begun")
    lock.acquire()


def stop_by_recv(parent):
    left, right = socket.socketpair()
    with left, right:
        send(parent, "begun")
        left.recv(1)


def stop_by_regex(parent):
    send(parent, "begun")
    re.sub("a", lambda match: spin(1) or "b", "a" * 30)


def stop_by_sort(parent):
    send(parent, "begun")
    sorted(range(30), key=lambda n: spin(1))


STOPPERS = [stop_by_loop, stop_by_sleep, stop_by_lock, stop_by_recv, stop_by_regex, stop_by_sort]


def slowest_of_a_hundred(stoppers, kind):
    """The longest of 3 times 100 round trips beside processes that do not let go."""
    pids = [spawn(kind, stopper, self()) for stopper in stoppers]
    for _ in pids:
        receive("begun", timeout=60)
    echoes = [spawn(body) for body in (echo, aecho) for _ in range(50)]
    slowest = 0.0
    for round_number in range(3):
        asked = time.perf_counter()
        for pid in echoes:
            send(pid, (self(), round_number))
        for _ in echoes:
            receive((Pid, round_number), timeout=60)
            slowest = max(slowest, time.perf_counter() - asked)
    assert all(map(csched.is_alive, pids))
    return slowest


@both_kinds
@pytest.mark.parametrize("stopper", STOPPERS)
def test_one_that_does_not_let_go_does_not_stop_a_hundred_others(kind, stopper):
    slowest = run(slowest_of_a_hundred, [stopper], kind)
    print(f"slowest answer: {slowest * 1e3:.1f} ms")
    assert slowest < GENEROUS


@both_kinds
def test_many_that_do_not_let_go_do_not_stop_a_hundred_others(kind):
    slowest = run(slowest_of_a_hundred, STOPPERS, kind)
    print(f"slowest answer: {slowest * 1e3:.1f} ms")
    assert slowest < GENEROUS


def test_a_loop_in_the_first_process_does_not_stop_the_others():
    def main():
        world.count = 0
        spawn(count)
        end = time.perf_counter() + 60
        while not world.count and time.perf_counter() < end:
            pass
        return world.count

    assert run(main) > 0


def test_equals_that_never_wait_get_equal_shares():
    def loop(n):
        while True:
            world.shares[n] += 1

    def main():
        world.shares = [0] * 4
        for n in range(4):
            spawn(loop, n)
        while min(world.shares) < 100_000:
            sleep(0.01)
        return world.shares

    shares = run(main)
    assert max(shares) < 4 * min(shares), shares


def test_a_timer_beside_loops_is_not_late():
    def main():
        for _ in range(20):
            spawn(count)
        latest = 0.0
        for _ in range(20):
            due = time.perf_counter() + 0.01
            sleep(0.01)
            latest = max(latest, time.perf_counter() - due)
        return latest

    latest = run(main)
    print(f"latest timer: {latest * 1e3:.1f} ms")
    assert 0 <= latest < GENEROUS


def test_a_lone_loop_is_left_alone():
    assert run(lambda: spin(0.05) or "done") == "done"


def test_processes_that_block_use_next_to_no_cpu():
    def main():
        for _ in range(3):
            spawn(time.sleep, 60)
        sleep(0.1)
        used = time.process_time()
        began = time.perf_counter()
        sleep(1)
        return (time.process_time() - used) / (time.perf_counter() - began)

    share_of_cpu = run(main)
    print(f"{share_of_cpu:.1%} of the CPU")
    assert share_of_cpu < 0.5


# Where a process is preempted


@both_kinds
@pytest.mark.parametrize(
    "body",
    [
        lambda: spin(0.05),
        lambda: time.sleep(0.05),
        lambda: sorted([1, 2], key=lambda n: spin(0.05)),
        lambda: re.sub("a", lambda match: spin(0.05) or "b", "a"),
        lambda: functools.reduce(lambda a, b: spin(0.05), [1, 2]),
        lambda: list(map(spin, [0.05])),
        lambda: exec("spin(0.05)", {"spin": spin}),
    ],
    ids=["loop", "sleep", "sorted", "re.sub", "reduce", "map", "exec"],
)
def test_any_frame_may_be_preempted(kind, body):
    def main():
        def try_often(user):
            # Once may be too short on a busy machine.
            send(user, any(moved_during(body) for _ in range(20)))

        spawn(kind, try_often, self())
        return receive(bool, timeout=60)

    assert beside_count(main) is True


def test_a_blocked_lock_is_interrupted_since_sa_restart_is_off():
    def main():
        lock = threading.Lock()
        lock.acquire()
        return moved_during(lock.acquire, True, 0.5)

    assert beside_count(main) is True


# Where it is not


def watch():
    """Note whether another process ran during the next moments."""
    world.moved = moved_during(spin, 0.05)


def hold_an_rlock():
    with threading.RLock():
        watch()


def hold_a_condition():
    with threading.Condition():
        watch()


def collect_garbage():
    class Trash:
        def __del__(self):
            watch()

    trash = Trash()
    trash.me = trash
    del trash
    gc.collect()


def copy_by_hook():
    class Slow:
        def __deepcopy__(self, memo):
            watch()
            return self

    send(self(), Slow())


def call_asyncio():
    class Watching(asyncio.Queue):
        def _put(self, item):
            watch()

    Watching().put_nowait("item")


@both_kinds
@pytest.mark.parametrize(
    "body", [hold_an_rlock, hold_a_condition, collect_garbage, copy_by_hook, call_asyncio]
)
def test_some_places_are_never_preempted(kind, body):
    def main():
        spawn(kind, lambda user: body() or send(user, world.moved), self())
        return receive(bool, timeout=10)

    assert beside_count(main) is False


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose function `call` calls."""
    name = "package_of_the_preemption_tests"
    (tmp_path / name).mkdir()
    for module in ("__init__", "inner"):
        (tmp_path / name / f"{module}.py").write_text("def call(f, *a):\n    return f(*a)\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    for module in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[module]


@pytest.mark.parametrize("module", ["", ".inner"])
def test_code_of_an_atomic_package_is_never_preempted(package, module):
    imported = pytest.importorskip(package + module)
    body = functools.partial(moved_during, imported.call, spin, 0.05)
    assert beside_count(body, atomic=[package]) is False
    assert beside_count(body, atomic=[package + "s"]) is True
    assert beside_count(body) is True


def test_asyncio_is_atomic_whatever_else_is():
    assert beside_count(lambda: call_asyncio() or world.moved, atomic=()) is False


def test_no_two_processes_are_inside_the_same_rlock():
    lock = threading.RLock()

    def enter(lock, user):
        for _ in range(20):
            with lock:
                world.inside += 1
                spin(0.0005)
                world.most = max(world.most, world.inside)
                with lock:
                    spin(0.0005)
                world.inside -= 1
        send(user, "done")

    def main():
        world.inside = world.most = 0
        for kind in (call, acall) * 3:
            spawn(kind, enter, share(lock), self())
        for _ in range(6):
            receive("done", timeout=60)
        return world.most

    assert run(main, slice=0.0001) == 1


def test_no_process_sees_a_half_imported_module(tmp_path, monkeypatch):
    (tmp_path / "slow_module.py").write_text(
        "import time\n"
        "end = time.perf_counter() + 0.05\n"
        "while time.perf_counter() < end:\n    pass\n"
        "complete = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def look(user):
        import slow_module

        send(user, slow_module.complete)

    def main():
        for kind in (call, acall) * 4:
            spawn(kind, look, self())
        return [receive(timeout=60) for _ in range(8)]

    try:
        assert run(main, slice=0.0001) == [True] * 8
    finally:
        sys.modules.pop("slow_module", None)


def test_a_deferred_preemption_comes_with_the_release():
    def wait(user):
        receive()
        send(user, time.perf_counter())

    def main():
        waiter = spawn(wait, self())
        lock = threading.RLock()
        csched.yield_()
        with lock:
            send(waiter, "go")
            # CPU time: on a busy machine too, the slice is over and a tick has been refused.
            end = time.thread_time() + 1.2
            while time.thread_time() < end:
                pass
            released = time.perf_counter()
        spin(0.6)
        return receive(timeout=60) - released

    # The next tick comes 0.3 s after the release, or later.
    assert run(main, slice=0.5) < 0.15


def in_thread(main):
    """`run(main)` in a thread that is not the main one."""
    outcomes = []

    def body():
        try:
            outcomes.append(run(main))
        except BaseException as error:
            outcomes.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return outcomes[0]


def without_preemption(main):
    return run(main, preempt=False)


without_signals = pytest.mark.parametrize("run", [without_preemption, in_thread])


@without_signals
def test_without_signals_python_is_never_interrupted(run):
    def yield_often():
        while True:
            world.count += 1
            csched.yield_()

    def main():
        world.count = 0
        spawn(yield_often)
        csched.yield_()
        assert world.count
        return moved_during(spin, 0.05), moved_during(csched.yield_)

    assert run(main) == (False, True)


@without_signals
@pytest.mark.parametrize(
    "often",
    [
        lambda: send(self(), None),
        lambda: send(self(), None) and receive(),
        lambda: receive(timeout=0, default=None),
        lambda: spawn(int),
        self,
        csched.make_ref,
        lambda: csched.is_alive(self()),
    ],
    ids=["send", "send and receive", "receive", "spawn", "self", "make_ref", "is_alive"],
)
def test_without_signals_a_slice_ends_at_a_call(run, often):
    # Bounded, or a slice that does not end would hang the test.
    def call_often():
        while world.count < 100_000:
            world.count += 1
            often()

    def main():
        world.count = 0
        spawn(call_often)
        csched.yield_()
        return world.count

    assert 0 < run(main) < 100_000


def test_the_users_own_handler_of_another_signal_runs_in_a_process():
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(self()))
    seen = []
    try:
        pid = run(lambda: signal.raise_signal(signal.SIGUSR1) or self())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [pid]
