"""The built-in composer: writes a reply from authored units and the user's own notes, deterministically.

What is said about what is chosen by `coach.services.suggest`; the sentences that join the units are the templates in
`prompts/replies`. The same brief gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Protocol

from coach.domain.citations import Citation, Evidence
from coach.domain.knowledge import Card, Framing, Plan, Question, Resource, fill
from coach.domain.safety import About, SafetyDecision
from coach.domain.suggestions import (
    Situation,
    SuggestedFraming,
    SuggestedQuestion,
    SuggestedResource,
    Suggestions,
    Thread,
)
from coach.domain.wording import joined, spoken_date
from coach.ports import KnowledgeBase
from coach.services.follow_up import Move
from coach.services.goals import Element, goal_stated_in
from coach.services.letters import called, letter_for
from coach.services.passages import Passages
from coach.services.recollection import Lookup, Recalled
from coach.services.suggest import Choice, Step, is_put_to_oneself

BUILT_IN = "built-in"


class Prompts(Protocol):
    """Renders a template by name with exactly its variables."""

    @property
    def digest(self) -> str:
        """SHA-256 over all templates."""

    def render(self, name: str, /, **values: object) -> str:
        """Raises PromptError."""


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything that one reply is written from."""

    text: str
    situation: Situation
    choice: Choice
    today: date
    recalled: tuple[Recalled, ...] = ()
    own_words: tuple[str, ...] = ()
    """Verbatim sentences of notes that the user pasted into the message itself."""
    promises: tuple[Thread, ...] = ()
    """Commitments found in pasted notes."""
    goal: str | None = None
    missing: tuple[Element, ...] = ()
    gained: tuple[Element, ...] = ()
    """Elements of the goal that this message added."""
    is_about_another: bool = False
    is_goal_new: bool = True
    """Whether no goal was spoken of before in this conversation."""
    goal_questions: tuple[Question, ...] = ()
    promise_question: Question | None = None
    """Asks what became of a promise, without naming it."""
    lookup: Lookup | None = None
    move: Move | None = None
    is_english: bool = True
    is_first_turn: bool = True
    has_notes: bool = False
    safety: SafetyDecision | None = None
    is_after_crisis: bool = False
    about: About = "self"
    is_alarm_sensed: bool = False
    """Whether the alarm rests on no wording."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply before it is verified."""

    markdown: str
    citations: tuple[Citation, ...]
    suggestions: Suggestions


class _Mark:
    """Prints as [n]; the number is given when it is first printed, so that numbers follow the order of the text."""

    def __init__(self, evidence: Evidence, printed: list[Evidence]) -> None:
        self._evidence = evidence
        self._printed = printed

    def __str__(self) -> str:
        if self._evidence not in self._printed:
            self._printed.append(self._evidence)
        return f"[{self._printed.index(self._evidence) + 1}]"


@dataclass(frozen=True, slots=True)
class _Said:
    """A unit as a template sees it."""

    text: str
    mark: _Mark
    label: str = ""
    note: str = ""
    why: str = ""
    then: str = ""
    day: str = ""
    kind: str = ""
    title: str = ""
    byline: str = ""
    minutes: int = 0
    link: str = ""


@dataclass(slots=True)
class _Page:
    """The evidence printed so far in one reply."""

    printed: list[Evidence] = field(default_factory=list)

    def mark(self, evidence: Evidence) -> _Mark:
        return _Mark(evidence, self.printed)


