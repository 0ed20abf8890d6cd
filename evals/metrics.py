"""What scores add up to: means with confidence intervals, resampled by group.

Whether a difference between two runs is more than chance is `evals.comparing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.grammar import Score

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Metric:
    """A weighted mean over the judged samples with its 95 % interval; None where none could be judged."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Judgements, of which one sample may have several."""
    unscored: int = 0
    why_unscored: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A score with the group that its sample belongs to."""

    group: str
    score: Score


def summarise(judged: Sequence[Judged], *, seed: int) -> dict[str, Metric]:
    """Metrics by name, in the order of their first score."""
    by_metric: dict[str, list[Judged]] = {}
    for item in judged:
        by_metric.setdefault(item.score.metric, []).append(item)
    return {metric: _metric(items, seed) for metric, items in by_metric.items()}


def _metric(items: Sequence[Judged], seed: int) -> Metric:
    scored = [item for item in items if item.score.value is not None and item.score.weight > 0]
    left_out = [item for item in items if item.score.value is None]
    why = left_out[0].score.explanation if left_out else ""
    if not scored:
        return Metric(None, None, None, 0, len(left_out), why)
    sums, weights = grouped({_key(place, item): item.score for place, item in enumerate(scored)}, _groups(scored))
    value = float(sums.sum() / weights.sum())
    low, high = interval(sums, weights, seed=seed)
    return Metric(round(value, 4), round(low, 4), round(high, 4), len(scored), len(left_out), why)


def grouped(scores: Mapping[str, Score], groups: Mapping[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of value × weight, and of weights, one a group: (groups,) each."""
    totals: dict[str, list[float]] = {}
    for key, score in scores.items():
        if score.value is None:
            continue
        total = totals.setdefault(groups[key], [0.0, 0.0])
        total[0] += score.value * score.weight
        total[1] += score.weight
    table = np.array(list(totals.values()), dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def interval(sums: NDArray[np.float64], weights: NDArray[np.float64], *, seed: int) -> tuple[float, float]:
    """The percentile bootstrap interval of a weighted mean whose groups are drawn with replacement (Efron, 1979)."""
    means = resampled(sums, weights, seed=seed)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def resampled(sums: NDArray[np.float64], weights: NDArray[np.float64], *, seed: int) -> NDArray[np.float64]:
    """Means of `RESAMPLES` draws of the groups: (RESAMPLES,)."""
    drawn = draws(len(sums), seed=seed)
    total = weights[drawn].sum(axis=1)
    means: NDArray[np.float64] = sums[drawn].sum(axis=1) / np.where(total > 0, total, 1.0)
    return means


def draws(groups: int, *, seed: int) -> NDArray[np.int64]:
    """Places of groups, drawn with replacement: (RESAMPLES, groups); the same for the same seed."""
    return np.random.default_rng(seed).integers(0, groups, size=(RESAMPLES, groups))


def _key(place: int, item: Judged) -> str:
    return f"{place}"


def _groups(items: Sequence[Judged]) -> dict[str, str]:
    return {_key(place, item): item.group for place, item in enumerate(items)}
