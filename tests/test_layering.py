"""`cimport` and `import` point downwards only, so that no module needs to know who uses it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Top first. A module may use those of the lines below its own.
LAYERS = [
    {"__main__"},
    {"_demo", "_shell"},
    {"_shell_evaluator"},
    {"_shell_terminal"},
    {"_shell_line"},
    {"__init__"},
    {"aio"},
    {"_outside"},
    {"_run"},
    {"_registry_listing"},
    {"_backtrace", "_listing", "_services", "_system"},
    {"_loop", "_poller"},
    {"_hub"},
    {"_info", "_statistics"},
    {"_inspect"},
    {"_shortcut"},
    {"_aio", "_bif_leader", "_bif_spawn", "_bif_thread", "_bif_wait", "_watch"},
    {"_bif_flag", "_bif_link", "_bif_memory", "_bif_name", "_bif_process", "_bif_timer"},
    {"_bif"},
    {"_tick"},
    {"_scheduler"},
    {"_await", "_due"},
    {"_preempt", "_fiber", "_collect", "_context", "_launch", "_teardown", "_post"},
    {"_limit", "_move", "_running"},
    {"_signal"},
    {"_runq"},
    {"_process"},
    {"_relation"},
    {"_heap", "_timer", "_mailbox", "_match", "_copy"},
    {"_ids"},
    {"_types", "_cpython", "_errors", "_loop_import", "_names"},
]
LEVELS = {name: level for level, names in enumerate(reversed(LAYERS)) for name in names}
SOURCES = [
    path
    for folder in ("csched", "pyx", "tests", "bench")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".pyi", ".pyx", ".pxd", ".c", ".h")
]
MODULES = [
    path
    for folder, suffixes in (("csched", [".py"]), ("pyx/csched", [".pyx", ".pxd"]))
    for path in sorted((ROOT / folder).iterdir())
    if path.suffix in suffixes and path.name != "__init__.pxd"
]

FROM = re.compile(r"^\s*from\s+csched(?:\.(\w+))?\s+c?import\s+(\([^)]*\)|[^\n#]+)", re.MULTILINE)
PLAIN = re.compile(r"^\s*c?import\s+csched(?:\.(\w+))?", re.MULTILINE)


def module_of(name: str) -> str:
    """The entry of the table for a module: message copying is one concept in several files."""
    return "_copy" if name.startswith("_copy") else name


def uses_of_package(names: list[str]) -> Iterator[str]:
    """What ``from csched import names`` uses: submodules, or what the package itself defines."""
    for name in names:
        yield module_of(name) if module_of(name) in LEVELS else "__init__"


def cython_uses(text: str) -> Iterator[str]:
    for found in FROM.finditer(text):
        if found[1]:
            yield module_of(found[1])
        else:
            yield from uses_of_package(re.findall(r"(\w+)(?:\s+as\s+\w+)?", found[2]))
    for found in PLAIN.finditer(text):
        yield module_of(found[1] or "__init__")


def python_uses(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            package, _, module = (node.module or "").partition(".")
            if package == "csched" and module:
                yield module_of(module)
            elif package == "csched":
                yield from uses_of_package([alias.name for alias in node.names])
            assert node.level == 0, "house style: imports are absolute"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                package, _, module = alias.name.partition(".")
                if package == "csched":
                    yield module_of(module or "__init__")


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_a_module_uses_only_those_below_it(path: Path) -> None:
    name = module_of(path.stem)
    assert name in LEVELS, f"{name} has no place in the table of layers"
    uses = python_uses if path.suffix == ".py" else cython_uses
    for used in uses(path.read_text()):
        # A module's own .pxd, and the files of one concept among themselves.
        if used != name:
            assert LEVELS.get(used, -1) < LEVELS[name], f"{name} uses {used}, which is not below it"


def test_the_imports_of_both_languages_are_found() -> None:
    cython = """
from csched._ids cimport Pid, Ref
from csched cimport _timer
cimport csched._runq
    from csched._bif import (
        send,
    )
import csched
"""
    assert list(cython_uses(cython)) == ["_ids", "_timer", "_bif", "_runq", "__init__"]
    python = """
from csched._copy_deep import copy
from csched import Pid, aio
def f():
    import csched._listing
"""
    assert list(python_uses(python)) == ["_copy", "__init__", "aio", "_listing"]


@pytest.mark.parametrize("path", [*SOURCES, ROOT / "setup.py"], ids=label)
def test_a_file_has_less_than_500_lines(path: Path) -> None:
    lines_len = path.read_text().count("\n")
    assert lines_len < 500
