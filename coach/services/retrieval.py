"""Retrieval: finds knowledge records and the owner's own chunks for a query, by meaning and by words.

What is then suggested of it is `coach.services.suggest`; how texts come into the indexes is `coach.services.ingest`
and `coach.services.library_index`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from langchain_core.embeddings import Embeddings

from coach.domain.errors import CoachError, RetrievalFailed
from coach.domain.notes import Chunk, Note
from coach.domain.people import LIBRARY, Owner
from coach.domain.ranking import Hit, diversify, fuse
from coach.domain.time_words import end_asked_for
from coach.ports import EVERYWHERE, EntryKind, LexicalIndex, NoteStore, Scope, Vector, VectorIndex
from coach.services.library_vectors import LibraryVectors

KNOWLEDGE_DENSE_WEIGHT = 0.7
"""Advice-like text: meaning counts more (dev, nDCG@10 of cards: 0.351; 0.340 at 0.6 and at 0.8, 0.294 by meaning alone)."""
NOTES_DENSE_WEIGHT = 0.5
"""Personal notes are full of names and dates: words count as much (dev, recall@5 of sessions: 0.83 from 0.4 to 0.6)."""
LIBRARY_DEPTH = 1_000
"""Candidates taken from each index of the library before fusion. Cutting the lists short costs more than any weight gains
(dev: nDCG@10 0.33 with 40 of each, 0.35 with all 193)."""
NOTES_DEPTH = 100
"""The same for private notes, which are searched in a database."""
TIME_WEIGHT = 0.15
"""Of standing at the end of the story that a question asks for ("now", "the first time we met"), beside the fused score
(dev: recall@5 of sessions 0.85 with it, 0.83 without)."""
FEEDBACK_RECORDS = 3
FEEDBACK_WEIGHT = 0.5
"""Rocchio's pseudo-relevance feedback (1971) on the embedding: the query moves towards the best records of the first
search (dev: nDCG@10 of cards 0.361 against 0.351)."""


@dataclass(frozen=True, slots=True)
class Query:
    """A text with its embedding, so that one turn embeds once."""

    text: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class Candidates:
    """What each index offers for a query, by id: cosine similarity, and BM25."""

    dense: Mapping[str, float]
    lexical: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class NoteHit:
    """A chunk of the owner's, with its note and how well it matched."""

    hit: Hit
    chunk: Chunk
    note: Note


