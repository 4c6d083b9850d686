from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, TypeAlias, TypeVarTuple, overload

from csched._ids import Pid, Ref

_Ts = TypeVarTuple("_Ts")
_Namespace: TypeAlias = ModuleType | type[Any] | str
_Args: TypeAlias = list[Any] | tuple[Any, ...]
_Priority: TypeAlias = Literal["low", "normal", "high", "max"]
_OnFull: TypeAlias = Literal["block", "drop", "drop_oldest", "exit"]

@overload
def spawn(function: _Namespace, name: str, args: _Args, /) -> Pid: ...
@overload
def spawn(function: Callable[[*_Ts], object], *args: *_Ts) -> Pid: ...
@overload
def spawn_link(function: _Namespace, name: str, args: _Args, /) -> Pid: ...
@overload
def spawn_link(function: Callable[[*_Ts], object], *args: *_Ts) -> Pid: ...
@overload
def spawn_monitor(function: _Namespace, name: str, args: _Args, /) -> tuple[Pid, Ref]: ...
@overload
def spawn_monitor(function: Callable[[*_Ts], object], *args: *_Ts) -> tuple[Pid, Ref]: ...
@overload
def spawn_opt(
    function: Callable[..., object] | _Namespace,
    *args: Any,
    link: bool = False,
    monitor: Literal[False] = False,
    name: str | None = None,
    priority: _Priority = "normal",
    max_heap_size: int | None = None,
    mailbox_limit: int | None = None,
    on_full: _OnFull = "block",
) -> Pid: ...
@overload
def spawn_opt(
    function: Callable[..., object] | _Namespace,
    *args: Any,
    link: bool = False,
    monitor: Literal[True],
    name: str | None = None,
    priority: _Priority = "normal",
    max_heap_size: int | None = None,
    mailbox_limit: int | None = None,
    on_full: _OnFull = "block",
) -> tuple[Pid, Ref]: ...
