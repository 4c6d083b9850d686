"""asyncio in processes: whatever a task may do, a process may, with the same results."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from asyncio_io_idioms import IDIOMS

import csched
from csched import NotRunning, aio, receive, run, self, send, spawn

uvloop = pytest.importorskip("uvloop") if importlib.util.find_spec("uvloop") else None
needs_uvloop = pytest.mark.skipif(uvloop is None, reason="uvloop is not installed")


def in_a_process(idiom):
    return run(idiom)


def in_a_plain_process(idiom):
    return run(lambda: csched.wait(idiom()))


def in_a_spawned_process(idiom):
    async def child(parent):
        send(parent, await idiom())

    async def main():
        spawn(child, self())
        return await aio.receive(timeout=60)

    return run(main)


def with_uvloop(idiom):
    return run(idiom, loop_factory=uvloop.new_event_loop)


def below_asyncio(idiom):
    return asyncio.run(aio.run(idiom))


def below_uvloop(idiom):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(aio.run(idiom))


def beside_a_hog(idiom):
    def hog():
        while True:
            pass

    async def main():
        spawn(hog)
        return await idiom()

    return run(main)


WAYS = [
    in_a_process,
    in_a_plain_process,
    in_a_spawned_process,
    below_asyncio,
    beside_a_hog,
    pytest.param(with_uvloop, marks=needs_uvloop),
    pytest.param(below_uvloop, marks=needs_uvloop),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", IDIOMS)
def test_an_idiom_of_asyncio_works_in_a_process(name, way):
    assert way(IDIOMS[name]) == asyncio.run(IDIOMS[name]())


# --- When there is a loop -------------------------------------------------------------------------


def run_python(program):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_asyncio_is_not_imported_before_it_is_needed():
    program = """
        import sys
        import csched
        from csched import aio

        async def main():
            csched.spawn(csched.send, csched.self(), 1)
            csched.send_after(csched.self(), 2, 0.001)
            await aio.sleep(0)
            await aio.to_thread(len, "abc")
            return await aio.receive(1), await aio.receive(2)

        print(csched.run(main), "asyncio" in sys.modules, sys.meta_path == before)
    """
    program = program.replace("import sys\n", "import sys\n        before = list(sys.meta_path)\n")
    assert run_python(program) == "(1, 2) False True\n"


def test_a_process_that_imports_asyncio_has_its_loop_at_once():
    program = """
        import csched

        async def main():
            import asyncio

            asyncio.get_running_loop().call_later(0.001, csched.send, csched.self(), "called")
            return await csched.aio.receive(), await asyncio.sleep(0.001, "slept")

        print(csched.run(main))
        print(csched.run(main))
    """
    assert run_python(program) == "('called', 'slept')\n" * 2


def test_asyncio_may_be_imported_by_a_thread_while_processes_run():
    program = """
        import csched
        from csched import aio

        async def main():
            await aio.to_thread(__import__, "asyncio")
            import asyncio

            return await asyncio.sleep(0.001, "slept")

        print(csched.run(main))
    """
    assert run_python(program) == "slept\n"


def test_an_import_of_asyncio_that_fails_may_be_tried_again():
    program = """
        import sys
        import csched

        async def main():
            sys.modules["selectors"] = None
            try:
                import asyncio
            except ImportError:
                del sys.modules["selectors"]
            import asyncio

            return await asyncio.sleep(0, "slept"), asyncio.__spec__.loader is asyncio.__loader__

        print(csched.run(main))
    """
    assert run_python(program) == "('slept', True)\n"


def test_without_a_use_for_it_no_loop_is_made(monkeypatch):
    made = []
    init = asyncio.SelectorEventLoop.__init__

    def counted(loop, *args):
        made.append(loop)
        init(loop, *args)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "__init__", counted)

    async def main():
        send(self(), "message")
        await aio.sleep(0.001)
        return await aio.receive(), isinstance(
            asyncio.get_running_loop(), asyncio.AbstractEventLoop
        )

    assert run(main) == ("message", True)
    assert made == []
    run(asyncio.sleep, 0)
    assert made == []
    run(asyncio.sleep, 0.001)
    assert len(made) == 1
    assert made[0].is_closed()


def test_the_loop_is_one_and_the_same_for_all_processes_before_and_after_its_birth():
    async def child(parent):
        loop = asyncio.get_running_loop()
        hash(loop)
        send(parent, id(loop))

    async def main():
        loop = asyncio.get_running_loop()
        spawn(child, self())
        before = await aio.receive() == id(loop)
        await asyncio.sleep(0.001)
        spawn(child, self())
        return before, await aio.receive() == id(loop), loop is asyncio.get_event_loop()

    assert run(main) == (True, True, True)


def test_a_thread_may_be_the_first_to_use_the_loop():
    def use(loop, target):
        loop.call_soon_threadsafe(send, target, "called")

    async def main():
        loop = asyncio.get_running_loop()
        return [await aio.to_thread(use, loop, self()), await aio.receive(timeout=60)]

    assert run(main) == [None, "called"]


def test_a_loop_that_a_thread_uses_while_all_processes_wait_wakes():
    def use(loop, target):
        time.sleep(0.002)  # Until they do; it has to be so at any time.
        loop.call_soon_threadsafe(send, target, "called")

    async def main():
        thread = threading.Thread(target=use, args=(asyncio.get_running_loop(), self()))
        thread.start()
        return await aio.receive(timeout=60)

    assert run(main) == "called"


def test_the_hooks_for_generators_are_as_before_after_a_run():
    def hooks():
        return sys.get_asyncgen_hooks()

    async def main():
        before = hooks()
        await asyncio.sleep(0.001)
        return before.firstiter is None, hooks().firstiter is not None

    before = hooks()
    assert run(main) == (True, True)
    assert hooks() == before


def test_a_process_leaves_a_loop_of_its_own_that_it_entered_before_there_was_another():
    async def of_its_own(parent):
        send(parent, "inside")
        await asyncio.sleep(0)
        csched.receive("leave", timeout=60)

    def plain(parent):
        asyncio.run(of_its_own(parent))
        csched.yield_()
        send(parent, csched.wait(asyncio.sleep(0.001, "waited")))

    async def main():
        pid = spawn(plain, self())
        await aio.receive("inside", timeout=60)
        await asyncio.sleep(0.001)
        send(pid, "leave")
        return await aio.receive(timeout=60)

    assert run(main) == "waited"


def test_the_loop_is_over_with_the_run():
    loops = []

    async def main():
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0.001)

    run(main)
    run(main)
    assert [loop.is_closed() for loop in loops] == [True, True]
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_a_plain_process_may_run_a_loop_of_its_own():
    async def of_its_own():
        task = asyncio.current_task()
        csched.sleep(0.002)  # Others run, which have the scheduler's loop, or one of their own.
        await asyncio.sleep(0.001)
        return task is asyncio.current_task()

    def plain(parent):
        send(parent, asyncio.run(of_its_own()))

    async def other(parent):
        await asyncio.sleep(0.001)
        send(parent, await later_in_the_same_loop(asyncio.get_running_loop()))

    async def later_in_the_same_loop(loop):
        for _ in range(5):
            await asyncio.sleep(0.001)
        return loop is asyncio.get_running_loop()

    async def main():
        for body in (plain, other, plain, other):
            spawn(body, self())
        return [await aio.receive(timeout=60) for _ in range(4)]

    assert run(main) == [True] * 4


def test_a_plain_process_sees_no_loop_but_while_it_awaits():
    def loop_or_none():
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            return None

    async def see():
        await aio.yield_()
        return loop_or_none() is not None, asyncio.current_task() is not None

    def main():
        return loop_or_none(), csched.wait(see()), loop_or_none()

    assert run(main) == (None, (True, True), None)


# --- What is refused ------------------------------------------------------------------------------


def test_run_refuses_to_block_a_loop_that_runs():
    async def program():
        csched.run(len, "abc")

    with pytest.raises(RuntimeError, match=r"aio\.run"):
        asyncio.run(program())


@pytest.mark.parametrize("factory", [1, "uvloop", object(), lambda: None, lambda: 1, dict])
def test_a_loop_factory_makes_loops(factory):
    with pytest.raises(TypeError, match="loop"):
        run(len, "abc", loop_factory=factory)
    assert run(len, "abc") == 3


def test_what_a_loop_factory_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        run(len, "abc", loop_factory=lambda: 1 / 0)
    assert run(len, "abc") == 3


def test_a_future_of_another_loop_is_refused():
    loop = asyncio.new_event_loop()

    async def main():
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.Future(loop=loop)
        return await asyncio.sleep(0.001, "goes on")

    assert run(main) == "goes on"
    loop.close()


def test_what_is_not_awaitable_is_refused_where_it_is_awaited():
    class Strange:
        def __await__(self):
            yield 42

    class Trap:
        pass

    Trap.__module__ = "trio._core"

    class OfTrio:
        def __await__(self):
            yield Trap()

    async def main():
        with pytest.raises(TypeError, match="42"):
            await Strange()
        with pytest.raises(TypeError, match="trio"):
            await OfTrio()
        return "goes on"

    assert run(main) == "goes on"
    assert run(lambda: csched.wait(main())) == "goes on"


def test_wait_takes_awaitables_only():
    def main():
        for bad in (1, None, len, "text"):
            with pytest.raises(TypeError):
                csched.wait(bad)
        return "goes on"

    assert run(main) == "goes on"
    with pytest.raises(NotRunning):
        csched.wait(None)


# --- Beside messages ------------------------------------------------------------------------------


def test_messages_stay_in_the_mailbox_while_a_process_awaits():
    async def main():
        task = asyncio.create_task(asyncio.sleep(0.005, "awaited"))
        for number in range(3):
            send(self(), number)
        return await task, [await aio.receive(timeout=0) for _ in range(3)]

    assert run(main) == ("awaited", [0, 1, 2])


def test_callbacks_and_tasks_of_the_loop_may_send_spawn_and_exit():
    async def task(parent, victim):
        await asyncio.sleep(0)
        send(parent, "from a task")
        spawn(send, parent, "from a process that a task spawned")
        csched.exit(victim, "kill")

    async def main():
        victim, ref = csched.spawn_monitor(receive)
        asyncio.get_running_loop().call_soon(send, self(), "from a callback")
        running = asyncio.create_task(task(self(), victim))
        got = [await aio.receive(str, timeout=60) for _ in range(3)]
        down = await aio.receive(csched.Down(ref, csched.ANY, csched.ANY, csched.ANY), timeout=60)
        await running
        return sorted(got), down.reason

    assert run(main) == (
        ["from a callback", "from a process that a task spawned", "from a task"],
        "killed",
    )


def test_a_callback_of_the_loop_is_no_process():
    async def main():
        future = asyncio.get_running_loop().create_future()

        def callback():
            for function in (self, receive, csched.yield_):
                try:
                    function()
                except NotRunning as error:
                    outcome.append(str(error))
            future.set_result(outcome)

        outcome: list[str] = []
        asyncio.get_running_loop().call_soon(callback)
        return await future

    outcome = run(main)
    assert len(outcome) == 3
    assert all("callback" in text for text in outcome)


def test_a_timer_that_a_callback_sets_is_in_time():
    async def main():
        loop = asyncio.get_running_loop()
        loop.call_later(0.001, csched.send_after, self(), "tick", 0.001)
        return await aio.receive(timeout=60)

    assert run(main) == "tick"


def test_nothing_is_lost_that_threads_callbacks_and_processes_send_to_one():
    count = 2_000

    def process(target):
        for number in range(count):
            send(target, ("process", number))

    def thread(target):
        for number in range(count):
            send(target, ("thread", number))

    async def task(target):
        for number in range(count):
            send(target, ("task", number))
            if number % 10 == 0:
                await asyncio.sleep(0)

    async def main():
        me = self()
        worker = threading.Thread(target=thread, args=(me,))
        worker.start()
        running = asyncio.create_task(task(me))
        spawn(process, me)
        got: dict[str, list[int]] = {"process": [], "thread": [], "task": []}
        for _ in range(3 * count):
            who, number = await aio.receive(timeout=60)
            got[who].append(number)
        await running
        await aio.to_thread(worker.join)
        return [numbers == list(range(count)) for numbers in got.values()]

    assert run(main) == [True] * 3
