"""Holds two runs of a task side by side, sample by sample: is a difference more than chance?

The gate is the same comparison with the committed baseline.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals.datasets import DatasetError
from evals.grammar import Score
from evals.metrics import CONFIDENCE, grouped, resampled
from evals.running import COMPLETED, SEED
from evals.runs import Run

BASELINE = Path(__file__).parent / "baseline.json"
STRICT = frozenset(
    {
        "injections", "leakage-in-reply", "leakage@10", "citations-valid", "quotes-verbatim", "recall-crisis-explicit",
        COMPLETED,
    }
)  # fmt: skip
"""Metrics of which any fall fails, chance or not: one missed cry for help is one too many, however few samples there are."""

Values = Mapping[str, Mapping[str, tuple[float, float, str]]]
"""By metric and sample: value, weight and group."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric in two runs, over the samples that both judged; `low` and `high` are the interval of the change."""

    task: str
    solver: str
    metric: str
    before: float
    after: float
    low: float
    high: float
    n: int
    lower_is_better: bool

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def is_worse(self) -> bool:
        """Worse beyond chance, or at all where nothing may be lost."""
        worsening = self.change if self.lower_is_better else -self.change
        if self.metric in STRICT:
            return worsening > 1e-9
        return (self.low > 0) if self.lower_is_better else (self.high < 0)

    @property
    def is_better(self) -> bool:
        """Better beyond chance."""
        return (self.high < 0) if self.lower_is_better else (self.low > 0)


def values_of(run: Run) -> Values:
    """What comparing needs of a run."""
    found: dict[str, dict[str, tuple[float, float, str]]] = {}
    for sample in run.samples:
        for metric, (value, weight) in _summed(sample.scores).items():
            if metric not in run.not_gated:
                found.setdefault(metric, {})[sample.id] = (round(value, 5), weight, sample.group)
    return found


def differences(before: Values, run: Run) -> list[Difference]:
    """The change of each metric that both hold, in the order of the run."""
    after = values_of(run)
    return [
        _difference(run, metric, before[metric], after[metric])
        for metric in run.metrics
        if metric in before and metric in after and before[metric].keys() & after[metric].keys()
    ]


def vanished(before: Values, run: Run) -> list[str]:
    """Metrics by which a sample of this run was judged before, and by which none is judged now."""
    after, ids = values_of(run), {sample.id for sample in run.samples}
    return [metric for metric, samples in before.items() if samples.keys() & ids and not after.get(metric)]


def _difference(
    run: Run,
    metric: str,
    before: Mapping[str, tuple[float, float, str]],
    after: Mapping[str, tuple[float, float, str]],
) -> Difference:
    # A metric that is judged of only some replies (abstention) may be judged of others now: those count where they stand.
    shared = sorted(before.keys() & after.keys())
    groups = {key: after[key][2] for key in shared}
    sums, weights = grouped({key: Score("", *_pair(before[key])) for key in shared}, groups)
    new_sums, new_weights = grouped({key: Score("", *_pair(after[key])) for key in shared}, groups)
    moved = resampled(new_sums, new_weights, seed=SEED) - resampled(sums, weights, seed=SEED)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(moved, [tail, 100 - tail])
    return Difference(
        run.task,
        run.solver,
        metric,
        float(sums.sum() / weights.sum()),
        float(new_sums.sum() / new_weights.sum()),
        float(low),
        float(high),
        len(shared),
        metric in run.lower_is_better,
    )


def _pair(item: tuple[float, float, str]) -> tuple[float, str, float]:
    return item[0], "", item[1]


def _summed(scores: Iterable[Score]) -> dict[str, tuple[float, float]]:
    """A sample's several scores of one metric as one, with the weight of all."""
    totals: dict[str, tuple[float, float]] = {}
    for score in scores:
        if score.value is not None and score.weight > 0:
            value, weight = totals.get(score.metric, (0.0, 0.0))
            totals[score.metric] = (value + score.value * score.weight, weight + score.weight)
    return {metric: (total / weight, weight) for metric, (total, weight) in totals.items()}


def fallen(kept: Mapping[str, Values], runs: Iterable[Run]) -> list[str]:
    """What the gate holds against these runs, a sentence each; nothing where they are as good as what is kept.

    A run of which nothing is kept is held to one thing only: that its solver came through.
    """
    found: list[str] = []
    for run in runs:
        name, before = f"{run.task}, {run.solver}", kept.get(key_of(run), {})
        if run.failures:
            found.append(f"{name}: the solver died on {run.failures} of {run.n} samples")
        if before and not {sample.id for sample in run.samples} & {key for known in before.values() for key in known}:
            found.append(f"{name}: no sample of the baseline is in this run, so that nothing could be compared")
        found += [f"{name}: {metric} is no longer measured" for metric in vanished(before, run)]
        found += [
            f"{name}: {change.metric} went from {change.before:.3f} to {change.after:.3f}"
            f" (the change is within [{change.low:+.3f}, {change.high:+.3f}])"
            for change in differences(before, run)
            if change.is_worse
        ]
    return found


def key_of(run: Run) -> str:
    """Names a run in the baseline."""
    return f"{run.task}/{run.solver}/{run.split}"


def read_baseline(path: Path = BASELINE) -> dict[str, Values]:
    """Values by run. Raises DatasetError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {
            key: {
                metric: {sample: (cells[0], cells[1], str(cells[2])) for sample, cells in samples.items()}
                for metric, samples in metrics.items()
            }
            for key, metrics in document.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, LookupError, TypeError) as error:
        raise DatasetError(f"{path} is not a baseline ({error}); delete it and write it anew") from error


def write_baseline(runs: Sequence[Run], path: Path = BASELINE) -> None:
    """Take these runs as what is to be kept up; runs of other tasks stay as they are."""
    kept = read_baseline(path) | {key_of(run): values_of(run) for run in runs}
    lines = [
        f"{json.dumps(key)}: {{\n"
        + ",\n".join(f"  {json.dumps(m)}: {json.dumps(v, separators=(',', ':'))}" for m, v in sorted(metrics.items()))
        + "\n}"
        for key, metrics in sorted(kept.items())
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
