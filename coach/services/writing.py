"""What a writer other than the built-in composer hands to the session coach: a reply, or why there is none.

The writer itself is `coach.services.model_writer`, which is imported only where a model is set.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from coach.domain.citations import Citation
from coach.domain.conversation import Event, Message, ModelUse, Turn
from coach.domain.people import Owner
from coach.domain.suggestions import Suggestions
from coach.services.compose import Brief


@dataclass(frozen=True, slots=True)
class Written:
    """A reply by a model, checked."""

    markdown: str
    citations: tuple[Citation, ...]
    suggestions: Suggestions
    use: ModelUse
    notice: str
    is_whole: bool
    """False where what was found wrong could not be put right."""


@dataclass(frozen=True, slots=True)
class NotWritten:
    """Why the built-in composer has to write; empty where the user stopped it before a word came."""

    notice: str


class Writer(Protocol):
    """Writes replies to briefs."""

    def writes(self, brief: Brief, turn: Turn) -> bool:
        """Whether a turn is one for this writer."""

    def write(
        self, brief: Brief, history: Sequence[Message], turn: Turn, *, owner: Owner, stop: threading.Event
    ) -> Generator[Event, None, Written | NotWritten]:
        """Stream the reply to a brief, then hand it over."""
