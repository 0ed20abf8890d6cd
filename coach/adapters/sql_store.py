"""The note store on SQL: relationships, notes, conversations, recorded questions, plans and preferences of every owner.

The tables are `coach.adapters.sql_tables`; the search indexes over the same notes are `coach.adapters.full_text` and
`coach.adapters.chroma_index`.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select, Table, and_, delete, func, insert, select
from sqlalchemy import update as change

from coach.adapters import reply_json
from coach.adapters.sql_engine import leave_no_trace, migrate, open_engine, storage_errors, writing
from coach.adapters.sql_tables import (
    chunks,
    conversations,
    messages,
    metadata,
    notes,
    plan_lines,
    preferences,
    recorded_questions,
    relationships,
)
from coach.domain.conversation import Conversation, Message, Reply, Speaker, holds_words_of
from coach.domain.errors import CoachError, NotFound
from coach.domain.notes import Chunk, IndexState, Note
from coach.domain.people import Owner, Relationship, Role
from coach.ports import Verdict

__all__ = ["SqlStore", "migrate", "open_engine"]

log = logging.getLogger(__name__)

_IDS_A_STATEMENT = 500


class SqlStore:
    """`coach.ports.NoteStore` over a database that `migrate` has brought up to date. Any number of threads may use it.

    Every method raises StorageFailed where the database cannot be read or written.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id

    # relationships

    def add_relationship(self, name: str, *, owner: Owner, role: Role | None = None) -> Relationship:
        """The relationship with this person, made where there is none; names are compared without case.

        A role that was not known yet is filled in.
        """
        name = _one_line(name)
        with self._writing() as connection:
            row = _find(connection, relationships, relationships.c.owner == owner, _has_name(name))
            if row is None:
                made = Relationship(self._new_id(), owner, name, role)
                connection.execute(
                    insert(relationships).values(
                        owner=owner, id=made.id, name=name, folded_name=_folded(name), role=role
                    )
                )
                return made
            found = _relationship(row)
            if found.role is None and role is not None:
                return self._change_relationship(connection, found.id, owner, role=role)
            return found

    def relationships(self, *, owner: Owner) -> list[Relationship]:
        """All of an owner's, by name."""
        statement = select(relationships).where(relationships.c.owner == owner).order_by(relationships.c.folded_name)
        with self._reading() as connection:
            return [_relationship(row) for row in connection.execute(statement).mappings()]

    def relationship(self, relationship_id: str, *, owner: Owner) -> Relationship:
        """Raises NotFound."""
        with self._reading() as connection:
            return _relationship(_row(connection, relationships, relationship_id, owner))

    def rename_relationship(self, relationship_id: str, name: str, *, owner: Owner) -> Relationship:
        """Raises NotFound, and CoachError where another relationship has that name."""
        name = _one_line(name)
        another = and_(relationships.c.owner == owner, relationships.c.id != relationship_id, _has_name(name))
        with self._writing(erases=True) as connection:
            _row(connection, relationships, relationship_id, owner)
            if _find(connection, relationships, another):
                raise CoachError(f"There is another relationship with the name {name}. Choose a different name.")
            return self._change_relationship(connection, relationship_id, owner, name=name, folded_name=_folded(name))

    def set_role(self, relationship_id: str, role: Role, *, owner: Owner) -> Relationship:
        """Raises NotFound."""
        with self._writing() as connection:
            return self._change_relationship(connection, relationship_id, owner, role=role)

    def delete_relationship(self, relationship_id: str, *, owner: Owner) -> None:
        """Its notes and conversations stay, without a person; its plan and recorded questions go. Raises NotFound."""
        with self._writing(erases=True) as connection:
            _row(connection, relationships, relationship_id, owner)
            for table in (notes, conversations):
                connection.execute(
                    change(table).where(*_of(table, relationship_id, owner)).values(relationship_id=None)
                )
            for table in (recorded_questions, plan_lines):
                connection.execute(delete(table).where(*_of(table, relationship_id, owner)))
            connection.execute(delete(relationships).where(_is(relationships, relationship_id, owner)))

    def _change_relationship(
        self, connection: Connection, relationship_id: str, owner: Owner, **values: str
    ) -> Relationship:
        connection.execute(change(relationships).where(_is(relationships, relationship_id, owner)).values(**values))
        return _relationship(_row(connection, relationships, relationship_id, owner))

    # notes

    def save_note(self, note: Note, chunks: Sequence[Chunk]) -> None:
        """Insert or replace a note and its chunks in one transaction; its state is what `note.state` says.

        Raises:
            NotFound: The relationship is not this owner's.
        """
        with self._writing(erases=True) as connection:
            if note.relationship_id is not None:
                _row(connection, relationships, note.relationship_id, note.owner)
            _save_note(connection, note)
            _save_chunks(connection, note, chunks)

    def note(self, note_id: str, *, owner: Owner) -> Note:
        """Raises NotFound."""
        with self._reading() as connection:
            return _note(_row(connection, notes, note_id, owner))

    def notes(self, *, owner: Owner, relationship_id: str | None = None, limit: int | None = None) -> list[Note]:
        """Newest session first, undated last, at most `limit`; those being deleted are left out."""
        statement = select(notes).where(notes.c.owner == owner, notes.c.state != "deleting")
        if relationship_id is not None:
            statement = statement.where(notes.c.relationship_id == relationship_id)
        ordered = statement.order_by(notes.c.date.desc().nulls_last(), notes.c.created_at.desc(), notes.c.id)
        return self._notes(ordered.limit(limit))

    def people_with_notes(self, *, owner: Owner) -> frozenset[str]:
        """Relationship ids that have at least one note."""
        statement = select(notes.c.relationship_id).where(
            notes.c.owner == owner, notes.c.state != "deleting", notes.c.relationship_id.is_not(None)
        )
        with self._reading() as connection:
            return frozenset(connection.execute(statement.distinct()).scalars())

    def find_note_by_content(self, content_hash: str, *, owner: Owner) -> Note | None:
        """The note with this very text, if there is one."""
        statement = select(notes).where(notes.c.owner == owner, notes.c.content_hash == content_hash).limit(1)
        return next(iter(self._notes(statement)), None)

    def set_state(self, note_id: str, state: IndexState, *, owner: Owner) -> None:
        """Raises NotFound."""
        with self._writing() as connection:
            _changed(connection, notes, note_id, owner, state=state)

    def erase_note(self, note_id: str, *, owner: Owner) -> None:
        """Delete note and chunks so that no copy is left on the disk. Raises NotFound."""
        with self._writing(erases=True) as connection:
            _row(connection, notes, note_id, owner)
            connection.execute(delete(notes).where(_is(notes, note_id, owner)))

    def unfinished_notes(self) -> list[Note]:
        """Notes of every owner whose index was interrupted: pending or deleting. For start-up only."""
        return self._notes(select(notes).where(notes.c.state != "indexed").order_by(notes.c.created_at, notes.c.id))

    def all_owners(self) -> list[Owner]:
        """Owners that have notes. For rebuilding the index only."""
        with self._reading() as connection:
            found = connection.execute(select(notes.c.owner).distinct().order_by(notes.c.owner)).scalars()
            return [Owner(owner) for owner in found]

    def notes_by_id(self, note_ids: Sequence[str], *, owner: Owner) -> dict[str, Note]:
        """Those that exist and belong to this owner."""
        with self._reading() as connection:
            return {row["id"]: _note(row) for row in _rows(connection, notes, note_ids, owner)}

    def _notes(self, statement: Select[tuple[object, ...]]) -> list[Note]:
        with self._reading() as connection:
            return [_note(row) for row in connection.execute(statement).mappings()]

    # chunks

    def chunk(self, chunk_id: str, *, owner: Owner) -> Chunk:
        """Raises NotFound."""
        found = self.chunks_by_id([chunk_id], owner=owner)
        if chunk_id not in found:
            raise NotFound(f"There is no chunk {chunk_id}.")
        return found[chunk_id]

    def chunks(self, note_id: str, *, owner: Owner) -> list[Chunk]:
        """In the order of the text. Raises NotFound."""
        with self._reading() as connection:
            text = _row(connection, notes, note_id, owner)["text"]
            statement = (
                select(chunks)
                .where(chunks.c.owner == owner, chunks.c.note_id == note_id)
                .order_by(chunks.c.start, chunks.c.end, chunks.c.id)
            )
            return [_chunk(row, text) for row in connection.execute(statement).mappings()]

    def chunks_by_id(self, chunk_ids: Sequence[str], *, owner: Owner) -> dict[str, Chunk]:
        """Those that exist and belong to this owner."""
        with self._reading() as connection:
            rows = _rows(connection, chunks, chunk_ids, owner)
            note_ids = sorted({row["note_id"] for row in rows})
            texts = {row["id"]: row["text"] for row in _rows(connection, notes, note_ids, owner)}
        return {row["id"]: _chunk(row, texts[row["note_id"]]) for row in rows}

    # conversations

    def start_conversation(self, *, owner: Owner, title: str, relationship_id: str | None = None) -> Conversation:
        """Raises NotFound for a relationship that is not this owner's."""
        now = self._now()
        made = Conversation(self._new_id(), owner, title, relationship_id, now, now)
        with self._writing() as connection:
            if relationship_id is not None:
                _row(connection, relationships, relationship_id, owner)
            connection.execute(
                insert(conversations).values(
                    owner=owner,
                    id=made.id,
                    title=title,
                    relationship_id=relationship_id,
                    created_at=now,
                    updated_at=now,
                )
            )
        return made

    def conversation(self, conversation_id: str, *, owner: Owner) -> Conversation:
        """Raises NotFound."""
        with self._reading() as connection:
            return _conversation(_row(connection, conversations, conversation_id, owner))

    def conversations(self, *, owner: Owner) -> list[Conversation]:
        """Last used first."""
        statement = (
            select(conversations)
            .where(conversations.c.owner == owner)
            .order_by(conversations.c.updated_at.desc(), conversations.c.created_at.desc(), conversations.c.id)
        )
        with self._reading() as connection:
            return [_conversation(row) for row in connection.execute(statement).mappings()]

    def rename_conversation(self, conversation_id: str, title: str, *, owner: Owner) -> None:
        """Raises NotFound."""
        with self._writing(erases=True) as connection:
            _changed(connection, conversations, conversation_id, owner, title=title)

    def set_conversation_relationship(self, conversation_id: str, relationship_id: str | None, *, owner: Owner) -> None:
        """Raises NotFound."""
        with self._writing() as connection:
            if relationship_id is not None:
                _row(connection, relationships, relationship_id, owner)
            _changed(connection, conversations, conversation_id, owner, relationship_id=relationship_id)

    def delete_conversation(self, conversation_id: str, *, owner: Owner) -> None:
        """With its messages, leaving no copy. Raises NotFound."""
        with self._writing(erases=True) as connection:
            _row(connection, conversations, conversation_id, owner)
            connection.execute(delete(conversations).where(_is(conversations, conversation_id, owner)))

    def add_message(
        self, conversation_id: str, speaker: Speaker, text: str, *, owner: Owner, reply: Reply | None = None
    ) -> Message:
        """Raises NotFound."""
        made = Message(self._new_id(), conversation_id, speaker, text, self._now(), reply)
        last = select(func.max(messages.c.position)).where(
            messages.c.owner == owner, messages.c.conversation_id == conversation_id
        )
        with self._writing() as connection:
            _changed(connection, conversations, conversation_id, owner, updated_at=made.created_at)
            connection.execute(
                insert(messages).values(
                    owner=owner,
                    conversation_id=conversation_id,
                    position=(connection.execute(last).scalar() or 0) + 1,
                    id=made.id,
                    speaker=speaker,
                    text=text,
                    created_at=made.created_at,
                    reply=reply_json.dump(reply) if reply else None,
                )
            )
        return made

    def replies_citing(self, note_id: str, *, owner: Owner) -> list[Message]:
        """The coach's messages, in any conversation, whose reply cites a note or holds what a model was sent of it."""
        statement = select(messages).where(messages.c.owner == owner, messages.c.reply.is_not(None))
        with self._reading() as connection:
            found = [_message(row) for row in connection.execute(statement).mappings() if note_id in row["reply"]]
        return [message for message in found if message.reply and holds_words_of(message.reply, note_id)]

    def replace_reply(self, message_id: str, text: str, reply: Reply, *, owner: Owner) -> None:
        """Put another text and reply in a message's place, leaving no copy of the old. Raises NotFound."""
        with self._writing(erases=True) as connection:
            _changed(connection, messages, message_id, owner, text=text, reply=reply_json.dump(reply))

    def messages(self, conversation_id: str, *, owner: Owner) -> list[Message]:
        """Oldest first. Raises NotFound."""
        statement = (
            select(messages)
            .where(messages.c.owner == owner, messages.c.conversation_id == conversation_id)
            .order_by(messages.c.position)
        )
        with self._reading() as connection:
            _row(connection, conversations, conversation_id, owner)
            return [_message(row) for row in connection.execute(statement).mappings()]

    # questions used and plans

    def record_question(self, question_id: str, verdict: Verdict, *, owner: Owner, relationship_id: str | None) -> None:
        """Remember that a question was used, or is not wanted, in this relationship (None: in no particular one)."""
        with self._writing() as connection:
            _forget_question(connection, question_id, owner, relationship_id)
            connection.execute(
                insert(recorded_questions).values(
                    owner=owner, relationship_id=relationship_id or "", question_id=question_id, verdict=verdict
                )
            )

    def forget_question(self, question_id: str, *, owner: Owner, relationship_id: str | None) -> None:
        """Undo `record_question`; nothing recorded is no error."""
        with self._writing() as connection:
            _forget_question(connection, question_id, owner, relationship_id)

    def recorded_questions(self, *, owner: Owner, relationship_id: str | None) -> dict[str, Verdict]:
        """By question id."""
        statement = select(recorded_questions).where(*_of(recorded_questions, relationship_id or "", owner))
        with self._reading() as connection:
            return {row["question_id"]: row["verdict"] for row in connection.execute(statement).mappings()}

    def save_to_plan(self, text: str, *, owner: Owner, relationship_id: str | None) -> None:
        """Append a line to the saved plan of a relationship; a line that is there already is not repeated."""
        within = _of(plan_lines, relationship_id or "", owner)
        with self._writing() as connection:
            if connection.execute(select(plan_lines).where(*within, plan_lines.c.text == text)).first():
                return
            last = connection.execute(select(func.max(plan_lines.c.position)).where(*within)).scalar() or 0
            connection.execute(
                insert(plan_lines).values(
                    owner=owner, relationship_id=relationship_id or "", position=last + 1, text=text
                )
            )

    def saved_plan(self, *, owner: Owner, relationship_id: str | None) -> list[str]:
        """The saved lines in the order they were saved."""
        statement = select(plan_lines.c.text).where(*_of(plan_lines, relationship_id or "", owner))
        with self._reading() as connection:
            return list(connection.execute(statement.order_by(plan_lines.c.position)).scalars())

    def remove_from_plan(self, text: str, *, owner: Owner, relationship_id: str | None) -> None:
        """A line that is not there is no error."""
        within = _of(plan_lines, relationship_id or "", owner)
        with self._writing(erases=True) as connection:
            connection.execute(delete(plan_lines).where(*within, plan_lines.c.text == text))

    # preferences

    def preference(self, name: str, *, owner: Owner) -> str | None:
        """What this owner chose; None where nothing was."""
        statement = select(preferences.c.value).where(preferences.c.owner == owner, preferences.c.name == name)
        with self._reading() as connection:
            return connection.execute(statement).scalar_one_or_none()

    def set_preference(self, name: str, value: str, *, owner: Owner) -> None:
        """Keep a choice in place of an earlier one."""
        chosen = and_(preferences.c.owner == owner, preferences.c.name == name)
        with self._writing() as connection:
            if connection.execute(change(preferences).where(chosen).values(value=value)).rowcount == 0:
                connection.execute(insert(preferences).values(owner=owner, name=name, value=value))

    # everything

    def erase_owner(self, *, owner: Owner) -> None:
        """Delete all that this owner has here, leaving no copy; the indexes are erased on their own."""
        with self._writing(erases=True) as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table).where(table.c.owner == owner))
        log.info("an owner was erased")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with storage_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self, *, erases: bool = False) -> Iterator[Connection]:
        """A transaction; one that `erases` may overwrite or delete what people wrote, and leaves no copy in the log."""
        with storage_errors(), writing(self._engine).begin() as connection:
            yield connection
        if erases:
            leave_no_trace(self._engine)


