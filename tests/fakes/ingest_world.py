"""A store and two indexes in memory that can be made to break at any step, and the check that they agree."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from sqlalchemy import Engine

from coach.adapters.chroma_index import ChromaIndex
from coach.adapters.full_text import FullText
from coach.adapters.sql_store import SqlStore, migrate, open_engine
from coach.domain.conversation import Message
from coach.domain.errors import NotFound
from coach.domain.notes import Chunk, IndexState, Note
from coach.domain.people import Owner, Relationship, Role
from coach.ports import EmbedderIdentity, EntryKind, IndexEntry, LexicalIndex, NoteStore, Vector, VectorIndex
from coach.services.ingest import Ingest, indexed_text

ADA, BEN = OWNERS = (Owner("ada"), Owner("ben"))


def token_offsets(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


class Interrupted(Exception):
    """Stands for a process that is killed."""


class Fuse:
    """Breaks when `steps` steps were taken; every change takes one before and one after."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._lock = threading.Lock()

    def set(self, steps: int | None) -> None:
        self._left = steps

    def step(self) -> None:
        with self._lock:
            if self._left is not None:
                self._left -= 1
                if self._left < 0:
                    raise Interrupted


class _Steps:
    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def __enter__(self) -> None:
        self._fuse.step()

    def __exit__(self, *_: object) -> None:
        self._fuse.step()


