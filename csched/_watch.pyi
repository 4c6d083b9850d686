from collections.abc import Mapping
from typing import Any, final

from csched._ids import Pid

@final
class Watch:
    def on_collection(self, phase: str, info: Mapping[str, Any]) -> None: ...

def system_monitor(
    pid: Pid | None,
    *,
    long_schedule: float | None = None,
    long_gc: float | None = None,
    large_heap: int | None = None,
    long_message_queue: tuple[int, int] | None = None,
) -> tuple[Pid, dict[str, Any]] | None: ...
