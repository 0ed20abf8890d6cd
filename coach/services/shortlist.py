"""Shortlists records of the library for a message: what retrieval finds, weighed by what the message is about.

Choosing among them for a reply is `coach.services.suggest`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from coach.domain.ranking import Hit
from coach.ports import KnowledgeBase
from coach.services.impressions import Labels
from coach.services.retrieval import Query, Retrieval

ShortlistKind = Literal["card", "question", "framing", "resource", "plan"]

TOPIC_WEIGHT = 0.4
"""Of the topics beside the fused score (dev: nDCG@10 of cards 0.43 with it, 0.36 without)."""
PLACE_WEIGHTS = (1.0, 0.7, 0.5, 0.4)
"""Of a record's topics, nearest first."""


class Shortlist:
    """Shortlists from one library."""

    def __init__(self, knowledge: KnowledgeBase, retrieval: Retrieval) -> None:
        self._retrieval = retrieval
        self._topics: Mapping[ShortlistKind, Mapping[str, Sequence[str]]] = {
            "card": {key: card.topics for key, card in knowledge.cards.items()},
            "question": {key: question.topics for key, question in knowledge.questions.items()},
            "framing": {key: framing.topics for key, framing in knowledge.framings.items()},
            "resource": {key: resource.topics for key, resource in knowledge.resources.items()},
            "plan": {key: plan.topics for key, plan in knowledge.plans.items()},
        }

    def records(self, query: Query, kind: ShortlistKind, *, topics: Labels, top_k: int) -> list[Hit]:
        """The best records of one kind, best first; `topics` are scores of the message's topics, about 1 for a sure one.

        Raises:
            RetrievalFailed: where an index does not answer.
        """
        of_record = self._topics[kind]
        hits = [hit for hit in self._retrieval.knowledge(query, kind, top_k=len(of_record)) if hit.id in of_record]
        fits = {hit.id: _fit(of_record[hit.id], topics) for hit in hits}
        best = max(fits.values(), default=0.0) or 1.0
        scored = [
            replace(hit, score=(1 - TOPIC_WEIGHT) * hit.score + TOPIC_WEIGHT * fits[hit.id] / best) for hit in hits
        ]
        ordered = sorted(scored, key=lambda hit: (-hit.score, hit.id))[:top_k]
        return [replace(hit, rank=rank) for rank, hit in enumerate(ordered, start=1)]


def _fit(record_topics: Sequence[str], topics: Labels) -> float:
    """How much a record speaks of what a message is about."""
    return sum(
        weight * max(0.0, topics.get(topic, 0.0)) for topic, weight in zip(record_topics, PLACE_WEIGHTS, strict=False)
    )
