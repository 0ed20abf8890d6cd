"""Briefing: gathers all that one reply is written from: what is chosen, what is recalled, what the goal lacks.

Reading the situation comes before (`coach.services.situation`), writing the reply after (`coach.services.compose`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from coach.domain.conversation import Message, Reply
from coach.domain.knowledge import Question, slots_in
from coach.domain.people import Owner, Relationship
from coach.domain.ranking import Hit
from coach.domain.suggestions import Situation
from coach.ports import KnowledgeBase, NoteStore
from coach.services import goals
from coach.services.compose import Brief
from coach.services.follow_up import Move, wants_other_resource, wants_shorter
from coach.services.impressions import Labels
from coach.services.recollection import Recollection
from coach.services.retrieval import Query, Retrieval
from coach.services.safety import Assessment
from coach.services.shortlist import Shortlist, ShortlistKind
from coach.services.suggest import Choice, Found, Memory, Step, Suggester
from coach.services.threads import pasted_notes

KNOWLEDGE_TOP_K = 30


class Briefing:
    """Makes briefs from one library and one store."""

    def __init__(
        self, knowledge: KnowledgeBase, store: NoteStore, retrieval: Retrieval, *, today: Callable[[], date]
    ) -> None:
        self._knowledge = knowledge
        self._store = store
        self._retrieval = retrieval
        self._shortlist = Shortlist(knowledge, retrieval)
        self._suggester = Suggester(knowledge)
        self._recollection = Recollection(retrieval, store)
        self._today = today

    def without_suggestions(
        self, text: str, situation: Situation, assessment: Assessment | None, *, is_first: bool
    ) -> Brief:
        """A brief without anything from the library."""
        return Brief(
            text=text,
            situation=situation,
            choice=Choice(None, (), (), (), (), None),
            today=self._today(),
            is_first_turn=is_first,
            safety=assessment.decision if assessment else None,
            about=assessment.about if assessment else "self",
            is_alarm_sensed=assessment is not None and assessment.is_sensed,
        )

    def in_another_language(
        self, text: str, query: Query, situation: Situation, *, is_first: bool, owner: Owner
    ) -> Brief:
        """What can be done for a message that is not in English: its words are looked up in the notes."""
        lookup = self._recollection.look_up(query, situation, owner=owner, today=self._today())
        brief = self.without_suggestions(text, situation, None, is_first=is_first)
        return replace(brief, is_english=False, lookup=lookup)

    def with_suggestions(
        self,
        text: str,
        query: Query,
        situation: Situation,
        topics: Labels,
        history: Sequence[Message],
        move: Move | None,
        *,
        owner: Owner,
    ) -> tuple[Brief, Found]:
        """A brief with what was chosen, and what it was chosen from; `topics` are scores of what the message is about."""
        last = _last_reply(history)
        if move is not None and move.was_asked and move.question is not None:
            self._store.record_question(
                move.question.id, "used", owner=owner, relationship_id=_id_of(situation.relationship)
            )
        if move is not None or (last is not None and wants_other_resource(text, last)):
            query = self._retrieval.query(f"{_said_so_far(history)} {text}")
        found = self._found(query, situation, _topics(situation, topics))
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

    def _found(self, query: Query, situation: Situation, topics: Labels) -> Found:
        if situation.intent in ("recall", "about-coach", "thanks"):
            return Found()

        def look(kind: ShortlistKind, *, is_wanted: bool = True, top_k: int = KNOWLEDGE_TOP_K) -> Sequence[Hit]:
            return self._shortlist.records(query, kind, topics=topics, top_k=top_k) if is_wanted else ()

        return Found(
            cards=look("card"),
            questions=look("question", top_k=KNOWLEDGE_TOP_K * 2),
            framings=look("framing", is_wanted=situation.intent == "clarify-goal"),
            resources=look("resource", is_wanted=situation.intent == "resource"),
            plans=look("plan", is_wanted=situation.intent in ("plan-session", "reflect")),
            acknowledgements=self._retrieval.knowledge(query, "acknowledgement", top_k=KNOWLEDGE_TOP_K * 2),
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
        before = goals.missing_in(" ".join(m.text for m in history if m.speaker == "user"))
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
            gained=tuple(element for element in before if element not in missing) if history else (),
            is_about_another=goals.is_about_another(brief.text),
            is_goal_new=not any(m.reply.situation.intent == "clarify-goal" for m in history if m.reply is not None),
            goal_questions=tuple(questions),
        )

    def _with_notes(self, brief: Brief, query: Query, *, owner: Owner) -> Brief:
        situation = brief.situation
        relationship_id = _id_of(situation.relationship)
        notes = self._store.notes(owner=owner, relationship_id=relationship_id, limit=1)
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


def _topics(situation: Situation, read: Labels) -> Labels:
    """Scores of what a turn is about: as read in its message, unless the situation was corrected or goes on from before."""
    nearest = sorted(read, key=lambda topic: (-read[topic], topic))[: len(situation.topics)]
    return read if tuple(nearest) == situation.topics else dict(zip(situation.topics, (1.0, 0.7, 0.5), strict=False))


def _about(element: str) -> Callable[[Question], bool]:
    return lambda question: question.id.startswith(f"goal-{element}-")


def _takes_up_a_promise(question: Question) -> bool:
    """Asks what became of something that was said last time."""
    return "quote" in slots_in(question.text) and "goal-progress" in question.topics and question.purpose == "open"


def _last_reply(history: Sequence[Message]) -> Reply | None:
    return next((message.reply for message in reversed(history) if message.reply is not None), None)


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


def _said_so_far(history: Sequence[Message]) -> str:
    """What the conversation is about: its first message and the longest of the last two."""
    said = [message.text for message in history if message.speaker == "user"]
    return " ".join(dict.fromkeys([*said[:1], *sorted(said[-2:], key=len)[-1:]]))


def _id_of(relationship: Relationship | None) -> str | None:
    return relationship.id if relationship else None
