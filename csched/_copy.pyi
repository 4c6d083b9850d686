from typing import TypeVar

from csched._copy_kinds import register_immutable as register_immutable
from csched._copy_kinds import share as share

_T = TypeVar("_T")

class CopyError(TypeError): ...

def copy(message: _T, /) -> _T: ...
