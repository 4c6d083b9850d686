"""Build a probe: a test-only Cython module that shows the C interface of others to Python.

Production code has no hooks for tests; `tests/native/NAME.pyx` has them instead. It is built with
the directives and flags of `setup.py`, into a folder under the temporary directory that is named
after a digest of all that goes into it. Foreign C files are named at its head, from the root of the
source tree on (`# distutils: sources = ...`). `python tests/native/build.py NAME` prints the path.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import runpy
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from unittest import mock

NATIVE = Path(__file__).resolve().parent
ROOT = NATIVE.parent.parent


def build(name: str) -> Path:
    """The path of the probe's shared library, built if that was not done before."""
    import Cython
    import greenlet

    with mock.patch("setuptools.setup"):
        flags = runpy.run_path(str(ROOT / "setup.py"))
    settings = {
        # A probe is test code: its assertions stay on, and with them those of inline functions.
        "define_macros": [m for m in flags["MACROS"] if m[0] != "CYTHON_WITHOUT_ASSERTIONS"],
        "extra_compile_args": flags["CFLAGS"],
        "extra_link_args": flags["LDFLAGS"],
        "include_dirs": [str(ROOT / "pyx" / "csched"), str(Path(greenlet.__file__).parent)],
    }
    source = NATIVE / f"{name}.pyx"
    digest = hashlib.sha256(
        repr((sys.version, Cython.__version__, flags["DIRECTIVES"], settings)).encode()
    )
    headers = [path for path in (ROOT / "pyx").rglob("*.*") if path.suffix in {".pxd", ".c", ".h"}]
    for path in [source, *sorted(headers)]:
        digest.update(path.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"csched-probes-{digest.hexdigest()[:16]}"
    library = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not library.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch, contextlib.chdir(ROOT):
            # Two who build it at the same time both end with a whole file.
            os.replace(compile_probe(source, flags["DIRECTIVES"], settings, scratch), library)
    return library


def compile_probe(
    source: Path, directives: dict[str, object], settings: dict[str, object], scratch: str
) -> str:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    # Cython looks for the packages that a module lies in: away from `tests/` it lies in none.
    copied = shutil.copy(source, scratch)
    extensions = cythonize(
        [Extension(source.stem, [str(copied)], **settings)],
        include_path=[str(ROOT / "pyx")],
        compiler_directives=directives,
        quiet=True,
    )
    command = build_ext(Distribution({"ext_modules": extensions}))
    command.build_lib = scratch
    command.build_temp = scratch
    command.ensure_finalized()
    command.run()
    return command.get_ext_fullpath(source.stem)


if __name__ == "__main__":
    print(build(sys.argv[1]))
