"""The moment at which asyncio is there: at the start of a run, or when anybody imports it."""

from __future__ import annotations

import sys
from collections.abc import Callable

# For type checkers: importing typing would take half of the time that importing csched takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


class Loader:
    """The loader of asyncio, which tells when that has been imported."""

    def __init__(self, loader: Any, imported: Callable[[], None]) -> None:
        self.loader = loader
        self.imported = imported

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.imported()


class Finder:
    """Stands in `sys.meta_path` for as long as asyncio is not imported."""

    def __init__(self, imported: Callable[[], None]) -> None:
        self.imported = imported

    def find_spec(
        self, name: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "asyncio":
            return None
        for finder in sys.meta_path:
            if finder is not self:
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    spec.loader = Loader(spec.loader, self.done)  # type: ignore[assignment]
                    return spec
        return None

    def done(self) -> None:
        self.remove()
        self.imported()

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)


def when_imported(imported: Callable[[], None]) -> Finder | None:
    """Call `imported` when asyncio is there: now, and return None, or whenever that will be."""
    if "asyncio" in sys.modules:
        imported()
        return None
    finder = Finder(imported)
    sys.meta_path.insert(0, finder)
    return finder
