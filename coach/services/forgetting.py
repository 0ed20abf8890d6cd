"""Forgetting: takes the words of a deleted note out of the replies that quoted it.

Erasing the note itself is `coach.services.ingest`.
"""

from __future__ import annotations

from dataclasses import replace

from coach.domain.conversation import ModelUse, Reply
from coach.domain.people import Owner
from coach.ports import NoteStore

FORGOTTEN = "… (from a note since deleted)"


def forget_quotes(store: NoteStore, note_id: str, *, owner: Owner) -> int:
    """Take a note's quotes out of every stored reply; returns how many replies were changed."""
    messages = store.replies_citing(note_id, owner=owner)
    for message in messages:
        assert message.reply is not None
        reply = without_note(message.reply, note_id)
        store.replace_reply(message.id, reply.markdown, reply, owner=owner)
    return len(messages)


def without_note(reply: Reply, note_id: str) -> Reply:
    """The same reply with this note's quotes, marks and citations gone."""
    markdown = reply.markdown
    for citation in reply.citations:
        evidence = citation.evidence
        if evidence.kind == "note" and evidence.id == note_id:
            shown = " ".join(evidence.quote.split()).rstrip(".")
            for quote in (evidence.quote, shown):
                markdown = markdown.replace(quote, FORGOTTEN)
            markdown = markdown.replace(f" [{citation.marker}]", "")
    kept = tuple(c for c in reply.citations if not (c.evidence.kind == "note" and c.evidence.id == note_id))
    return replace(reply, markdown=markdown, citations=kept, model_use=_use_without(reply.model_use, note_id))


def _use_without(use: ModelUse | None, note_id: str) -> ModelUse | None:
    """What a model was sent is forgotten whole where the note was part of it."""
    if use is None:
        return None
    withheld = tuple(evidence for evidence in use.withheld_passages if evidence.id != note_id)
    if note_id not in use.sent_notes:
        return replace(use, withheld_passages=withheld)
    sent_notes = tuple(other for other in use.sent_notes if other != note_id)
    return replace(use, sent=FORGOTTEN, sent_notes=sent_notes, withheld_passages=withheld)
