from typing import final

@final
class Snapshot: ...
