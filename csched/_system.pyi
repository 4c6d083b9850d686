from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, final

from csched._ids import Pid

@final
class Event:
    def __call__(self, hooks: Any = None) -> None: ...

@final
class Guest:
    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        over: Callable[[], object],
        options: dict[str, Any],
    ) -> None: ...
    def first(self) -> Pid: ...
    def is_over(self) -> bool: ...
    def shut_down(self) -> None: ...
    def outcome(self) -> Any: ...
    def close(self) -> None: ...

def run(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    loop_factory: Callable[[], AbstractEventLoop] | None,
    options: dict[str, Any],
) -> Any: ...
