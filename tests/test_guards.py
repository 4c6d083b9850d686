"""What must not be switched away from: held RLocks, frames of some packages."""

from __future__ import annotations

import _thread
import logging
import sys
import threading

import pytest


@pytest.fixture
def native(probe):
    return probe("guards_probe")


@pytest.fixture
def guards(native):
    """The guards, counting on this thread."""
    native.install()
    native.count_on(threading.get_ident())
    yield native
    native.count_on(0)
    native.remove()


@pytest.fixture
def lock():
    return threading.RLock()


def in_thread(function):
    """Call the function in another thread, wait for it."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


# RLocks


def test_each_way_to_take_an_rlock_counts_until_it_is_released(guards, lock):
    assert guards.held() == 0
    with lock:
        assert guards.held() == 1
        lock.acquire()
        assert guards.held() == 2
        assert lock.acquire(blocking=False)
        assert lock.acquire(True, timeout=1)
        assert guards.held() == 4
        for _ in range(3):
            lock.release()
        assert guards.held() == 1
    assert guards.held() == 0


def test_an_rlock_that_was_not_acquired_does_not_count(guards, lock):
    taken, done = threading.Event(), threading.Event()

    def hold():
        with lock:
            taken.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    before = guards.held()
    assert not lock.acquire(blocking=False)
    assert not lock.acquire(timeout=0.001)
    with pytest.raises(TypeError):
        lock.acquire(1, 2, 3)
    with pytest.raises(RuntimeError):
        lock.release()
    assert guards.held() == before
    done.set()
    thread.join()


def test_an_exception_leaves_a_with_statement_with_nothing_held(guards, lock):
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError
    assert guards.held() == 0


def test_other_threads_do_not_count(guards, lock):
    def use():
        before = guards.releases()
        with lock:
            held = guards.held()
        return held, guards.releases() - before

    assert in_thread(use) == (0, 0)
    guards.count_on(0)
    with lock:
        assert guards.held() == 0


def test_a_condition_gives_its_rlock_up_while_it_waits(guards, lock):
    condition = threading.Condition(lock)
    seen = []

    def notify():
        with condition:  # Only entered once the other waits.
            seen.append(guards.held())
            condition.notify()

    thread = threading.Thread(target=notify)
    with condition, condition:
        thread.start()
        assert condition.wait(timeout=60)
        assert guards.held() == 2
    thread.join()
    assert seen == [0]
    assert guards.held() == 0


def test_the_count_is_never_negative(guards, lock):
    lock.acquire()
    guards.set_held(0)  # Another process runs, and releases what it never acquired.
    lock.release()
    assert guards.held() == 0
    for _ in range(3):
        lock.acquire()
    guards.set_held(1)
    lock._acquire_restore(lock._release_save())
    assert guards.held() == 3
    for _ in range(3):
        lock.release()


def test_the_last_release_is_reported(guards, lock):
    before = guards.releases()
    with lock:
        with lock:
            pass
        assert guards.releases() == before
    assert guards.releases() == before + 1
    lock.acquire()
    lock._release_save()
    assert guards.releases() == before + 2


def test_a_subclass_and_a_method_taken_earlier_are_counted(native):
    class Mine(_thread.RLock):
        pass

    lock = Mine()
    acquire, release = lock.acquire, lock.release
    native.install()
    native.count_on(threading.get_ident())
    try:
        acquire()
        assert native.held() == 1
        release()
        assert native.held() == 0
        with lock:
            assert native.held() == 1
    finally:
        native.count_on(0)
        native.remove()


def test_code_that_has_specialised_its_calls_is_counted_too(native, lock):
    def use(times):
        total = 0
        for _ in range(times):
            lock.acquire()
            total += native.held()
            lock.release()
            with lock:
                total += native.held()
        return total

    native.count_on(threading.get_ident())
    assert use(1_000) == 0
    native.install()
    assert use(1_000) == 2_000
    native.remove()
    assert use(1_000) == 0


def test_logging_holds_its_locks_for_the_guards_to_see(guards):
    seen = []

    class Handler(logging.Handler):
        def emit(self, record):
            seen.append(guards.held())

    logger = logging.Logger("guarded")
    logger.addHandler(Handler())
    logger.warning("a warning")
    assert seen == [1]
    assert guards.held() == 0


# Installing


def test_installs_are_counted_and_the_last_removal_ends_them(native, lock):
    native.count_on(threading.get_ident())
    native.install()
    native.install()
    native.remove()
    with lock:
        assert native.held() == 1
    native.remove()
    native.remove()
    with lock:
        assert native.held() == 0
    native.install()
    with lock:
        assert native.held() == 1
    native.remove()
    native.count_on(0)


def test_a_method_looks_the_same_when_it_is_guarded(native, lock):
    methods = [
        _thread.RLock.acquire, _thread.RLock.__enter__, _thread.RLock.release,
        _thread.RLock.__exit__, _thread.RLock._release_save, _thread.RLock._acquire_restore,
    ]  # fmt: skip

    def looks():
        return [(repr(method), method.__doc__, method.__text_signature__) for method in methods]

    before = looks()
    native.install()
    try:
        assert looks() == before
    finally:
        native.remove()


def test_guarded_calls_keep_no_references(guards, lock):
    waiting = threading.Condition(lock)

    def run():
        with waiting:
            lock.acquire(blocking=True)
            lock.release()
            waiting.wait(timeout=0)
        with pytest.raises(TypeError):
            lock.acquire(1, 2, 3)

    run()
    things = (lock, True, None)
    before = [sys.getrefcount(thing) for thing in things]
    for _ in range(200):
        run()
    after = [sys.getrefcount(thing) for thing in things]
    assert all(abs(now - then) < 50 for then, now in zip(before, after, strict=True))


# Frames


def module(name, source):
    """The namespace of a module of that name."""
    namespace = {"__name__": name}
    exec(source, namespace)
    return namespace


CALL = "def call(function): return function()"


def deep(depth, function):
    return function() if depth == 0 else deep(depth - 1, function)


def test_a_frame_of_a_named_package_forbids_at_any_depth(native):
    roots = {"asyncio": True}
    streams = module("asyncio.streams", CALL)["call"]
    package = module("asyncio", CALL)["call"]
    assert not deep(20, lambda: native.forbids(roots))
    assert streams(lambda: native.forbids(roots))
    assert package(lambda: native.forbids(roots))
    assert deep(20, lambda: streams(lambda: deep(20, lambda: native.forbids(roots))))


def test_only_whole_names_count(native):
    roots = {"asyncio": True, "importlib._bootstrap": True}
    for name, expected in {
        "asyncio": True,
        "asyncio.a.b": True,
        "asyncio_tools": False,
        "my.asyncio": False,
        "importlib._bootstrap": True,
        "importlib._bootstrap_external": False,
        "importlib": False,
        "importlib.metadata": False,
        ".asyncio": False,
        "": False,
    }.items():
        call = module(name, CALL)["call"]
        for _ in range(2):  # The second answer comes out of `roots`.
            assert call(lambda: native.forbids(roots)) is expected, name


def test_frames_from_the_base_on_are_not_looked_at(native):
    roots = {"asyncio": True}
    call = module("asyncio", CALL)["call"]

    def inside():
        base = native.top_frame()
        below = deep(5, lambda: native.forbids(roots, base))
        return below, native.forbids(roots, base), native.forbids(roots)

    assert call(inside) == (False, False, True)


def test_frames_between_c_and_python_are_passed_over(native):
    roots = {"asyncio": True}
    source = """
