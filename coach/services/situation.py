"""Reads a situation from a message: role, stage, topics, intent, feeling, person, and how much telling is wanted.

Cues in the wording decide where they are plain, nearness to the taxonomy's phrases elsewhere. What follows from a
situation is `coach.services.suggest`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from coach.domain.knowledge import Taxonomy, Whose
from coach.domain.people import Relationship, Role
from coach.domain.suggestions import Correction, Dial, Situation
from coach.domain.wording import name_in, subject_in
from coach.services import cues

PHRASES_READ = 60
"""Nearest taxonomy phrases looked at for one message."""
FEELING_THRESHOLD = 0.62
"""Cosine similarity to a feeling's phrase below which no feeling counts as voiced."""
TOPIC_FLOOR = 0.28
"""Cosine similarity below which a topic is not claimed."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known before the message is read."""

    previous: Situation | None = None
    relationship: Relationship | None = None
    known: tuple[Relationship, ...] = ()
    people_with_notes: frozenset[str] = frozenset()
    """Relationship ids that have at least one note."""
    dial: Dial | None = None
    correction: Correction = field(default_factory=Correction)
    counterpart: str | None = None


class SituationReader:
    """Reads situations with the vocabularies of one taxonomy."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._stages = [term.id for term in taxonomy.stages]
        self._topics = [term.id for term in taxonomy.topics]

    def read(self, text: str, phrases: Mapping[str, float], context: Context) -> Situation:
        """The situation behind a message.

        Args:
            phrases: Cosine similarity by id ("topic/career-change/2") of the taxonomy phrases nearest to the message.
        """
        plain = text.replace("’", "'")
        near = _by_term(phrases)
        relationship = _relationship_named(plain, context.known) or context.relationship
        stage = self._stage(plain, near["stage"], relationship, context)
        intent = _intent(plain, near["intent"], stage, context.previous)
        feeling, whose = _feeling(plain, near["feeling"])
        situation = Situation(
            role=_role(plain, near["role"], relationship, intent, context),
            stage=stage,
            topics=self._topics_read(near["topic"], context.previous),
            intent=intent,
            dial=_dial(plain, context),
            feeling=feeling,
            whose=whose,
            relationship=relationship,
            name=relationship.name if relationship else context.counterpart or name_in(plain),
            subject=subject_in(plain),
            is_brief=bool(cues.BRIEF.search(plain)),
        )
        return corrected(situation, context.correction)

    def _stage(
        self, text: str, near: Mapping[str, float], relationship: Relationship | None, context: Context
    ) -> str:
        has_notes = relationship is not None and relationship.id in context.people_with_notes
        for stage, cue in cues.STAGES:
            if cue.search(text):
                return stage
        if cues.MEETS_SOON.search(text):
            return "ongoing" if has_notes else "first-session"
        if _INTENTS_BY_ID["clarify-goal"].search(text):
            return "goal-setting"
        if context.previous is not None:
            return context.previous.stage
        ranked = [stage for stage in _ranked(near) if near[stage] >= TOPIC_FLOOR]
        fallback = "ongoing"
        return ranked[0] if ranked else fallback

    def _topics_read(self, near: Mapping[str, float], previous: Situation | None) -> tuple[str, ...]:
        found = tuple(topic for topic in _ranked(near) if near[topic] >= TOPIC_FLOOR)[:3]
        if found or previous is None:
            return found
        return previous.topics


_INTENTS_BY_ID = dict(cues.INTENTS)


def corrected(situation: Situation, correction: Correction) -> Situation:
    """A correction wins over a reading."""
    changes: dict[str, object] = {}
    if correction.role:
        changes["role"] = correction.role
    if correction.stage:
        changes["stage"] = correction.stage
    if correction.topic:
        changes["topics"] = (correction.topic, *(t for t in situation.topics if t != correction.topic))[:3]
    if correction.intent:
        changes["intent"] = correction.intent
    fields = frozenset("topics" if key == "topics" else key for key in changes)
    return replace(situation, **changes, corrected=situation.corrected | fields)  # type: ignore[arg-type]


def _by_term(phrases: Mapping[str, float]) -> defaultdict[str, dict[str, float]]:
    """Vocabulary → term → score: the nearest phrase, a little raised where further phrases of the term are near too."""
    found: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for phrase_id, similarity in phrases.items():
        vocabulary, term, _ = phrase_id.split("/", 2)
        found[vocabulary][term].append(similarity)
    scores: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for vocabulary, terms in found.items():
        for term, similarities in terms.items():
            ordered = sorted(similarities, reverse=True)
            scores[vocabulary][term] = ordered[0] + 0.15 * sum(ordered[1:3])
    return scores


def _ranked(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda term: (-scores[term], term))


def _relationship_named(text: str, known: Sequence[Relationship]) -> Relationship | None:
    for relationship in sorted(known, key=lambda r: -len(r.name)):
        first_name = relationship.name.split()[0]
        if re.search(rf"\b{re.escape(relationship.name)}\b|\b{re.escape(first_name)}\b", text, re.IGNORECASE):
            return relationship
    return None


def _role(
    text: str, near: Mapping[str, float], relationship: Relationship | None, intent: str, context: Context
) -> Role:
    mentor, mentee = len(cues.MENTOR.findall(text)), len(cues.MENTEE.findall(text))
    if mentor != mentee:
        return "mentor" if mentor > mentee else "mentee"
    if relationship is not None and relationship.role is not None:
        return relationship.role
    if context.previous is not None:
        return context.previous.role
    if intent == "clarify-goal":
        return "mentee"
    return "mentee" if near.get("mentee", 0.0) > near.get("mentor", 0.0) + 0.05 else "mentor"


def _intent(text: str, near: Mapping[str, float], stage: str, previous: Situation | None) -> str:
    for intent, cue in cues.INTENTS:
        if cue.search(text):
            return intent
    if cues.MEETS_SOON.search(text):
        return "plan-session"
    if previous is not None and len(text.split()) <= 40 and previous.intent in ("clarify-goal", "reflect"):
        return previous.intent
    if stage == "reflection":
        return "reflect"
    ranked = [intent for intent in _ranked(near) if intent not in ("about-coach", "thanks", "recall")]
    return ranked[0] if ranked and near[ranked[0]] >= 0.35 else "difficulty"


def _feeling(text: str, near: Mapping[str, float]) -> tuple[str, Whose]:
    found = [(match.start(), feeling) for feeling, cue in cues.FEELING_WORDS.items() if (match := cue.search(text))]
    if found:
        start, feeling = _strongest(found)
        return feeling, _whose(text, start)
    ranked = _ranked(near)
    if ranked and ranked[0] != "calm" and near[ranked[0]] >= FEELING_THRESHOLD:
        return ranked[0], _whose(text, len(text))
    return "calm", "mine"


def _strongest(found: Sequence[tuple[int, str]]) -> tuple[int, str]:
    """`unsure` is said in passing more often than meant: any other feeling goes before it; else the first voiced."""
    return min(found, key=lambda item: (item[1] == "unsure", item[0]))


def _whose(text: str, position: int) -> Whose:
    """The nearest subject before the feeling in its own sentence."""
    sentence_start = max(text.rfind(mark, 0, position) for mark in ".!?\n") + 1
    before = text[sentence_start : position + 12]
    theirs = [match.start() for match in cues.THEIRS.finditer(before)]
    mine = [match.start() for match in re.finditer(r"\b(?:I|I'm|I've|me|my)\b(?! (?:mentee|mentor|student|boss|manager))", before)]
    if not theirs:
        return "mine"
    return "theirs" if not mine or max(theirs) >= max(mine) else "mine"


def _dial(text: str, context: Context) -> Dial:
    if cues.TELL.search(text):
        return "tell"
    if cues.ASK.search(text):
        return "ask"
    if context.dial is not None:
        return context.dial
    return context.previous.dial if context.previous is not None else "ask"
