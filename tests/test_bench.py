"""The benchmarks and the two comparisons run, small; the tables say what was measured."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from xml.etree import ElementTree

import pytest

import csched

ROOT = Path(__file__).parent.parent
# The same csched, wherever it is: it may be built in place and not installed.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(csched.__file__).parent.parent)}
COMPILER = str(sysconfig.get_config_var("CC") or "cc").split()[0]
HAS_COMPILER = shutil.which(COMPILER) is not None
HERE = {
    "BEAM": shutil.which("erl") is not None and shutil.which("erlc") is not None,
    "Go": shutil.which("go") is not None,
    "trio": importlib.util.find_spec("trio") is not None,
    "gevent": importlib.util.find_spec("gevent") is not None,
    "the floor": HAS_COMPILER,
}
REMEDIES = {
    "BEAM": "apt-get install erlang-base",
    "Go": "apt-get install golang-go",
    "trio": "pip install csched[bench]",
    "gevent": "pip install csched[bench]",
    "the floor": f"a C compiler, {COMPILER}",
}
# Its body is a program that takes its seconds however little is to be seen.
A_PROGRAM = "bench_gc_pause.py"


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *args],
        cwd=ROOT,
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=170,
    )


def rows_of(text: str, head: str) -> dict[str, list[str]]:
    """The rows of the table whose first cell is `head`, by their own first cells."""
    lines = iter(text.splitlines())
    rows: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith(f"| {head} |"):
            rows[head] = [cell.strip() for cell in line.split("|")[2:-1]]
            next(lines)
            for row in lines:
                if not row:
                    break
                first, *cells = (cell.strip() for cell in row.split("|")[1:-1])
                rows[first] = cells
    return rows


def assert_drawn(path: Path, done: subprocess.CompletedProcess[str], *texts: str) -> None:
    """The picture holds these texts; or it is said what it would take to draw it."""
    if importlib.util.find_spec("matplotlib") is None:
        assert "no picture without matplotlib: pip install csched[bench]" in done.stderr
        return
    said = " ".join(ElementTree.parse(path).getroot().itertext())
    for text in texts:
        assert text in said


def test_each_benchmark_runs() -> None:
    done = run(
        *("pytest", "bench", "-v", "--benchmark-disable", "-m", "stress or not stress"),
        *("-p", "no:cacheprovider", "--color=no", f"--ignore=bench/{A_PROGRAM}"),
    )
    assert done.returncode == 0, done.stdout
    for path in (ROOT / "bench").glob("bench_*.py"):
        assert f"bench/{path.name}::" in done.stdout or path.name == A_PROGRAM
    assert " SKIPPED" not in done.stdout


def test_figures_that_are_no_times_are_printed_too() -> None:
    done = run(
        *("pytest", "bench/bench_spawn_idle.py", "-k", "plain", "--benchmark-only"),
        *("-p", "no:cacheprovider", "--color=no"),
    )
    assert done.returncode == 0, done.stdout
    if Path("/proc/self/statm").exists():
        assert "bench_spawn_idle.py::test_spawn_idle[plain]: bytes_per_process " in done.stdout


def test_all_programs_that_are_here_do_all_the_work(tmp_path: Path) -> None:
    done = run("bench.compare", "--fraction", "0.001", "--rounds", "1", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    for peer, here in HERE.items():
        assert (f"without {peer}: {REMEDIES[peer]}" in done.stderr) is not here
    text = (tmp_path / "compare.md").read_text()
    assert text.strip() == done.stdout.strip()

    peers = [peer for peer in ("BEAM", "Go", "asyncio", "trio", "gevent") if HERE.get(peer, True)]
    medians = rows_of(text, "one operation takes")
    assert medians.pop("one operation takes") == ["csched, async def", "csched, plain def", *peers]
    assert len(medians) == 9
    for title, cells in medians.items():
        for column, cell in zip(["async", "plain", *peers], cells, strict=True):
            no_dict = title.startswith("dict") and column not in ("async", "plain", "BEAM")
            no_timer = title.startswith("timer") and column == "plain"
            assert (cell == "") is (no_dict or no_timer)
            assert cell == "" or float(cell.replace(",", "")) > 0
    ratios = rows_of(text, "csched takes less, times")
    assert ratios.pop("csched takes less, times") == peers
    # Each by both kinds but the timer, in which they have no part.
    assert len(ratios) == 2 * 9 - 1
    against_asyncio = ratios["spawn + exit, async def"][peers.index("asyncio")]
    assert "target 10 " in against_asyncio
    floors = rows_of(text, "the interpreter's own part")
    if HAS_COMPILER:
        assert floors.pop("the interpreter's own part")[:2] == ["the floor", "csched, times that"]
        assert len(floors) == len(ratios)
        for floor, ours, *_ in floors.values():
            assert float(floor.replace(",", "")) >= 0
            assert float(ours) > 0
        assert floors["spawn + exit, ns, async def"][-1].endswith("(target 10)")
    assert_drawn(tmp_path / "compare.svg", done, "spawn + exit, ns", "csched, plain def", "asyncio")


def test_peers_that_are_not_installed_are_named_and_left_out(tmp_path: Path) -> None:
    done = run(
        *("bench.compare", "--only", "spawn_exit", "--fraction", "0.001", "--rounds", "1"),
        *("--output", str(tmp_path)),
        PATH=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    for peer in ("BEAM", "Go", "the floor"):
        assert f"without {peer}: {REMEDIES[peer]}" in done.stderr
        assert f"Left out: {peer}." in done.stdout
    assert (
        rows_of(done.stdout, "csched takes less, times")["csched takes less, times"][0] == "asyncio"
    )


@pytest.mark.parametrize(
    ("erlc", "erl", "message"),
    [
        ("exit 0", "echo nonsense", "printed 'nonsense\\n', not a number"),
        ("exit 0", "echo out of order >&2; exit 3", "status 3\nout of order"),
        ("echo syntax error; exit 1", "exit 0", "status 1\nsyntax error"),
    ],
)
def test_a_peer_that_fails_is_an_error_that_says_how(
    erlc: str, erl: str, message: str, tmp_path: Path
) -> None:
    for name, body in (("erlc", erlc), ("erl", erl)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    done = run(
        *("bench.compare", "--only", "spawn_exit", "--fraction", "0.001", "--rounds", "1"),
        *("--output", str(tmp_path)),
        PATH=str(tmp_path),
    )
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(message)
    assert "bench.compare: erl" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not HAS_COMPILER, reason="the floor is in C")
def test_the_floor_delivers_all_messages_in_order_to_both_kinds_of_process() -> None:
    """A stand-in that loses or mixes up messages would be no floor."""
    program = """
