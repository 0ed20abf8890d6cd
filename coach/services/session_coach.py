"""One turn: text in, events out. The only entrance for page, commands and evals.

Each step is a service of its own; here is only their order.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from coach.domain.citations import Evidence, verify
from coach.domain.conversation import (
    Event,
    Failed,
    Finished,
    Message,
    Reply,
    Retrieved,
    SituationRead,
    Suggested,
    TextDelta,
    Turn,
)
from coach.domain.errors import CoachError, PromptError, RetrievalFailed
from coach.domain.knowledge import Question, slots_in
from coach.domain.language import is_english
from coach.domain.people import Owner, Relationship
from coach.domain.suggestions import Situation
from coach.ports import KnowledgeBase, NoteStore
from coach.services import goals
from coach.services.compose import BUILT_IN, Brief, BuiltInComposer, Draft, Prompts
from coach.services.follow_up import Move, move_in, wants_other_resource, wants_shorter
from coach.services.impressions import Impression, Impressions
from coach.services.passages import Passages
from coach.services.recollection import Recollection
from coach.services.retrieval import Query, Retrieval
from coach.services.safety import Assessment, assess
from coach.services.situation import Context, corrected, read_situation
from coach.services.suggest import Choice, Found, Memory, Step, Suggester
from coach.services.threads import pasted_notes

log = logging.getLogger(__name__)

MAX_CHARACTERS = 20_000
"""Of a message that are read; a longer text belongs into the notes."""
KNOWLEDGE_TOP_K = 30
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
        today: Callable[[], date] = date.today,
    ) -> None:
        self._knowledge = knowledge
        self._store = store
        self._retrieval = retrieval
        self._passages = Passages(knowledge, store)
        self._impressions = impressions
        self._suggester = Suggester(knowledge)
        self._recollection = Recollection(retrieval, store)
        self._composer = BuiltInComposer(knowledge, self._passages, prompts)
        self._prompts = prompts
        self._today = today

    def reply(self, turn: Turn, *, owner: Owner) -> Iterator[Event]:
        """Answer one turn; ends with `Finished` or `Failed`, and a conversation then holds both messages."""
        try:
            yield from self._reply(turn, owner=owner)
        except RetrievalFailed as error:
            log.warning("retrieval failed: %s", error)
            yield Failed(f"I couldn't look anything up just now, so I'd rather not answer. {error}")
        except PromptError as error:
            log.error("prompt failed: %s", error)
            yield Failed(f"The reply could not be written. {error}")
        except CoachError as error:
            yield Failed(str(error))

    def _reply(self, turn: Turn, *, owner: Owner) -> Iterator[Event]:
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
        assessment = assess(text, impression.alarms, previous=last.safety if last else None)
        clock.lap("safety")

        move = move_in(text, replies, self._knowledge) if is_english(text) else None
        situation = self._situation(text, impression, turn, last, move, owner=owner)
        yield SituationRead(situation)
        clock.lap("situation")

        if assessment is not None:
            brief = self._unassisted(text, situation, assessment, is_first=last is None)
            found = Found()
        elif not is_english(text):
            brief = replace(
                self._unassisted(text, situation, None, is_first=last is None),
                is_english=False,
                lookup=self._recollection.look_up(query, situation, owner=owner, today=self._today()),
            )
            found = Found()
        else:
            brief, found = self._brief(text, query, situation, history, move, owner=owner)
        clock.lap("retrieval")
        yield Retrieved(found.everything(), ())

        draft = self._composer.compose(brief)
        clock.lap("compose")
        reply = self._verified(draft, brief, clock, owner=owner)
        self._keep(turn, text, reply, owner=owner)
        for start in range(0, len(reply.markdown), DELTA_CHARACTERS):
            yield TextDelta(reply.markdown[start : start + DELTA_CHARACTERS])
        yield Suggested(reply.suggestions)
        yield Finished(reply)

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
            known=known,
            people_with_notes=frozenset(n.relationship_id for n in self._store.notes(owner=owner) if n.relationship_id),
            dial=turn.dial,
            correction=turn.correction,
            counterpart=turn.counterpart,
        )
        situation = read_situation(text, impression, context)
        if last is not None and (move is not None or wants_other_resource(text, last)):
            return _continued(situation, last.situation, move, context)
        return situation

    def _unassisted(self, text: str, situation: Situation, assessment: Assessment | None, *, is_first: bool) -> Brief:
        """A brief without anything from the library."""
        return Brief(
            text=text,
            situation=situation,
            choice=Choice(None, (), (), (), (), None),
            today=self._today(),
            is_first_turn=is_first,
            safety=assessment.decision if assessment else None,
            about=assessment.about if assessment else "self",
        )

    def _brief(
        self,
        text: str,
        query: Query,
        situation: Situation,
        history: Sequence[Message],
        move: Move | None,
        *,
        owner: Owner,
    ) -> tuple[Brief, Found]:
        last = _last_reply(history)
        if move is not None and move.was_asked and move.question is not None:
            self._store.record_question(
                move.question.id, "used", owner=owner, relationship_id=_id_of(situation.relationship)
            )
        if move is not None or (last is not None and wants_other_resource(text, last)):
            query = self._retrieval.query(f"{_first_text(history)} {text}")
        found = self._found(query, situation)
        memory = self._memory(situation, history, move, owner=owner)
        choice = self._suggester.choose(situation, found, memory)
        choice = _bent(choice, situation, move, text)
        if move is not None and move.kind == "another":
            choice = self._another(choice, situation, found, memory, move)
        if last is not None and (move is not None or situation.feeling == "calm"):
            choice = replace(choice, acknowledgement=None)
        brief = Brief(
            text=text, situation=situation, choice=choice, today=self._today(), move=move, is_first_turn=last is None
        )
        brief = self._with_goal(brief, found, memory, history)
        return self._with_notes(brief, query, owner=owner), found

    def _found(self, query: Query, situation: Situation) -> Found:
        if situation.intent in ("recall", "about-coach", "thanks"):
            return Found()
        look = self._retrieval.knowledge
        is_goal = situation.intent == "clarify-goal"
        return Found(
            cards=look(query, "card", top_k=KNOWLEDGE_TOP_K),
            questions=look(query, "question", top_k=KNOWLEDGE_TOP_K * 2),
            framings=look(query, "framing", top_k=KNOWLEDGE_TOP_K) if is_goal else (),
            resources=look(query, "resource", top_k=KNOWLEDGE_TOP_K) if situation.intent == "resource" else (),
            plans=look(query, "plan", top_k=KNOWLEDGE_TOP_K) if situation.intent in ("plan-session", "reflect") else (),
            acknowledgements=look(query, "acknowledgement", top_k=KNOWLEDGE_TOP_K * 2),
        )

    def _memory(self, situation: Situation, history: Sequence[Message], move: Move | None, *, owner: Owner) -> Memory:
        recorded = self._store.recorded_questions(owner=owner, relationship_id=_id_of(situation.relationship))
        replies = [message.reply for message in history if message.reply is not None]
        keeps_plan = move is not None and move.kind in ("plan", "agree", "one")
        shown = set() if keeps_plan else {q.id for reply in replies for q in reply.suggestions.questions}
        return Memory(
            questions=frozenset(recorded) | shown,
            cards=frozenset(c.evidence.id for r in replies for c in r.citations if c.evidence.kind == "card"),
            resources=frozenset(item.id for reply in replies for item in reply.suggestions.resources),
            acknowledgements=frozenset(
                a.id
                for a in self._knowledge.acknowledgements.values()
                if any(a.text[:24] in r.markdown for r in replies)
            ),
            framings=frozenset(f.id for reply in replies for f in reply.suggestions.framings),
        )

    def _another(self, choice: Choice, situation: Situation, found: Found, memory: Memory, move: Move) -> Choice:
        purposes = (move.question.purpose,) if move.question else ()
        ranked = self._suggester.questions(situation, found.questions, memory, purposes=purposes) if purposes else []
        ranked = ranked or self._suggester.questions(situation, found.questions, memory)
        if move.is_plainer:
            ranked = sorted(ranked[:8], key=lambda question: len(question.text))
        return replace(choice, steps=tuple(Step(question) for question in ranked[:1]))

    def _with_goal(self, brief: Brief, found: Found, memory: Memory, history: Sequence[Message]) -> Brief:
        goal = _goal_in_conversation(brief.text, history)
        situation = brief.situation
        wants_goal = situation.intent == "clarify-goal" or (
            brief.move is not None and brief.move.kind in ("if-then", "framing")
        )
        if not wants_goal:
            return replace(brief, goal=goal)
        said = " ".join([*(m.text for m in history if m.speaker == "user"), brief.text])
        missing = goals.missing_in(said)
        elements: Sequence[str] = ("if-then", "obstacle") if brief.move and brief.move.kind == "if-then" else missing
        as_self = replace(situation, intent="clarify-goal")
        questions = [
            question
            for element in elements[:4]
            for question in self._suggester.questions(as_self, found.questions, memory, family=_about(element))[:1]
        ]
        questions += [step.question for step in brief.choice.steps if step.question not in questions]
        return replace(
            brief,
            goal=goal,
            missing=missing,
            is_about_another=goals.is_about_another(brief.text),
            goal_questions=tuple(questions),
        )

    def _with_notes(self, brief: Brief, query: Query, *, owner: Owner) -> Brief:
        situation = brief.situation
        relationship_id = _id_of(situation.relationship)
        notes = self._store.notes(owner=owner, relationship_id=relationship_id)
        brief = replace(brief, has_notes=bool(notes))
        if situation.intent == "recall":
            return replace(brief, lookup=self._recollection.look_up(query, situation, owner=owner, today=self._today()))
        if situation.intent == "reflect":
            pasted = pasted_notes(brief.text)
            if pasted:
                moments = tuple(t.quote for t in pasted if t.kind != "commitment")
                return replace(brief, own_words=moments, promises=tuple(t for t in pasted if t.kind == "commitment"))
            return replace(brief, recalled=self._recollection.after_session(notes if relationship_id else ()))
        recalled = self._recollection.for_session(query, situation, owner=owner)
        ask = self._suggester.questions(situation, (), Memory(), family=_takes_up_a_promise) if recalled else []
        return replace(brief, recalled=recalled, promise_question=next(iter(ask), None))

    def _verified(self, draft: Draft, brief: Brief, clock: _Clock, *, owner: Owner) -> Reply:
        def text_of(evidence: Evidence) -> str | None:
            return self._passages.text_of(evidence, owner=owner)

        verification = verify(draft.markdown, draft.citations, text_of=text_of)
        clock.lap("verify")
        for fault in verification.faults:
            log.error("a reply did not verify: %s", fault)
        return Reply(
            markdown=draft.markdown,
            grounding=verification.grounding,
            composer=BUILT_IN,
            situation=brief.situation,
            suggestions=draft.suggestions,
            citations=verification.citations,
            safety=brief.safety,
            prompt_digest=self._prompts.digest,
            timings_ms=clock.laps,
            faults=verification.faults,
        )

    def _keep(self, turn: Turn, text: str, reply: Reply, *, owner: Owner) -> None:
        if turn.conversation_id:
            self._store.add_message(turn.conversation_id, "user", text, owner=owner)
            self._store.add_message(turn.conversation_id, "coach", reply.markdown, owner=owner, reply=reply)


def _about(element: str) -> Callable[[Question], bool]:
    return lambda question: question.id.startswith(f"goal-{element}-")


def _takes_up_a_promise(question: Question) -> bool:
    """Asks what became of something that was said last time."""
    return "quote" in slots_in(question.text) and "goal-progress" in question.topics and question.purpose == "open"


class _Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(1e3 * (now - self._since), 2)
        self._since = now


def _last_reply(history: Sequence[Message]) -> Reply | None:
    return next((message.reply for message in reversed(history) if message.reply is not None), None)


def _continued(situation: Situation, previous: Situation, move: Move | None, context: Context) -> Situation:
    """A follow-up stays in the situation it follows, but for what it changes by itself."""
    turned = {"read": "resource", "draft": "draft", "plan": "plan-session"}
    kept = replace(
        previous,
        dial=situation.dial,
        is_brief=situation.is_brief,
        intent=turned.get(move.kind, previous.intent) if move else previous.intent,
        relationship=situation.relationship or previous.relationship,
        name=situation.name or previous.name,
    )
    return corrected(kept, context.correction)


def _bent(choice: Choice, situation: Situation, move: Move | None, text: str) -> Choice:
    """The choice as a follow-up bends it: one question only, another framing, a shorter reading."""
    if move is not None and move.kind == "one":
        return replace(choice, steps=choice.steps[:1])
    if move is not None and move.framing is not None:
        return replace(choice, framings=(move.framing,))
    if situation.intent == "resource" and wants_shorter(text):
        return replace(choice, resources=tuple(sorted(choice.resources, key=lambda r: r.minutes)))
    return choice


def _goal_in_conversation(text: str, history: Sequence[Message]) -> str | None:
    for said in [text, *(m.text for m in reversed(history) if m.speaker == "user")]:
        goal = goals.goal_stated_in(said)
        if goal:
            return goal
    return None


def _first_text(history: Sequence[Message]) -> str:
    return next((message.text for message in history if message.speaker == "user"), "")


def _id_of(relationship: Relationship | None) -> str | None:
    return relationship.id if relationship else None
