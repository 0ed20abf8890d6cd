"""Builds stores of any size through the adapters' own methods, and opens them again.

What is written into them is `evals.benchmark.corpus`; what is then measured is `evals.benchmark.retrieval`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coach.domain.notes import Chunk, Note
from coach.domain.people import Owner
from coach.ports import IndexEntry, LexicalIndex, NoteStore, Vector, VectorIndex
from coach.services.ingest import indexed_text
from evals.benchmark.corpus import PARAGRAPHS, PEOPLE, owner_of, written_note
from evals.benchmark.measuring import say

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from numpy.typing import NDArray
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from coach.adapters.minilm import MiniLM
    from evals.reference_pipeline import LangChainDefault

BATCH_CHUNKS = 25_000
"""A batch is spread over all collections of the index: a large one gives each of them enough to write at once."""
LANGCHAIN_BATCH_NOTES = 4_000 // PARAGRAPHS
"""Chroma takes about 5,400 records a call, and LangChain passes on what it gets in one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The coach's storage in one folder, without its library."""

    store: NoteStore
    words: LexicalIndex
    vectors: VectorIndex
    embedder: MiniLM


_BULK_PRAGMAS = ("synchronous = OFF", "wal_autocheckpoint = 100000", "cache_size = -400000")
"""A store that is thrown away need not survive a power cut while it is built; they hold for its connections only."""


@contextmanager
def opened(home: Path, *, is_bulk: bool = False) -> Iterator[Parts]:
    """The adapters, wired as `coach.bootstrap` wires them; with `is_bulk`, quicker to fill and for nothing else."""
    from sqlalchemy import event

    from coach.adapters.chroma_index import ChromaIndex
    from coach.adapters.full_text import FullText
    from coach.adapters.minilm import MiniLM
    from coach.adapters.sql_store import SqlStore, migrate, open_engine

    home.mkdir(parents=True, exist_ok=True)
    engine = open_engine(f"sqlite:///{home / 'coach.db'}")
    if is_bulk:
        event.listen(engine, "connect", _relax)
    migrate(engine)
    embedder = MiniLM()
    vectors = ChromaIndex.embedded(home / "vectors")
    try:
        if vectors.identity() is None:
            vectors.reset(embedder.identity())
        yield Parts(SqlStore(engine), FullText(engine), vectors, embedder)
    finally:
        vectors.close()
        engine.dispose()


def build(
    parts: Parts, *, chunks: int, embeddings: Embeddings, owner: Owner | None = None, vectors_file: Path | None = None
) -> float:
    """Store and index that many chunks, and return the seconds it took, embedding and inventing the notes left out.

    Args:
        chunks: How many, a multiple of a note's.
        owner: Whose all of them are, each note with the person it names; None gives every owner a hundred.
        vectors_file: Where to keep the vectors as well, for `vectors_in`.
    """
    from coach.adapters.minilm import DIMENSION

    matrix = np.memmap(vectors_file, np.float32, "w+", shape=(chunks, DIMENSION)) if vectors_file else None
    people: dict[str, str] = {}
    taken = 0.0
    for first in range(0, chunks, BATCH_CHUNKS):
        last = min(chunks, first + BATCH_CHUNKS)
        notes = _notes(parts.store, range(first // PARAGRAPHS, last // PARAGRAPHS), owner, people)
        texts = [indexed_text(note, chunk) for note, note_chunks in notes for chunk in note_chunks]
        vectors = embeddings.embed_documents(texts)
        if matrix is not None:
            matrix[first:last] = vectors
        started = time.perf_counter()
        _write(parts, notes, texts, vectors)
        taken += time.perf_counter() - started
        say(f"  {last:,} of {chunks:,} chunks written, {last / taken:,.0f} a second")
    return taken


def build_langchain(pipeline: LangChainDefault, *, chunks: int) -> float:
    """The same notes in the reference pipeline, cut as it cuts them; returns the seconds that took."""
    taken = 0.0
    total = chunks // PARAGRAPHS
    for first in range(0, total, LANGCHAIN_BATCH_NOTES):
        notes = [written_note(number) for number in range(first, min(total, first + LANGCHAIN_BATCH_NOTES))]
        metadatas = [{"owner": owner_of(note.number * PARAGRAPHS), "title": note.title} for note in notes]
        started = time.perf_counter()
        pipeline.add([note.text for note in notes], metadatas)
        taken += time.perf_counter() - started
        if first % (20 * LANGCHAIN_BATCH_NOTES) == 0:
            say(f"  {first + len(notes):,} of {total:,} notes in the LangChain pipeline")
    return taken


def vectors_in(file: Path) -> NDArray[np.float32]:
    """The matrix that `build` kept, (chunks, dimension), read into memory."""
    from coach.adapters.minilm import DIMENSION

    return np.fromfile(file, dtype=np.float32).reshape(-1, DIMENSION)


def _notes(
    store: NoteStore, numbers: Sequence[int], owner: Owner | None, people: dict[str, str]
) -> list[tuple[Note, list[Chunk]]]:
    notes = []
    for number in numbers:
        written = written_note(number, people=PEOPLE if owner else None)
        if owner is not None and written.name not in people:
            people[written.name] = store.add_relationship(written.name, owner=owner, role="mentor").id
        whose = owner or owner_of(number * PARAGRAPHS)
        notes.append(written.stored(owner=whose, relationship_id=people.get(written.name)))
    return notes


def _write(
    parts: Parts, notes: Sequence[tuple[Note, Sequence[Chunk]]], texts: Sequence[str], vectors: Sequence[Vector]
) -> None:
    """Both databases at the same time: the index releases the interpreter while it works."""
    entries = [
        IndexEntry(chunk.id, note.owner, "note", "bench", note.relationship_id, note.date, note_id=note.id)
        for note, chunks in notes
        for chunk in chunks
    ]
    with ThreadPoolExecutor(max_workers=1) as pool:
        indexed = pool.submit(parts.vectors.upsert, entries, vectors)
        for note, chunks in notes:
            parts.store.save_note(note, chunks)
        parts.words.upsert(entries, texts)
        indexed.result()


def _relax(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in _BULK_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
