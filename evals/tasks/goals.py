"""Whether what a goal lacks is found: each element that is missing, and none that is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field, field_validator

from coach.services.goals import ELEMENTS, missing_in
from evals.datasets import own
from evals.grammar import Sample, Score, Solve, Task, always
from evals.scratch import Scratch


class StatedGoal(Sample):
    """A goal in somebody's words, with the elements that it lacks."""

    text: str = Field(min_length=1)
    missing: tuple[str, ...]

    @field_validator("missing")
    @classmethod
    def _known(cls, missing: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(missing) - set(ELEMENTS)):
            raise ValueError(f"{', '.join(unknown)} is not an element; they are {', '.join(ELEMENTS)}")
        return missing


def _criticised(_: Scratch) -> Solve[StatedGoal, Sequence[str]]:
    return lambda goal: missing_in(goal.text)


def _missing_found(goal: StatedGoal, found: Sequence[str]) -> Iterable[Score]:
    """F1 adds up over samples: twice the hits, of all that were found and all that are missing."""
    wanted, named = set(goal.missing), set(found)
    explanation = f"missed {', '.join(sorted(wanted - named)) or 'none'}; wrongly {', '.join(sorted(named - wanted)) or 'none'}: {goal.text}"
    hits = len(wanted & named)
    if total := len(wanted) + len(named):
        yield Score("missing-f1", 2 * hits / total, explanation, weight=total)
    if named:
        yield Score("missing-precision", hits / len(named), explanation, weight=len(named))
    if wanted:
        yield Score("missing-recall", hits / len(wanted), explanation, weight=len(wanted))


GOALS: Task[StatedGoal, Sequence[str]] = Task(
    name="goals",
    purpose="what a stated goal lacks",
    load=own("goals-{split}.jsonl", StatedGoal),
    solvers={"coach": always(_criticised)},
    scorers=(_missing_found,),
)
