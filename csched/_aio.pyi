from collections.abc import Generator
from typing import Any, Generic, TypeVar, final, overload

_T = TypeVar("_T")
_Default = TypeVar("_Default")

@final
class Receive(Generic[_T]):
    def __await__(self) -> Generator[Any, None, _T]: ...

@final
class Sleep:
    def __await__(self) -> Generator[Any]: ...

@final
class Yield:
    def __await__(self) -> Generator[Any]: ...

@overload
def receive(pattern: type[_T], *, timeout: float | None = None) -> Receive[_T]: ...
@overload
def receive(
    pattern: type[_T], *, timeout: float | None = None, default: _Default
) -> Receive[_T | _Default]: ...
@overload
def receive(
    pattern: Any = ..., *, timeout: float | None = None, default: Any = ...
) -> Receive[Any]: ...
def sleep(seconds: float) -> Sleep: ...
def yield_() -> Yield: ...
