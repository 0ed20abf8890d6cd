"""What the services need from outside and langchain-core does not define.

Models, embeddings, prompts and retrievers are langchain-core's own types and are not wrapped here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

from coach.domain.conversation import Conversation, Message, Reply, Speaker
from coach.domain.knowledge import (
    Acknowledgement,
    Alarm,
    Card,
    Exemplar,
    Framing,
    Journey,
    Plan,
    Question,
    Resource,
    Scenario,
    Source,
    Taxonomy,
)
from coach.domain.notes import Chunk, IndexState, Note
from coach.domain.people import Owner, Relationship, Role

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vector = Sequence[float]
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done and how many there are."""

EntryKind = Literal[
    "card", "question", "framing", "resource", "plan", "acknowledgement", "phrase", "exemplar", "alarm", "note"
]
Verdict = Literal["used", "rejected"]


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One thing to be found again. `digest` is that of the embedded text: an unchanged entry is not embedded twice."""

    id: str
    owner: Owner
    kind: EntryKind
    digest: str = ""
    relationship_id: str | None = None
    date: date | None = None
    note_id: str | None = None
    """The note that a chunk was cut from; without it a search within that note does not find the entry."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Limits a search; None does not limit. Dates are inclusive, and an undated entry is outside any dated scope."""

    relationship_id: str | None = None
    since: date | None = None
    until: date | None = None
    note_id: str | None = None


EVERYWHERE = Scope()


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """Which embedder made a vector: another name, dimension or file digest means other vectors."""

    name: str
    dimension: int
    digest: str


