"""Export: everything that an owner has, as Markdown files in a folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

from coach.domain.conversation import Conversation, Message, Reply
from coach.domain.errors import StorageFailed
from coach.domain.notes import Note
from coach.domain.people import Owner
from coach.ports import NoteStore


def conversation_as_markdown(conversation: Conversation, messages: list[Message]) -> str:
    """A conversation with the passages that its replies cite, and who wrote them where that was a chat model."""
    lines = [f"# {conversation.title}", "", f"{conversation.created_at:%d %B %Y}", ""]
    for message in messages:
        lines += [f"## {'You' if message.speaker == 'user' else 'Coach'}", "", message.text, ""]
        if message.reply is not None:
            lines += _how_it_came_about(message.reply)
            lines += [
                f"[{citation.marker}] {citation.evidence.title}: “{' '.join(citation.evidence.quote.split())}”"
                + (f" ({citation.evidence.byline})" if citation.evidence.byline else "")
                for citation in message.reply.citations
            ]
            lines.append("")
    return "\n".join(lines)


def _how_it_came_about(reply: Reply) -> list[str]:
    use = reply.model_use
    author = f"Written by {use.model} ({use.place})." if use else ""
    said = " ".join(sentence for sentence in (author, reply.notice) if sentence)
    return [f"_{said}_", ""] if said else []


def note_as_markdown(note: Note, name: str) -> str:
    """A note that the coach would read back with the same title, date and person."""
    header = [
        f"title: {json.dumps(note.title, ensure_ascii=False)}",
        *([f"date: {note.date}"] if note.date else []),
        *([f"with: {json.dumps(name, ensure_ascii=False)}"] if name else []),
    ]
    return "\n".join(["---", *header, "---", "", note.text])


def export_everything(store: NoteStore, folder: Path, *, owner: Owner) -> list[Path]:
    """Write notes, conversations and saved plans; returns the files. An existing file of that name is replaced.

    Raises:
        StorageFailed: where the folder cannot be written.
    """
    names = {relationship.id: relationship.name for relationship in store.relationships(owner=owner)}
    texts: dict[str, str] = {}
    for note in store.notes(owner=owner):
        texts[f"notes/{_file_name(str(note.date or 'undated'), note.title, note.id)}"] = note_as_markdown(
            note, names.get(note.relationship_id or "", "")
        )
    for conversation in store.conversations(owner=owner):
        name = _file_name(f"{conversation.created_at:%Y-%m-%d}", conversation.title, conversation.id)
        texts[f"conversations/{name}"] = conversation_as_markdown(
            conversation, store.messages(conversation.id, owner=owner)
        )
    for relationship_id, name in [*names.items(), (None, "general")]:
        plan = store.saved_plan(owner=owner, relationship_id=relationship_id)
        if plan:
            texts[f"plans/{_file_name(name, relationship_id or '')}"] = "\n".join(f"- {line}" for line in plan)
    written = []
    try:
        for relative, text in texts.items():
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise StorageFailed(f"{folder} cannot be written ({error.strerror}). Choose another folder.") from error
    return written


def _file_name(*parts: str) -> str:
    words = (re.sub(r"[^\w-]+", "-", part).strip("-")[:60] for part in parts)
    return "-".join(word for word in words if word) + ".md"
