"""The four nouns of an evaluation: a task has samples, a solver answers them, scorers judge the answers.

After inspect_ai (UK AI Security Institute). Running tasks is `evals.running`; what the scores add up to, `evals.metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from evals.scratch import Scratch

Split = Literal["dev", "test"]
SPLITS: tuple[Split, ...] = ("dev", "test")


class Sample(BaseModel):
    """One row of a data set. Kinds of samples add their fields; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    group: str = ""
    """Samples of one conversation, relationship or document: they are resampled together. Default: each its own."""

    @field_validator("id", "text", check_fields=False)
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("it is empty")
        return value


SampleT = TypeVar("SampleT", bound=Sample)
OutputT = TypeVar("OutputT")


@dataclass(frozen=True, slots=True)
class Score:
    """One judgement of one sample; `explanation` is for reading the failures.

    `value` is None where the sample could not be judged: that is neither right nor wrong. `weight` is what the value is
    a share of, so that precision and recall add up over samples (2 found of 4: 0.5 with weight 4).
    """

    metric: str
    value: float | None
    explanation: str = ""
    weight: float = 1.0


def unscored(metric: str, reason: str) -> Score:
    """A judgement that could not be made."""
    return Score(metric, None, reason)


class Unscorable(Exception):
    """A solver cannot be had here; the message says what it lacks. Its samples are unscored, not failed."""


Solve = Callable[[SampleT], OutputT]
Scorer = Callable[[SampleT, OutputT], Iterable[Score]]


@dataclass(frozen=True, slots=True)
class Dataset(Generic[SampleT]):
    """Samples with the documents that they are about, where there are any; `digest` is that of the files."""

    samples: Sequence[SampleT]
    digest: str
    documents: Sequence[object] = ()


Load = Callable[[Split, Path | None], Dataset[SampleT]]
"""Reads the data of a task: its own split, or the file or folder that was given. Raises DatasetError."""
OpenSolver = Callable[[Dataset[SampleT], Scratch], AbstractContextManager[Solve[SampleT, OutputT]]]


@dataclass(frozen=True, slots=True)
class Task(Generic[SampleT, OutputT]):
    """A named data set with the solvers that can answer it and the scorers that judge the answers."""

    name: str
    purpose: str
    """One line for `list`."""
    load: Load[SampleT]
    solvers: Mapping[str, OpenSolver[SampleT, OutputT]]
    """By name; the first is the default."""
    scorers: Sequence[Scorer[SampleT, OutputT]]
    lower_is_better: frozenset[str] = frozenset()
    """Metrics of which less is better."""
    not_gated: frozenset[str] = frozenset()
    """Metrics that are reported only: times, lengths."""
    has_own_data: bool = True
    """False for a task that needs `--data`."""
    setup: Mapping[str, str] = field(default_factory=dict)
    """What else identifies a run, as weights."""


def always(solve: Callable[[Scratch], Solve[SampleT, OutputT]]) -> OpenSolver[SampleT, OutputT]:
    """A solver that needs nothing of the data set beforehand and nothing closed afterwards."""

    @contextmanager
    def opened(_: Dataset[SampleT], scratch: Scratch) -> Iterator[Solve[SampleT, OutputT]]:
        yield solve(scratch)

    return opened
