"""A conversation: the turn that comes in, the reply that goes out, the events in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from coach.domain.citations import Citation, Evidence, Grounding
from coach.domain.people import Owner
from coach.domain.ranking import Hit
from coach.domain.safety import SafetyDecision
from coach.domain.suggestions import Correction, Dial, Situation, Suggestions

Speaker = Literal["user", "coach"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user sends. With no conversation the turn stands alone and leaves nothing in the store."""

    text: str
    conversation_id: str | None = None
    relationship_id: str | None = None
    correction: Correction = field(default_factory=Correction)
    dial: Dial | None = None
    counterpart: str | None = None
    """The other person's name, where there is no relationship with them yet."""
    may_send_notes: bool = False
    """Whether the user looked at the passages of their notes and let them go to the chat model, this once."""
    is_built_in_only: bool = False
    """Whether no chat model is to be asked."""


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What a chat model was asked for one reply, and what came of it."""

    model: str
    """As it is set: provider:model."""
    place: str
    """The host that it was asked at; "this machine" for a loopback address."""
    sent: str
    """All that was sent, as it was sent: names may be stand-ins."""
    sent_tokens: int
    reply_tokens: int
    is_estimated: bool
    """Whether the tokens were counted here, rather than reported by the provider."""
    first_token_ms: float
    changes: tuple[str, ...] = ()
    """What was removed or repaired in what it wrote, a sentence each."""
    withheld: int = 0
    """How many passages of the user's notes bear on the turn and were not sent."""
    withheld_passages: tuple[Evidence, ...] = ()
    """Those passages, for the user to look at."""
    sent_notes: tuple[str, ...] = ()
    """Ids of the notes of which passages were sent."""
    cost: float | None = None
    """In the currency of the price that is set; None without one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, whole. `composer` is "built-in" or a model's id; `prompt_digest` identifies the templates used."""

    markdown: str
    grounding: Grounding
    composer: str
    situation: Situation
    suggestions: Suggestions
    citations: tuple[Citation, ...]
    safety: SafetyDecision | None
    prompt_digest: str
    timings_ms: Mapping[str, float]
    faults: tuple[str, ...] = ()
    notice: str = ""
    """A line for the user on how the reply came about: why the built-in composer wrote it, what was changed."""
    model_use: ModelUse | None = None


def holds_words_of(reply: Reply, note_id: str) -> bool:
    """Whether a reply cites a note, or its record of what a model was sent holds or withheld a passage of it."""
    used = reply.model_use
    cited = [citation.evidence for citation in reply.citations] + list(used.withheld_passages if used else ())
    return any(e.kind == "note" and e.id == note_id for e in cited) or (used is not None and note_id in used.sent_notes)


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the store keeps it; the coach's carry the reply they came with."""

    id: str
    conversation_id: str
    speaker: Speaker
    text: str
    created_at: datetime
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat with the coach (a *session* is the mentoring meeting)."""

    id: str
    owner: Owner
    title: str
    relationship_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SituationRead:
    """The situation was read; the page shows its chips."""

    situation: Situation


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Retrieval is done: the records found, and how many passages of the owner's notes bear on the turn."""

    knowledge: tuple[Hit, ...]
    notes: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A further piece of the reply's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """What was streamed so far does not count: another text follows, for the reason given."""

    reason: str


@dataclass(frozen=True, slots=True)
class Suggested:
    """The reply's suggestions as objects."""

    suggestions: Suggestions


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is over and verified."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Failed:
    """The turn could not be answered; `message` is fit to be shown."""

    message: str


Event = SituationRead | Retrieved | TextDelta | Restarted | Suggested | Finished | Failed
