from types import FrameType
from typing import final

from csched._signal import Signals

@final
class Scheduler(Signals):
    def loop(self) -> None: ...
    def on_tick(self, signum: int, frame: FrameType | None) -> None: ...
    def on_interrupt(self, signum: int, frame: FrameType | None) -> None: ...
