"""Fixtures that tests of several modules share."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

BUILD = Path(__file__).parent / "native" / "build.py"


@functools.cache
def load_probe(name: str) -> ModuleType:
    # In a process of its own: a compiler's warnings are not the tests' business.
    built = subprocess.run([sys.executable, BUILD, name], capture_output=True, text=True)
    if built.returncode:
        pytest.fail(f"{name} was not built:\n{built.stdout}{built.stderr}", pytrace=False)
    spec = importlib.util.spec_from_file_location(name, built.stdout.splitlines()[-1])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def probe() -> Callable[[str], ModuleType]:
    """`probe("timer_probe")` is the module that is built from `tests/native/timer_probe.pyx`."""
    return load_probe
