"""Bars and curves, drawn by matplotlib into files in SVG.

Without matplotlib there is no picture and `Missing` says how to get it. Text is kept as text: the
files are small, and the reader's own typeface is used.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    # The same numbers make the same file.
    "svg.hashsalt": "csched",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
}
OURS, OURS_TOO, THEIRS = "#1f6f8b", "#7fb7c9", "#b9b9b9"


class Missing(Exception):
    """There is no matplotlib."""


def figure(width: float, height: float) -> Figure:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise Missing("no picture without matplotlib: pip install csched[bench]") from None
    matplotlib.rcParams.update(SETTINGS)
    return Figure(figsize=(width, height), layout="constrained")


def save(drawn: Figure, path: Path) -> None:
    drawn.savefig(path, format="svg", metadata={"Date": None})


def draw_bars(panels: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """A panel for each title, with a bar for each label; those of csched stand out.

    A panel ends at twice the value in the middle: longer bars are cut, which an arrow at the number
    says. Else the one longest would leave nothing to be seen of the others.
    """
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    most = max(len(values) for values in panels.values())
    drawn = figure(3.6 * columns, rows * (0.5 + 0.22 * most))
    grid = list(drawn.subplots(rows, columns, squeeze=False).flat)
    for axes, (title, values) in zip(grid, panels.items(), strict=False):
        end = min(max(values.values()), 2 * statistics.median(values.values()))
        bars = axes.barh(
            list(values),
            [min(value, end) for value in values.values()],
            color=[color_of(label) for label in values],
        )
        numbers = [f"{value:,.0f}{' →' if value > end else ''}" for value in values.values()]
        axes.bar_label(bars, numbers, padding=3)
        axes.set_title(title)
        # As much room for a bar in each panel; the first one on top; room for the numbers.
        axes.set_ylim(most - 0.5, -0.5)
        axes.set_xlim(0, 1.3 * end)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(left=False)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    save(drawn, path)


def color_of(label: str) -> str:
    if not label.startswith("csched"):
        return THEIRS
    return OURS if label.endswith("async def") else OURS_TOO


def draw_curves(
    panels: Mapping[str, Mapping[tuple[str, str], Mapping[int, float]]], across: str, path: Path
) -> None:
    """A panel for each title, with a curve for each label and kind: its values by a number.

    What has the same label has the same colour; what is plain is dashed.
    """
    drawn = figure(4.5 * len(panels), 4)
    for axes, (title, curves) in zip(
        drawn.subplots(1, len(panels), squeeze=False).flat, panels.items(), strict=True
    ):
        labels = dict.fromkeys(label for label, _ in curves)
        colors = {label: f"C{n}" for n, label in enumerate(labels)}
        for (label, kind), points in curves.items():
            axes.plot(
                list(points),
                list(points.values()),
                "--" if kind == "plain" else "-",
                color=colors[label],
                marker="o",
                markersize=3,
                label=f"{label}, {kind} def" if kind else label,
            )
        across_all = sorted({n for points in curves.values() for n in points})
        values = [value for points in curves.values() for value in points.values()]
        axes.set_xscale("log")
        axes.set_xticks(across_all, [f"{n:,}" for n in across_all])
        axes.set_yscale("log")
        axes.set_ylim(
            10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
        )
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.minorticks_off()
        axes.set_xlabel(across)
        axes.set_title(title)
        axes.legend(frameon=False)
    save(drawn, path)