class VectorIndex(Protocol):
    """Ids, owners and unit-length vectors; no text."""

    def identity(self) -> EmbedderIdentity | None:
        """The embedder that the stored vectors came from; None for an index without any."""

    def reset(self, identity: EmbedderIdentity) -> None:
        """Drop every vector and take vectors of this embedder from now on."""

    def upsert(self, entries: Sequence[IndexEntry], vectors: Sequence[Vector]) -> None:
        """Add or replace, one vector an entry."""

    def remove(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> None:
        """Remove; an id that is not there is no error."""

    def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
        """Digest by id of all entries of an owner and kind."""

    def search(
        self, vector: Vector, *, owner: Owner, kind: EntryKind, top_k: int, scope: Scope = EVERYWHERE
    ) -> dict[str, float]:
        """Cosine similarity by id of the nearest `top_k` entries."""

    def vectors(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> dict[str, Vector]:
        """Stored vectors by id; ids that are not there are left out."""


class LexicalIndex(Protocol):
    """Full-text search over the same entries."""

    def upsert(self, entries: Sequence[IndexEntry], texts: Sequence[str]) -> None:
        """Add or replace, one text an entry."""

    def remove(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> None:
        """Remove, leaving none of the words behind; an id that is not there is no error."""

    def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
        """Digest by id of all entries of an owner and kind."""

    def search(
        self, query: str, *, owner: Owner, kind: EntryKind, top_k: int, scope: Scope = EVERYWHERE
    ) -> dict[str, float]:
        """BM25 by id, higher is better, of the best `top_k` entries sharing a word with the query.

        Any text is a valid query: operators of the index's own language mean nothing.
        """


class ArrayStore(Protocol):
    """Keeps what was worked out from the library, never anything private."""

    def load(self, name: str, digest: str) -> Mapping[str, NDArray[np.generic]] | None:
        """The arrays kept under this name; None where there are none or they were made from something else."""

    def save(self, name: str, digest: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep arrays with the digest of what they were made from; failing to is no error."""


class NoteStore(Protocol):
    """Private data. Another owner's id answers `NotFound`, exactly as an unknown one does."""

    # relationships
    def add_relationship(self, name: str, *, owner: Owner, role: Role | None = None) -> Relationship:
        """The relationship with this person, made where there is none; names are compared without case."""

    def relationships(self, *, owner: Owner) -> list[Relationship]:
        """All of an owner's, by name."""

    def relationship(self, relationship_id: str, *, owner: Owner) -> Relationship:
        """Raises NotFound."""

    def rename_relationship(self, relationship_id: str, name: str, *, owner: Owner) -> Relationship:
        """Raises NotFound."""

    def set_role(self, relationship_id: str, role: Role, *, owner: Owner) -> Relationship:
        """Raises NotFound."""

    def delete_relationship(self, relationship_id: str, *, owner: Owner) -> None:
        """Its notes and conversations stay, without a person. Raises NotFound."""

    # notes
    def save_note(self, note: Note, chunks: Sequence[Chunk]) -> None:
        """Insert or replace a note and its chunks in one transaction; its state is what `note.state` says."""

    def note(self, note_id: str, *, owner: Owner) -> Note:
        """Raises NotFound."""

    def notes(self, *, owner: Owner, relationship_id: str | None = None, limit: int | None = None) -> list[Note]:
        """Newest session first, undated last, at most `limit`; those being deleted are left out."""

    def people_with_notes(self, *, owner: Owner) -> frozenset[str]:
        """Relationship ids that have at least one note."""

    def find_note_by_content(self, content_hash: str, *, owner: Owner) -> Note | None:
        """The note with this very text, if there is one."""

    def set_state(self, note_id: str, state: IndexState, *, owner: Owner) -> None:
        """Raises NotFound."""

    def erase_note(self, note_id: str, *, owner: Owner) -> None:
        """Delete note and chunks so that no copy is left on the disk. Raises NotFound."""

    def unfinished_notes(self) -> list[Note]:
        """Notes of every owner whose index was interrupted: pending or deleting. For start-up only."""

    def all_owners(self) -> list[Owner]:
        """Owners that have notes. For rebuilding the index only."""

    # chunks
    def chunk(self, chunk_id: str, *, owner: Owner) -> Chunk:
        """Raises NotFound."""

    def chunks(self, note_id: str, *, owner: Owner) -> list[Chunk]:
        """In the order of the text. Raises NotFound."""

    def chunks_by_id(self, chunk_ids: Sequence[str], *, owner: Owner) -> dict[str, Chunk]:
        """Those that exist and belong to this owner."""

    def notes_by_id(self, note_ids: Sequence[str], *, owner: Owner) -> dict[str, Note]:
        """Those that exist and belong to this owner."""

    # conversations
    def start_conversation(self, *, owner: Owner, title: str, relationship_id: str | None = None) -> Conversation:
        """Raises NotFound for a relationship that is not this owner's."""

    def conversation(self, conversation_id: str, *, owner: Owner) -> Conversation:
        """Raises NotFound."""

    def conversations(self, *, owner: Owner) -> list[Conversation]:
        """Last used first."""

    def rename_conversation(self, conversation_id: str, title: str, *, owner: Owner) -> None:
        """Raises NotFound."""

    def set_conversation_relationship(self, conversation_id: str, relationship_id: str | None, *, owner: Owner) -> None:
        """Raises NotFound."""

    def delete_conversation(self, conversation_id: str, *, owner: Owner) -> None:
        """With its messages, leaving no copy. Raises NotFound."""

    def add_message(
        self, conversation_id: str, speaker: Speaker, text: str, *, owner: Owner, reply: Reply | None = None
    ) -> Message:
        """Raises NotFound."""

    def replies_citing(self, note_id: str, *, owner: Owner) -> list[Message]:
        """The coach's messages, in any conversation, whose reply cites a note."""

    def replace_reply(self, message_id: str, text: str, reply: Reply, *, owner: Owner) -> None:
        """Put another text and reply in a message's place, leaving no copy of the old. Raises NotFound."""

    def messages(self, conversation_id: str, *, owner: Owner) -> list[Message]:
        """Oldest first. Raises NotFound."""

    # questions used and plans
    def record_question(self, question_id: str, verdict: Verdict, *, owner: Owner, relationship_id: str | None) -> None:
        """Remember that a question was used, or is not wanted, in this relationship (None: in no particular one)."""

    def forget_question(self, question_id: str, *, owner: Owner, relationship_id: str | None) -> None:
        """Undo `record_question`; nothing recorded is no error."""

    def recorded_questions(self, *, owner: Owner, relationship_id: str | None) -> dict[str, Verdict]:
        """By question id."""

    def save_to_plan(self, text: str, *, owner: Owner, relationship_id: str | None) -> None:
        """Append a line to the saved plan of a relationship; a line that is there already is not repeated."""

    def saved_plan(self, *, owner: Owner, relationship_id: str | None) -> list[str]:
        """The saved lines in the order they were saved."""

    def remove_from_plan(self, text: str, *, owner: Owner, relationship_id: str | None) -> None:
        """A line that is not there is no error."""

    # preferences
    def preference(self, name: str, *, owner: Owner) -> str | None:
        """What this owner chose; None where nothing was."""

    def set_preference(self, name: str, value: str, *, owner: Owner) -> None:
        """Keep a choice in place of an earlier one."""

    # everything
    def erase_owner(self, *, owner: Owner) -> None:
        """Delete all that this owner has, leaving no copy."""


class KnowledgeBase(Protocol):
    """The curated knowledge, validated. Records are looked up by id (KeyError where unknown) and listed in file order."""

    # Properties rather than attributes, so that a frozen dataclass fulfils the port.
    @property
    def taxonomy(self) -> Taxonomy:
        """The closed vocabularies."""

    @property
    def sources(self) -> dict[str, Source]:
        """By id."""

    @property
    def cards(self) -> dict[str, Card]:
        """By id."""

    @property
    def questions(self) -> dict[str, Question]:
        """By id."""

    @property
    def framings(self) -> dict[str, Framing]:
        """By id."""

    @property
    def resources(self) -> dict[str, Resource]:
        """By id."""

    @property
    def plans(self) -> dict[str, Plan]:
        """By id."""

    @property
    def acknowledgements(self) -> dict[str, Acknowledgement]:
        """By id."""

    @property
    def scenarios(self) -> dict[str, Scenario]:
        """By id."""

    @property
    def journeys(self) -> dict[str, Journey]:
        """By id."""

    @property
    def exemplars(self) -> dict[str, Exemplar]:
        """By id."""

    @property
    def alarms(self) -> dict[str, Alarm]:
        """By id."""

    @property
    def digest(self) -> str:
        """Of all files, for the eval runs."""

    def indexed_texts(self) -> Iterator[tuple[EntryKind, str, str]]:
        """(kind, id, text to embed and to search by words) of everything that is retrieved by meaning."""
