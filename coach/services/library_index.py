"""Keeps the index of the curated library in step with its files: only what changed is embedded.

Looking things up in it is `coach.services.retrieval`.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from coach.domain.chunking import chunk_note
from coach.domain.people import LIBRARY
from coach.ports import EntryKind, IndexEntry, LexicalIndex, Progress, Vector, VectorIndex

log = logging.getLogger(__name__)

KINDS: tuple[EntryKind, ...] = (
    "card",
    "question",
    "framing",
    "resource",
    "plan",
    "acknowledgement",
    "phrase",
    "exemplar",
    "alarm",
)
BATCH = 32
MAX_WORDS = 150
"""Of a chunk of a long text, its lead left out: with the lead, about what the bundled embedder reads."""
_WORD = re.compile(r"\w+|[^\w\s]")

_FORM = "mean of chunks 1\n"
"""Of the vectors, in their digests: another form of them makes all anew."""

LibraryText = tuple[EntryKind, str, str]
"""Kind, id and text. The first line of a long text is its lead, which stands before each of its chunks."""


def synchronise(
    texts: Iterable[LibraryText],
    vectors: VectorIndex,
    words: LexicalIndex,
    embedder: Embeddings,
    progress: Progress | None = None,
) -> int:
    """Embed new and changed texts, drop vanished ones; returns how many were embedded.

    A record has one vector: of a long text, the mean of its chunks' (dev, nDCG@10 of cards beside the words: 0.361; 0.335
    by the best chunk, 0.351 by what the embedder reads of the whole).
    """
    wanted: dict[EntryKind, dict[str, str]] = defaultdict(dict)
    for kind, record_id, text in texts:
        wanted[kind][record_id] = text
    stale: list[tuple[EntryKind, str, str]] = []
    for kind in KINDS:
        stored, worded = vectors.digests(owner=LIBRARY, kind=kind), words.digests(owner=LIBRARY, kind=kind)
        vectors.remove(sorted(set(stored) - set(wanted[kind])), owner=LIBRARY, kind=kind)
        words.remove(sorted(set(worded) - set(wanted[kind])), owner=LIBRARY, kind=kind)
        for record_id, text in wanted[kind].items():
            if not stored.get(record_id) == worded.get(record_id) == _digest(text):
                stale.append((kind, record_id, text))
    for start in range(0, len(stale), BATCH):
        batch = stale[start : start + BATCH]
        entries = [IndexEntry(record_id, LIBRARY, kind, _digest(text)) for kind, record_id, text in batch]
        batch_texts = [text for _, _, text in batch]
        words.upsert(entries, batch_texts)
        vectors.upsert(entries, _embedded(batch_texts, embedder))
        if progress:
            progress("Reading the library", min(start + BATCH, len(stale)), len(stale))
    if stale:
        log.info("%d library entries embedded", len(stale))
    return len(stale)


def chunks_of(text: str) -> Iterator[str]:
    """The text itself, or where it is long, its parts, each behind the lead."""
    lead, _, body = text.partition("\n")
    if not body or len(_WORD.findall(text)) <= MAX_WORDS:
        yield text
        return
    for chunk in chunk_note(body, note_id="", token_offsets=_words, max_tokens=MAX_WORDS):
        yield f"{lead}\n{chunk.text}"


def _embedded(texts: Sequence[str], embedder: Embeddings) -> list[Vector]:
    """One vector of unit length a text."""
    chunks = [list(chunks_of(text)) for text in texts]
    made = iter(embedder.embed_documents([chunk for found in chunks for chunk in found]))
    return [_mean([next(made) for _ in found]) for found in chunks]


def _mean(vectors: Sequence[Vector]) -> Vector:
    if len(vectors) == 1:
        return vectors[0]
    mean = np.mean(np.asarray(vectors, dtype=np.float32), axis=0)
    unit: Vector = (mean / np.linalg.norm(mean)).tolist()
    return unit


def _words(text: str) -> list[tuple[int, int]]:
    """Words and marks stand for tokens here: cutting the library must not need the model."""
    return [match.span() for match in _WORD.finditer(text)]


def _digest(text: str) -> str:
    return hashlib.sha256(f"{_FORM}{text}".encode()).hexdigest()[:16]
