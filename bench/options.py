"""Options that `bench.compare` and `bench.scale` share."""

from __future__ import annotations

import argparse
import math
from pathlib import Path


def count(text: str) -> int:
    """A whole number, at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 up")
    return number


def part(text: str) -> float:
    """A number above 0, at most 1."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and at most 1")
    return number


def add_common(parser: argparse.ArgumentParser, rounds: int) -> None:
    parser.add_argument(
        "--rounds",
        type=count,
        default=rounds,
        metavar="N",
        help="how often each program is run; the tables have the medians (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(".benchmarks"),
        metavar="DIR",
        help="where the tables and the picture go (default: %(default)s)",
    )
