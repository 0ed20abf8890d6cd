"""Turn solvers: a message to the coach, a reply back, for an owner with the notes that a sample gives them.

What a reply is worth is judged in `evals.tasks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from coach.bootstrap import Coach
from coach.domain.conversation import Failed, Finished, Reply, Turn
from coach.domain.people import Owner, Role
from coach.domain.suggestions import Correction
from evals.grammar import Dataset, OpenSolver, OutputT, SampleT, Solve, Unscorable, always
from evals.scratch import Scratch


@dataclass(frozen=True, slots=True)
class GivenNote:
    """A note that somebody has before they ask."""

    text: str
    person: str = ""
    day: date | None = None
    title: str = ""
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A message with all that surrounds it."""

    text: str
    role: Role | None = None
    intent: str | None = None
    person: str = ""
    notes: Sequence[GivenNote] = field(default=())


class TurnFailed(Exception):
    """The turn ended without a reply; the message is what the user was shown."""


class Teller:
    """Tells the coach things in a scratch store; every sample has an owner of its own.

    Args:
        is_by_model: Whether the chat model that is set writes the replies; else the built-in composer does.
    """

    def __init__(self, scratch: Scratch, *, is_by_model: bool = False) -> None:
        self.scratch = scratch
        self.coach: Coach = scratch.coach
        self._is_by_model = is_by_model

    def reply(self, asked: Asked, *, owner: Owner | None = None) -> Reply:
        """The coach's reply. Raises TurnFailed."""
        owner = owner or self.scratch.owner()
        for note in asked.notes:
            self.give(note, owner=owner)
        relationship = self.coach.store.add_relationship(asked.person, owner=owner) if asked.person else None
        turn = Turn(
            asked.text,
            relationship_id=relationship.id if relationship else None,
            correction=Correction(role=asked.role, intent=asked.intent),
            may_send_notes=True,
            is_built_in_only=not self._is_by_model,
        )
        return self.said(turn, owner=owner)

    def give(self, note: GivenNote, *, owner: Owner) -> str:
        """Ingest a note as the product does; returns its id."""
        person = self.coach.store.add_relationship(note.person, owner=owner) if note.person else None
        document = self.coach.documents.read_text(note.text, file_name=note.file_name)
        added = self.coach.ingest.add(
            document,
            owner=owner,
            relationship_id=person.id if person else None,
            title=note.title or None,
            date=note.day,
        )
        return added.note.id

    def said(self, turn: Turn, *, owner: Owner) -> Reply:
        """The reply to a turn. Raises TurnFailed."""
        for event in self.coach.session.reply(turn, owner=owner):
            if isinstance(event, Finished):
                return event.reply
            if isinstance(event, Failed):
                raise TurnFailed(event.message)
        raise TurnFailed("The turn ended without a reply.")


OfTeller = Callable[[Teller], Solve[SampleT, OutputT]]


def told(make: OfTeller[SampleT, OutputT]) -> Mapping[str, OpenSolver[SampleT, OutputT]]:
    """The two solvers of a task over turns: the built-in composer, and the chat model that is set.

    Replies that were recorded from a model are no evaluation of it: without a model its samples are unscored.
    """

    @contextmanager
    def by_model(_: Dataset[SampleT], scratch: Scratch) -> Iterator[Solve[SampleT, OutputT]]:
        if scratch.coach.model is None:
            raise Unscorable("no chat model is set; name one in COACH_MODEL")
        yield make(Teller(scratch, is_by_model=True))

    return {"coach": always(lambda scratch: make(Teller(scratch))), "coach-model": by_model}
