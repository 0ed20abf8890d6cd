"""How much the knowledge holds, what it covers, and where it is thin.

Whether what it holds is any good is `coach.services.knowledge_check`; drawing the counts is `coach.adapters.heatmap`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from coach.domain.knowledge import ARC, Card, Framing, Plan, Question, Resource
from coach.ports import KnowledgeBase

MIN_QUESTIONS_PER_STAGE_AND_PURPOSE = 8
MIN_PER_TOPIC: Mapping[str, int] = {"cards": 4, "resources": 3, "framings": 1}

Table = Mapping[str, Mapping[str, int]]
"""Counts by row and column."""


@dataclass(frozen=True, slots=True)
class ThinSpot:
    """A place with fewer records than a suggestion needs to have a choice; `stage` or `topic` says where."""

    where: str
    what: str
    count: int
    wanted: int

    def __str__(self) -> str:
        return f"{self.where}: {self.count} {self.what}, at least {self.wanted} wanted"


@dataclass(frozen=True, slots=True)
class KnowledgeStats:
    """Counts of everything, and of what each stage and topic can draw on."""

    counts: Mapping[str, int]
    stages: Table
    """Questions by stage and purpose."""
    topics: Table
    """Records by topic and kind."""
    thin: tuple[ThinSpot, ...]

    def as_json(self) -> dict[str, object]:
        """What `coach knowledge stats --json` prints."""
        coverage = {
            "questions_by_stage_and_purpose": {stage: dict(row) for stage, row in self.stages.items()},
            "records_by_topic": {topic: dict(row) for topic, row in self.topics.items()},
            "thin": [{"where": s.where, "what": s.what, "count": s.count, "wanted": s.wanted} for s in self.thin],
        }
        return {**self.counts, "coverage": coverage}


def stats(knowledge: KnowledgeBase) -> KnowledgeStats:
    """Count a knowledge base."""
    questions = knowledge.questions.values()
    stages: Table = {
        stage.id: {
            str(purpose): sum(q.purpose == purpose and stage.id in q.stages for q in questions) for purpose in ARC
        }
        for stage in knowledge.taxonomy.stages
    }
    kinds: Mapping[str, Iterable[Card | Question | Framing | Resource | Plan]] = {
        "cards": knowledge.cards.values(),
        "questions": questions,
        "framings": knowledge.framings.values(),
        "resources": knowledge.resources.values(),
        "plans": knowledge.plans.values(),
    }
    topics = {
        topic.id: {kind: sum(topic.id in record.topics for record in records) for kind, records in kinds.items()}
        for topic in knowledge.taxonomy.topics
    }
    return KnowledgeStats(_counts(knowledge), stages, topics, (*_thin_stages(stages), *_thin_topics(topics)))


def _counts(knowledge: KnowledgeBase) -> dict[str, int]:
    return {
        "cards": len(knowledge.cards),
        "questions": len(knowledge.questions),
        "framings": len(knowledge.framings),
        "plans": len(knowledge.plans),
        "acknowledgements": len(knowledge.acknowledgements),
        "resources": len(knowledge.resources),
        "sources": len(knowledge.sources),
        "scenarios": len(knowledge.scenarios),
        "journeys": len(knowledge.journeys),
    }


def _thin_stages(stages: Table) -> Iterable[ThinSpot]:
    for stage, row in stages.items():
        for purpose, count in row.items():
            if count < MIN_QUESTIONS_PER_STAGE_AND_PURPOSE:
                yield ThinSpot(f"stage {stage}", f"questions to {purpose}", count, MIN_QUESTIONS_PER_STAGE_AND_PURPOSE)


def _thin_topics(topics: Table) -> Iterable[ThinSpot]:
    for topic, row in topics.items():
        for kind, wanted in MIN_PER_TOPIC.items():
            if row[kind] < wanted:
                yield ThinSpot(f"topic {topic}", kind, row[kind], wanted)


def as_table(stats: KnowledgeStats) -> str:
    """The counts as plain text for a terminal."""
    totals = "\n".join(f"{count:>6}  {kind}" for kind, count in stats.counts.items())
    parts = [totals, "Questions by stage and purpose", _grid(stats.stages), "Records by topic", _grid(stats.topics)]
    if stats.thin:
        parts += ["Thin", "\n".join(f"  {spot}" for spot in stats.thin)]
    return "\n\n".join(parts) + "\n"


def _grid(table: Table) -> str:
    columns: Sequence[str] = tuple(next(iter(table.values()), {}))
    first = max((len(row) for row in table), default=0)
    lines = [" " * first + "".join(f"  {column:>10}" for column in columns)]
    lines += [
        f"{row:<{first}}" + "".join(f"  {cells[column]:>10}" for column in columns) for row, cells in table.items()
    ]
    return "\n".join(lines)
