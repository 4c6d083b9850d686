"""Build the compiled half of csched.

Flavours, by environment variable: release (default); ``CSCHED_DEBUG=1`` (checks and assertions on,
constants shrunk so that tests reach the edges); ``CSCHED_SANITIZE=1`` (ASan and UBSan).
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = Path("pyx/csched")
# Foreign C that a module needs beside its own generated file.
C_FILES = {
    "_heap": ["gc_lists.c"],
    "_hub": ["sleeper.c"],
    "_inspect": ["interp.c"],
    "_move": ["temporary.c"],
    "_poller": ["sleeper.c"],
    "_preempt": ["buffered.c", "busy.c", "guards.c", "interp.c", "ticker.c"],
    "_signal": ["sleeper.c"],
    "_system": ["sleeper.c"],
    "_watch": ["interp.c"],
}

DEBUG = os.environ.get("CSCHED_DEBUG") == "1"
SANITIZE = os.environ.get("CSCHED_SANITIZE") == "1"

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "nonecheck": True,  # But for UNCHECKED.
    "initializedcheck": DEBUG,
    "auto_pickle": False,
    "autotestdict": False,
    # Plain builtins: a call costs 10 ns less than one of a Cython function object. The signature is
    # kept for `inspect`.
    "binding": False,
    "embedsignature": True,
    "embedsignature.format": "clinic",
}
# Modules of the hot path, in which nothing that may be None is used before it is compared with
# None: without the checks a round trip takes 5 % fewer instructions. The debug flavour, which the
# tests run with too, keeps them.
UNCHECKED = {
    "_aio",
    "_bif",
    "_bif_spawn",
    "_bif_timer",
    "_context",
    "_ids",
    "_launch",
    "_relation",
    "_scheduler",
    "_shortcut",
    "_signal",
    "_teardown",
}
# Instead of the interpreter's -g, which takes a third of the time and most of the size.
CFLAGS = ["-O3", "-g0", "-fno-strict-aliasing", "-Wno-unused-function"]
MACROS: list[tuple[str, str | None]] = [("CYTHON_WITHOUT_ASSERTIONS", None)]
# Timers were in a library of their own before glibc 2.34.
LDFLAGS: list[str] = ["-lrt"] if sys.platform == "linux" else []
if DEBUG:
    CFLAGS = ["-O1", "-g", "-fno-strict-aliasing", "-Wno-unused-function"]
    MACROS = [("CSCHED_DEBUG", "1")]
if SANITIZE:
    # greenlet copies stacks: a mark there that something is not to be touched would outlive it.
    sanitizers = ["-fsanitize=address,undefined", "--param=asan-stack=0"]
    CFLAGS = [*CFLAGS, "-g", *sanitizers, "-fno-omit-frame-pointer"]
    LDFLAGS = [*LDFLAGS, "-fsanitize=address,undefined"]


def extensions() -> list[Extension]:
    headers = sorted(str(path) for path in SOURCE.glob("*.h"))
    return [
        Extension(
            f"csched.{path.stem}",
            [str(path), *(str(SOURCE / name) for name in C_FILES.get(path.stem, []))],
            include_dirs=[str(SOURCE)],
            depends=headers,
            define_macros=list(MACROS),
            extra_compile_args=list(CFLAGS),
            extra_link_args=list(LDFLAGS),
        )
        for path in sorted(SOURCE.glob("_*.pyx"))
    ]


class BuildExt(build_ext):
    """Run Cython here and not at import, so that an sdist keeps its ``.pyx`` files.

    Neither Cython nor setuptools rebuilds when flags or directives change: their digest is kept
    beside the build, and a change forces a build from scratch.
    """

    def build_extensions(self) -> None:
        import greenlet
        from Cython.Build import cythonize

        flags = repr((DIRECTIVES, sorted(UNCHECKED), CFLAGS, MACROS, LDFLAGS)).encode()
        stamp = Path(self.build_temp) / f"flags-{hashlib.sha256(flags).hexdigest()[:16]}"
        if not stamp.exists():
            self.force = True
            for old in stamp.parent.glob("flags-*"):
                old.unlink()
        for extension in self.extensions:
            extension.include_dirs.append(str(Path(greenlet.__file__).parent))
        unchecked = [
            extension
            for extension in self.extensions
            if extension.name.rpartition(".")[2] in UNCHECKED
        ]
        checked = [extension for extension in self.extensions if extension not in unchecked]
        for extensions, nonecheck in ((unchecked, DEBUG), (checked, True)):
            generated = cythonize(
                extensions,
                include_path=["pyx"],
                build_dir=str(Path(self.build_temp) / "cython"),
                compiler_directives={**DIRECTIVES, "nonecheck": nonecheck},
                force=self.force,
                quiet=True,
            )
            # Only the sources: setuptools keeps marks of its own on the objects that it knows.
            for extension, done in zip(extensions, generated, strict=True):
                extension.sources = done.sources
        super().build_extensions()
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExt})
