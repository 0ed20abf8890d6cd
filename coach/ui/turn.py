"""One message on its way to a reply, as the page follows it: what was asked, what has been written so far, where it stopped.

Storing and showing it is `coach.ui.chat`; the reply itself is `coach.services.session_coach`'s.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from coach.domain.conversation import Event, Message, Reply, Restarted, Retrieved, TextDelta
from coach.domain.errors import NotFound
from coach.domain.people import Owner
from coach.ui.view import View

PACE_S = 0.025
"""Between two updates of a streamed reply: more of them choke the page."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that is to be answered, and what ends the answer."""

    text: str
    view: View
    owner: Owner
    stop: threading.Event = field(default_factory=threading.Event)
    is_typed: bool = True
    """False where a button sends an earlier message again: what stands in the box is then left alone."""
    may_send_notes: bool = False

    @property
    def is_new(self) -> bool:
        """Whether it begins a conversation."""
        return self.view.conversation_id is None


Shown = TypeVar("Shown")


def followed(
    events: Iterator[Event],
    asked: Asked,
    show: Callable[[str, str], Shown],
    *,
    waiting: str = "",
    pace_s: float = PACE_S,
) -> Generator[Shown, None, tuple[str, Event | None]]:
    """Shows what is written as it comes; returns the text that was shown, and the last event.

    A stopped turn, and one whose reader has left, is read to its end unseen: it is there that what was written is kept.

    Args:
        show: Makes what is shown from the text so far and a status.
        waiting: The status until the first word, once there is something to write from.
    """
    so_far, status, due, event = "", "", time.monotonic(), None
    try:
        for event in events:
            if asked.stop.is_set():
                continue
            if isinstance(event, TextDelta):
                so_far += event.text
                time.sleep(max(0.0, due - time.monotonic()))
                due = max(due, time.monotonic()) + pace_s
                yield show(so_far, status)
            elif isinstance(event, Restarted):
                so_far, status = "", event.reason
                yield show(so_far, status)
            elif isinstance(event, Retrieved) and waiting:
                yield show(so_far, waiting)
    except GeneratorExit:
        asked.stop.set()
        deque(events, maxlen=0)
        raise
    return so_far, event


def cut(so_far: str, reply: Reply) -> int | None:
    """Characters to show of a reply that was stopped; None where it is shown as if nothing had happened."""
    if reply.model_use is not None:
        return len(reply.markdown)
    return len(so_far) if len(so_far) < len(reply.markdown) and reply.markdown.startswith(so_far) else None


def said_before(message_id: str, messages: Sequence[Message]) -> str:
    """The user's message that a reply answers. Raises NotFound."""
    said = ""
    for message in messages:
        if message.id == message_id and said:
            return said
        said = message.text if message.speaker == "user" else said
    raise NotFound("That message is no longer here.")
