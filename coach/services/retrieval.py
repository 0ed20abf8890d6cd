"""Retrieval: finds knowledge records and the owner's own chunks for a query, by meaning and by words.

What is then suggested of it is `coach.services.suggest`; how texts come into the indexes is `coach.services.ingest`
and `coach.services.library_index`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from langchain_core.embeddings import Embeddings

from coach.domain.errors import CoachError, RetrievalFailed
from coach.domain.notes import Chunk, Note
from coach.domain.people import LIBRARY, Owner
from coach.domain.ranking import Hit, diversify, fuse
from coach.domain.sentences import sentence_spans
from coach.ports import EVERYWHERE, EntryKind, LexicalIndex, NoteStore, Scope, Vector, VectorIndex
from coach.services.library_vectors import LibraryVectors

KNOWLEDGE_DENSE_WEIGHT = 0.8
"""Advice-like text: meaning counts more (measured on an open question-answer set, nDCG@10 0.461 against 0.439)."""
NOTES_DENSE_WEIGHT = 0.4
"""Personal notes are full of names and dates: words count more (session recall@5 0.869 against 0.855 for BM25)."""
DEPTH = 40
"""Candidates taken from each index before fusion."""
SENTENCES_READ = 2
"""Sentences of a message that are compared with the phrases one by one: each costs one embedding."""
MIN_SENTENCE = 12
"""Characters; a shorter sentence says too little."""


@dataclass(frozen=True, slots=True)
class Query:
    """A text with its embedding, so that one turn embeds once."""

    text: str
    vector: Vector


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
        with _translated():
            dense = self._library.search(query.vector, kind, top_k=DEPTH)
            lexical = self._words.search(query.text, owner=LIBRARY, kind=kind, top_k=DEPTH)
        return fuse(dense, lexical, dense_weight=KNOWLEDGE_DENSE_WEIGHT)[:top_k]

    def nearest(self, query: Query, kind: EntryKind, *, top_k: int) -> dict[str, float]:
        """Cosine similarity, by id, of the nearest records of one kind."""
        with _translated():
            return self._library.search(query.vector, kind, top_k=top_k)

    def library_vectors(self, kind: EntryKind, ids: Sequence[str]) -> list[Vector]:
        """Stored vectors of the library, in the order of the ids.

        Raises:
            RetrievalFailed: where the index does not answer, or holds none for one of the ids.
        """
        with _translated():
            return self._library.by_id(kind, ids)

    def nearest_phrases(self, query: Query, *, top_k: int) -> dict[str, float]:
        """Cosine similarity, by id, of the taxonomy phrases nearest to a text or to one of its sentences."""
        spans = list(sentence_spans(query.text))
        sentences = [query.text[start:end] for start, end in spans if end - start >= MIN_SENTENCE][:SENTENCES_READ]
        vectors = [query.vector, *(self._embedder.embed_documents(sentences) if len(sentences) > 1 else ())]
        nearest: dict[str, float] = {}
        with _translated():
            for vector in vectors:
                found = self._library.search(vector, "phrase", top_k=top_k)
                for phrase_id, similarity in found.items():
                    nearest[phrase_id] = max(similarity, nearest.get(phrase_id, -1.0))
        return nearest

    def notes(
        self, query: Query, *, owner: Owner, scope: Scope = EVERYWHERE, top_k: int = 8, is_diverse: bool = True
    ) -> list[NoteHit]:
        """The owner's best chunks; with `is_diverse`, not five of one passage.

        Raises:
            RetrievalFailed: where an index does not answer.
        """
        with _translated():
            dense = self._vectors.search(query.vector, owner=owner, kind="note", top_k=DEPTH, scope=scope)
            lexical = self._words.search(query.text, owner=owner, kind="note", top_k=DEPTH, scope=scope)
        hits = fuse(dense, lexical, dense_weight=NOTES_DENSE_WEIGHT)
        chunks = self._store.chunks_by_id([hit.id for hit in hits], owner=owner)
        notes = self._store.notes_by_id(sorted({chunk.note_id for chunk in chunks.values()}), owner=owner)
        found = [hit for hit in hits if hit.id in chunks and chunks[hit.id].note_id in notes]
        if is_diverse:
            found = diversify(found, similarity=self._similarity(found, owner=owner), top_k=top_k, trade_off=0.85)
        return [
            NoteHit(replace(hit, rank=rank), chunks[hit.id], notes[chunks[hit.id].note_id])
            for rank, hit in enumerate(found[:top_k], start=1)
        ]

    def _similarity(self, hits: Sequence[Hit], *, owner: Owner) -> Callable[[str, str], float]:
        with _translated():
            stored = self._vectors.vectors([hit.id for hit in hits], owner=owner, kind="note")
        vectors = {key: np.asarray(vector, dtype=np.float32) for key, vector in stored.items()}

        def cosine(first: str, second: str) -> float:
            return float(vectors[first] @ vectors[second]) if first in vectors and second in vectors else 0.0

        return cosine


class _translated:
    """Any foreseen failure of an index is a failed retrieval: the turn must not go on as if nothing was found."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CoachError) and not isinstance(error, RetrievalFailed):
            raise RetrievalFailed(str(error)) from error
