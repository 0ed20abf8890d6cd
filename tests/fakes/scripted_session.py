"""Stands for the session coach with a chat model: plays events by a script, and keeps both messages as the real one does.

session = ScriptedSession(coach.store, lambda turn, stop: iter([TextDelta("Ask."), Finished(a_reply("Ask."))]))
... replace(coach, model=REMOTE, session=session) ...
assert session.turns[0].is_built_in_only
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from coach.domain.conversation import Event, Finished, ModelUse, Reply, Turn
from coach.domain.people import Owner
from coach.domain.suggestions import Situation, Suggestions
from coach.ports import NoteStore
from coach.services.model_setup import ModelSetup

Script = Callable[[Turn, threading.Event], Iterator[Event]]

REMOTE = ModelSetup("openai:big", "api.example.com", False, 8192, None, lambda: "openai:big began to answer.")
LOCAL = ModelSetup("openai:small", "this machine", True, 8192, None, lambda: "openai:small began to answer.")


class ScriptedSession:
    """What `SessionCoach.reply` promises, without a model or a library."""

    def __init__(self, store: NoteStore, script: Script) -> None:
        self.turns: list[Turn] = []
        """Every turn that it was given, in order."""
        self._store = store
        self._script = script

    def reply(self, turn: Turn, *, owner: Owner, stop: threading.Event | None = None) -> Iterator[Event]:
        """The script's events; at `Finished` the conversation holds both messages."""
        self.turns.append(turn)
        for event in self._script(turn, stop or threading.Event()):
            if isinstance(event, Finished) and turn.conversation_id:
                self._store.add_message(turn.conversation_id, "user", turn.text, owner=owner)
                self._store.add_message(
                    turn.conversation_id, "coach", event.reply.markdown, owner=owner, reply=event.reply
                )
            yield event


def a_use(**changes: object) -> ModelUse:
    """What a model was asked for one reply."""
    values: dict[str, object] = {
        "model": REMOTE.name,
        "place": REMOTE.place,
        "sent": "You are a coach.\n\nyou: I meet Morgan tomorrow.",
        "sent_tokens": 1200,
        "reply_tokens": 34,
        "is_estimated": False,
        "first_token_ms": 300.0,
    }
    return ModelUse(**{**values, **changes})  # type: ignore[arg-type]


def a_reply(markdown: str, **changes: object) -> Reply:
    """A reply that rests on no source; by the built-in composer unless it is given a `model_use`."""
    values: dict[str, object] = {
        "markdown": markdown,
        "grounding": "ungrounded",
        "composer": REMOTE.name if changes.get("model_use") else "built-in",
        "situation": Situation("mentor", "ongoing", ("asking",), "questions", "ask", "calm", "mine"),
        "suggestions": Suggestions(),
        "citations": (),
        "safety": None,
        "prompt_digest": "",
        "timings_ms": {},
    }
    return Reply(**{**values, **changes})  # type: ignore[arg-type]
