"""First impressions of a message: how strongly labelled messages speak for each reading of it.

What is made of them is `coach.services.situation` and `coach.services.safety`; how readers learn, `linear_reader`.
"""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coach.domain.knowledge import Term
from coach.ports import ArrayStore, EntryKind, KnowledgeBase, Progress
from coach.services import cues, linear_reader, safety
from coach.services.linear_reader import Examples, LinearReader, Message
from coach.services.retrieval import Query, Retrieval

Field = Literal["role", "stage", "intent", "feeling", "whose", "topic"]
Labels = Mapping[str, float]

_PARTS = ("labels", "dense", "words")
ALARM: Literal["alarm"] = "alarm"


@dataclass(frozen=True, slots=True)
class Impression:
    """Scores by label, about 1 where it surely fits: readings of the situation, and alarms ("none" among them)."""

    readings: Mapping[Field, Labels]
    alarms: Labels

    @property
    def topics(self) -> Labels:
        """Scores of what the message is about."""
        return self.readings["topic"]


class Impressions:
    """Its readers are fitted when they are first needed, and kept: the same messages need not be learnt from twice."""

    def __init__(self, knowledge: KnowledgeBase, retrieval: Retrieval, kept: ArrayStore) -> None:
        self._knowledge = knowledge
        self._retrieval = retrieval
        self._kept = kept
        self._situation: Mapping[str, LinearReader] = {}
        self._alarms: LinearReader | None = None
        self._lock = threading.Lock()

    def prepare(self, progress: Progress | None = None) -> None:
        """Fit or load the readers; fitting takes seconds, and progress is told of it alone.

        Raises:
            RetrievalFailed: where an index does not answer, or lacks a labelled message.
        """
        with self._lock:
            if not self._situation:
                self._situation = self._readers("situations", cues.signs, self._situation_examples(), progress)
            if self._alarms is None:
                self._alarms = self._readers("alarms", safety.signs, self._alarm_examples(), progress)[ALARM]

    def of(self, query: Query) -> Impression:
        """The impression that a message makes.

        Raises:
            RetrievalFailed: where an index does not answer.
        """
        self.prepare()
        message = Message(query.text, query.vector, cues.signs(query.text))
        readings: dict[Field, Labels] = {
            "role": self._situation["role"].scores(message),
            "stage": self._situation["stage"].scores(message),
            "intent": self._situation["intent"].scores(message),
            "feeling": self._situation["feeling"].scores(message),
            "whose": self._situation["whose"].scores(message),
            "topic": self._situation["topic"].scores(message),
        }
        return Impression(readings, self.alarms(query))

    def alarms(self, query: Query) -> Labels:
        """How strongly a message calls for care, other help or a refusal."""
        self.prepare()
        assert self._alarms is not None
        return self._alarms.scores(Message(query.text, query.vector, safety.signs(query.text)))

    def _situation_examples(self) -> _Lesson:
        exemplars, taxonomy = list(self._knowledge.exemplars.values()), self._knowledge.taxonomy
        lesson = _Lesson()
        for exemplar in exemplars:
            lesson.add(
                "exemplar",
                exemplar.id,
                exemplar.text,
                {
                    "role": {exemplar.role},
                    "stage": {exemplar.stage},
                    "intent": {exemplar.intent},
                    "feeling": {exemplar.feeling},
                    "topic": set(exemplar.topics),
                    "whose": {exemplar.whose},
                },
            )
        groups: Mapping[str, Sequence[Term]] = {
            "role": taxonomy.roles,
            "stage": taxonomy.stages,
            "intent": taxonomy.intents,
            "feeling": taxonomy.feelings,
            "topic": taxonomy.topics,
        }
        for field, terms in groups.items():
            for term in terms:
                for place, phrase in enumerate(term.phrases, start=1):
                    lesson.add("phrase", f"{field}/{term.id}/{place}", phrase, {field: {term.id}})
        lesson.fields.update(dict.fromkeys(("role", "stage", "intent", "feeling", "topic", "whose")))
        return lesson

    def _alarm_examples(self) -> _Lesson:
        lesson = _Lesson()
        for alarm in self._knowledge.alarms.values():
            lesson.add("alarm", alarm.id, alarm.text, {ALARM: {alarm.decision}})
        for exemplar in self._knowledge.exemplars.values():
            lesson.add("exemplar", exemplar.id, exemplar.text, {ALARM: {safety.NONE}})
        lesson.fields.update({ALARM: None})
        return lesson

    def _readers(
        self, name: str, signs_of: Callable[[str], Sequence[float]], lesson: _Lesson, progress: Progress | None
    ) -> Mapping[str, LinearReader]:
        """By field; learnt from the lesson unless readers of the very same are kept."""
        digest = lesson.digest(self._retrieval.embedder_digest)
        kept = self._kept.load(name, digest)
        if kept is not None and all(f"{field}-{part}" in kept for field in lesson.fields for part in _PARTS):
            return {field: _reader(kept, field) for field in lesson.fields}
        if progress:
            progress("Learning to read messages", 0, len(lesson.examples))
        vectors = {
            kind: dict(zip(ids, self._retrieval.library_vectors(kind, ids), strict=True))
            for kind, ids in lesson.ids_by_kind().items()
        }
        messages = [Message(text, vectors[kind][key], signs_of(text)) for kind, key, text, _ in lesson.examples]
        examples = Examples(messages)
        readers = {
            field: examples.reader({p: e[3][field] for p, e in enumerate(lesson.examples) if field in e[3]})
            for field in lesson.fields
        }
        arrays = {
            f"{field}-{part}": array
            for field, reader in readers.items()
            for part, array in (
                ("labels", np.array(reader.labels, dtype=np.str_)),
                ("dense", reader.dense),
                ("words", reader.words),
            )
        }
        self._kept.save(name, digest, arrays)
        if progress:
            progress("Learning to read messages", len(lesson.examples), len(lesson.examples))
        return readers


def _reader(kept: Mapping[str, NDArray[np.generic]], field: str) -> LinearReader:
    dense, words = (kept[f"{field}-{part}"].astype(np.float32, copy=False) for part in ("dense", "words"))
    return LinearReader(tuple(str(label) for label in kept[f"{field}-labels"]), dense, words)


class _Lesson:
    """Labelled messages as they are gathered: kind, id, text, and the labels by field."""

    def __init__(self) -> None:
        self.examples: list[tuple[EntryKind, str, str, Mapping[str, Collection[str]]]] = []
        self.fields: dict[str, None] = {}

    def add(self, kind: EntryKind, key: str, text: str, labels: Mapping[str, Collection[str]]) -> None:
        self.examples.append((kind, key, text, labels))

    def digest(self, embedder: str) -> str:
        """Of all that fitting depends on: the examples, the embedder, and how signs are found and readers fitted."""
        digest = hashlib.sha256(embedder.encode())
        for module in (cues, safety, linear_reader):
            digest.update(inspect.getsource(module).encode())
        for _, key, text, labels in self.examples:
            sorted_labels = sorted((field, sorted(found)) for field, found in labels.items())
            digest.update(f"{key}\x00{text}\x00{sorted_labels}\x00".encode())
        return digest.hexdigest()

    def ids_by_kind(self) -> Mapping[EntryKind, list[str]]:
        ids: dict[EntryKind, list[str]] = {}
        for kind, key, _, _ in self.examples:
            ids.setdefault(kind, []).append(key)
        return ids
