"""What the coach understood of a situation, and what it suggests for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from coach.domain.knowledge import Purpose, Whose
from coach.domain.people import Relationship, Role

Dial = Literal["ask", "tell"]
ThreadKind = Literal["commitment", "goal", "worry", "win", "decision", "open-question"]


@dataclass(frozen=True, slots=True)
class Situation:
    """A reading of one turn. Ids are the taxonomy's; `topics` come nearest first.

    `subject` is what the message is about in the user's own words, as a noun phrase, or None where that could not be
    lifted out grammatically.
    """

    role: Role
    stage: str
    topics: tuple[str, ...]
    intent: str
    dial: Dial
    feeling: str
    whose: Whose
    relationship: Relationship | None = None
    name: str | None = None
    subject: str | None = None
    is_brief: bool = False
    is_about_partner: bool = True
    """Whether the message speaks of the other person in the relationship, not of the writer alone."""
    corrected: frozenset[str] = frozenset()
    """Names of the fields that the user set by hand."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What the user set on the situation chips; None leaves the reading as it is."""

    role: Role | None = None
    stage: str | None = None
    topic: str | None = None
    intent: str | None = None


@dataclass(frozen=True, slots=True)
class SuggestedQuestion:
    """A question with its slots filled, ready to be said."""

    id: str
    text: str
    purpose: Purpose
    why: str
    follow_up: str = ""
    citations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SuggestedFraming:
    """A lens on the user's goal; `text` keeps their words."""

    id: str
    name: str
    text: str
    why: str
    citations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SuggestedResource:
    """A resource of the catalogue, and why this one."""

    id: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    link: str
    why: str
    minutes: int
    citations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """Something in a note that reaches beyond its session; `quote` stands verbatim at `start`..`end` of the note."""

    kind: ThreadKind
    note_id: str
    quote: str
    start: int
    end: int
    said_on: date | None = None
    who: str = "unknown"
    by: date | None = None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """All that a reply offers as objects which the page can act on."""

    questions: tuple[SuggestedQuestion, ...] = ()
    framings: tuple[SuggestedFraming, ...] = ()
    resources: tuple[SuggestedResource, ...] = ()
    follow_ups: tuple[str, ...] = field(default=())
    """Things the user may want to say next; shown as buttons, sent as text."""
