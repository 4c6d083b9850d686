from types import FrameType
from typing import final

@final
class Handlers:
    def on_tick(self, signum: int, frame: FrameType | None) -> None: ...
    def on_interrupt(self, signum: int, frame: FrameType | None) -> None: ...