class BuiltInComposer:
    """Writes replies from one library with one set of templates."""

    def __init__(self, knowledge: KnowledgeBase, passages: Passages, prompts: Prompts) -> None:
        self._knowledge = knowledge
        self._passages = passages
        self._prompts = prompts

    def compose(self, brief: Brief) -> Draft:
        """The reply to a brief."""
        page = _Page()
        markdown, follow_ups = self._write(brief, page)
        return Draft(
            _tidied(markdown),
            tuple(Citation(number, evidence) for number, evidence in enumerate(page.printed, start=1)),
            self.suggestions(brief, page.printed, follow_ups),
        )

    def _write(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        if brief.safety is not None:
            return self._safety(brief), ()
        if brief.is_after_crisis:
            return self._prompts.render("safety/crisis-after"), ()
        if not brief.is_english:
            return self._other_language(brief, page), ()
        situation = brief.situation
        if brief.move is not None and brief.move.kind not in _TURNED:
            return self._moved(brief, page)
        if situation.intent in ("about-coach", "thanks"):
            name = f"replies/{situation.intent}"
            return self._prompts.render(name), _OFFERS if situation.intent == "about-coach" else ()
        if situation.intent == "recall":
            return self._recall(brief, page)
        if situation.dial == "tell" and situation.intent not in ("resource", "draft"):
            return self._tell(brief, page)
        writers = {
            "plan-session": self._plan,
            "clarify-goal": self._goal,
            "reflect": self._reflect,
            "resource": self._resource,
            "questions": self._questions,
            "draft": self._draft,
        }
        return writers.get(situation.intent, self._difficulty)(brief, page)

    def _safety(self, brief: Brief) -> str:
        assert brief.safety is not None
        kind = brief.safety.decision
        name = f"safety/{kind}"
        if kind == "crisis":
            name = "safety/crisis-other" if brief.about == "other" else "safety/crisis"
            if brief.is_alarm_sensed:
                return self._prompts.render("safety/crisis-unsure", is_about_other=brief.about == "other")
            if not brief.is_first_turn and "before" in brief.safety.reason:
                name = "safety/crisis-continued"
        return self._prompts.render(name)

    def _plan(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        if brief.situation.is_brief:
            return self._questions(brief, page)
        plan = brief.choice.plan
        if plan is None or not brief.choice.steps:
            return self._difficulty(brief, page)
        if brief.recalled:
            return self._plan_from_notes(brief, page, plan)
        return self._whole_plan(brief, page, plan, opening=self._opening(brief, plan))

    def _whole_plan(self, brief: Brief, page: _Page, plan: Plan, *, opening: str) -> tuple[str, tuple[str, ...]]:
        steps = [self._step(step, brief, page) for step in brief.choice.steps]
        before_agreeing = [
            s for s, step in zip(steps, brief.choice.steps, strict=True) if step.question.purpose not in _LATE
        ]
        after = [s for s, step in zip(steps, brief.choice.steps, strict=True) if step.question.purpose in _LATE]
        slots = self._slots(brief)
        text = self._prompts.render(
            "replies/plan",
            opening=opening,
            minutes=plan.minutes,
            first=before_agreeing,
            last=after,
            agree=fill(plan.agree, slots),
            listen_for=self._card(plan.card, fill(plan.listen_for, slots), page),
            ask_back=fill(plan.ask_back, slots),
            no_notes=self._no_notes(brief),
        )
        return text, ("What should we agree first?", "Just one question", "I'd rather you told me")

    def _plan_from_notes(self, brief: Brief, page: _Page, plan: Plan) -> tuple[str, tuple[str, ...]]:
        slots = self._slots(brief)
        promise = next((r for r in brief.recalled if r.is_promise), None)
        moments = [r for r in brief.recalled if not r.is_promise and not _overlaps(r, promise)][: 1 if promise else 2]
        steps = brief.choice.steps
        text = self._prompts.render(
            "replies/plan-from-notes",
            acknowledgement=self._acknowledgement(brief) if brief.situation.whose == "mine" else "",
            is_theirs=brief.situation.whose == "theirs" and brief.situation.feeling != "calm",
            promise=self._recalled(promise, brief, page) if promise else None,
            moments=[self._recalled(moment, brief, page) for moment in moments],
            open=self._step(steps[0], brief, page),
            ask_promise=self._question(brief.promise_question, brief, page)
            if promise and brief.promise_question
            else None,
            then=self._step(steps[1], brief, page) if len(steps) > 1 else None,
            hint=self._card(plan.card, fill(plan.listen_for, slots), page),
            ask_back=fill(plan.ask_back, slots),
            pick=_picker(brief),
        )
        return text, ("Plan the hour", "Just one question", "I asked the first one last time")

    def _goal(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        questions = [self._question(q, brief, page) for q in brief.goal_questions]
        if not questions:
            return self._difficulty(brief, page)
        card = next(iter(brief.choice.cards), None)
        text = self._prompts.render(
            "replies/goal",
            acknowledgement=self._acknowledgement(brief),
            goal=brief.goal or "",
            is_about_another=brief.is_about_another,
            is_first_turn=brief.is_goal_new,
            question=questions[0],
            missing=list(brief.missing[1:3]),
            card=self._card(card.id, card.gist, page) if card else None,
            lenses=[self._framing(framing, brief, page) for framing in brief.choice.framings[:3]],
            restated=goal_stated_in(brief.text) or "" if not brief.is_goal_new else "",
            answered=_GAINED.get(brief.gained[0], "") if brief.gained else "",
            pick=_picker(brief),
        )
        lens = ("Try the first lens",) if brief.is_goal_new and brief.goal else ("Give me a lens to try",)
        return text, (*lens, "Help me make an if-then plan", "I'd rather you told me")

    def _reflect(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        steps = [self._step(step, brief, page) for step in brief.choice.steps]
        if not steps:
            return self._difficulty(brief, page)
        slots = self._slots(brief)
        plan = brief.choice.plan
        moments = [r for r in brief.recalled if not r.is_promise][:2]
        promises = [r for r in brief.recalled if r.is_promise][:3]
        text = self._prompts.render(
            "replies/reflect",
            opening=self._opening(brief, plan),
            moments=[self._recalled(moment, brief, page) for moment in moments],
            own_words=list(brief.own_words[:2]),
            questions=steps[:3],
            promises=[self._recalled(promise, brief, page) for promise in promises],
            own_promises=[self._promise(promise, brief) for promise in brief.promises[:3]],
            hint=self._hint_after(plan, brief, slots, page),
            pick=_picker(brief),
        )
        return text, ("Draft a follow-up message", "Something to read on this", "Plan the hour")

    def _hint_after(
        self, plan: Plan | None, brief: Brief, slots: Mapping[str, str | None], page: _Page
    ) -> _Said | None:
        """What to listen for: the plan's own hint, unless a card speaks to the matter itself and the plan does not."""
        nearest = set(brief.situation.topics[:1])
        card = next(iter(brief.choice.cards), None)
        if card is not None and nearest & set(card.topics) and not (plan and nearest & set(plan.topics)):
            return self._card(card.id, card.gist, page)
        return self._card(plan.card, fill(plan.listen_for, slots), page) if plan else None

    def _questions(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        steps = brief.choice.steps
        if not steps:
            return self._nothing(brief), _OFFERS
        wanted = steps[:1] if brief.situation.is_brief else steps[:3]
        text = self._prompts.render(
            "replies/questions",
            acknowledgement=self._acknowledgement(brief),
            questions=[self._step(step, brief, page) for step in wanted],
            is_for_oneself=is_put_to_oneself(brief.situation),
            pick=_picker(brief),
        )
        return text, ("Another one", "Something less formal", "Plan the hour")

    def _difficulty(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        steps = [self._step(step, brief, page) for step in brief.choice.steps[:2]]
        cards = brief.choice.cards
        if not steps or not cards:
            return self._nothing(brief), _OFFERS
        text = self._prompts.render(
            "replies/difficulty",
            acknowledgement=self._acknowledgement(brief),
            recalled=[self._recalled(moment, brief, page) for moment in brief.recalled if not moment.is_promise][:1],
            card=self._card(cards[0].id, cards[0].gist, page),
            questions=steps,
            is_for_oneself=is_put_to_oneself(brief.situation),
            pick=_picker(brief),
        )
        return text, ("Go deeper on the first", "Something to read on this", "I'd rather you told me")

    def _resource(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        if not brief.choice.resources:
            return self._prompts.render("replies/resource-none"), _OFFERS
        first = self._resource_said(brief.choice.resources[0], page)
        text = self._prompts.render(
            "replies/resource", resource=first, one_thing=_lower_first(brief.choice.resources[0].one_thing)
        )
        return text, ("Something shorter", "Another one", "Give me a question instead")

    def _tell(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        plan = brief.choice.plan
        of_plan = [self._knowledge.cards[plan.card]] if plan else []
        cards = list(dict.fromkeys([*of_plan, *brief.choice.cards]))[:3]
        if not cards:
            return self._nothing(brief), _OFFERS
        text = self._prompts.render(
            "replies/tell",
            cards=[self._card(card.id, card.do, page, quote=card.do) for card in cards],
            was_told_to_stop=brief.is_first_turn is False,
        )
        return text, ("Ask me questions again", "Something to read on this")

    def _draft(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        card = next(iter(brief.choice.cards), None)
        promise = next((r for r in brief.recalled if r.is_promise), None)
        situation = brief.situation
        text = self._prompts.render(
            "replies/draft",
            kind=letter_for(brief.text, situation),
            name=called(situation.name),
            subject=situation.subject or "",
            promise=self._recalled(promise, brief, page) if promise else None,
            card=self._card(card.id, card.gist, page) if card else None,
        )
        return text, ("Something to read on this", "Give me a question instead")

    def _recall(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        lookup = brief.lookup or Lookup()
        text = self._prompts.render(
            "replies/recall",
            found=[self._recalled(item, brief, page) for item in lookup.found[:3]],
            nearest=self._recalled(lookup.nearest, brief, page) if lookup.nearest else None,
            name=brief.situation.name or "",
            missing=lookup.missing or "",
            first_day=spoken_date(lookup.first_day, today=brief.today) if lookup.first_day else "",
            has_notes=brief.has_notes,
        )
        return text, ("Plan the hour", "Give me a question instead") if brief.has_notes else ()

    def _other_language(self, brief: Brief, page: _Page) -> str:
        found = brief.lookup.found if brief.lookup else ()
        return self._prompts.render(
            "replies/other-language", found=[self._recalled(item, brief, page) for item in found[:3]]
        )

    def _moved(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        move = brief.move
        assert move is not None
        if move.kind == "deeper" and move.question:
            return self._deeper(brief, page, move.question)
        if move.kind == "another" and brief.choice.steps:
            text = self._prompts.render(
                "replies/another",
                was_asked=move.was_asked,
                is_plainer=move.is_plainer,
                question=self._step(brief.choice.steps[0], brief, page),
            )
            return text, ("Another one", "Plan the hour")
        if move.kind == "agree" and brief.choice.plan:
            text = self._prompts.render(
                "replies/agree",
                agree=fill(brief.choice.plan.agree, self._slots(brief)),
                cards=[self._card(c.id, c.gist, page) for c in brief.choice.cards if _AGREEING & set(c.topics)][:1],
                question=next(
                    (self._step(s, brief, page) for s in brief.choice.steps if _AGREEING & set(s.question.topics)), None
                ),
            )
            return text, ("Just one question", "Plan the hour")
        if move.kind == "plan" and brief.choice.plan and brief.choice.steps:
            return self._whole_plan(
                brief, page, brief.choice.plan, opening=fill(brief.choice.plan.opening, self._slots(brief))
            )
        if move.kind == "framing" and brief.choice.framings:
            text = self._prompts.render("replies/framing", framing=self._framing(brief.choice.framings[0], brief, page))
            return text, ("Try another lens", "Help me make an if-then plan")
        if move.kind == "unclear":
            return self._prompts.render("replies/unclear"), ()
        if move.kind == "if-then":
            return self._if_then(brief, page)
        if brief.choice.steps:
            return self._questions(brief, page)
        return self._nothing(brief), _OFFERS

    def _deeper(self, brief: Brief, page: _Page, question: Question) -> tuple[str, tuple[str, ...]]:
        card = next((c for c in brief.choice.cards if set(c.topics) & set(question.topics)), None)
        text = self._prompts.render(
            "replies/deeper",
            question=self._question(question, brief, page),
            card=self._card(card.id, card.gist, page) if card else None,
        )
        return text, ("Another one", "Plan the hour")

    def _if_then(self, brief: Brief, page: _Page) -> tuple[str, tuple[str, ...]]:
        card = next((c for c in brief.choice.cards if "goal-plans" in c.topics), None)
        check_in = brief.today + timedelta(days=14)
        text = self._prompts.render(
            "replies/if-then",
            goal=brief.goal or "",
            card=self._card(card.id, card.gist, page) if card else None,
            questions=[self._question(q, brief, page) for q in brief.goal_questions[:2]],
            check_in=f"{check_in:%A} {spoken_date(check_in, today=brief.today)}",
        )
        return text, ("Try the first lens", "Something to read on this")

    def _nothing(self, brief: Brief) -> str:
        return self._prompts.render("replies/nothing", acknowledgement=self._acknowledgement(brief))

    def _opening(self, brief: Brief, plan: Plan | None) -> str:
        opening = fill(plan.opening, self._slots(brief)) if plan else ""
        if brief.situation.feeling == "calm":
            return opening or self._acknowledgement(brief)
        return " ".join(part for part in (self._acknowledgement(brief), opening) if part)

    def _acknowledgement(self, brief: Brief) -> str:
        unit = brief.choice.acknowledgement
        return fill(unit.text, self._slots(brief)) if unit else ""

    def _no_notes(self, brief: Brief) -> str:
        """Says that there is nothing to go by, where the user speaks as if there were."""
        situation = brief.situation
        has_notes_on_them = brief.has_notes and situation.relationship is not None
        if situation.stage == "ongoing" and situation.name and not has_notes_on_them:
            return situation.name
        return ""

    def _slots(self, brief: Brief) -> dict[str, str | None]:
        return {"name": brief.situation.name, "topic": brief.situation.subject, "goal": brief.goal}

    def _step(self, step: Step, brief: Brief, page: _Page) -> _Said:
        said = self._question(step.question, brief, page)
        label = self._knowledge.taxonomy.label(step.question.purpose)
        return replace(said, label=label, note=fill(step.note, self._slots(brief)))

    def _question(self, question: Question, brief: Brief, page: _Page) -> _Said:
        slots = self._slots(brief)
        return _Said(
            text=fill(question.text, slots),
            mark=page.mark(self._passages.of_question(question)),
            why=question.why,
            then=fill(question.follow_up, slots),
        )

    def _framing(self, framing: Framing, brief: Brief, page: _Page) -> _Said:
        return _Said(
            text=fill(framing.pattern, self._slots(brief)),
            mark=page.mark(self._passages.of_framing(framing)),
            label=framing.lens,
            title=framing.name,
            why=framing.why,
            then=fill(framing.prompt, self._slots(brief)),
            note=framing.when,
        )

    def _resource_said(self, resource: Resource, page: _Page) -> _Said:
        return _Said(
            text=resource.why,
            mark=page.mark(self._passages.of_resource(resource)),
            title=resource.title,
            byline=joined(list(resource.authors)) + (f" ({resource.year})" if resource.year else ""),
            minutes=resource.minutes,
            kind=resource.kind,
            link=resource.link,
        )

    def _card(self, card_id: str, text: str, page: _Page, *, quote: str = "") -> _Said:
        card: Card = self._knowledge.cards[card_id]
        return _Said(text=text, mark=page.mark(self._passages.of_card(card, quote=quote)), title=card.title)

    def _recalled(self, item: Recalled, brief: Brief, page: _Page) -> _Said:
        evidence = self._passages.of_note(item.note, item.start, item.end, why=item.why, today=brief.today)
        day = spoken_date(item.note.date, today=brief.today) if item.note.date else ""
        thread = item.thread
        due = spoken_date(thread.by, today=brief.today) if thread and thread.by else ""
        return _Said(
            text=_within_quotes(item.quote),
            mark=page.mark(evidence),
            day=day,
            note=due,
            title=item.note.title,
            kind=thread.kind if thread else "",
            label=thread.who if thread and thread.who != "unknown" else "",
        )

    def _promise(self, thread: Thread, brief: Brief) -> str:
        return _within_quotes(thread.quote)

    def suggestions(self, brief: Brief, evidence: Sequence[Evidence], follow_ups: tuple[str, ...] = ()) -> Suggestions:
        """As objects, what is among the evidence of a reply, which is numbered from 1."""
        slots, known = self._slots(brief), self._knowledge
        numbers: dict[tuple[str, str], tuple[int, ...]] = {}
        for number, item in enumerate(evidence, start=1):
            numbers[item.kind, item.id] = (*numbers.get((item.kind, item.id), ()), number)
        questions = [(known.questions[key], found) for (kind, key), found in numbers.items() if kind == "question"]
        framings = [(known.framings[key], found) for (kind, key), found in numbers.items() if kind == "framing"]
        resources = [(known.resources[key], found) for (kind, key), found in numbers.items() if kind == "resource"]
        return Suggestions(
            questions=tuple(
                SuggestedQuestion(q.id, fill(q.text, slots), q.purpose, q.why, fill(q.follow_up, slots), found)
                for q, found in questions
            ),
            framings=tuple(
                SuggestedFraming(f.id, f.name, fill(f.pattern, slots), f.why, found) for f, found in framings
            ),
            resources=tuple(
                SuggestedResource(r.id, r.title, r.authors, r.year, r.link, r.why, r.minutes, found)
                for r, found in resources
            ),
            follow_ups=follow_ups,
        )


_GAINED: dict[Element, str] = {
    "scene": "a scene",
    "observable": "a sign to look for",
    "when": "a date",
    "why": "a reason",
    "first-step": "a first step",
    "obstacle": "something that gets in its way",
    "support": "somebody beside it",
}
_LATE = ("commit", "close")
_TURNED = ("tell", "ask", "read", "draft")
"""Follow-ups that ask for another kind of reply to the same situation."""
_AGREEING = frozenset({"agreements", "cadence", "confidentiality"})
_OFFERS = ("Prepare a session", "Clarify a goal", "Reflect on a session")


def _picker(brief: Brief) -> Callable[..., str]:
    """Chooses among wordings by the text of the message: varied between messages, the same for the same one."""
    number = int.from_bytes(hashlib.sha256(brief.text.encode()).digest()[:4], "big")

    def pick(*wordings: str) -> str:
        return wordings[number % len(wordings)]

    return pick


def _overlaps(one: Recalled, other: Recalled | None) -> bool:
    return other is not None and one.note.id == other.note.id and one.start < other.end and other.start < one.end


def _within_quotes(text: str) -> str:
    """The same words, fit to stand inside curly quotation marks on one line: only white space is folded."""
    return " ".join(text.split()).rstrip(".")


def _lower_first(text: str) -> str:
    """Lower-case start, for use in mid-sentence, unless it starts with a name or an I."""
    first = text.split(" ", 1)[0]
    return text if first in ("I", "I'm") or first.isupper() else text[:1].lower() + text[1:]


def _tidied(markdown: str) -> str:
    """No trailing spaces, no more than one empty line, no space before a full stop."""
    lines = [line.rstrip() for line in markdown.strip().splitlines()]
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept)
