"""The programs of `bench.peers`: which of them can run here, how each is built and run.

Each is run on one core, by itself, and prints one number. Those that run on Python run on the one
that runs this.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from bench.workloads import KINDS

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "bench" / "peers"
SECONDS = 1_200
LABELS = {
    "csched async": "csched, async def",
    "csched plain": "csched, plain def",
    "beam": "BEAM",
    "go": "Go",
    "asyncio": "asyncio",
    "trio": "trio",
    "gevent": "gevent",
    "floor": "the floor",
}
# One scheduler, one of each of the other threads that there must be; room for a million processes.
BEAM = ["+S", "1:1", "+SDcpu", "1:1", "+SDio", "1", "+A", "1", "+P", "2000000"]

Command = list[str]


class Failed(Exception):
    """A program could not be built, or did not print what it should."""


def run(command: Command, seconds: float = SECONDS) -> str:
    """What a command prints."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "GO111MODULE": "off"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)}: not done after {seconds:g} s") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise Failed(f"{' '.join(command)}: status {done.returncode}\n{said}")
    return done.stdout


def python(module: str, *args: str) -> Command:
    return [sys.executable, "-m", f"bench.peers.{module}", *args]


def find_floor(build: Path) -> dict[str, Command] | str:
    """The commands of the floor for both kinds; what it lacks if it cannot be built."""
    import greenlet

    compiler = (sysconfig.get_config_var("CC") or "cc").split()
    headers = [Path(sysconfig.get_path("include")), Path(greenlet.__file__).parent]
    if not shutil.which(compiler[0]):
        return f"a C compiler, {compiler[0]}"
    if not (headers[0] / "Python.h").exists():
        return f"the headers of CPython, {headers[0] / 'Python.h'}"
    command = [*compiler, "-O3", "-fPIC", "-shared", *(f"-I{path}" for path in headers)]
    run([*command, str(SOURCES / "floor.c"), "-o", str(build / "floor_runtime.so")])
    return {f"floor {kind}": python("floor_peer", str(build), kind) for kind in KINDS}


def find(build: Path) -> tuple[dict[str, Command], dict[str, str]]:
    """The commands of those that can run here, made ready below `build`; what the others lack."""
    commands = {
        "csched async": python("csched_peer", "async"),
        "csched plain": python("csched_peer", "plain"),
    }
    missing = {}
    if shutil.which("erl") and shutil.which("erlc"):
        run(["erlc", "-o", str(build), str(SOURCES / "beam_peer.erl")])
        commands["beam"] = ["erl", *BEAM, "-noshell", "-noinput", "-pa", str(build)]
        commands["beam"] += ["-run", "beam_peer", "main"]
    else:
        missing["beam"] = "apt-get install erlang-base"
    if shutil.which("go"):
        run(["go", "build", "-o", str(build / "go_peer"), str(SOURCES / "go_peer.go")])
        commands["go"] = [str(build / "go_peer")]
    else:
        missing["go"] = "apt-get install golang-go"
    commands["asyncio"] = python("asyncio_peer")
    for name in ("trio", "gevent"):
        if importlib.util.find_spec(name) is not None:
            commands[name] = python(f"{name}_peer")
        else:
            missing[name] = "pip install csched[bench]"
    floor = find_floor(build)
    if isinstance(floor, str):
        missing["floor"] = floor
    else:
        commands.update(floor)
    return commands, missing


def number(command: Command, *args: str) -> float:
    """The one number that a program prints."""
    text = run([*command, *args])
    try:
        return float(text)
    except ValueError:
        raise Failed(f"{' '.join([*command, *args])}: printed {text!r}, not a number") from None


def pin() -> int | None:
    """Keep this program, and those that it starts, on one core: its number, None if that is not
    possible here."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def versions(commands: Mapping[str, Command]) -> str:
    """Which versions were compared, in one line."""
    said = [f"CPython {platform.python_version()}"]
    if "beam" in commands:
        # The emulator's flavor says whether it has the compiler to machine code.
        ask = 'io:format("OTP ~s (ERTS ~s, ~s)", [erlang:system_info(X) || X <- [otp_release,'
        ask += " version, emu_flavor]]), halt()."
        said.append(run(["erl", "-noshell", "-noinput", "-eval", ask]).strip())
    if "go" in commands:
        said.append("Go " + run(["go", "version"]).split()[2].removeprefix("go"))
    said += [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("trio", "gevent")
        if name in commands
    ]
    return ", ".join(said)
