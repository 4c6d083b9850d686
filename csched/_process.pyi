# The process control block. Nearly all of it is C: see `_process.pxd`.
from typing import final

@final
class Attributes: ...
