from collections.abc import Callable
from types import ModuleType
from typing import Any

def run(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    *,
    process_limit: int,
    slice_ns: int,
    preempt: bool,
    atomic: tuple[str, ...],
    services: ModuleType,
) -> Any: ...
