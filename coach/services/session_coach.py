"""One turn: text in, events out. The only entrance for page, commands and evals.

Each step is a service of its own; here is only their order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

from coach.domain.citations import Evidence, verify
from coach.domain.conversation import (
    Event,
    Failed,
    Finished,
    Message,
    Reply,
    Restarted,
    Retrieved,
    SituationRead,
    Suggested,
    TextDelta,
    Turn,
)
from coach.domain.errors import CoachError, PromptError, RetrievalFailed
from coach.domain.language import is_english
from coach.domain.people import Owner
from coach.domain.suggestions import Situation
from coach.ports import KnowledgeBase, NoteStore
from coach.services.briefing import Briefing
from coach.services.compose import BUILT_IN, Brief, BuiltInComposer, Draft, Prompts
from coach.services.follow_up import Move, move_in, wants_other_resource
from coach.services.impressions import Impression, Impressions
from coach.services.passages import Passages
from coach.services.retrieval import Retrieval
from coach.services.safety import assess, is_reassurance
from coach.services.situation import Context, corrected, read_situation
from coach.services.suggest import Found
from coach.services.writing import NotWritten, Writer, Written

log = logging.getLogger(__name__)

MAX_CHARACTERS = 20_000
"""Of a message that are read; a longer text belongs into the notes."""
DELTA_CHARACTERS = 24
"""Size of the pieces in which a reply is streamed."""


class SessionCoach:
    """Answers turns for any owner; keeps nothing between turns but what the store holds."""

    def __init__(
        self,
        *,
        knowledge: KnowledgeBase,
        store: NoteStore,
        retrieval: Retrieval,
        impressions: Impressions,
        prompts: Prompts,
        writer: Writer | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        """Without a `writer` the built-in composer writes every reply."""
        self._knowledge = knowledge
        self._store = store
        self._retrieval = retrieval
        self._passages = Passages(knowledge, store)
        self._impressions = impressions
        self._briefing = Briefing(knowledge, store, retrieval, today=today)
        self._composer = BuiltInComposer(knowledge, self._passages, prompts)
        self._writer = writer
        self._prompts = prompts

    def reply(self, turn: Turn, *, owner: Owner, stop: threading.Event | None = None) -> Iterator[Event]:
        """Answer one turn; ends with `Finished` or `Failed`, and a conversation then holds both messages.

        Args:
            stop: Set by another thread, it ends a chat model's answer there; what it wrote so far is then the reply.
        """
        try:
            yield from self._reply(turn, owner=owner, stop=stop or threading.Event())
        except RetrievalFailed as error:
            log.warning("retrieval failed: %s", error)
            yield Failed(f"I couldn't look anything up just now, so I'd rather not answer. {error}")
        except PromptError as error:
            log.error("prompt failed: %s", error)
            yield Failed(f"The reply could not be written. {error}")
        except CoachError as error:
            yield Failed(str(error))

    def _reply(self, turn: Turn, *, owner: Owner, stop: threading.Event) -> Iterator[Event]:
        clock = _Clock()
        text = turn.text[:MAX_CHARACTERS].replace("\x00", " ").strip()
        if not any(character.isalnum() for character in text):
            yield Failed("There was nothing in that message to go on. What is on your mind about the conversation?")
            return
        history = self._history(turn, owner=owner)
        replies = [message.reply for message in history if message.reply is not None]
        last = replies[-1] if replies else None
        query = self._retrieval.query(text)
        impression = self._impressions.of(query)
        move = move_in(text, replies, self._knowledge) if is_english(text) else None
        # A button's text and another language are not what the labelled messages can judge: there wording alone decides.
        alarms = impression.alarms if is_english(text) and move is None else {}
        assessment = assess(text, alarms, previous=last.safety if last else None)
        clock.lap("safety")

        situation = self._situation(text, impression, turn, last, move, owner=owner)
        yield SituationRead(situation)
        clock.lap("situation")

        if assessment is not None:
            brief, found = (
                self._briefing.without_suggestions(text, situation, assessment, is_first=last is None),
                Found(),
            )
        elif last is not None and is_reassurance(text, last.safety):
            brief = replace(
                self._briefing.without_suggestions(text, situation, None, is_first=False), is_after_crisis=True
            )
            found = Found()
        elif not is_english(text):
            brief = self._briefing.in_another_language(text, query, situation, is_first=last is None, owner=owner)
            found = Found()
        else:
            brief, found = self._briefing.with_suggestions(
                text, query, situation, impression.topics, history, move, owner=owner
            )
        clock.lap("retrieval")
        yield Retrieved(found.everything(), len(brief.recalled))

        draft = self._composer.compose(brief)
        clock.lap("compose")
        written: Written | NotWritten | None = None
        if self._writer is not None and self._writer.writes(brief, turn):
            written = yield from self._writer.write(brief, history, turn, owner=owner, stop=stop)
            clock.lap("model")
        if isinstance(written, NotWritten) and not written.notice:
            yield Failed("Stopped before a word was written. Send it again when you like.")
            return
        reply = self._verified(draft, brief, written, clock, owner=owner)
        self._keep(turn, text, reply, owner=owner)
        yield from _told(reply, written)

    def _history(self, turn: Turn, *, owner: Owner) -> list[Message]:
        return self._store.messages(turn.conversation_id, owner=owner) if turn.conversation_id else []

    def _situation(
        self, text: str, impression: Impression, turn: Turn, last: Reply | None, move: Move | None, *, owner: Owner
    ) -> Situation:
        known = tuple(self._store.relationships(owner=owner))
        chosen = self._store.relationship(turn.relationship_id, owner=owner) if turn.relationship_id else None
        context = Context(
            previous=last.situation if last else None,
            relationship=chosen or (last.situation.relationship if last else None),
            is_chosen=chosen is not None,
            known=known,
            people_with_notes=self._store.people_with_notes(owner=owner),
            dial=turn.dial,
            correction=turn.correction,
            counterpart=turn.counterpart,
        )
        situation = read_situation(text, impression, context)
        if last is not None and (move is not None or wants_other_resource(text, last)):
            return _continued(situation, last.situation, move, context)
        return situation

    def _verified(
        self, draft: Draft, brief: Brief, written: Written | NotWritten | None, clock: _Clock, *, owner: Owner
    ) -> Reply:
        def text_of(evidence: Evidence) -> str | None:
            return self._passages.text_of(evidence, owner=owner)

        by_model = written if isinstance(written, Written) else None
        made = by_model or draft
        verification = verify(made.markdown, made.citations, text_of=text_of)
        clock.lap("verify")
        for fault in verification.faults:
            log.error("a reply did not verify: %s", fault)
        is_sound = by_model is None or by_model.is_whole
        return Reply(
            markdown=made.markdown,
            grounding=verification.grounding if is_sound else "unverified",
            composer=by_model.use.model if by_model else BUILT_IN,
            situation=brief.situation,
            suggestions=made.suggestions,
            citations=verification.citations,
            safety=brief.safety,
            prompt_digest=self._prompts.digest,
            timings_ms=clock.laps,
            faults=verification.faults,
            notice=written.notice if written is not None else "",
            model_use=by_model.use if by_model else None,
        )

    def _keep(self, turn: Turn, text: str, reply: Reply, *, owner: Owner) -> None:
        if turn.conversation_id:
            self._store.add_message(turn.conversation_id, "user", text, owner=owner)
            self._store.add_message(turn.conversation_id, "coach", reply.markdown, owner=owner, reply=reply)


def _told(reply: Reply, written: Written | NotWritten | None) -> Iterator[Event]:
    """The end of a turn: what the built-in composer wrote is streamed now, what a model wrote has been."""
    if not isinstance(written, Written):
        if written is not None:
            yield Restarted(written.notice)
        for start in range(0, len(reply.markdown), DELTA_CHARACTERS):
            yield TextDelta(reply.markdown[start : start + DELTA_CHARACTERS])
    yield Suggested(reply.suggestions)
    yield Finished(reply)


class _Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(1e3 * (now - self._since), 2)
        self._since = now


def _continued(situation: Situation, previous: Situation, move: Move | None, context: Context) -> Situation:
    """A follow-up stays in the situation it follows, but for what it changes by itself."""
    turned = {"read": "resource", "draft": "draft", "plan": "plan-session"}
    if move is not None and move.kind == "one" and previous.intent in ("recall", "resource", "draft"):
        turned = {"one": "questions"}
    kept = replace(
        previous,
        dial=situation.dial,
        is_brief=situation.is_brief,
        intent=turned.get(move.kind, previous.intent) if move else previous.intent,
        relationship=situation.relationship or previous.relationship,
        name=situation.name or previous.name,
    )
    return corrected(kept, context.correction)
