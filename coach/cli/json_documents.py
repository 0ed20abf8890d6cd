"""Results as JSON documents: the shapes that other programs rely on."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from coach.domain.citations import Citation
from coach.domain.conversation import Reply
from coach.domain.suggestions import Situation
from coach.services.retrieval import NoteHit

Document = dict[str, object]


def print_json(document: object) -> None:
    """Exactly one JSON document on stdout."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def reply_document(reply: Reply) -> Document:
    """A reply with everything that belongs to it."""
    return {
        "reply": reply.markdown,
        "grounding": reply.grounding,
        "composer": reply.composer,
        "situation": _situation(reply.situation),
        "questions": [
            {"text": q.text, "purpose": q.purpose, "why": q.why, "citations": list(q.citations)}
            for q in reply.suggestions.questions
        ],
        "framings": [
            {"name": f.name, "text": f.text, "why": f.why, "citations": list(f.citations)}
            for f in reply.suggestions.framings
        ],
        "resources": [
            {
                "id": r.id,
                "title": r.title,
                "authors": list(r.authors),
                "year": r.year,
                "link": r.link,
                "why": r.why,
                "citations": list(r.citations),
            }
            for r in reply.suggestions.resources
        ],
        "citations": [_citation(citation) for citation in reply.citations],
        "safety": {"decision": reply.safety.decision, "reason": reply.safety.reason} if reply.safety else None,
        "timings_ms": dict(reply.timings_ms),
    }


def search_document(hits: Sequence[NoteHit], names: dict[str, str]) -> list[Document]:
    """Found chunks, best first; `names` holds the person's name by relationship id."""
    return [
        {
            "note_id": hit.note.id,
            "title": hit.note.title,
            "date": hit.note.date.isoformat() if hit.note.date else None,
            "relationship": names.get(hit.note.relationship_id or ""),
            "score": round(hit.hit.score, 6),
            "text": hit.chunk.text,
            "start": hit.chunk.start,
            "end": hit.chunk.end,
        }
        for hit in hits
    ]


def _situation(situation: Situation) -> Document:
    return {
        "role": situation.role,
        "stage": situation.stage,
        "topics": list(situation.topics),
        "intent": situation.intent,
        "relationship": situation.relationship.name if situation.relationship else situation.name,
    }


def _citation(citation: Citation) -> Document:
    evidence = citation.evidence
    return {
        "marker": citation.marker,
        "kind": evidence.kind,
        "id": evidence.id,
        "title": evidence.title,
        "quote": evidence.quote,
        "start": evidence.start,
        "end": evidence.end,
    }
