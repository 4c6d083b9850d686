"""What programs do with asyncio: each idiom returns what it saw, whoever runs it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

Idiom = Callable[[], Coroutine[Any, Any, Any]]
IDIOMS: dict[str, Idiom] = {}


def idiom(function: Idiom) -> Idiom:
    IDIOMS[function.__name__] = function
    return function


async def later(value, seconds=0.001):
    await asyncio.sleep(seconds)
    return value


async def failing(error):
    await asyncio.sleep(0)
    raise error


@idiom
async def sleep_first_of_all():
    return await asyncio.sleep(0.001, "slept")


@idiom
async def a_future_that_a_callback_resolves():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_later(0.001, future.set_result, "done")
    return await future


@idiom
async def a_future_made_without_naming_the_loop():
    future = asyncio.Future()
    asyncio.get_event_loop().call_soon(future.set_exception, ValueError("why"))
    try:
        await future
    except ValueError as error:
        return str(error), future.get_loop() is asyncio.get_running_loop()


@idiom
async def a_future_that_is_done_already():
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    return await future, await future


@idiom
async def create_task():
    order = []

    async def task():
        order.append("task")
        return "result"

    running = asyncio.create_task(task(), name="of mine")
    order.append("made")
    await asyncio.sleep(0)
    order.append("slept")
    return await running, order, running.get_name(), running.done()


@idiom
async def many_sleeps_of_no_time():
    order = []

    async def count(name):
        for number in range(3):
            order.append((name, number))
            await asyncio.sleep(0)

    await asyncio.gather(count("a"), count("b"))
    return order


@idiom
async def gather():
    return await asyncio.gather(*(later(number, 0.003 - number / 1000) for number in range(3)))


@idiom
async def gather_exceptions():
    results = await asyncio.gather(later(1), failing(KeyError("k")), return_exceptions=True)
    return [repr(result) for result in results]


@idiom
async def a_failing_gather():
    try:
        await asyncio.gather(later(1, 60), failing(KeyError("k")))
    except KeyError as error:
        return repr(error)


@idiom
async def task_group():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(later(number)) for number in range(3)]
    return [task.result() for task in tasks]


@idiom
async def a_failing_task_group():
    saw = []

    async def endless():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            saw.append("cancelled")
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(endless())
            group.create_task(failing(ValueError("why")))
            await asyncio.sleep(60)
    except* ValueError as errors:
        saw.append(repr(errors.exceptions))
    return saw, asyncio.current_task().cancelling()


@idiom
async def timeout():
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(60)
    except TimeoutError:
        return "timed out", asyncio.current_task().cancelling()


@idiom
async def a_timeout_that_is_not_reached():
    async with asyncio.timeout(60) as scope:
        result = await later(1)
    return result, scope.expired()


@idiom
async def nested_timeouts():
    saw = []
    try:
        async with asyncio.timeout(0.002):
            try:
                async with asyncio.timeout(60):
                    await asyncio.sleep(60)
            except TimeoutError:
                saw.append("inner")
    except TimeoutError:
        saw.append("outer")
    return saw


@idiom
async def a_timeout_that_is_rescheduled():
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as scope:
        scope.reschedule(loop.time() + 60)
        await asyncio.sleep(0)
        scope.reschedule(None)
    return scope.expired()


@idiom
async def wait_for():
    saw = [await asyncio.wait_for(later("in time"), 60)]
    try:
        await asyncio.wait_for(later("too late", 60), 0.001)
    except TimeoutError:
        saw.append("timed out")
    return saw


@idiom
async def wait_first_completed():
    slow = asyncio.create_task(later("slow", 60))
    fast = asyncio.create_task(later("fast"))
    done, pending = await asyncio.wait([slow, fast], return_when=asyncio.FIRST_COMPLETED)
    slow.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await slow
    return [task.result() for task in done], pending == {slow}, slow.cancelled()


@idiom
async def as_completed():
    jobs = [later(number, number / 500) for number in (2, 1, 0)]
    return [await job for job in asyncio.as_completed(jobs)]


@idiom
async def shield():
    release = asyncio.Event()
    inner = asyncio.create_task(release.wait())
    try:
        await asyncio.wait_for(asyncio.shield(inner), 0.001)
    except TimeoutError:
        release.set()
        return await inner


@idiom
async def cancel_a_task():
    saw = []

    async def task():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            saw.append(error.args)
            raise

    running = asyncio.create_task(task())
    await asyncio.sleep(0)
    running.cancel("enough")
    try:
        await running
    except asyncio.CancelledError:
        saw.append(running.cancelled())
    return saw


@idiom
async def be_cancelled():
    saw = []
    me = asyncio.current_task()
    loop = asyncio.get_running_loop()
    loop.call_soon(me.cancel, "by a callback")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError as error:
        saw += [error.args, me.cancelling(), me.uncancel()]
    me.cancel("by itself")
    saw.append("goes on until it waits")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError as error:
        saw += [error.args, me.uncancel()]
    await asyncio.sleep(0)
    return saw


@idiom
async def current_task():
    me = asyncio.current_task()
    loop = asyncio.get_running_loop()
    before = (me.done(), me.cancelled(), me.cancelling(), bool(me.get_name()))
    in_callback = loop.create_future()
    loop.call_soon(lambda: in_callback.set_result(asyncio.current_task()))

    async def other():
        return asyncio.current_task()

    task = asyncio.create_task(other())
    await asyncio.sleep(0.001)
    return (
        before,
        me is asyncio.current_task(),
        me is asyncio.current_task(loop),
        await in_callback,
        await task is task,
    )


@idiom
async def queue():
    work: asyncio.Queue[int | None] = asyncio.Queue(maxsize=2)

    async def consume():
        got = []
        while (item := await work.get()) is not None:
            got.append(item)
            work.task_done()
        return got

    consumer = asyncio.create_task(consume())
    for number in range(10):
        await work.put(number)
    await work.join()
    await work.put(None)
    return await consumer


@idiom
async def lock():
    mutex, inside, most = asyncio.Lock(), 0, 0

    async def enter():
        nonlocal inside, most
        async with mutex:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(enter())
        await enter()
    return most


@idiom
async def event_semaphore_condition_and_barrier():
    event, semaphore, condition = asyncio.Event(), asyncio.Semaphore(1), asyncio.Condition()
    barrier = asyncio.Barrier(2)

    async def other():
        await event.wait()
        async with semaphore, condition:
            condition.notify_all()
        await barrier.wait()

    task = asyncio.create_task(other())
    async with condition:
        event.set()
        await condition.wait()
    await barrier.wait()
    await task
    return event.is_set(), semaphore.locked(), barrier.n_waiting


@idiom
async def asynchronous_generators():
    closed = []

    async def numbers():
        try:
            for number in range(10):
                await asyncio.sleep(0)
                yield number
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    squares = [number * number async for number in numbers() if number % 2]
    async with contextlib.aclosing(numbers()) as some:
        async for number in some:
            if number == 2:
                break
    return squares, closed


@idiom
async def async_exit_stack():
    order = []

    @contextlib.asynccontextmanager
    async def resource(name):
        await asyncio.sleep(0)
        order.append("enter " + name)
        try:
            yield name
        finally:
            await asyncio.sleep(0)
            order.append("exit " + name)

    async with contextlib.AsyncExitStack() as stack:
        for name in "ab":
            await stack.enter_async_context(resource(name))
        stack.push_async_callback(later, "called back")
        order.append("inside")
    return order


@idiom
async def context_variables():
    variable = contextvars.ContextVar("variable", default="default")
    variable.set("outer")

    async def inner():
        before = variable.get()
        variable.set("inner")
        await asyncio.sleep(0)
        return before, variable.get()

    seen = await asyncio.create_task(inner())
    in_callback = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: in_callback.set_result(variable.get()))
    return seen, await in_callback, variable.get()


@idiom
async def a_runner_of_callbacks():
    loop = asyncio.get_running_loop()
    order = []
    done = loop.create_future()
    loop.call_later(0.004, done.set_result, None)
    loop.call_later(0.003, order.append, "later")
    handle = loop.call_later(0.002, order.append, "never")
    loop.call_soon(order.append, "soon")
    order.append("first")
    handle.cancel()
    await done
    return order, loop.is_running(), loop.is_closed()
