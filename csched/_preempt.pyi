from collections.abc import Mapping
from typing import Any, Literal, final

IMPORT_SYSTEM: tuple[str, ...]

@final
class Preemption:
    @property
    def by_signal(self) -> bool: ...
    def before_collection(
        self, phase: Literal["start", "stop"], info: Mapping[str, Any]
    ) -> None: ...
    def after_collection(
        self, phase: Literal["start", "stop"], info: Mapping[str, Any]
    ) -> None: ...
