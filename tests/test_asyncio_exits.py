"""A process that is told to exit, or whose task is cancelled, while it awaits."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from kinds import both_kinds

import csched
from csched import ANY, Down, aio, run, self, send, spawn, spawn_monitor

# What loops do is told to the test by this: globals are one for all processes.
log: list[object] = []


@pytest.fixture(autouse=True)
def fresh_log():
    log.clear()


async def slow_to_cancel(user):
    """What a process awaits: it takes its time to be cancelled."""
    try:
        send(user, "begun")
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        log.append("unwinding")
        for _ in range(20):
            await asyncio.sleep(0.0005)
        log.append("unwound")
        raise


async def awaits_a_task(calls, user):
    if calls is aio:
        await asyncio.create_task(slow_to_cancel(user))
    else:
        csched.wait(awaits_a_task(aio, user))


def killed(kind, body, *args, reason="kill"):
    """Kill a process once it has told that it has begun; the reason of its end."""

    async def main():
        pid, ref = spawn_monitor(kind.function(body), self(), *args)
        assert await aio.receive(timeout=60) == "begun"
        await asyncio.sleep(0)
        csched.exit(pid, reason)
        down = await aio.receive(Down(ref, ANY, ANY, ANY), timeout=60)
        log.append("down")
        return down.reason

    return run(main)


@both_kinds
def test_a_killed_process_is_gone_when_what_it_awaits_is_unwound(kind):
    assert killed(kind, awaits_a_task) == "killed"
    assert log == ["unwinding", "unwound", "down"]


@both_kinds
def test_what_is_awaited_is_cancelled_once_even_if_its_process_is_woken_meanwhile(kind):
    async def main():
        pid, ref = spawn_monitor(kind.function(awaits_a_task), self())
        await aio.receive("begun", timeout=60)
        csched.exit(pid, "kill")
        while csched.is_alive(pid):
            csched.garbage_collect(pid)
            csched.exit(pid, "once more")
            await asyncio.sleep(0)
        return (await aio.receive(Down(ref, ANY, ANY, ANY), timeout=60)).reason

    assert run(main) == "killed"
    assert log == ["unwinding", "unwound"]


@both_kinds
def test_an_exit_reason_is_kept_while_what_is_awaited_unwinds(kind):
    assert killed(kind, awaits_a_task, reason=("why", 1)) == ("why", 1)
    assert log == ["unwinding", "unwound", "down"]


async def awaits_forever(calls, user):
    async def forever():
        send(user, "begun")
        try:
            await asyncio.get_running_loop().create_future()
        except BaseException as error:
            log.append(type(error).__name__)
            raise

    if calls is aio:
        await forever()
    else:
        csched.wait(forever())


@both_kinds
def test_what_is_raised_at_the_await_is_process_exit(kind):
    assert killed(kind, awaits_forever) == "killed"
    assert log == ["ProcessExit", "down"]


async def awaits_the_stubborn(calls, user):
    async def stubborn():
        send(user, "begun")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return log.append("swallowed")

    if calls is aio:
        await asyncio.create_task(stubborn())
    else:
        csched.wait(asyncio_task(stubborn))
    raise AssertionError("it was told to exit")


async def asyncio_task(function):
    await asyncio.create_task(function())


@both_kinds
def test_a_task_that_swallows_its_cancelling_does_not_save_the_process(kind):
    assert killed(kind, awaits_the_stubborn) == "killed"
    assert log == ["swallowed", "down"]


async def awaits_in_finally(calls, user):
    async def body():
        try:
            send(user, "begun")
            await asyncio.sleep(60)
        finally:
            try:
                await asyncio.sleep(60)
            finally:
                log.append("left")

    if calls is aio:
        await body()
    else:
        csched.wait(body())


@both_kinds
def test_a_process_that_unwinds_cannot_await(kind):
    assert killed(kind, awaits_in_finally) == "killed"
    assert log == ["left", "down"]


def test_a_process_that_yields_can_be_killed():
    async def yields():
        while True:
            await asyncio.sleep(0)

    async def main():
        await asyncio.sleep(0.001)
        pid, ref = spawn_monitor(yields)
        await asyncio.sleep(0.001)
        csched.exit(pid, "kill")
        return (await aio.receive(Down(ref, ANY, ANY, ANY), timeout=60)).reason

    assert run(main) == "killed"


def test_a_crash_of_what_is_awaited_is_the_process_s_own(caplog):
    async def fails():
        await asyncio.sleep(0.001)
        raise ValueError("why")

    async def main():
        pid, ref = spawn_monitor(fails)
        down = await aio.receive(Down(ref, ANY, pid, ANY), timeout=60)
        return type(down.reason.exception), str(down.reason.exception)

    assert run(main) == (ValueError, "why")
    assert len(caplog.records) == 1


# --- Cancelled, not killed ------------------------------------------------------------------------


async def waits_by_receive(calls):
    await calls.receive()


async def waits_by_sleep(calls):
    await calls.sleep(60)


async def waits_by_future(calls):
    await asyncio.get_running_loop().create_future()


async def waits_by_thread(calls):
    await aio.to_thread(time.sleep, 0.2)


@pytest.mark.parametrize(
    "body", [waits_by_receive, waits_by_sleep, waits_by_future, waits_by_thread]
)
@pytest.mark.parametrize("plain", [False, True], ids=["async", "plain"])
def test_to_cancel_a_process_s_task_raises_at_its_await(body, plain):
    async def child(parent):
        send(parent, "begun")
        try:
            async with asyncio.timeout(0.003):
                await body(aio)
        except TimeoutError:
            send(parent, asyncio.current_task().cancelling())
        # It can wait again, and nothing is left of the cancelled wait.
        await aio.yield_()
        await aio.sleep(0.001)
        send(parent, await aio.receive(timeout=0.001, default="nothing"))

    def plain_child(parent):
        csched.wait(child(parent))

    async def main():
        spawn(plain_child if plain else child, self())
        return [await aio.receive(timeout=60) for _ in range(3)]

    assert run(main) == ["begun", 0, "nothing"]


def test_a_plain_wait_below_an_await_is_cancelled_too():
    async def main():
        outcome = []
        for wait in (csched.receive, lambda: csched.sleep(60)):
            try:
                async with asyncio.timeout(0.002):
                    wait()
            except TimeoutError:
                outcome.append("timed out")
        return outcome

    assert run(main) == ["timed out"] * 2


def test_a_process_that_ends_has_its_task_done():
    async def child(parent):
        send(parent, csched.share(asyncio.current_task()))

    async def main():
        spawn(child, self())
        task = await aio.receive(timeout=60)
        await asyncio.wait_for(task, 60)
        return task.done(), task.cancel(), task.get_coro()

    assert run(main) == (True, False, None)


# --- The end --------------------------------------------------------------------------------------


def test_the_end_of_main_ends_what_the_loop_still_has(caplog):
    async def task():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.001)
            log.append("task")

    async def numbers():
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0)
            log.append("generator")

    async def process():
        try:
            await asyncio.sleep(60)
        finally:
            log.append("process")

    stream = numbers()

    async def main():
        log.append(asyncio.create_task(task()))
        spawn(process)
        await anext(stream)
        await asyncio.sleep(0.001)
        return "over"

    assert run(main) == "over"
    assert log[1:] == ["process", "task", "generator"]


def test_what_a_task_raises_at_the_end_is_told(caplog):
    async def task():
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("at the end")

    async def main():
        log.append(asyncio.create_task(task()))
        await asyncio.sleep(0.001)

    run(main)
    assert "at the end" in caplog.text


def test_a_task_that_leaves_the_program_ends_the_run():
    async def leave():
        sys.exit(3)

    async def process(parent):
        try:
            send(parent, "begun")
            await aio.receive()
        finally:
            log.append("process")

    async def main():
        spawn(process, self())
        await aio.receive("begun", timeout=60)
        await asyncio.create_task(leave())

    with pytest.raises(SystemExit) as raised:
        run(main)
    assert raised.value.code == 3
    assert log == ["process"]
    assert run(len, "abc") == 3


@pytest.mark.parametrize("factory", ["None", "uvloop.new_event_loop"])
def test_ctrl_c_ends_processes_that_await(factory):
    if factory != "None":
        pytest.importorskip("uvloop")
    program = f"""
        import asyncio, csched, sys
        factory = None
        if {factory != "None"}:
            import uvloop
            factory = {factory}

        async def child():
            try:
                await asyncio.sleep(60)
            finally:
                print("unwound", flush=True)

        async def main():
            csched.spawn(child)
            await asyncio.sleep(0.01)
            print("ready", flush=True)
            await asyncio.sleep(60)

        try:
            csched.run(main, loop_factory=factory)
        except KeyboardInterrupt:
            print("interrupted")
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (out, err) == ("unwound\ninterrupted\n", "")


