"""A person's own session notes: the document read, the note kept, the chunk indexed.

Reading files is `coach.adapters.document_readers`; cutting text into chunks is `coach.domain.chunking`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from coach.domain.people import Owner

NoteFormat = Literal["markdown", "text", "docx", "pdf", "vtt", "srt", "pasted"]
IndexState = Literal["pending", "indexed", "deleting"]


@dataclass(frozen=True, slots=True)
class Document:
    """What a reader makes of a file: text, and what could be read of title, date and the other person."""

    text: str
    title: str
    date: date | None
    counterpart: str | None
    format: NoteFormat
    speakers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it is kept. `text` is the stored text into which every offset points."""

    id: str
    owner: Owner
    title: str
    text: str
    date: date | None
    relationship_id: str | None
    format: NoteFormat
    created_at: datetime
    state: IndexState = "pending"
    is_example: bool = False

    @property
    def content_hash(self) -> str:
        """SHA-256 of the text: the same text twice is one note."""
        return content_hash(self.text)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a note: `text == note.text[start:end]`. `heading` is the nearest heading above it, for the index only."""

    id: str
    note_id: str
    start: int
    end: int
    text: str
    heading: str = ""


def content_hash(text: str) -> str:
    """SHA-256 of a text, as hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
