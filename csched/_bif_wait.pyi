from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")

def wait(awaitable: Awaitable[_T]) -> _T: ...