def test_a_plain_process_is_killed_in_the_middle_of_its_stack():
    def plain(parent):
        with contextlib.ExitStack() as stack:
            stack.callback(log.append, "stack")
            send(parent, "begun")
            csched.wait(asyncio.sleep(60))

    async def main():
        pid, ref = spawn_monitor(plain, self())
        await aio.receive("begun", timeout=60)
        csched.exit(pid, "kill")
        return (await aio.receive(Down(ref, ANY, ANY, ANY), timeout=60)).reason

    assert run(main) == "killed"
    assert log == ["stack"]


def test_ctrl_c_does_not_leave_asyncio_s_own_code_half_way():
    """What is raised in the middle of a transport's write has it closed, with a complaint."""
    program = textwrap.dedent("""
        import asyncio, os, signal, threading

        import csched
        from csched import aio, share, spawn

        async def pump(writer):
            while True:
                writer.write(b"x" * 1000)
                await writer.drain()

        async def sink(reader, writer):
            try:
                while await reader.read(65536):
                    pass
            except asyncio.CancelledError:
                pass  # In a callback of its own asyncio complains of it.

        async def main():
            server = await asyncio.start_server(sink, "127.0.0.1", 0)
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            spawn(pump, share(writer))
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            await aio.receive()

        for _ in range(3):
            try:
                csched.run(main)
            except KeyboardInterrupt:
                print("interrupted")
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "interrupted\n" * 3
    assert done.stderr == ""


def test_ctrl_c_ends_a_process_that_loops_in_what_asyncio_calls():
    program = textwrap.dedent("""
        import asyncio, os, signal, threading

        import csched

        async def endless():
            while True:
                pass

        def main():
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            asyncio.run(endless())

        try:
            csched.run(main)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "interrupted\n"