class MemoryNotes:
    """The part of a NoteStore that taking notes in needs."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self._notes: dict[str, Note] = {}
        self._chunks: dict[str, list[Chunk]] = {}
        self._relationships: dict[str, Relationship] = {}

    def replies_citing(self, note_id: str, *, owner: Owner) -> list[Message]:
        return []

    def add_relationship(self, name: str, *, owner: Owner, role: Role | None = None) -> Relationship:
        made = Relationship(f"r{len(self._relationships)}", owner, name, role)
        self._relationships[made.id] = made
        return made

    def relationships(self, *, owner: Owner) -> list[Relationship]:
        return [found for found in self._relationships.values() if found.owner == owner]

    def relationship(self, relationship_id: str, *, owner: Owner) -> Relationship:
        found = self._relationships.get(relationship_id)
        if found is None or found.owner != owner:
            raise NotFound("no such relationship")
        return found

    def delete_relationship(self, relationship_id: str, *, owner: Owner) -> None:
        del self._relationships[self.relationship(relationship_id, owner=owner).id]

    def save_note(self, note: Note, chunks: Sequence[Chunk]) -> None:
        with _Steps(self._fuse):
            self._notes[note.id], self._chunks[note.id] = note, list(chunks)

    def note(self, note_id: str, *, owner: Owner) -> Note:
        found = self._notes.get(note_id)
        if found is None or found.owner != owner:
            raise NotFound("no such note")
        return found

    def notes(self, *, owner: Owner, relationship_id: str | None = None) -> list[Note]:
        return [note for note in self._notes.values() if note.owner == owner and note.state != "deleting"]

    def find_note_by_content(self, content_hash: str, *, owner: Owner) -> Note | None:
        own = (note for note in self._notes.values() if note.owner == owner)
        return next((note for note in own if note.content_hash == content_hash), None)

    def set_state(self, note_id: str, state: IndexState, *, owner: Owner) -> None:
        with _Steps(self._fuse):
            self._notes[note_id] = replace(self.note(note_id, owner=owner), state=state)

    def erase_note(self, note_id: str, *, owner: Owner) -> None:
        with _Steps(self._fuse):
            del self._notes[self.note(note_id, owner=owner).id]
            del self._chunks[note_id]

    def erase_owner(self, *, owner: Owner) -> None:
        with _Steps(self._fuse):
            for note_id in [note.id for note in self._notes.values() if note.owner == owner]:
                del self._notes[note_id], self._chunks[note_id]
            for relationship in self.relationships(owner=owner):
                del self._relationships[relationship.id]

    def unfinished_notes(self) -> list[Note]:
        return [note for note in self._notes.values() if note.state != "indexed"]

    def all_owners(self) -> list[Owner]:
        return sorted({note.owner for note in self._notes.values()})

    def chunks(self, note_id: str, *, owner: Owner) -> list[Chunk]:
        return self._chunks[self.note(note_id, owner=owner).id]


class MemoryVectors:
    """The part of a VectorIndex that taking notes in needs."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self._identity: EmbedderIdentity | None = None
        self.entries: dict[tuple[Owner, str], tuple[IndexEntry, Vector]] = {}

    def identity(self) -> EmbedderIdentity | None:
        return self._identity

    def reset(self, identity: EmbedderIdentity) -> None:
        with _Steps(self._fuse):
            self._identity = identity
            self.entries.clear()

    def upsert(self, entries: Sequence[IndexEntry], vectors: Sequence[Vector]) -> None:
        with _Steps(self._fuse):
            for entry, vector in zip(entries, vectors, strict=True):
                self.entries[entry.owner, entry.id] = entry, vector

    def remove(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> None:
        with _Steps(self._fuse):
            for entry_id in ids:
                self.entries.pop((owner, entry_id), None)

    def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
        return {entry.id: entry.digest for entry, _ in self.entries.values() if entry.owner == owner}

    def vectors(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> dict[str, Vector]:
        return {entry_id: self.entries[owner, entry_id][1] for entry_id in ids if (owner, entry_id) in self.entries}


class MemoryWords:
    """The part of a LexicalIndex that taking notes in needs."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self.entries: dict[tuple[Owner, str], tuple[IndexEntry, str]] = {}

    def upsert(self, entries: Sequence[IndexEntry], texts: Sequence[str]) -> None:
        with _Steps(self._fuse):
            for entry, text in zip(entries, texts, strict=True):
                self.entries[entry.owner, entry.id] = entry, text

    def remove(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> None:
        with _Steps(self._fuse):
            for entry_id in ids:
                self.entries.pop((owner, entry_id), None)

    def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
        return {entry.id: entry.digest for entry, _ in self.entries.values() if entry.owner == owner}

    def texts(self) -> list[str]:
        return [text for _, text in self.entries.values()]


class CountingEmbedder(Embeddings):
    """Counts the texts that it embeds."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self._fake = DeterministicFakeEmbedding(size=8)
        self.count = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self._fuse.step()
        self.count += len(texts)
        return self._fake.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._fake.embed_query(text)


_CHANGES = frozenset(
    {"save_note", "set_state", "erase_note", "erase_owner", "upsert", "remove", "reset"},
)


class _Stepping:
    """A real adapter whose changes take the fuse's steps."""

    def __init__(self, adapter: object, fuse: Fuse) -> None:
        self._adapter = adapter
        self._fuse = fuse

    def __getattr__(self, name: str) -> object:
        method = getattr(self._adapter, name)
        if name not in _CHANGES:
            return method

        def stepping(*arguments: object, **named: object) -> object:
            with _Steps(self._fuse):
                return method(*arguments, **named)

        return stepping


class World:
    """All parts of taking notes in, sharing one fuse: store and words in memory, or in a database."""

    def __init__(self, *, database: str = "") -> None:
        self.fuse = Fuse()
        self.vectors = MemoryVectors(self.fuse)
        self.embedder = CountingEmbedder(self.fuse)
        self._engine = open_engine(database) if database else None
        if self._engine:
            engine = self._engine
            migrate(engine)
            self.store = cast(MemoryNotes, _Stepping(SqlStore(engine), self.fuse))
            self.words = cast(MemoryWords, _Stepping(FullText(engine), self.fuse))
        else:
            self.store = MemoryNotes(self.fuse)
            self.words = MemoryWords(self.fuse)
        self.ingest = Ingest(
            cast(NoteStore, self.store),
            cast(VectorIndex, self.vectors),
            cast(LexicalIndex, self.words),
            self.embedder,
            token_offsets,
        )

    def close(self) -> None:
        if self._engine:
            self._engine.dispose()

    def assert_consistent(self) -> None:
        """Every note is indexed, and both indexes hold its chunks as they are now and nothing else."""
        assert self.store.unfinished_notes() == []
        expected: dict[tuple[Owner, str], tuple[IndexEntry, str]] = {}
        for owner in self.store.all_owners():
            for note in self.store.notes(owner=owner):
                expected.update(_entries(note, self.store.chunks(note.id, owner=owner)))
        stored = {key: entry for key, (entry, _) in self.vectors.entries.items()}
        assert stored == {key: entry for key, (entry, _) in expected.items()}
        for key, (_, vector) in self.vectors.entries.items():
            assert list(vector) == self.embedder.embed_query(expected[key][1])
        for owner in OWNERS:
            digests = self.words.digests(owner=owner, kind="note")
            assert digests == {entry.id: entry.digest for entry, _ in expected.values() if entry.owner == owner}


def _entries(note: Note, chunks: Sequence[Chunk]) -> dict[tuple[Owner, str], tuple[IndexEntry, str]]:
    made = {}
    for chunk in chunks:
        assert chunk.text == note.text[chunk.start : chunk.end]
        text = indexed_text(note, chunk)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        entry = IndexEntry(chunk.id, note.owner, "note", digest, note.relationship_id, note.date, note.id)
        made[note.owner, chunk.id] = entry, text
    return made


@dataclass(frozen=True, slots=True)
class Disk:
    """The real store and indexes in a folder."""

    store: SqlStore
    words: FullText
    vectors: ChromaIndex
    ingest: Ingest
    engine: Engine

    def close(self) -> None:
        self.vectors.close()
        self.engine.dispose()


def on_disk(folder: Path) -> Disk:
    engine = open_engine(f"sqlite:///{folder / 'coach.db'}")
    migrate(engine)
    store, words, vectors = SqlStore(engine), FullText(engine), ChromaIndex.embedded(folder / "vectors")
    if vectors.identity() is None:
        vectors.reset(EmbedderIdentity("fake", 8, "fake"))
    ingest = Ingest(store, vectors, words, CountingEmbedder(Fuse()), token_offsets)
    return Disk(store, words, vectors, ingest, engine)