class Thing:
    def __init__(self, function):
        self.result = function()

def call(function):
    for _ in range(100):  # Until the call of __init__ is specialised, which has a shim of its own.
        result = Thing(function).result
    return sorted([0], key=lambda _: result) and max([result], key=lambda _: function())
"""
    assert module("asyncio", source)["call"](lambda: native.forbids(roots))
    assert not module("other", source)["call"](lambda: native.forbids(roots))


def test_generators_and_coroutines_are_looked_at(native):
    roots = {"asyncio": True}
    source = """
def generate(function):
    yield function()

async def work(function):
    return function()
"""
    inside = module("asyncio", source)
    assert next(inside["generate"](lambda: native.forbids(roots)))
    with pytest.raises(StopIteration) as ended:
        inside["work"](lambda: native.forbids(roots)).send(None)
    assert ended.value.value is True
    outside = module("other", source)
    assert not next(outside["generate"](lambda: native.forbids(roots)))


def test_code_that_is_being_imported_stands_in_a_frame_of_the_import_system(native, tmp_path):
    (tmp_path / "imported_probe.py").write_text("import builtins\nanswer = builtins.ask()\n")
    # `importlib` renames the frozen modules when it is imported itself.
    roots = {"importlib._bootstrap": True, "_frozen_importlib": True}
    import builtins

    builtins.ask = lambda: native.forbids(roots)
    sys.path.insert(0, str(tmp_path))
    try:
        import imported_probe
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("imported_probe", None)
        del builtins.ask
    assert imported_probe.answer


def test_a_module_without_a_proper_name_forbids_nothing(native):
    class Name(str):
        def __hash__(self):
            raise ZeroDivisionError

    roots = {"asyncio": True}
    for name in (None, 3, Name("asyncio")):
        assert not module(name, CALL)["call"](lambda: native.forbids(roots))
    namespace = {}
    exec(CALL, namespace)
    del namespace["__builtins__"]
    assert "__name__" not in namespace
    assert not namespace["call"](lambda: native.forbids(roots))


def test_answers_are_noted_up_to_a_bound(native):
    roots = {"asyncio": True}
    asyncio, other = module("asyncio.tasks", CALL)["call"], module("other.part", CALL)["call"]
    asyncio(lambda: native.forbids(roots))
    other(lambda: native.forbids(roots))
    assert roots["asyncio.tasks"] is True
    assert roots["other.part"] is False
    for number in range(5_000):
        module(f"generated.n{number}", CALL)["call"](lambda: native.forbids(roots))
    assert len(roots) <= 4_096
    assert asyncio(lambda: native.forbids(roots))
