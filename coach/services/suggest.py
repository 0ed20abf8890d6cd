"""Chooses what to suggest for a situation: a plan, questions in an arc, framings, resources, the notes that bear on it.

How it is said is `coach.services.compose`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from coach.domain.knowledge import ARC, Acknowledgement, Card, Framing, Plan, Purpose, Question, Resource
from coach.domain.people import Role
from coach.domain.ranking import Hit
from coach.domain.suggestions import Situation
from coach.ports import KnowledgeBase

TOPIC_BONUS = (0.40, 0.22, 0.12)
"""Added for sharing the first, second or third topic of the situation."""
STAGE_BONUS = 0.30
FOUND_BONUS = 0.60
"""Weight of the fused retrieval score beside the bonuses."""


CARDS_LOOKED_AT = 12
"""For one on the nearest topic."""
GENERAL_BONUS = 0.25
"""For a record about the stage as such: a special one must fit the better."""
_GENERAL_TOPIC = {
    "considering": "what-i-bring",
    "finding": "finding-people",
    "chemistry": "chemistry-chat",
    "first-session": "first-session",
    "goal-setting": "goal-clarity",
    "reflection": "mentor-learning",
    "stuck": "stuck-fading",
    "review": "reviewing",
    "ending": "ending-well",
    "ongoing": "cadence",
}
_MIDDLE: frozenset[Purpose] = frozenset({"open", "explore", "deepen", "challenge"})
"""Purposes of questions that can be about anything; those that commit and close belong to their place."""
_ANYWHERE = frozenset({"asking", "listening"})
"""Topics of records that serve in any conversation."""


class _Placed(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def audience(self) -> tuple[Role, ...]: ...
    @property
    def stages(self) -> tuple[str, ...]: ...
    @property
    def topics(self) -> tuple[str, ...]: ...


_Record = TypeVar("_Record", bound=_Placed)


@dataclass(frozen=True, slots=True)
class Found:
    """Retrieved knowledge of one turn, by kind."""

    cards: Sequence[Hit] = ()
    questions: Sequence[Hit] = ()
    framings: Sequence[Hit] = ()
    resources: Sequence[Hit] = ()
    plans: Sequence[Hit] = ()
    acknowledgements: Sequence[Hit] = ()

    def everything(self) -> tuple[Hit, ...]:
        """All hits, for the events."""
        return (*self.cards, *self.questions, *self.framings, *self.resources, *self.plans)


@dataclass(frozen=True, slots=True)
class Step:
    """A question of the arc with the note that goes with it."""

    question: Question
    note: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for a turn, best first."""

    plan: Plan | None
    steps: tuple[Step, ...]
    cards: tuple[Card, ...]
    framings: tuple[Framing, ...]
    resources: tuple[Resource, ...]
    acknowledgement: Acknowledgement | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What must not come back: in this relationship, and in this conversation."""

    questions: frozenset[str] = frozenset()
    cards: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    acknowledgements: frozenset[str] = frozenset()
    framings: frozenset[str] = frozenset()


class Suggester:
    """Chooses from one library."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self._knowledge = knowledge

    def choose(self, situation: Situation, found: Found, memory: Memory) -> Choice:
        """The choice for a situation; deterministic, ties broken by id."""
        if situation.intent == "reflect":
            situation = replace(situation, stage="reflection")  # whatever the stage, what is wanted is a look back
        plan = self._plan(situation, found.plans) if situation.intent in ("plan-session", "reflect") else None
        steps = self._to_the_point(self._steps(situation, plan, found.questions, memory), situation, found, memory)
        cards = _nearest_first(self._best(self._knowledge.cards, found.cards, situation, memory.cards), situation)
        framings = self._best(self._knowledge.framings, found.framings, situation, memory.framings)
        resources = self._best(self._knowledge.resources, found.resources, situation, memory.resources)
        return Choice(
            plan=plan,
            steps=steps,
            cards=tuple(cards[:4]),
            framings=tuple(framings[:3]),
            resources=tuple(resources[:5]),
            acknowledgement=self.acknowledgement(situation, found.acknowledgements, memory),
        )

    def acknowledgement(self, situation: Situation, hits: Sequence[Hit], memory: Memory) -> Acknowledgement | None:
        """One for the feeling that was voiced; for calm only where the stage matches. None is said twice."""
        scores = {hit.id: hit.score for hit in hits}
        is_calm = situation.feeling == "calm"
        fitting = [
            item
            for item in self._knowledge.acknowledgements.values()
            if item.feeling == situation.feeling
            and situation.role in item.audience
            and (is_calm or item.whose == situation.whose)
            and (situation.stage in item.stages or not item.stages)
            and (not item.topics or set(item.topics) & set(situation.topics[: 1 if is_calm else 2]))
            and item.id not in memory.acknowledgements
        ]

        def score(item: Acknowledgement) -> float:
            on_topic = bool(set(item.topics) & set(situation.topics[:2]))
            return scores.get(item.id, 0.0) + STAGE_BONUS * (situation.stage in item.stages) + STAGE_BONUS * on_topic

        return min(fitting, key=lambda item: (-score(item), item.id)) if fitting else None

    def questions(
        self,
        situation: Situation,
        hits: Sequence[Hit],
        memory: Memory,
        *,
        purposes: Iterable[Purpose] = ARC,
        family: Callable[[Question], bool] | None = None,
    ) -> list[Question]:
        """All questions that fit, best first, of these purposes; with `family`, all of that family, found or not."""
        wanted = frozenset(purposes)
        candidates = self._best(
            self._knowledge.questions,
            hits,
            situation,
            memory.questions,
            stage_bonus=STAGE_BONUS,
            only_found=family is None,
        )
        return [q for q in candidates if q.purpose in wanted and is_for(q, situation) and (family is None or family(q))]

    def _plan(self, situation: Situation, hits: Sequence[Hit]) -> Plan | None:
        scores = {hit.id: hit.score for hit in hits}
        fitting = [
            plan
            for plan in self._knowledge.plans.values()
            if situation.role in plan.audience
            and situation.stage in plan.stages
            and _is_on_topic(plan.topics[:1], situation)
        ]

        def score(plan: Plan) -> float:
            return FOUND_BONUS * scores.get(plan.id, 0.0) + _topic_bonus(plan.topics[:1], situation)

        return min(fitting, key=lambda plan: (-score(plan), plan.id)) if fitting else None

    def _steps(self, situation: Situation, plan: Plan | None, hits: Sequence[Hit], memory: Memory) -> tuple[Step, ...]:
        """The plan's arc with used questions replaced by fitting ones of their purpose; without a plan, an arc of hits."""
        ranked = self.questions(situation, hits, memory)
        if plan is None:
            if situation.intent == "difficulty":
                ranked = [question for question in ranked if _suits_a_difficulty(question, situation)] or ranked
            length = 2 if situation.intent == "difficulty" else 3
            return tuple(Step(question) for question in arc_of(ranked[: 4 * length], length=length))
        steps: list[Step] = []
        for item in plan.arc:
            question = self._knowledge.questions[item.question]
            if not is_for(question, situation):
                continue
            if question.id not in memory.questions:
                steps.append(Step(question, item.note))
                continue
            taken = {step.question.id for step in steps} | {other.question for other in plan.arc}
            spare = next((q for q in ranked if q.purpose == item.purpose and q.id not in taken), None)
            if spare is not None:
                steps.append(Step(spare))
        return tuple(steps)

    def _to_the_point(
        self, steps: tuple[Step, ...], situation: Situation, found: Found, memory: Memory
    ) -> tuple[Step, ...]:
        """The steps with at least one on the nearest topic, where there is a question for it: it takes the place of the
        one of its purpose, or else of the one before the last."""
        nearest = situation.topics[0] if situation.topics else ""
        if not steps or any(nearest in step.question.topics for step in steps):
            return steps
        taken = {step.question.id for step in steps}
        fitting = (
            question
            for question in self.questions(situation, found.questions, memory)
            if nearest in question.topics and question.id not in taken and question.purpose in _MIDDLE
        )
        question = next(fitting, None)
        if question is None:
            return steps
        same = [place for place, step in enumerate(steps) if step.question.purpose == question.purpose]
        place = same[0] if same else max(0, len(steps) - 2)
        kept = [*steps[:place], Step(question), *steps[place + 1 :]]
        return tuple(sorted(kept, key=lambda step: ARC.index(step.question.purpose)))

    def _best(
        self,
        records: Mapping[str, _Record],
        hits: Sequence[Hit],
        situation: Situation,
        left_out: frozenset[str],
        *,
        stage_bonus: float = STAGE_BONUS / 2,
        only_found: bool = True,
    ) -> list[_Record]:
        scores = {hit.id: hit.score for hit in hits}
        candidates = [records[hit.id] for hit in hits if hit.id in records] if only_found else list(records.values())
        fitting = [r for r in candidates if situation.role in r.audience and r.id not in left_out]
        if only_found:
            fitting = [r for r in fitting if _ANYWHERE & set(r.topics) or _is_on_topic(r.topics, situation)] or fitting

        def score(record: _Record) -> float:
            return (
                FOUND_BONUS * scores.get(record.id, 0.0)
                + _topic_bonus(record.topics, situation)
                + stage_bonus * (situation.stage in record.stages)
            )

        return sorted(fitting, key=lambda record: (-score(record), record.id))


