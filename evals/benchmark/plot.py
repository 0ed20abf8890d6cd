"""One picture of a run: retrieval latency by size, and every budget with how much of it is used.

The numbers are `evals.benchmark.results`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.benchmark.results import Row, Run, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS, EXACT, LANGCHAIN, MISSED, INK = "#0b6e69", "#6e7781", "#8250df", "#b35900", "#1f2328"


def write_plot(run: Run, path: Path) -> None:
    """Write the picture as a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    latencies, budgets = _by_size(run.rows), [row for row in run.rows if row.budget]
    figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained", width_ratios=(1.1, 1))
    _draw_latencies(axes[0], latencies)
    _draw_budgets(axes[1], budgets)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def budget_used(row: Row) -> float:
    """Share of a budget that a row uses: up to 1 is met, whichever way the budget faces.

    Raises:
        ValueError: The row has no budget.
    """
    if row.budget is None:
        raise ValueError(f"{row.name} has no budget")
    value = row.ratio if row.budget.about == "ratio" else row.measured.median
    return value / row.budget.limit if row.budget.is_ceiling else row.budget.limit / value


def _by_size(rows: Sequence[Row]) -> dict[str, list[tuple[int, float, float]]]:
    """Size, median and p95 in ms of each way to search."""
    lines: dict[str, list[tuple[int, float, float]]] = {"the coach": [], "exact search": [], "LangChain default": []}
    for row in rows:
        for way in ("exact", "langchain"):
            size = row.name.removeprefix(f"retrieval-{way}-")
            if size.isdigit():
                lines[row.reference_name].append((int(size), row.reference.median, row.reference.p95))
                if way == "exact":
                    lines["the coach"].append((int(size), row.measured.median, row.measured.p95))
    return {name: sorted(points) for name, points in lines.items() if points}


def _draw_latencies(axes: Axes, lines: dict[str, list[tuple[int, float, float]]]) -> None:
    axes.set_title("Retrieval for one owner of 100 chunks: median, and p95 dashed", loc="left", color=INK)
    axes.set_xlabel("chunks of all owners")
    axes.set_ylabel("ms")
    for (name, points), colour in zip(lines.items(), (OURS, EXACT, LANGCHAIN), strict=False):
        sizes, medians, p95s = zip(*points, strict=True)
        axes.loglog(sizes, medians, "o-", color=colour, label=name)
        axes.loglog(sizes, p95s, "--", color=colour, linewidth=1)
    if lines:
        axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_budgets(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_title("How much of each budget is used", loc="left", color=INK)
    used = [budget_used(row) for row in rows]
    places = range(len(rows))
    axes.barh(places, used, color=[OURS if row.verdict == "met" else MISSED for row in rows])
    axes.axvline(1.0, color=INK, linewidth=1)
    axes.set_yticks(places, [row.what for row in rows])
    axes.invert_yaxis()
    for place, row, share in zip(places, rows, used, strict=True):
        label = axes.annotate(
            _of_budget(row), (share, place), xytext=(8, 0), textcoords="offset points", va="center", color=INK
        )
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
    axes.set_xlim(0, max([1.15, *(1.6 * share for share in used)]))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.spines[["top", "right"]].set_visible(False)


def _of_budget(row: Row) -> str:
    """What was measured and promised, such as "1.14 of ≤ 1.3"."""
    if row.budget is None:
        return ""
    is_ratio = row.budget.about == "ratio"
    value = f"{row.ratio:.2f}" if is_ratio else shown(row.measured.median, row.unit)
    missed = "  MISSED" if row.verdict == "MISSED" else ""
    return f"{value} of {'≤' if row.budget.is_ceiling else '≥'} {row.budget.limit:g}{missed}"