def _is(table: Table, id_: str, owner: Owner) -> ColumnElement[bool]:
    return and_(table.c.owner == owner, table.c.id == id_)


def _of(table: Table, relationship_id: str, owner: Owner) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.owner == owner, table.c.relationship_id == relationship_id


def _has_name(name: str) -> ColumnElement[bool]:
    return relationships.c.folded_name == _folded(name)


def _find(connection: Connection, table: Table, *where: ColumnElement[bool]) -> RowMapping | None:
    return connection.execute(select(table).where(*where)).mappings().first()


def _row(connection: Connection, table: Table, id_: str, owner: Owner) -> RowMapping:
    row = _find(connection, table, _is(table, id_, owner))
    if row is None:
        raise NotFound(f"There is no {table.name.removesuffix('s')} {id_}.")
    return row


def _rows(connection: Connection, table: Table, ids: Sequence[str], owner: Owner) -> list[RowMapping]:
    rows: list[RowMapping] = []
    for start in range(0, len(ids), _IDS_A_STATEMENT):
        some = table.c.id.in_(ids[start : start + _IDS_A_STATEMENT])
        rows.extend(connection.execute(select(table).where(table.c.owner == owner, some)).mappings())
    return rows


def _changed(connection: Connection, table: Table, id_: str, owner: Owner, **values: object) -> None:
    _row(connection, table, id_, owner)
    connection.execute(change(table).where(_is(table, id_, owner)).values(**values))


