"""The first schema: relationships, notes, conversations, recorded questions, plans, and the full-text index."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _make_people_and_notes()
    _make_conversations()
    if op.get_bind().dialect.name == "sqlite":
        _make_full_text()


def _make_people_and_notes() -> None:
    op.create_table(
        "relationships",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("folded_name", sa.Text, nullable=False),
        sa.Column("role", sa.String),
    )
    op.create_index("relationships_by_name", "relationships", ["owner", "folded_name"], unique=True)
    op.create_table(
        "notes",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("content_hash", sa.String, nullable=False),
        sa.Column("date", sa.Date),
        sa.Column("relationship_id", sa.String),
        sa.Column("format", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("is_example", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["owner", "relationship_id"], ["relationships.owner", "relationships.id"]),
        sa.CheckConstraint("state IN ('pending', 'indexed', 'deleting')", name="notes_state"),
    )
    op.create_index("notes_by_relationship", "notes", ["owner", "relationship_id"])
    op.create_index("notes_by_content", "notes", ["owner", "content_hash"])
    op.create_table(
        "chunks",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("note_id", sa.String, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("heading", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["owner", "note_id"], ["notes.owner", "notes.id"], ondelete="CASCADE"),
    )
    op.create_index("chunks_by_note", "chunks", ["owner", "note_id", "start"])


def _make_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("relationship_id", sa.String),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.ForeignKeyConstraint(["owner", "relationship_id"], ["relationships.owner", "relationships.id"]),
    )
    op.create_index("conversations_by_use", "conversations", ["owner", "updated_at"])
    op.create_table(
        "messages",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("conversation_id", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("speaker", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("reply", sa.Text),
        sa.ForeignKeyConstraint(
            ["owner", "conversation_id"], ["conversations.owner", "conversations.id"], ondelete="CASCADE"
        ),
    )
    op.create_table(
        "recorded_questions",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("relationship_id", sa.String, primary_key=True),
        sa.Column("question_id", sa.String, primary_key=True),
        sa.Column("verdict", sa.String, nullable=False),
    )
    op.create_table(
        "plan_lines",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("relationship_id", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
    )


def _make_full_text() -> None:
    op.create_table(
        "full_text_entries",
        sa.Column("row", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("day", sa.Integer),
    )
    op.create_index("full_text_by_entry", "full_text_entries", ["owner", "kind", "id"], unique=True)
    for table in ("library_words", "private_words"):
        op.execute(
            f"CREATE VIRTUAL TABLE {table} USING fts5 (scope, body, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
