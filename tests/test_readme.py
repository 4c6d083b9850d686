"""Each ``python`` block of the README runs; a ``text`` block after it is what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import csched

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(
        "\n" * (README[: found.start(1)].count("\n")) + found[1],
        found[2],
        id=f"line {README[: found.start(1)].count(chr(10)) + 1}",
    )
    for found in BLOCK.finditer(README)
]


def without_figures(text: str) -> str:
    # Heap sizes and reductions in the listing differ from one Python to the next.
    return re.sub(r" +\d+(?=\s)", " #", text)


@pytest.mark.parametrize(("program", "output"), EXAMPLES)
def test_an_example_of_the_readme_prints_what_it_says(
    program: str, output: str | None, tmp_path: Path
) -> None:
    # Blank lines stand for the README's lines above the example: a traceback names the right one.
    script = tmp_path / "example.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, str(script)],
        # The same csched, wherever it is: it may be built in place and not installed.
        env={**os.environ, "PYTHONPATH": str(Path(csched.__file__).parent.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    if output is not None:
        assert without_figures(done.stdout) == without_figures(output)


def test_the_readme_has_examples_with_output() -> None:
    assert len(EXAMPLES) >= 10
    assert len(EXAMPLES) == len(re.findall("^```text$", README, re.MULTILINE))
