"""What a source tree that was never built says when it is imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import csched


def test_a_tree_that_was_never_built_says_in_one_line_what_to_do(tmp_path):
    source = Path(csched.__file__).parent
    shutil.copytree(source, tmp_path / "csched", ignore=shutil.ignore_patterns("*.so", "*.pyc"))
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import csched"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: csched is not built here: run `pip install -e .` in its source tree, "
        "or import it from another folder"
    )
