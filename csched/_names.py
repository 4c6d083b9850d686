"""How functions are named in listings and logs, ``module:function/arity``; labels and stacks."""

from __future__ import annotations

import types

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    # Function, file, line; "" and 0 if there is no Python source.
    Place: TypeAlias = tuple[str, str, int]

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
    # Imported here because it is slow to import, and whoever has a partial has it already.
    from functools import partial

    function = target
    while isinstance(function, partial):
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


def label_text(label: object) -> str:
    """A label as `i()` shows it: text as it is, anything else as Python would."""
    if label is None:
        return ""
    return label if type(label) is str else text_of(label)


def text_of(value: object) -> str:
    """The `repr` of what is somebody else's: if that raises, its type."""
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def call_place(target: Any, arity: int) -> Place:
    """Where a process without frames is: it is to begin, or calls what is not Python."""
    name = call_name(target, arity)
    if isinstance(target, types.FunctionType):
        return name, target.__code__.co_filename, target.__code__.co_firstlineno
    return name, "", 0


def stack_text(title: str, places: list[Place]) -> str:
    """A stack as Python prints one, most recent call last; `places` begins with the innermost."""
    # Imported here because it is slow to import and hardly ever needed.
    import traceback

    lines = [f"Stack of {title} (most recent call last):\n"]
    frames = []
    for name, file, line in reversed(places):
        if not file:
            lines.append(f"  in {name}\n")
            continue
        function = name.rpartition("/")[0].rpartition(":")[2].rpartition(".")[2]
        frames.append(traceback.FrameSummary(file, line, function))
    return "".join(lines + traceback.StackSummary.from_list(frames).format())
