"""A compiled module has its .pyx, .pxd and .pyi under one stem, and the stub tells the truth."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What no stub can say: Cython's table of C functions; the constructor that a class written in C
# inherits from `object`, which seems to take anything.
ALLOWED = [r"csched\.\w+\.__pyx_capi__", r"csched\.\w+\.\w+\.__init__"]
COMPILED = sorted(path.stem for path in (ROOT / "pyx" / "csched").glob("_*.pyx"))


@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_module_has_its_pxd_and_its_stub(name: str) -> None:
    assert (ROOT / "pyx" / "csched" / f"{name}.pxd").exists()
    assert (ROOT / "csched" / f"{name}.pyi").exists()


def test_every_stub_belongs_to_a_compiled_module() -> None:
    assert {path.stem for path in (ROOT / "csched").glob("*.pyi")} <= set(COMPILED)


@pytest.mark.parametrize("name", COMPILED)
def test_a_stub_names_what_its_module_defines(name: str) -> None:
    module = importlib.import_module(f"csched.{name}")
    stub = ast.parse((ROOT / "csched" / f"{name}.pyi").read_text())
    stubbed: set[str] = set()
    for node in stub.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            stubbed.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            stubbed.add(node.target.id)
    # Types that serve the stub alone have no counterpart.
    assert {name for name in stubbed if not name.startswith("_")} <= set(vars(module))
    defined = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    assert defined <= stubbed


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_stubtest_finds_no_difference(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text("\n".join(ALLOWED))
    options = ["--allowlist", str(allowed), "--ignore-unused-allowlist"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy.stubtest", *options),
            *(f"csched.{name}" for name in COMPILED),
        ],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
