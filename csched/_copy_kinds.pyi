from typing import TypeVar, final

_T = TypeVar("_T")
_Type = TypeVar("_Type", bound=type)

@final
class Recipe: ...

def share(obj: _T) -> _T: ...
def register_immutable(kind: _Type) -> _Type: ...