import sys, tempfile
from pathlib import Path
from bench import programs
with tempfile.TemporaryDirectory() as folder:
    programs.find_floor(Path(folder))
    sys.path.insert(0, folder)
    from bench.peers.floor_peer import stand_in
    stand_in()
from csched import aio, receive, run, self, send, spawn, yield_
def plain(to, n):
    while (message := receive()) is not None:
        send(to, (n, message))
async def coroutine(to, n):
    while (message := await aio.receive()) is not None:
        send(to, (n, message))
def main():
    pids = [spawn([plain, coroutine][n % 2], self(), n) for n in range(40)]
    yield_()
    for number in range(2_500):
        for pid in pids:
            send(pid, number)
    got = {n: [] for n in range(40)}
    for _ in range(100_000):
        n, message = receive()
        got[n].append(message)
    for pid in pids:
        send(pid, None)
    return all(numbers == list(range(2_500)) for numbers in got.values())
print(run(main), run(main))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_the_curves_go_through_all_sizes(tmp_path: Path) -> None:
    done = run("bench.scale", "--sizes", "200,10,200", "--rounds", "1", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "scale.md").read_text()
    rows = rows_of(text, "processes")
    assert rows.pop("processes") == ["10", "200"]
    # Spawn, hop, send and memory by both kinds, the timer by neither.
    assert len(rows) == 9
    for cells in rows.values():
        assert len([float(cell.replace(",", "")) for cell in cells]) == 2
    assert_drawn(tmp_path / "scale.svg", done, "processes", "hop in a ring of all, plain def")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["bench.compare", "--only", "nothing"], "invalid choice: 'nothing'"),
        (["bench.compare", "--rounds", "0"], "'0' is no whole number from 1 up"),
        (["bench.compare", "--rounds", "many"], "'many' is no whole number from 1 up"),
        (["bench.compare", "--fraction", "0"], "'0' is no number above 0 and at most 1"),
        (["bench.compare", "--fraction", "1.5"], "'1.5' is no number above 0 and at most 1"),
        (["bench.compare", "--fraction", "nan"], "'nan' is no number above 0 and at most 1"),
        (["bench.compare", "pingpong"], "unrecognized arguments: pingpong"),
        (["bench.scale", "--sizes", "10,,20"], "'' is no whole number from 1 up"),
        (["bench.scale", "--sizes", "10,-1"], "'-1' is no whole number from 1 up"),
        (["bench.scale", "--rounds", "1.5"], "'1.5' is no whole number from 1 up"),
    ],
)
def test_wrong_arguments_are_named_with_status_2(args: list[str], message: str) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
