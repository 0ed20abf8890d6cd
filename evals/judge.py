"""An optional judge: a chat model that says whether one yes/no criterion holds for one reply.

Its name stands beside every number that it gives, and how far it agrees with labels set by hand beside those. What can
be judged by rules is judged by rules, in `evals.tasks`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field, SecretStr, StrictBool

from coach.adapters.chat_models import fault_of, open_chat_model
from coach.adapters.prompt_files import PromptFiles
from coach.domain.errors import ConfigurationError, ModelFault
from evals.datasets import DATA, DatasetError, read_samples
from evals.grammar import Sample, Score, Scorer, Task, unscored

PROMPTS = Path(__file__).parent / "prompts"
HAND_LABELS = DATA / "judge-agreement.jsonl"

WISHED = ("asks before it gives any advice", "names a particular of the message")
UNWISHED = (
    "claims something about the person that the message does not say",
    "asks more than one thing in a single question",
)
"""Criteria of which less is better."""
JUDGED_TASKS = ("suggestions",)

_NO_KEY = SecretStr("")
_ANSWER_S = 60.0
"""A verdict comes whole, with its reasoning: the first byte is the last one too."""
_LASTING: frozenset[ModelFault] = frozenset(
    {"refused", "unreachable", "unauthorised", "unknown-model", "rate-limited", "overloaded", "too-slow", "malformed"}
)
"""Faults that the next sample will most likely meet too."""
_PATIENCE = 5
"""Such faults in a row after which a model is not asked again: a dead server would cost a timeout for each sample."""


class Message(Protocol):
    """A sample with what somebody wrote."""

    @property
    def text(self) -> str: ...


class Written(Protocol):
    """A reply as text."""

    @property
    def markdown(self) -> str: ...


class Answered(Protocol):
    """The output of a solver that holds a reply."""

    @property
    def reply(self) -> Written: ...


class Labelled(Sample):
    """A reply with one criterion, and whether a human reader finds that it holds."""

    text: str = Field(min_length=1)
    reply: str = Field(min_length=1)
    criterion: str = Field(min_length=1)
    label: StrictBool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the criterion holds, None where that cannot be known, and why."""

    holds: bool | None
    reason: str


Evaluate = Callable[..., Any]
"""What openevals makes: it takes the prompt as `inputs`, and gives a score and a comment."""


class Judge:
    """A chat model under a name; `Judge.open` makes one."""

    def __init__(self, name: str, evaluate: Evaluate) -> None:
        self.name = name
        self.why_silent = ""
        """The reason for the last verdict that was none."""
        self._evaluate = evaluate
        self._prompts = PromptFiles(PROMPTS)
        self._failures_in_a_row = 0

    @property
    def prompt_digest(self) -> str:
        """SHA-256 of the prompt, shortened to 16 hex digits."""
        return self._prompts.digest[:16]

    @classmethod
    def open(cls, model: str, *, url: str = "", api_key: SecretStr = _NO_KEY) -> Judge:
        """A judge over provider:model; nothing is sent yet.

        Raises:
            ConfigurationError: The package is missing, or the name, the address or the key cannot be right.
        """
        try:
            from openevals.llm import create_llm_as_judge
        except ImportError as error:
            raise ConfigurationError(
                f"The judge {model} needs the package openevals. Install the extra `judge`: "
                "python -m pip install --editable '.[judge]'"
            ) from error
        try:
            opened = open_chat_model(model, url=url, api_key=api_key, first_token_s=_ANSWER_S)
        except ConfigurationError as error:
            raise ConfigurationError(_in_words_of_the_judge(error)) from error

        # A function, as openevals would take braces in a template for its own.
        def prompt(*, inputs: str, **_: object) -> list[Any]:
            return [{"role": "user", "content": inputs}]

        return cls(model.strip(), create_llm_as_judge(prompt=prompt, judge=opened))

    def says(self, criterion: str, text: str, reply: str) -> bool | None:
        """Whether the criterion holds for a reply to a text; None where the judge fails or cannot be understood."""
        return self.verdict(criterion, text, reply).holds

    def verdict(self, criterion: str, text: str, reply: str) -> Verdict:
        """What it says, with its reasoning, or why it says nothing."""
        if self._failures_in_a_row >= _PATIENCE:
            return Verdict(None, f"Not asked, as the judge failed {_PATIENCE} times in a row: {self.why_silent}")
        verdict = self._asked(self._rendered(criterion, text, reply))
        if verdict.holds is None:
            self.why_silent = verdict.reason
        return verdict

    def _asked(self, prompt: str) -> Verdict:
        from langchain_core.exceptions import OutputParserException
        from langsmith import tracing_context
        from openai import ContentFilterFinishReasonError, LengthFinishReasonError

        unreadable = (
            OutputParserException,  # no JSON
            LookupError,  # JSON without a score
            TypeError,  # JSON that is no object
            LengthFinishReasonError,
            ContentFilterFinishReasonError,
        )
        try:
            # A variable of the environment would otherwise have every reply copied to langchain's makers.
            with tracing_context(enabled=False):
                found = self._evaluate(inputs=prompt)
        except unreadable:
            found = None
        except Exception as error:  # noqa: BLE001  whatever a provider's package raises; it becomes the reason
            fault = fault_of(error)
            self._failures_in_a_row += fault.kind in _LASTING
            return Verdict(None, _in_words_of_the_judge(fault))
        self._failures_in_a_row = 0
        return _read(found)

    def _rendered(self, criterion: str, text: str, reply: str) -> str:
        # Made of what it encloses: the same every time, and in none of it.
        tag = hashlib.sha256("\0".join((criterion, text, reply)).encode()).hexdigest()[:12]
        return self._prompts.render("judge", tag=tag, criterion=criterion, message=text, reply=reply)

    def agreement(self, rows: Sequence[Labelled]) -> tuple[float, int]:
        """The share of hand labels that it agrees with, of those that it could judge, and how many those are."""
        pairs = [(self.says(row.criterion, row.text, row.reply), row.label) for row in rows]
        judged = [says is label for says, label in pairs if says is not None]
        return (sum(judged) / len(judged) if judged else 0.0), len(judged)


