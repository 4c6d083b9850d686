"""The event loop of a run, and the tasks that asyncio takes its processes for.

Imported when asyncio is, since it needs it. No process is preempted in here.
"""

from __future__ import annotations

import asyncio
import threading
import types
from asyncio import events
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures.thread import ThreadPoolExecutor
from typing import Any

from csched import _await
from csched._ids import Pid

tasks = asyncio.tasks
# Who stops in the middle of these holds a lock of the interpreter's, which asyncio takes to start a
# thread, and nobody is preempted in asyncio.
CODES = tuple(
    function.__code__
    for function in (ThreadPoolExecutor.submit, getattr(threading.Thread, "_stop", None))
    if isinstance(function, types.FunctionType)
)
get_running_loop = events._get_running_loop
set_running_loop = events._set_running_loop

Hook = Callable[[Any], None]
Birth = Callable[[tuple[Hook, Hook] | None], None]
being_born = threading.RLock()


class Unborn(asyncio.SelectorEventLoop):
    """An event loop that costs nothing before it is used.

    It is what `asyncio.get_running_loop` returns in a process, and becomes what it seems to be
    when it is asked for anything: the same object, so whoever has it keeps it.
    """

    def __init__(self, on_birth: Birth) -> None:
        object.__setattr__(self, "on_birth", on_birth)

    def __getattribute__(self, name: str) -> Any:
        with being_born:  # Threads may use it first, at the same time.
            values = object.__getattribute__(self, "__dict__")
            on_birth = values.pop("on_birth", None)
            if on_birth is not None:
                try:
                    asyncio.SelectorEventLoop.__init__(self)
                except BaseException:
                    values.clear()
                    values["on_birth"] = on_birth
                    raise
                object.__setattr__(self, "__class__", asyncio.SelectorEventLoop)
                on_birth((self._asyncgen_firstiter_hook, self._asyncgen_finalizer_hook))
            return object.__getattribute__(self, name)

    def __repr__(self) -> str:
        return "<SelectorEventLoop of csched, not used yet>"

    def __del__(self) -> None:
        pass


def make_loop(
    factory: Callable[[], asyncio.AbstractEventLoop] | None, on_birth: Birth
) -> asyncio.AbstractEventLoop:
    """The loop for a run; `on_birth` is called when there is more to it than a name.

    It gets the loop's hooks for asynchronous generators, or None if it runs before any process.
    """
    if factory is None:
        if type(asyncio.get_event_loop_policy()) is asyncio.DefaultEventLoopPolicy:
            return Unborn(on_birth)
        loop = asyncio.new_event_loop()
    else:
        loop = factory()
        if not isinstance(loop, asyncio.AbstractEventLoop):
            raise TypeError(f"loop_factory returned {loop!r}, which is no event loop")
    on_birth(None)
    return loop


def is_unborn(loop: asyncio.AbstractEventLoop) -> bool:
    return type(loop) is Unborn


def close(loop: asyncio.AbstractEventLoop) -> None:
    """End what is left in the loop of a run, and close it, as `asyncio.Runner` does."""
    if is_unborn(loop) or loop.is_closed():
        return
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        for task in left:
            if not task.cancelled() and task.exception() is not None:
                loop.call_exception_handler(
                    {
                        "message": "unhandled exception during the shutdown of csched.run()",
                        "exception": task.exception(),
                        "task": task,
                    }
                )
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


class ProcessTask(asyncio.Future[None]):
    """What `asyncio.current_task()` is in a process: as an `asyncio.Task`, but not run by the loop.

    To cancel it raises `asyncio.CancelledError` where the process awaits; as in a task, that may be
    caught. It is done when the process has ended, however that was. It is not in
    `asyncio.all_tasks()`: who ends all tasks does not mean processes.
    """

    def __init__(self, pid: Pid, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.pid = pid
        self.name = repr(pid)
        self.cancels = 0
        self.message: Any = None

    def __repr__(self) -> str:
        return f"<ProcessTask {self.name} {'done' if self.done() else 'pending'}>"

    def cancel(self, msg: Any = None) -> bool:
        if self.done():
            return False
        self.cancels += 1
        self.message = msg
        future = _await.awaited(self.pid)
        if asyncio.isfuture(future) and future.cancel(msg=msg):
            return True
        _await.set_cancelled(self.pid, True)
        return True

    def cancelling(self) -> int:
        return self.cancels

    def uncancel(self) -> int:
        if self.cancels:
            self.cancels -= 1
            if not self.cancels:
                _await.set_cancelled(self.pid, False)
        return self.cancels

    def cancellation(self) -> asyncio.CancelledError:
        """What is raised in the process."""
        message, self.message = self.message, None
        if message is None:
            return asyncio.CancelledError()
        return asyncio.CancelledError(message)

    def end(self) -> None:
        """The process has ended."""
        if not self.done() and not self.get_loop().is_closed():
            super().set_result(None)

    def set_result(self, result: object) -> None:
        raise RuntimeError("a task does not support set_result")

    def set_exception(self, exception: object) -> None:
        raise RuntimeError("a task does not support set_exception")

    def get_name(self) -> str:
        return self.name

    def set_name(self, value: object) -> None:
        self.name = str(value)

    def get_coro(self) -> Any:
        return _await.coroutine(self.pid)

    def get_stack(self, *, limit: int | None = None) -> list[Any]:
        coroutine = self.get_coro()
        frame = getattr(coroutine, "cr_frame", None)
        return [] if frame is None or limit == 0 else [frame]

    # What asyncio's own tasks call so, and other libraries look at.
    @property
    def _fut_waiter(self) -> Any:
        return _await.awaited(self.pid)

    @property
    def _must_cancel(self) -> bool:
        return _await.is_cancelled(self.pid)

    @_must_cancel.setter
    def _must_cancel(self, value: bool) -> None:
        _await.set_cancelled(self.pid, value)


class CurrentTasks(MutableMapping[Any, Any]):
    """asyncio's table of the task of each loop, where a process is the task if no other is."""

    def __init__(self, table: MutableMapping[Any, Any], process_task: Callable[[Any], Any]) -> None:
        self.table = table
        self.process_task = process_task

    def get(self, loop: Any, default: Any = None) -> Any:
        task = self.table.get(loop)
        if task is None:
            task = self.process_task(loop)
        return default if task is None else task

    def __getitem__(self, loop: Any) -> Any:
        return self.table[loop]

    def __setitem__(self, loop: Any, task: Any) -> None:
        self.table[loop] = task

    def __delitem__(self, loop: Any) -> None:
        del self.table[loop]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)
