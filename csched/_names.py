"""How functions are named in listings and logs: ``module:function/arity``."""

from __future__ import annotations

import functools
import types

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Modules of csched whose functions are processes like any user's.
PROGRAMS = ("csched._demo", "csched.__main__")


def short_name(qualname: str) -> str:
    """A qualified name without the functions that it is nested in."""
    return qualname.rpartition("<locals>.")[2]


def call_name(target: Any, arity: int) -> str:
    """The name of what was spawned: a callable, or the (module, function) of an MFA."""
    if isinstance(target, tuple):
        namespace, function = target
        if isinstance(namespace, types.ModuleType):
            namespace = namespace.__name__
        elif isinstance(namespace, type):
            function = f"{short_name(namespace.__qualname__)}.{function}"
            namespace = namespace.__module__
        return f"{namespace}:{function}/{arity}"
    function = target
    while isinstance(function, functools.partial):
        function = function.func
    if not isinstance(getattr(function, "__qualname__", None), str):
        function = type(function)
    module = getattr(function, "__module__", None)
    if not isinstance(module, str):
        module = "builtins"
    return f"{module}:{short_name(function.__qualname__)}/{arity}"


def code_name(code: types.CodeType, module: str) -> str:
    """The name of a function that runs."""
    return f"{module}:{short_name(code.co_qualname)}/{code.co_argcount + code.co_kwonlyargcount}"


def is_runtime(module: str) -> bool:
    """Whether a module is part of csched itself; what it brings to run, like the demo, is not."""
    return module == "csched" or (module.startswith("csched.") and module not in PROGRAMS)
