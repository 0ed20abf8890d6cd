"""The curated knowledge: what each kind of record holds.

Reading and checking the files is `coach.adapters.knowledge_files`; choosing among records is `coach.services.suggest`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coach.domain.people import Role
from coach.domain.safety import About, SafetyKind

Purpose = Literal["open", "explore", "deepen", "challenge", "commit", "close"]
ARC: tuple[Purpose, ...] = ("open", "explore", "deepen", "challenge", "commit", "close")
"""The order in which a mentoring conversation moves; a suggestion never steps backwards along it."""

Whose = Literal["mine", "theirs"]
Addressee = Literal["other", "self", "either"]
ResourceKind = Literal["book", "paper", "article", "talk", "guide", "tool", "programme", "course", "podcast"]
Level = Literal["starter", "some-experience", "deep"]

_SLOT = re.compile(r"\{(?P<name>[a-z_]+)\|(?P<default>[^{}]*)\}")


def fill(text: str, slots: Mapping[str, str | None]) -> str:
    """Put values into `{slot|default}` places; an absent or empty value leaves the default."""
    return _SLOT.sub(lambda match: slots.get(match["name"]) or match["default"], text)


def slots_in(text: str) -> frozenset[str]:
    """Names of the slots that a text carries."""
    return frozenset(match["name"] for match in _SLOT.finditer(text))


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of the taxonomy; `phrases` are things people say that mean it."""

    id: str
    label: str
    definition: str
    phrases: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The closed vocabularies that every record and every reading of a situation uses."""

    roles: tuple[Term, ...]
    stages: tuple[Term, ...]
    topics: tuple[Term, ...]
    purposes: tuple[Term, ...]
    intents: tuple[Term, ...]
    feelings: tuple[Term, ...]

    def label(self, term_id: str) -> str:
        """The label of a stage, topic, role, purpose, intent or feeling; the id itself where it is unknown."""
        for term in (*self.stages, *self.topics, *self.roles, *self.purposes, *self.intents, *self.feelings):
            if term.id == term_id:
                return term.label
        return term_id


@dataclass(frozen=True, slots=True)
class Source:
    """An entry of the bibliography."""

    id: str
    authors: tuple[str, ...]
    title: str
    confirmed_in: str
    year: int | None = None
    container: str = ""
    doi: str = ""
    isbn: str = ""
    address: str = ""

    @property
    def reference(self) -> str:
        """One line as a reader expects it: authors (year), title, container."""
        names = (
            self.authors[0]
            if len(self.authors) == 1
            else " and ".join([", ".join(self.authors[:-1]), self.authors[-1]])
        )
        if len(self.authors) > 3:
            names = f"{self.authors[0]} and others"
        year = f" ({self.year})" if self.year else ""
        container = f". {self.container}" if self.container else ""
        return f"{names}{year}. {self.title}{container}"


@dataclass(frozen=True, slots=True)
class Card:
    """A piece of mentoring practice. `gist` says it in a breath; `do` is the same as one instruction."""

    id: str
    title: str
    audience: tuple[Role, ...]
    stages: tuple[str, ...]
    topics: tuple[str, ...]
    gist: str
    do: str
    sources: tuple[str, ...]
    body: str

    @property
    def text(self) -> str:
        """What is indexed, shown and quoted from."""
        return f"{self.gist}\n\n{self.do}\n\n{self.body}"


@dataclass(frozen=True, slots=True)
class Question:
    """One question, ready to be said aloud. `text` and `follow_up` may carry `{slot|default}` places."""

    id: str
    text: str
    purpose: Purpose
    audience: tuple[Role, ...]
    to: Addressee
    stages: tuple[str, ...]
    topics: tuple[str, ...]
    why: str
    follow_up: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Framing:
    """A lens on a goal. `lens` completes "as …"; `pattern` carries {goal|…} and keeps the person's words."""

    id: str
    name: str
    lens: str
    audience: tuple[Role, ...]
    stages: tuple[str, ...]
    topics: tuple[str, ...]
    when: str
    prompt: str
    pattern: str
    example: str
    why: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that exists to read, watch, use or join; `why` says what it gives, `one_thing` what to take if nothing else."""

    id: str
    kind: ResourceKind
    title: str
    authors: tuple[str, ...]
    audience: tuple[Role, ...]
    stages: tuple[str, ...]
    topics: tuple[str, ...]
    why: str
    one_thing: str
    minutes: int
    level: Level
    free: bool
    confirmed_in: str
    year: int | None = None
    address: str = ""
    doi: str = ""
    isbn: str = ""

    @property
    def link(self) -> str:
        """Where to find it: an address, a DOI address, or an ISBN as a URN; empty where none is known."""
        if self.address:
            return self.address
        if self.doi:
            return f"https://doi.org/{self.doi}"
        return f"urn:isbn:{self.isbn}" if self.isbn else ""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One question of a plan, by id, with an optional note for whoever asks it."""

    purpose: Purpose
    question: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole session thought through: the largest authored unit, and the one that reads best."""

    id: str
    title: str
    audience: tuple[Role, ...]
    stages: tuple[str, ...]
    topics: tuple[str, ...]
    opening: str
    arc: tuple[PlanStep, ...]
    agree: str
    listen_for: str
    avoid: str
    follow_up: str
    ask_back: str
    minutes: int
    sources: tuple[str, ...]
    card: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A sentence or two for a feeling at a stage, that claims nothing about the person.

    With `topics` it is true only where one of them is spoken of; without, anywhere.
    """

    id: str
    feeling: str
    whose: Whose
    audience: tuple[Role, ...]
    stages: tuple[str, ...]
    text: str
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """Something underneath in a rehearsal partner, and what opens or shuts it."""

    reveals: str
    opened_by: tuple[str, ...]
    shut_by: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Somebody to rehearse with."""

    id: str
    title: str
    chair: Role
    level: Level
    stages: tuple[str, ...]
    topics: tuple[str, ...]
    person: str
    facts: tuple[str, ...]
    opening_line: str
    layers: tuple[Layer, ...]
    reactions: Mapping[str, tuple[str, ...]]
    ending: str


@dataclass(frozen=True, slots=True)
class JourneyStep:
    """One question of a journey and the field that its answer fills."""

    id: str
    question: str
    why: str
    field: str
    is_optional: bool = True
    draws_on: tuple[Literal["notes", "knowledge"], ...] = ()


@dataclass(frozen=True, slots=True)
class Journey:
    """A guided flow that ends in an artefact."""

    id: str
    title: str
    audience: tuple[Role, ...]
    stages: tuple[str, ...]
    topics: tuple[str, ...]
    steps: tuple[JourneyStep, ...]
    artefact: str


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A message as people write them, with what a careful reader makes of it: situations are read by nearness to these."""

    id: str
    text: str
    role: Role
    stage: str
    topics: tuple[str, ...]
    intent: str
    feeling: str = "calm"
    whose: Whose = "mine"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A message that calls for care, other help or a refusal; or (`none`) one that only sounds like it."""

    id: str
    text: str
    decision: SafetyKind | Literal["none"]
    about: About = "self"


Record = Card | Question | Framing | Resource | Plan | Acknowledgement | Scenario | Journey
