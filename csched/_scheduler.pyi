from typing import final

from csched._signal import Signals

@final
class Scheduler(Signals):
    def loop(self) -> None: ...
