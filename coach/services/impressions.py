"""First impressions of a message: how strongly labelled messages, phrases and records speak for each reading of it.

What is made of them is `coach.services.situation` and `coach.services.safety`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from coach.domain.knowledge import Term
from coach.ports import EntryKind, KnowledgeBase
from coach.services.cues import FRAME
from coach.services.linear_reader import LinearReader
from coach.services.retrieval import Query, Retrieval

Field = Literal["role", "stage", "intent", "feeling", "whose", "topic"]
Labels = Mapping[str, float]

PHRASES_READ = 60
"""Nearest taxonomy phrases looked at for one message."""
NEIGHBOURS = 12
"""Nearest questions and cards whose topics are counted."""
PHRASE_WEIGHT = 0.2
"""Of the nearest phrases beside the labelled messages, for topics (dev: 0.69 of the messages meet a right topic in
three, against 0.64 without)."""
VOTE_WEIGHT = 0.15
"""Of the neighbouring records."""
MIN_CORE = 10
"""Characters that must be left of a message without its frame."""


@dataclass(frozen=True, slots=True)
class Impression:
    """Scores by label, about 1 where it surely fits: readings of the situation, topics, and alarms ("none" among them)."""

    readings: Mapping[Field, Labels]
    topics: Labels
    alarms: Labels


class Impressions:
    """Fits its readers when the first message comes; keeps nothing of messages."""

    def __init__(self, knowledge: KnowledgeBase, retrieval: Retrieval) -> None:
        self._knowledge = knowledge
        self._retrieval = retrieval

    def of(self, query: Query) -> Impression:
        """The impression that a message makes.

        Raises:
            RetrievalFailed: where an index does not answer.
        """
        readings = {field: reader.scores(query.text, query.vector) for field, reader in self._readers.items()}
        return Impression(readings, self._topics(query, readings["topic"]), self.alarms(query))

    def alarms(self, query: Query) -> Labels:
        """How strongly a message calls for care, other help or a refusal."""
        return self._alarm_reader.scores(query.text, query.vector)

    def _topics(self, query: Query, read: Labels) -> Labels:
        core_text = core_of(query.text)
        core = query if core_text == query.text else self._retrieval.query(core_text)
        phrases = _by_topic(self._retrieval.nearest_phrases(core, top_k=PHRASES_READ))
        votes = self._votes(core)
        return {
            topic: score + PHRASE_WEIGHT * phrases.get(topic, 0.0) + VOTE_WEIGHT * votes.get(topic, 0.0)
            for topic, score in read.items()
        }

    def _votes(self, query: Query) -> Labels:
        """Topics of the nearest questions and cards, 1 for the strongest."""
        questions = self._retrieval.nearest(query, "question", top_k=NEIGHBOURS)
        cards = self._retrieval.nearest(query, "card", top_k=NEIGHBOURS)
        neighbours = [
            *((self._knowledge.questions[key].topics, similarity) for key, similarity in questions.items()),
            *((self._knowledge.cards[key].topics, similarity) for key, similarity in cards.items()),
        ]
        votes: defaultdict[str, float] = defaultdict(float)
        for topics, similarity in neighbours:
            for place, topic in enumerate(topics):
                votes[topic] += max(0.0, similarity - 0.2) ** 2 / (1 + place)
        strongest = max(votes.values(), default=0.0) or 1.0
        return {topic: vote / strongest for topic, vote in votes.items()}

    @cached_property
    def _readers(self) -> Mapping[Field, LinearReader]:
        exemplars = list(self._knowledge.exemplars.values())
        texts, vectors = self._with_vectors("exemplar", {e.id: e.text for e in exemplars})
        taxonomy = self._knowledge.taxonomy
        terms: Mapping[Field, Sequence[Term]] = {
            "role": taxonomy.roles,
            "stage": taxonomy.stages,
            "intent": taxonomy.intents,
            "feeling": taxonomy.feelings,
            "topic": taxonomy.topics,
            "whose": (),
        }
        labels: Mapping[Field, list[Collection[str]]] = {
            "role": [{e.role} for e in exemplars],
            "stage": [{e.stage} for e in exemplars],
            "intent": [{e.intent} for e in exemplars],
            "feeling": [{e.feeling} for e in exemplars],
            "topic": [set(e.topics) for e in exemplars],
            "whose": [{e.whose} for e in exemplars],
        }
        readers = {}
        for field, found in labels.items():
            phrases = {
                f"{field}/{term.id}/{place}": (phrase, {term.id})
                for term in terms[field]
                for place, phrase in enumerate(term.phrases, start=1)
            }
            more_texts, more_vectors = self._with_vectors("phrase", {key: text for key, (text, _) in phrases.items()})
            more_labels = [label for _, label in phrases.values()]
            readers[field] = LinearReader([*texts, *more_texts], [*vectors, *more_vectors], [*found, *more_labels])
        return readers

    @cached_property
    def _alarm_reader(self) -> LinearReader:
        alarms, exemplars = self._knowledge.alarms, self._knowledge.exemplars
        texts, vectors = self._with_vectors("alarm", {key: alarm.text for key, alarm in alarms.items()})
        calm_texts, calm_vectors = self._with_vectors("exemplar", {key: e.text for key, e in exemplars.items()})
        labels: list[Collection[str]] = [
            *({alarm.decision} for alarm in alarms.values()),
            *({"none"} for _ in calm_texts),
        ]
        return LinearReader([*texts, *calm_texts], [*vectors, *calm_vectors], labels)

    def _with_vectors(self, kind: EntryKind, texts: Mapping[str, str]) -> tuple[list[str], list[Sequence[float]]]:
        return list(texts.values()), self._retrieval.library_vectors(kind, list(texts))


def core_of(text: str) -> str:
    """The message without the words of asking and of mentoring at large; the message itself where nothing is left."""
    core = " ".join(FRAME.sub(" ", text.replace("’", "'")).split())
    return core if len(core) >= MIN_CORE else text


def _by_topic(phrases: Mapping[str, float]) -> Labels:
    """Topic → similarity of its nearest phrase, a little raised where further phrases of it are near too."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for phrase_id, similarity in phrases.items():
        vocabulary, term, _ = phrase_id.split("/", 2)
        if vocabulary == "topic":
            found[term].append(similarity)
    ordered = {term: sorted(similarities, reverse=True) for term, similarities in found.items()}
    return {term: values[0] + 0.15 * sum(values[1:3]) for term, values in ordered.items()}
