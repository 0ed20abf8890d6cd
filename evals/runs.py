"""The document that a run leaves: what was run, every sample's scores, and the metrics.

Making one is `evals.running`; holding two side by side is `evals.comparing`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evals.datasets import DatasetError
from evals.grammar import Score
from evals.metrics import Metric


@dataclass(frozen=True, slots=True)
class SampleResult:
    """A sample's scores; `failed` says what its solver died of, if it did."""

    id: str
    group: str
    scores: tuple[Score, ...]
    failed: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What must be known to repeat a run."""

    composer: str
    embedder: str
    prompts: str
    knowledge: str
    dataset: str
    weights: Mapping[str, str]
    commit: str
    seed: int
    started: str


@dataclass(frozen=True, slots=True)
class Run:
    """One task, solved by one solver over one split or one file."""

    task: str
    solver: str
    split: str
    metrics: Mapping[str, Metric]
    samples: Sequence[SampleResult]
    setup: Setup
    lower_is_better: frozenset[str] = frozenset()
    not_gated: frozenset[str] = frozenset()
    seconds: float = 0.0
    notes: Mapping[str, float] = field(default_factory=dict)
    """Further numbers of the run as a whole, as the seconds that indexing took."""

    @property
    def n(self) -> int:
        """Samples, failed ones included."""
        return len(self.samples)

    @property
    def failures(self) -> int:
        """Samples whose solver died."""
        return sum(bool(sample.failed) for sample in self.samples)

    def as_json(self) -> dict[str, object]:
        """The document, with plain values only."""
        return {
            "task": self.task,
            "solver": self.solver,
            "split": self.split,
            "n": self.n,
            "failures": self.failures,
            "seconds": round(self.seconds, 2),
            "notes": dict(self.notes),
            "metrics": {name: asdict(metric) for name, metric in self.metrics.items()},
            "lower_is_better": sorted(self.lower_is_better),
            "not_gated": sorted(self.not_gated),
            "setup": asdict(self.setup),
            "samples": [
                {
                    "id": sample.id,
                    "group": sample.group,
                    "seconds": round(sample.seconds, 4),
                    **({"failed": sample.failed} if sample.failed else {}),
                    "scores": [
                        {key: value for key, value in asdict(score).items() if (key, value) not in _DEFAULTS}
                        for score in sample.scores
                    ],
                }
                for sample in self.samples
            ],
        }


_DEFAULTS = (("weight", 1.0), ("explanation", ""))


def read_runs(path: Path) -> list[Run]:
    """The runs in a file as `--out` or `--json` writes them. Raises DatasetError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = document.get("runs", [document])
        return [_run(item) for item in found]
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is not JSON") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is not the document of a run ({error})") from error


def _run(item: Mapping[str, object]) -> Run:
    document = json.loads(json.dumps(item))
    return Run(
        task=document["task"],
        solver=document["solver"],
        split=document["split"],
        metrics={name: Metric(**metric) for name, metric in document["metrics"].items()},
        samples=[
            SampleResult(
                sample["id"],
                sample["group"],
                tuple(Score(**score) for score in sample["scores"]),
                sample.get("failed", ""),
                sample.get("seconds", 0.0),
            )
            for sample in document["samples"]
        ],
        setup=Setup(**document["setup"]),
        lower_is_better=frozenset(document["lower_is_better"]),
        not_gated=frozenset(document["not_gated"]),
        seconds=document["seconds"],
        notes=document["notes"],
    )
