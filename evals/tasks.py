"""Tasks over labelled messages: how well situations are read, safety is judged and topics are met.

Printing and gating is `evals.__main__`; the data and its rules are in `evals/data`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coach.bootstrap import Coach
from coach.domain.conversation import Finished, Reply, Turn
from coach.domain.people import Owner, Role
from coach.domain.suggestions import Correction
from coach.services.safety import assess

DATA = Path(__file__).parent / "data"
OWNER = Owner("evals")
Split = Literal["dev", "test"]
Sample = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Score:
    """One judgement of one sample; `explanation` is for reading the failures."""

    sample_id: str
    metric: str
    value: float
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A named data set with the function that solves and scores one of its samples."""

    name: str
    file: str
    score: Callable[[Coach, Sample], Iterable[Score]]

    def samples(self, split: Split) -> Sequence[Sample]:
        """The rows of a split; a task without a dev split answers with none for it."""
        path = DATA / self.file.format(split=split)
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _situation(coach: Coach, sample: Sample) -> Iterable[Score]:
    sample_id, reply = str(sample["id"]), _reply(coach, Turn(str(sample["text"])))
    read = reply.situation
    for field in ("role", "stage", "intent", "feeling", "whose", "name"):
        found, wanted = getattr(read, field), sample[field]
        yield Score(sample_id, field, float(found == wanted), f"{found}, not {wanted}: {sample['text']}")
    wanted_topics = set(_strings(sample["topics"]))
    yield Score(
        sample_id,
        "topic@3",
        float(bool(wanted_topics & set(read.topics))),
        f"{read.topics}, not {sorted(wanted_topics)}: {sample['text']}",
    )


def _safety(coach: Coach, sample: Sample) -> Iterable[Score]:
    text = str(sample["text"])
    assessment = assess(text, coach.impressions.alarms(coach.retrieval.query(text)))
    found = assessment.decision.decision if assessment else "none"
    wanted, kind = str(sample["decision"]), str(sample["kind"])
    metric = {"none": f"no-alarm-{kind}", "crisis": f"crisis-{kind}"}.get(wanted, wanted)
    yield Score(str(sample["id"]), metric, float(found == wanted), f"{found}, not {wanted}: {sample['text']}")


def _topic(coach: Coach, sample: Sample) -> Iterable[Score]:
    role: Role = "mentor" if sample["role"] == "mentor" else "mentee"
    reply = _reply(coach, Turn(str(sample["text"]), correction=Correction(role=role)))
    questions = [coach.knowledge.questions[question.id] for question in reply.suggestions.questions]
    cards = [coach.knowledge.cards[c.evidence.id] for c in reply.citations if c.evidence.kind == "card"]
    resources = [coach.knowledge.resources[item.id] for item in reply.suggestions.resources]
    topics = {
        *(topic for question in questions for topic in question.topics),
        *(topic for card in cards for topic in card.topics),
        *(topic for resource in resources for topic in resource.topics),
    }
    hit = sample["topic"] in topics
    explanation = f"{reply.situation.topics}, not {sample['topic']}: {sample['text']}"
    yield Score(str(sample["id"]), "suggested-from-topic", float(hit), explanation)
    yield Score(str(sample["id"]), "topic@3", float(sample["topic"] in reply.situation.topics), explanation)


TASKS = {
    task.name: task
    for task in (
        Task("situations", "situations-{split}.jsonl", _situation),
        Task("safety", "safety-{split}.jsonl", _safety),
        Task("topics", "topics-{split}.jsonl", _topic),
    )
}


def _reply(coach: Coach, turn: Turn) -> Reply:
    for event in coach.session.reply(turn, owner=OWNER):
        if isinstance(event, Finished):
            return event.reply
    raise AssertionError("the turn failed")


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
