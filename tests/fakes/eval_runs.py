"""Runs of a task as if they had been made, for what is done with runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.grammar import Score
from evals.metrics import Judged, summarise
from evals.running import SEED
from evals.runs import Run, SampleResult, Setup

SETUP = Setup(
    composer="built-in",
    embedder="words 0123456789ab",
    prompts="0" * 16,
    knowledge="1" * 16,
    dataset="2" * 16,
    weights={"notes dense weight": "0.5"},
    commit="0123456789ab",
    seed=SEED,
    started="2026-03-01T10:00:00+00:00",
)


def run_of(
    results: Sequence[SampleResult],
    *,
    task: str = "reading",
    solver: str = "coach",
    lower_is_better: frozenset[str] = frozenset(),
    not_gated: frozenset[str] = frozenset(),
) -> Run:
    """A run with these results, and the metrics that they add up to."""
    judged = [Judged(result.group, score) for result in results for score in result.scores]
    return Run(
        task=task,
        solver=solver,
        split="test",
        metrics=summarise(judged, seed=SEED),
        samples=list(results),
        setup=SETUP,
        lower_is_better=lower_is_better,
        not_gated=not_gated,
        seconds=1.25,
        notes={"opening_s": 0.5},
    )


def scored(values: Mapping[str, Sequence[float | None]]) -> list[SampleResult]:
    """Samples s0, s1 …, each a group of its own, with the values that stand at their place; None is left out."""
    count = max(len(column) for column in values.values())
    return [
        SampleResult(
            f"s{place}",
            f"s{place}",
            tuple(
                Score(metric, value, f"{metric} of s{place}")
                for metric, column in values.items()
                if place < len(column) and (value := column[place]) is not None
            ),
        )
        for place in range(count)
    ]
