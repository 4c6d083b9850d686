from collections.abc import Callable
from concurrent.futures import Future as _Future
from typing import Any, TypeVar

_T = TypeVar("_T")

def submit(function: Callable[..., _T], args: tuple[Any, ...]) -> _Future[_T]: ...
def to_thread(function: Callable[..., _T], *args: Any) -> _T: ...