def metric_of(judge: Judge, criterion: str) -> str:
    """The name of a number that a judge gave."""
    return f"judge:{judge.name} {criterion}"


def judged_by(judge: Judge, criteria: Sequence[str]) -> Callable[[Message, Answered], Iterable[Score]]:
    """A scorer of replies: one score a criterion, 1 where it holds, unscored where the judge says nothing."""

    def judged(sample: Message, answer: Answered) -> Iterable[Score]:
        for criterion in criteria:
            metric, reply = metric_of(judge, criterion), answer.reply.markdown
            verdict = judge.verdict(criterion, sample.text, reply)
            if verdict.holds is None:
                yield unscored(metric, verdict.reason)
            else:
                yield Score(metric, float(verdict.holds), f"{verdict.reason}: {sample.text} → {reply}")

    return judged


def agreement_line(judge: Judge, rows: Sequence[Labelled]) -> str:
    """One sentence for the report. Asks the judge about every row.

    Raises:
        ConfigurationError: It gives no verdict on any.
    """
    share, judged = judge.agreement(rows)
    if not judged:
        raise ConfigurationError(
            f"The judge {judge.name} gave no verdict on {len(rows)} hand labels. {judge.why_silent}"
        )
    silent = f"; on {len(rows) - judged} more it gave no readable verdict" if judged < len(rows) else ""
    return f"judge {judge.name} agrees with {round(share * judged)} of {judged} hand labels{silent}"


def hand_labels() -> list[Labelled]:
    """The rows that judges are held against. Raises DatasetError."""
    return read_samples(HAND_LABELS, Labelled)


def with_judge(tasks: Sequence[Task[Any, Any]], judge: Judge) -> list[Task[Any, Any]]:
    """The tasks, with a judge beside the rules of those that it can judge. Asks it about the hand labels.

    Raises:
        DatasetError: It can judge none of them.
        ConfigurationError: It gives no verdict at all, as where the key is wrong or the model too small.
    """
    if not any(task.name in JUDGED_TASKS for task in tasks):
        raise DatasetError(f"a judge is for {', '.join(JUDGED_TASKS)}, which is not among the tasks to run")
    line = agreement_line(judge, hand_labels())
    return [_with_judge(task, judge, line) if task.name in JUDGED_TASKS else task for task in tasks]


def _with_judge(task: Task[Any, Any], judge: Judge, line: str) -> Task[Any, Any]:
    scorer: Scorer[Any, Any] = judged_by(judge, (*WISHED, *UNWISHED))
    unwished = frozenset(metric_of(judge, criterion) for criterion in UNWISHED)
    wished = frozenset(metric_of(judge, criterion) for criterion in WISHED)
    said: Mapping[str, str] = {"judge": line.removeprefix("judge "), "judge's prompt": judge.prompt_digest}
    return replace(
        task,
        scorers=(*task.scorers, scorer),
        lower_is_better=task.lower_is_better | unwished,
        # It is somebody else's model, and need not say the same twice.
        not_gated=task.not_gated | wished | unwished,
        setup={**task.setup, **said},
    )


def _read(found: object) -> Verdict:
    match found:
        case {"score": bool(holds), "comment": comment}:
            return Verdict(holds, " ".join(str(comment or "no reason given").split()))
        case _:
            return Verdict(None, "The judge's verdict could not be read as yes or no.")


_NAMES = {"COACH_MODEL_URL": "--judge-url", "COACH_API_KEY": "JUDGE_API_KEY", "COACH_MODEL": "--judge"}


def _in_words_of_the_judge(error: Exception) -> str:
    """An error of a chat model, with the names of the judge's own settings in it."""
    return re.sub("|".join(_NAMES), lambda found: _NAMES[found[0]], str(error))