def _nearest_first(cards: Sequence[Card], situation: Situation) -> list[Card]:
    """The best card on the nearest topic leads, where there is one among the best few."""
    leading = next((card for card in cards[:CARDS_LOOKED_AT] if set(situation.topics[:1]) & set(card.topics)), None)
    return list(cards) if leading is None else [leading, *(card for card in cards if card is not leading)]


def is_for(question: Question, situation: Situation) -> bool:
    """Whether a question is said to somebody, or put to oneself, as the situation asks for it."""
    return question.to == "either" or (question.to == "self") == is_put_to_oneself(situation)


def _suits_a_difficulty(question: Question, situation: Situation) -> bool:
    """No rounding off while something is hard, and no question that looks back on a session or forward to none."""
    is_open = question.purpose not in ("commit", "close") or not is_put_to_oneself(situation)
    return is_open and bool({situation.stage, "ongoing", "stuck", "goal-setting"} & set(question.stages))


def is_put_to_oneself(situation: Situation) -> bool:
    """Whether the coach asks the writer, rather than giving them something to ask the other person."""
    if situation.intent in ("clarify-goal", "reflect") or situation.stage == "reflection":
        return True
    return situation.intent == "difficulty" and not situation.is_about_partner


def arc_of(questions: Sequence[Question], *, length: int) -> list[Question]:
    """The best question of each purpose, at most `length` purposes, in the order of the arc.

    Topics are spread: a second question on the very same topics waits for its turn behind others of its purpose.
    """
    best: dict[Purpose, Question] = {}
    for question in questions:
        if question.purpose not in best:
            best[question.purpose] = question
    kept = sorted(best.values(), key=questions.index)[:length]
    return sorted(kept, key=lambda question: ARC.index(question.purpose))


def _is_on_topic(topics: Sequence[str], situation: Situation) -> bool:
    """Whether a record speaks of what was read in the message, or of its stage as such."""
    return bool({*situation.topics, _GENERAL_TOPIC.get(situation.stage, "")} & set(topics))


def _topic_bonus(topics: Sequence[str], situation: Situation) -> float:
    read = max(
        (bonus for topic, bonus in zip(situation.topics, TOPIC_BONUS, strict=False) if topic in topics), default=0.0
    )
    return max(read, GENERAL_BONUS * (_GENERAL_TOPIC.get(situation.stage) in topics))
