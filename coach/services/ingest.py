"""Takes notes in, changes them and deletes them, so that the store and both indexes always say the same in the end.

Reading files is `coach.adapters.document_readers`; cutting notes into chunks is `coach.domain.chunking`.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import Enum
from typing import Final
from uuid import uuid4

from langchain_core.embeddings import Embeddings

from coach.domain.chunking import TokenOffsets, chunk_note
from coach.domain.errors import NotFound, UnreadableDocument
from coach.domain.notes import Chunk, Document, Note, content_hash
from coach.domain.people import Owner
from coach.domain.plain_text import MAX_CHARACTERS, cleaned
from coach.domain.wording import written_out
from coach.ports import EmbedderIdentity, IndexEntry, LexicalIndex, NoteStore, Progress, Vector, VectorIndex
from coach.services.forgetting import forget_quotes

log = logging.getLogger(__name__)

UNTITLED = "Untitled note"
"""The title of a note whose text gives none; it says nothing about the text and is not searched."""
BATCH = 32
"""Chunks embedded and stored at a time; progress is told after each batch."""


class Unchanged(Enum):
    """Stands for a field that an edit leaves as it is, where None would mean "remove it"."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class Added:
    """A note that is in the store; `is_new` is False where the same text was there before."""

    note: Note
    is_new: bool


def indexed_text(note: Note, chunk: Chunk) -> str:
    """What is embedded, and searched by words, for a chunk: when and where it stands, then the chunk itself."""
    day = written_out(note.date) if note.date else ""
    places = dict.fromkeys(
        place for place in (day, note.title, chunk.heading) if place not in ("", UNTITLED) and place not in chunk.text
    )
    return "".join(f"{place}. " for place in places) + chunk.text


