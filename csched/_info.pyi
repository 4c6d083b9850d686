from typing import Any, overload

from csched._ids import Pid

@overload
def process_info(pid: Pid, item_or_items: None = None) -> dict[str, Any] | None: ...
@overload
def process_info(pid: Pid, item_or_items: str) -> Any: ...
@overload
def process_info(
    pid: Pid, item_or_items: list[str] | tuple[str, ...]
) -> list[tuple[str, Any]] | None: ...