class Retrieval:
    """One fusion over both indexes, with a weight per corpus."""

    def __init__(self, vectors: VectorIndex, words: LexicalIndex, embedder: Embeddings, store: NoteStore) -> None:
        self._vectors = vectors
        self._library = LibraryVectors(vectors)
        self._words = words
        self._embedder = embedder
        self._store = store

    @property
    def embedder_digest(self) -> str:
        """Of the embedder that the stored vectors came from; empty where there are none."""
        identity = self._vectors.identity()
        return f"{identity.name} {identity.digest}" if identity else ""

    def query(self, text: str) -> Query:
        """Embed a query.

        Raises:
            RetrievalFailed: where the embedder does not work.
        """
        return Query(text, self._embedder.embed_query(text))

    def knowledge(self, query: Query, kind: EntryKind, *, top_k: int) -> list[Hit]:
        """The best records of one kind.

        Raises:
            RetrievalFailed: where an index does not answer.
        """
        found = self.knowledge_candidates(query, kind)
        first = fuse(found.dense, found.lexical, dense_weight=KNOWLEDGE_DENSE_WEIGHT)
        moved = self._towards(query.vector, kind, first[:FEEDBACK_RECORDS])
        with _translated():
            dense = self._library.search(moved, kind, top_k=LIBRARY_DEPTH)
        hits = fuse(dense, found.lexical, dense_weight=KNOWLEDGE_DENSE_WEIGHT)
        return [replace(hit, dense=found.dense.get(hit.id, 0.0)) for hit in hits[:top_k]]

    def _towards(self, vector: Vector, kind: EntryKind, hits: Sequence[Hit]) -> Vector:
        """The query's vector moved towards these records, each by its share of their scores."""
        total = sum(hit.score for hit in hits)
        if not total:
            return vector
        records = np.asarray(self.library_vectors(kind, [hit.id for hit in hits]), dtype=np.float32)
        shares = np.array([hit.score / total for hit in hits], dtype=np.float32)
        moved = np.asarray(vector, dtype=np.float32) + FEEDBACK_WEIGHT * (shares @ records)
        unit: Vector = (moved / np.linalg.norm(moved)).tolist()
        return unit

    def knowledge_candidates(self, query: Query, kind: EntryKind) -> Candidates:
        """What each index offers before fusion.

        Raises:
            RetrievalFailed: where an index does not answer.
        """
        with _translated():
            dense = self._library.search(query.vector, kind, top_k=LIBRARY_DEPTH)
            lexical = self._words.search(query.text, owner=LIBRARY, kind=kind, top_k=LIBRARY_DEPTH)
        return Candidates(dense, lexical)

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """The vectors of further texts of a turn.

        Raises:
            RetrievalFailed: where the embedder does not work.
        """
        return list(self._embedder.embed_documents(list(texts)))

    def library_vectors(self, kind: EntryKind, ids: Sequence[str]) -> list[Vector]:
        """Stored vectors of the library, in the order of the ids.

        Raises:
            RetrievalFailed: where the index does not answer, or holds none for one of the ids.
        """
        with _translated():
            return self._library.by_id(kind, ids)

    def notes(
        self, query: Query, *, owner: Owner, scope: Scope = EVERYWHERE, top_k: int = 8, is_diverse: bool = True
    ) -> list[NoteHit]:
        """The owner's best chunks; with `is_diverse`, not five of one passage.

        Raises:
            RetrievalFailed: where an index does not answer.
        """
        offered = self.note_candidates(query, owner=owner, scope=scope)
        hits = fuse(offered.dense, offered.lexical, dense_weight=NOTES_DENSE_WEIGHT)
        chunks = self._store.chunks_by_id([hit.id for hit in hits], owner=owner)
        notes = self._store.notes_by_id(sorted({chunk.note_id for chunk in chunks.values()}), owner=owner)
        found = [hit for hit in hits if hit.id in chunks and chunks[hit.id].note_id in notes]
        found = _by_time(found, {hit.id: notes[chunks[hit.id].note_id].date for hit in found}, query.text)
        if is_diverse:
            found = diversify(found, similarity=self._similarity(found, owner=owner), top_k=top_k, trade_off=0.85)
        return [
            NoteHit(replace(hit, rank=rank), chunks[hit.id], notes[chunks[hit.id].note_id])
            for rank, hit in enumerate(found[:top_k], start=1)
        ]

    def note_candidates(self, query: Query, *, owner: Owner, scope: Scope = EVERYWHERE) -> Candidates:
        """What each index offers of the owner's chunks before fusion.

        Raises:
            RetrievalFailed: where an index does not answer.
        """
        with _translated():
            dense = self._vectors.search(query.vector, owner=owner, kind="note", top_k=NOTES_DEPTH, scope=scope)
            lexical = self._words.search(query.text, owner=owner, kind="note", top_k=NOTES_DEPTH, scope=scope)
        return Candidates(dense, lexical)

    def _similarity(self, hits: Sequence[Hit], *, owner: Owner) -> Callable[[str, str], float]:
        with _translated():
            stored = self._vectors.vectors([hit.id for hit in hits], owner=owner, kind="note")
        vectors = {key: np.asarray(vector, dtype=np.float32) for key, vector in stored.items()}

        def cosine(first: str, second: str) -> float:
            return float(vectors[first] @ vectors[second]) if first in vectors and second in vectors else 0.0

        return cosine


def _by_time(hits: Sequence[Hit], days: Mapping[str, date | None], text: str) -> list[Hit]:
    """Hits nearer to the end of the story that the text asks for are raised; undated ones stay where they are."""
    end = end_asked_for(text)
    order = sorted({day for day in days.values() if day is not None}, reverse=end == "first")
    if end is None or len(order) < 2:
        return list(hits)
    place = {day: number / (len(order) - 1) for number, day in enumerate(order)}

    def raised(hit: Hit) -> float:
        day = days[hit.id]
        return hit.score + (TIME_WEIGHT * place[day] if day is not None else 0.0)

    return sorted((replace(hit, score=raised(hit)) for hit in hits), key=lambda hit: (-hit.score, hit.id))


class _translated:
    """Any foreseen failure of an index is a failed retrieval: the turn must not go on as if nothing was found."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CoachError) and not isinstance(error, RetrievalFailed):
            raise RetrievalFailed(str(error)) from error
