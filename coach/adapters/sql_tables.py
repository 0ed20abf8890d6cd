"""The tables of the private data, and the column types that keep values as they are.

Every table's key begins with the owner, so that no statement can reach another owner's row by its id alone. How the
tables come into a database is `coach.adapters.migrations`; full-text search has its own in `coach.adapters.full_text`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class PlainText(TypeDecorator[str]):
    """Text of any length. A lone surrogate, which no database takes, becomes a question mark, one for one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.encode("utf-8", "replace").decode()


class UtcTime(TypeDecorator[datetime]):
    """A moment, kept in UTC; it must carry its time zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData()

relationships = Table(
    "relationships",
    metadata,
    Column("owner", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", PlainText, nullable=False),
    Column("folded_name", PlainText, nullable=False),
    Column("role", String),
    Index("relationships_by_name", "owner", "folded_name", unique=True),
)

notes = Table(
    "notes",
    metadata,
    Column("owner", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("title", PlainText, nullable=False),
    Column("text", PlainText, nullable=False),
    Column("content_hash", String, nullable=False),
    Column("date", Date),
    Column("relationship_id", String),
    Column("format", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("state", String, nullable=False),
    Column("is_example", Boolean, nullable=False),
    ForeignKeyConstraint(["owner", "relationship_id"], ["relationships.owner", "relationships.id"]),
    CheckConstraint("state IN ('pending', 'indexed', 'deleting')", name="notes_state"),
    Index("notes_by_relationship", "owner", "relationship_id"),
    Index("notes_by_content", "owner", "content_hash"),
)

chunks = Table(
    "chunks",
    metadata,
    Column("owner", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("note_id", String, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("heading", PlainText, nullable=False),
    ForeignKeyConstraint(["owner", "note_id"], ["notes.owner", "notes.id"], ondelete="CASCADE"),
    Index("chunks_by_note", "owner", "note_id", "start"),
)
"""Offsets into the note's text: the text itself is stored once."""

conversations = Table(
    "conversations",
    metadata,
    Column("owner", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("title", PlainText, nullable=False),
    Column("relationship_id", String),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["owner", "relationship_id"], ["relationships.owner", "relationships.id"]),
    Index("conversations_by_use", "owner", "updated_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("owner", String, primary_key=True),
    Column("conversation_id", String, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("speaker", String, nullable=False),
    Column("text", PlainText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("reply", PlainText),
    ForeignKeyConstraint(["owner", "conversation_id"], ["conversations.owner", "conversations.id"], ondelete="CASCADE"),
)

recorded_questions = Table(
    "recorded_questions",
    metadata,
    Column("owner", String, primary_key=True),
    Column("relationship_id", String, primary_key=True),
    Column("question_id", String, primary_key=True),
    Column("verdict", String, nullable=False),
)
"""`relationship_id` is empty for questions recorded in no particular relationship; so in `plan_lines`."""

plan_lines = Table(
    "plan_lines",
    metadata,
    Column("owner", String, primary_key=True),
    Column("relationship_id", String, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("text", PlainText, nullable=False),
)

preferences = Table(
    "preferences",
    metadata,
    Column("owner", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", PlainText, nullable=False),
)
