"""Passages: the full text behind anything that can be cited, and the evidence that points into it.

Whether a reply's citations hold is checked by `coach.domain.citations`.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from coach.domain.citations import Evidence
from coach.domain.errors import NotFound
from coach.domain.knowledge import Card, Framing, Question, Resource, fill
from coach.domain.notes import Note
from coach.domain.people import Owner
from coach.domain.wording import spoken_date
from coach.ports import KnowledgeBase, NoteStore

Citable = Literal["card", "question", "framing", "resource"]
"""Kinds of records of the library that a reply can cite."""


def text_of_question(question: Question) -> str:
    """A question's record as it is shown: itself, its reason, what to ask next."""
    return f"{fill(question.text, {})}\n\nWhy it works: {question.why}\n\nThen: {fill(question.follow_up, {})}"


def text_of_framing(framing: Framing) -> str:
    """A framing's record as it is shown."""
    return f"{framing.prompt}\n\nWhen: {framing.when}\n\nWhy: {framing.why}\n\nFor example: {framing.example}"


def text_of_resource(resource: Resource) -> str:
    """A resource's record as it is shown."""
    return f"{resource.why}\n\nIf you only do one thing from it: {resource.one_thing}"


class Passages:
    """Looks up texts and makes evidence, for one library and one store."""

    def __init__(self, knowledge: KnowledgeBase, store: NoteStore) -> None:
        self._knowledge = knowledge
        self._store = store

    def text_of(self, evidence: Evidence, *, owner: Owner) -> str | None:
        """The text behind an evidence as this owner may read it now; None where there is none."""
        known = self._knowledge
        if evidence.kind == "note":
            try:
                return self._store.note(evidence.id, owner=owner).text
            except NotFound:
                return None
        if evidence.kind == "card":
            card = known.cards.get(evidence.id)
            return card.text if card else None
        if evidence.kind == "question":
            question = known.questions.get(evidence.id)
            return text_of_question(question) if question else None
        if evidence.kind == "framing":
            framing = known.framings.get(evidence.id)
            return text_of_framing(framing) if framing else None
        resource = known.resources.get(evidence.id)
        return text_of_resource(resource) if resource else None

    def of_record(self, kind: Citable, record_id: str) -> Evidence:
        """Evidence for a record by its id. Raises KeyError for an unknown one."""
        if kind == "card":
            return self.of_card(self._knowledge.cards[record_id])
        if kind == "question":
            return self.of_question(self._knowledge.questions[record_id])
        if kind == "framing":
            return self.of_framing(self._knowledge.framings[record_id])
        return self.of_resource(self._knowledge.resources[record_id])

    def of_card(self, card: Card, *, quote: str = "", why: str = "") -> Evidence:
        """Evidence for a card's gist, or for another verbatim `quote` of it."""
        return self._evidence(
            "card", card.id, card.title, card.text, quote or card.gist, self._byline(card.sources), why
        )

    def of_question(self, question: Question) -> Evidence:
        """Evidence for a question: its record opens with its reason."""
        text = text_of_question(question)
        plain = fill(question.text, {})
        return self._evidence("question", question.id, plain, text, plain, self._byline(question.sources), question.why)

    def of_framing(self, framing: Framing) -> Evidence:
        """Evidence for a framing."""
        text = text_of_framing(framing)
        return self._evidence(
            "framing", framing.id, framing.name, text, framing.why, self._byline(framing.sources), framing.when
        )

    def of_resource(self, resource: Resource) -> Evidence:
        """Evidence for a resource of the catalogue."""
        byline = ", ".join(resource.authors) + (f" ({resource.year})" if resource.year else "")
        return self._evidence(
            "resource",
            resource.id,
            resource.title,
            text_of_resource(resource),
            resource.why,
            byline,
            resource.one_thing,
        )

    def of_note(self, note: Note, start: int, end: int, *, why: str, today: date) -> Evidence:
        """Evidence for a stretch of a note."""
        byline = spoken_date(note.date, today=today) if note.date else "undated"
        return Evidence("note", note.id, note.title, note.text[start:end], start, end, byline, why)

    def _evidence(
        self, kind: Citable, record_id: str, title: str, text: str, quote: str, byline: str, why: str
    ) -> Evidence:
        start = text.index(quote)
        return Evidence(kind, record_id, title, quote, start, start + len(quote), byline, why)

    def _byline(self, source_ids: tuple[str, ...]) -> str:
        return "; ".join(self._knowledge.sources[source_id].reference for source_id in source_ids)
