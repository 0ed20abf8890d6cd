"""Keeps the index of the curated library in step with its files: only what changed is embedded.

Looking things up in it is `coach.services.retrieval`.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict

from langchain_core.embeddings import Embeddings

from coach.domain.people import LIBRARY
from coach.ports import EntryKind, IndexEntry, KnowledgeBase, LexicalIndex, Progress, VectorIndex

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


def synchronise(
    knowledge: KnowledgeBase,
    vectors: VectorIndex,
    words: LexicalIndex,
    embedder: Embeddings,
    progress: Progress | None = None,
) -> int:
    """Embed new and changed records, drop vanished ones; returns how many were embedded."""
    wanted: dict[EntryKind, dict[str, str]] = defaultdict(dict)
    for kind, record_id, text in knowledge.indexed_texts():
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
        texts = [text for _, _, text in batch]
        words.upsert(entries, texts)
        vectors.upsert(entries, embedder.embed_documents(texts))
        if progress:
            progress("Reading the library", min(start + BATCH, len(stale)), len(stale))
    if stale:
        log.info("%d library entries embedded", len(stale))
    return len(stale)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
