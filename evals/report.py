"""Writes runs as a page and as a table: one self-contained HTML file, and Markdown for the README.

Everything is in the file: it asks for nothing from outside. What the numbers are is `evals.runs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.comparing import Difference, Values, differences, key_of
from evals.metrics import Metric
from evals.runs import Run, SampleResult

WORST = 20
"""Samples shown of a task."""
_TEMPLATE = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Dot:
    """A metric of one solver on a line from 0 to 1 (or to the largest), in per cent of its width."""

    solver: str
    metric: Metric
    left: float
    right: float
    at: float


@dataclass(frozen=True, slots=True)
class Row:
    """One metric, a dot a solver."""

    name: str
    dots: tuple[Dot, ...]
    is_lower_better: bool
    best: frozenset[str]
    """The solvers with the best value; none where there is one alone, or where all are as good."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A sample that went wrong."""

    id: str
    lost: float
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A task with all solvers that ran it."""

    task: str
    split: str
    runs: tuple[Run, ...]
    rows: tuple[Row, ...]
    worst: tuple[Miss, ...]
    changes: tuple[Difference, ...]


def sections_of(runs: Sequence[Run], baseline: Mapping[str, Values]) -> list[Section]:
    """Runs by task and split, in their order."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.task, run.split), []).append(run)
    return [
        Section(
            task,
            split,
            tuple(found),
            _rows(found),
            _worst(found[0]),
            tuple(
                change for run in found if key_of(run) in baseline for change in differences(baseline[key_of(run)], run)
            ),
        )
        for (task, split), found in groups.items()
    ]


def as_html(runs: Sequence[Run], baseline: Mapping[str, Values]) -> str:
    """The report as one page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(_TEMPLATE).render(sections=sections_of(runs, baseline))


def as_markdown(runs: Sequence[Run]) -> str:
    """A table with a line a metric and a column a solver; the best of several is bold."""
    lines: list[str] = []
    for section in sections_of(runs, {}):
        solvers = [run.solver for run in section.runs]
        lines += [f"**{section.task}** ({section.split}, {section.runs[0].n} samples)", ""]
        lines += [f"| metric | {' | '.join(solvers)} |", f"|---|{'---:|' * len(solvers)}"]
        for row in section.rows:
            cells = {dot.solver: _cell(dot.metric, is_best=dot.solver in row.best) for dot in row.dots}
            name = f"{_in_a_cell(row.name)} ↓" if row.is_lower_better else _in_a_cell(row.name)
            lines.append(f"| {name} | {' | '.join(cells.get(solver, '') for solver in solvers)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(metric: Metric, *, is_best: bool) -> str:
    if metric.value is None:
        return f"unscored: {_in_a_cell(metric.why_unscored)}"
    value = f"{metric.value:.0f}" if metric.value > 10 else f"{metric.value:.3f}"
    return f"**{value}**" if is_best else value


def _in_a_cell(text: str) -> str:
    """Text that ends neither a cell nor a row of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _rows(runs: Sequence[Run]) -> tuple[Row, ...]:
    names = list(dict.fromkeys(name for run in runs for name in run.metrics))
    return tuple(_row(name, runs) for name in names)


def _row(name: str, runs: Sequence[Run]) -> Row:
    found = {run.solver: run.metrics[name] for run in runs if name in run.metrics}
    scale = max(1.0, *(metric.high or 0.0 for metric in found.values()))
    is_lower_better = any(name in run.lower_is_better for run in runs)
    values = {solver: metric.value for solver, metric in found.items() if metric.value is not None}
    best_value = (min if is_lower_better else max)(values.values(), default=0.0)
    best = frozenset(
        solver for solver, value in values.items() if value == best_value and len(set(values.values())) > 1
    )
    return Row(name, tuple(_dot(solver, metric, scale) for solver, metric in found.items()), is_lower_better, best)


def _dot(solver: str, metric: Metric, scale: float) -> Dot:
    low, high, value = (100 * (number or 0.0) / scale for number in (metric.low, metric.high, metric.value))
    return Dot(solver, metric, round(low, 1), round(max(high - low, 0.6), 1), round(value, 1))


def _worst(run: Run) -> tuple[Miss, ...]:
    misses = [miss for sample in run.samples if (miss := _miss(sample, run)).lost > 0]
    return tuple(sorted(misses, key=lambda miss: (-miss.lost, miss.id))[:WORST])


def _miss(sample: SampleResult, run: Run) -> Miss:
    lost, faults = 0.0, []
    for score in sample.scores:
        if score.value is None or score.metric in run.not_gated or score.value > 1:
            continue
        missing = score.value if score.metric in run.lower_is_better else 1 - score.value
        if missing > 0:
            lost += missing
            faults.append(f"{score.metric} {score.value:.2f}: {score.explanation}")
    return Miss(sample.id, round(lost, 3), tuple(faults))