def _save_note(connection: Connection, note: Note) -> None:
    values = {
        "title": note.title,
        "text": note.text,
        "content_hash": note.content_hash,
        "date": note.date,
        "relationship_id": note.relationship_id,
        "format": note.format,
        "created_at": note.created_at,
        "state": note.state,
        "is_example": note.is_example,
    }
    if _find(connection, notes, _is(notes, note.id, note.owner)) is None:
        connection.execute(insert(notes).values(owner=note.owner, id=note.id, **values))
    else:
        connection.execute(change(notes).where(_is(notes, note.id, note.owner)).values(**values))


def _save_chunks(connection: Connection, note: Note, cut: Sequence[Chunk]) -> None:
    connection.execute(delete(chunks).where(chunks.c.owner == note.owner, chunks.c.note_id == note.id))
    rows = [
        {
            "owner": note.owner,
            "id": chunk.id,
            "note_id": note.id,
            "start": chunk.start,
            "end": chunk.end,
            "heading": chunk.heading,
        }
        for chunk in cut
    ]
    if rows:
        connection.execute(insert(chunks), rows)


def _forget_question(connection: Connection, question_id: str, owner: Owner, relationship_id: str | None) -> None:
    connection.execute(
        delete(recorded_questions).where(
            *_of(recorded_questions, relationship_id or "", owner), recorded_questions.c.question_id == question_id
        )
    )


def _relationship(row: RowMapping) -> Relationship:
    return Relationship(row["id"], Owner(row["owner"]), row["name"], row["role"])


def _note(row: RowMapping) -> Note:
    return Note(
        id=row["id"],
        owner=Owner(row["owner"]),
        title=row["title"],
        text=row["text"],
        date=row["date"],
        relationship_id=row["relationship_id"],
        format=row["format"],
        created_at=row["created_at"],
        state=row["state"],
        is_example=row["is_example"],
    )


def _chunk(row: RowMapping, note_text: str) -> Chunk:
    start, end = row["start"], row["end"]
    return Chunk(row["id"], row["note_id"], start, end, note_text[start:end], row["heading"])


def _conversation(row: RowMapping) -> Conversation:
    return Conversation(
        id=row["id"],
        owner=Owner(row["owner"]),
        title=row["title"],
        relationship_id=row["relationship_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _message(row: RowMapping) -> Message:
    stored = row["reply"]
    reply = reply_json.load(stored) if stored else None
    if stored and reply is None:
        log.warning("the reply of message %s was written by another version and is shown as text only", row["id"])
    return Message(row["id"], row["conversation_id"], row["speaker"], row["text"], row["created_at"], reply)


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
