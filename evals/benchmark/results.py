"""Rows and budgets of a benchmark, as a table for people and as a document for programs.

Measuring is `evals.benchmark.measuring`; the plot is `evals.benchmark.plot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from evals.benchmark.corpus import SEED
from evals.benchmark.measuring import Machine, Summary

Unit = Literal["s", "ms", "chunks/s", "words/s", "MB"]
Statistic = Literal["median", "p95"]

SYNTHETIC = "Chunk vectors are synthetic (real ones with noise); texts and queries are as in the other rows."

FORMAT = 1
"""Of the JSON document; a reader of another number should not guess."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A promise about a row: its ratio, or the measured median itself, against a limit."""

    limit: float
    about: Literal["ratio", "measured"] = "ratio"
    is_ceiling: bool = True

    def is_met(self, row: Row) -> bool:
        """Whether the row keeps the promise."""
        value = row.ratio if self.about == "ratio" else row.measured.median
        return value <= self.limit if self.is_ceiling else value >= self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured beside its reference, both in `unit`."""

    name: str
    """Stays the same from run to run, for programs."""
    what: str
    unit: Unit
    measured: Summary
    reference_name: str
    reference: Summary
    budget: Budget | None = None
    compared: tuple[Statistic, Statistic] = ("median", "median")
    """Which statistic of the measured is divided by which of the reference."""
    remarks: tuple[str, ...] = ()
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Measured by reference."""
        return float(getattr(self.measured, self.compared[0]) / getattr(self.reference, self.compared[1]))

    @property
    def verdict(self) -> Literal["met", "MISSED", ""]:
        """Empty where nothing was promised."""
        if self.budget is None:
            return ""
        return "met" if self.budget.is_met(self) else "MISSED"


@dataclass(frozen=True, slots=True)
class Run:
    """All that one run found."""

    started_at: str
    seconds: float
    is_quick: bool
    sizes: tuple[int, ...]
    machine: Machine
    rows: tuple[Row, ...]

    @property
    def missed(self) -> tuple[Row, ...]:
        """Rows whose budget was not kept."""
        return tuple(row for row in self.rows if row.verdict == "MISSED")


def table(run: Run) -> str:
    """The rows in columns, remarks as footnotes, and what was missed once more at the end."""
    notes = list(dict.fromkeys(remark for row in run.rows for remark in row.remarks))
    header = ("", "median", "p95", "beside it", "median", "p95", "ratio", "budget", "")
    lines = [header, *(_cells(row, notes) for row in run.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = [_line(line, widths) for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    machine = run.machine
    text += ["", *(f"[{number}] {remark}" for number, remark in enumerate(notes, start=1)), ""]
    text.append(
        f"{machine.cores} cores, {machine.processor}, {machine.memory_mb / 1024:.0f} GB, Python {machine.python},"
        f" load {machine.load_average:.1f} at the start; {run.seconds:.0f} s{' (quick)' if run.is_quick else ''}."
    )
    text.append(_closing(run))
    return "\n".join(text)


def document(run: Run) -> dict[str, object]:
    """The run as one JSON object."""
    rows = [{**asdict(row), "ratio": row.ratio, "verdict": row.verdict} for row in run.rows]
    return {"format": FORMAT, "seed": SEED, **asdict(run), "rows": rows, "missed": [row.name for row in run.missed]}


def shown(value: float, unit: Unit) -> str:
    """A number with its unit, in three digits or so."""
    digits = 0 if value >= 100 or unit == "MB" else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def _cells(row: Row, notes: Sequence[str]) -> tuple[str, ...]:
    marks = "".join(f"[{notes.index(remark) + 1}]" for remark in row.remarks)
    return (
        f"{row.what} {marks}".rstrip(),
        shown(row.measured.median, row.unit),
        _p95(row.measured, row.unit),
        row.reference_name,
        shown(row.reference.median, row.unit),
        _p95(row.reference, row.unit),
        f"{row.ratio:.2f}",
        _promise(row),
        row.verdict,
    )


def _p95(summary: Summary, unit: Unit) -> str:
    """Of times only: the 95th percentile of a rate would be its best case."""
    return shown(summary.p95, unit) if unit in ("s", "ms") and summary.count > 1 else ""


def _promise(row: Row) -> str:
    if row.budget is None:
        return ""
    sign = "≤" if row.budget.is_ceiling else "≥"
    if row.budget.about == "measured":
        return f"{sign} {row.budget.limit:g} {row.unit}"
    return f"{row.compared[0]} {sign} {row.budget.limit:g} × {row.compared[1]}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    on_the_left = {0, 3, 7, 8}
    return "  ".join(
        cell.ljust(width) if column in on_the_left else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()


def _closing(run: Run) -> str:
    promised = sum(1 for row in run.rows if row.budget)
    if not run.missed:
        return f"Every budget met ({promised})." if promised else "No budget was measured."
    return f"MISSED {len(run.missed)} of {promised} budgets: " + "; ".join(row.what for row in run.missed) + "."