class Ingest:
    """One owner's operations run one after another, several owners' at the same time.

    Every operation first leaves a mark in the store (`pending`, `deleting`), then changes the indexes, then takes the
    mark away: whatever interrupts it, `complete` finishes the work.
    """

    def __init__(
        self,
        store: NoteStore,
        vectors: VectorIndex,
        words: LexicalIndex,
        embedder: Embeddings,
        token_offsets: TokenOffsets,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._store = store
        self._vectors = vectors
        self._words = words
        self._embedder = embedder
        self._token_offsets = token_offsets
        self._now = now
        self._new_id = new_id
        self._locks: defaultdict[Owner, threading.RLock] = defaultdict(threading.RLock)
        self._locks_lock = threading.Lock()

    def add(
        self,
        document: Document,
        *,
        owner: Owner,
        relationship_id: str | None = None,
        title: str | None = None,
        date: date | None = None,
        is_example: bool = False,
        progress: Progress | None = None,
    ) -> Added:
        """Save a document as a note and index it; `title` and `date` win over what the document says.

        The same text again is the note that is there already; what it lacked of relationship and date is filled in.

        Raises:
            NotFound: The relationship is not this owner's.
            UnreadableDocument: The text is empty or too long.
        """
        text = _storable(document.text)
        if relationship_id is not None:
            self._store.relationship(relationship_id, owner=owner)
        with self._only_one(owner):
            existing = self._store.find_note_by_content(content_hash(text), owner=owner)
            if existing is not None and existing.state == "deleting":
                self._erase(existing)
                existing = None
            if existing is not None:
                return Added(
                    self._fill_in(existing, relationship_id, date or document.date, is_example, progress), False
                )
            note = Note(
                id=self._new_id(),
                owner=owner,
                title=_one_line(title or "") or _one_line(document.title) or UNTITLED,
                text=text,
                date=date or document.date,
                relationship_id=relationship_id,
                format=document.format,
                created_at=self._now(),
                is_example=is_example,
            )
            return Added(self._save(note, progress), is_new=True)

    def update(
        self,
        note_id: str,
        *,
        owner: Owner,
        title: str | Unchanged = UNCHANGED,
        text: str | Unchanged = UNCHANGED,
        date: date | Unchanged | None = UNCHANGED,
        relationship_id: str | Unchanged | None = UNCHANGED,
        progress: Progress | None = None,
    ) -> Note:
        """Change a note and index it anew. Chunks whose indexed text stays the same are not embedded again.

        Raises:
            NotFound: The note or the relationship is not this owner's.
            UnreadableDocument: The new text is empty or too long.
        """
        if isinstance(relationship_id, str):
            self._store.relationship(relationship_id, owner=owner)
        with self._only_one(owner):
            old = self._store.note(note_id, owner=owner)
            if old.state == "deleting":
                raise NotFound("This note is being deleted.")
            new = replace(
                old,
                title=old.title if title is UNCHANGED else _one_line(title) or old.title,
                text=old.text if text is UNCHANGED else _storable(text),
                date=old.date if date is UNCHANGED else date,
                relationship_id=old.relationship_id if relationship_id is UNCHANGED else relationship_id,
            )
            return old if new == old else self._replace(old, new, progress)

    def delete(self, note_id: str, *, owner: Owner) -> Note:
        """Erase a note with all that was made from it; what is returned can be given to `restore` to undo it.

        Raises:
            NotFound: The note is not this owner's.
        """
        with self._only_one(owner):
            note = self._store.note(note_id, owner=owner)
            self._store.set_state(note.id, "deleting", owner=owner)
            self._erase(note)
            return note

    def restore(self, note: Note, *, progress: Progress | None = None) -> Note:
        """Undo a deletion: the same note under the same id, so that earlier citations find it again.

        A relationship that has been deleted since is left out.
        """
        with self._only_one(note.owner):
            known = {relationship.id for relationship in self._store.relationships(owner=note.owner)}
            kept = note.relationship_id if note.relationship_id in known else None
            return self._save(replace(note, relationship_id=kept), progress)

    def erase_everything(self, *, owner: Owner) -> None:
        """Erase all that an owner has, conversations and plans too. An interrupted erasure is finished by doing it again;
        its notes are gone after the next start in any case.
        """
        with self._only_one(owner):
            for note in self._store.notes(owner=owner):
                self._store.set_state(note.id, "deleting", owner=owner)
            # By what the indexes hold, so that nothing stays that the store does not know of.
            self._words.remove(sorted(self._words.digests(owner=owner, kind="note")), owner=owner, kind="note")
            self._vectors.remove(sorted(self._vectors.digests(owner=owner, kind="note")), owner=owner, kind="note")
            self._store.erase_owner(owner=owner)
        log.info("everything of one owner erased")

    def complete(self, progress: Progress | None = None) -> int:
        """Finish whatever was interrupted: index pending notes, erase deleted ones; returns how many there were."""
        unfinished = self._store.unfinished_notes()
        for note in unfinished:
            with self._only_one(note.owner):
                if note.state == "deleting":
                    self._erase(note)
                else:
                    self._index(note, self._store.chunks(note.id, owner=note.owner), {}, progress)
        if unfinished:
            log.info("%d interrupted notes completed", len(unfinished))
        return len(unfinished)

    def rebuild(self, identity: EmbedderIdentity, progress: Progress | None = None) -> int:
        """Cut and index every note of every owner anew, for another embedder; returns how many notes there were.

        The curated library has to be indexed again after this: its vectors are dropped too.
        """
        for owner in self._store.all_owners():
            with self._only_one(owner):
                for note in self._store.notes(owner=owner):
                    self._withdraw(note)
                    self._store.save_note(replace(note, state="pending"), self._chunks(note))
        self._vectors.reset(identity)
        return self.complete(progress)

    def _fill_in(
        self, note: Note, relationship_id: str | None, day: date | None, is_example: bool, progress: Progress | None
    ) -> Note:
        filled = replace(
            note,
            relationship_id=note.relationship_id or relationship_id,
            date=note.date or day,
            is_example=note.is_example and is_example,
        )
        if filled == note and note.state == "indexed":
            return note
        return self._replace(note, filled, progress)

    def _save(self, note: Note, progress: Progress | None) -> Note:
        chunks = self._chunks(note)
        self._store.save_note(replace(note, state="pending"), chunks)
        return self._index(note, chunks, {}, progress)

    def _replace(self, old: Note, new: Note, progress: Progress | None) -> Note:
        """Take the old chunks out of the indexes before the new ones take their ids, so that none is left over."""
        reusable = self._vectors_by_digest(old) if old.state == "indexed" else {}
        self._withdraw(old)
        chunks = self._chunks(new)
        self._store.save_note(replace(new, state="pending"), chunks)
        return self._index(new, chunks, reusable, progress)

    def _withdraw(self, note: Note) -> None:
        self._store.set_state(note.id, "pending", owner=note.owner)
        self._unindex(note)

    def _erase(self, note: Note) -> None:
        self._unindex(note)
        forget_quotes(self._store, note.id, owner=note.owner)
        self._store.erase_note(note.id, owner=note.owner)
        log.info("note %s erased", note.id)

    def _unindex(self, note: Note) -> None:
        ids = [chunk.id for chunk in self._store.chunks(note.id, owner=note.owner)]
        self._words.remove(ids, owner=note.owner, kind="note")
        self._vectors.remove(ids, owner=note.owner, kind="note")

    def _chunks(self, note: Note) -> list[Chunk]:
        return chunk_note(note.text, note_id=note.id, token_offsets=self._token_offsets)

    def _vectors_by_digest(self, note: Note) -> dict[str, Vector]:
        chunks = self._store.chunks(note.id, owner=note.owner)
        vectors = self._vectors.vectors([chunk.id for chunk in chunks], owner=note.owner, kind="note")
        return {_digest(indexed_text(note, chunk)): vectors[chunk.id] for chunk in chunks if chunk.id in vectors}

    def _index(
        self, note: Note, chunks: Sequence[Chunk], reusable: Mapping[str, Vector], progress: Progress | None
    ) -> Note:
        for start in range(0, len(chunks), BATCH):
            batch = chunks[start : start + BATCH]
            texts = [indexed_text(note, chunk) for chunk in batch]
            entries = [
                IndexEntry(chunk.id, note.owner, "note", _digest(text), note.relationship_id, note.date, note.id)
                for chunk, text in zip(batch, texts, strict=True)
            ]
            self._words.upsert(entries, texts)
            self._vectors.upsert(entries, self._embed(entries, texts, reusable))
            if progress:
                progress("Reading your notes", start + len(batch), len(chunks))
        self._store.set_state(note.id, "indexed", owner=note.owner)
        log.info("note %s indexed in %d chunks", note.id, len(chunks))
        return replace(note, state="indexed")

    def _embed(
        self, entries: Sequence[IndexEntry], texts: Sequence[str], reusable: Mapping[str, Vector]
    ) -> list[Vector]:
        missing = {
            entry.digest: text for entry, text in zip(entries, texts, strict=True) if entry.digest not in reusable
        }
        made: dict[str, Vector] = dict(reusable)
        if missing:
            made.update(zip(missing, self._embedder.embed_documents(list(missing.values())), strict=True))
        return [made[entry.digest] for entry in entries]

    @contextmanager
    def _only_one(self, owner: Owner) -> Iterator[None]:
        with self._locks_lock:
            lock = self._locks[owner]
        with lock:
            yield


def _storable(text: str) -> str:
    text = cleaned(text)
    if not text:
        raise UnreadableDocument("The note is empty. Write or paste something, then save it.")
    if len(text) > MAX_CHARACTERS:
        raise UnreadableDocument(
            f"The note has {len(text):,} characters and {MAX_CHARACTERS:,} is the most. Cut it into several notes."
        )
    return text


def _one_line(text: str) -> str:
    return " ".join(cleaned(text).split())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
