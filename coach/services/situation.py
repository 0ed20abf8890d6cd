"""Reads a situation from a message: role, stage, topics, intent, feeling, person, and how much telling is wanted.

Wordings (`coach.services.cues`) and nearness to labelled messages (`coach.services.impressions`) are weighed together.
What follows from a situation is `coach.services.suggest`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from coach.domain.knowledge import Whose
from coach.domain.people import Relationship, Role
from coach.domain.suggestions import Correction, Dial, Situation
from coach.domain.wording import name_in, subject_in
from coach.services import cues
from coach.services.impressions import Field, Impression, Labels

SOON_WEIGHT = 0.2
"""Of a meeting to come, with nothing said of one before, for its being the first."""
STAY_WEIGHT = 0.35
"""For staying at the stage or the role of the turn before."""
SURE_RARE = 0.2
"""Score from which an intent is taken whose reply leaves the matter itself."""
UNVOICED_MARGIN = 0.15
"""By how much a feeling must outscore none: better to miss one than to claim one (dev: 1 of 26 wrong, 10 of 45 without)."""
LONGEST_ANSWER = 80
"""Words; a longer message is a matter of its own."""
_RARE = ("thanks", "about-coach", "recall", "resource", "draft")
_WORDS_TOO = frozenset(
    "will may mark grace hope faith joy rose june april august art bill rob sue pat drew chase dawn".split()
)
"""Names that are words as well: they count only with their capital."""
_WITHOUT_PARTNER = ("considering", "finding")
_CONTINUED = ("clarify-goal", "reflect")
"""Intents that an answer to the coach's own question goes on with."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known before the message is read."""

    previous: Situation | None = None
    relationship: Relationship | None = None
    is_chosen: bool = False
    """Whether the user picked the relationship, so that it holds whoever else is named."""
    known: tuple[Relationship, ...] = ()
    people_with_notes: frozenset[str] = frozenset()
    """Relationship ids that have at least one note."""
    dial: Dial | None = None
    correction: Correction = field(default_factory=Correction)
    counterpart: str | None = None


def read_situation(text: str, impression: Impression, context: Context) -> Situation:
    """The situation behind a message."""
    plain = text.replace("’", "'")
    readings = impression.readings
    relationship = _relationship_named(plain, context.known) or _relationship_kept(plain, context)
    previous = context.previous
    intent = _intent(readings["intent"])
    feeling, whose = _feeling(plain, readings)
    if previous is not None and _is_answer(plain, previous):
        return _after_an_answer(plain, previous, impression, feeling, whose, context)
    stage = _stage(plain, readings["stage"], relationship, context)
    speaks_of_partner = _speaks_of_partner(plain, relationship)
    situation = Situation(
        role=_role(plain, readings["role"], relationship, context),
        stage=stage,
        topics=_topics(impression.topics),
        intent=intent,
        dial=_dial(plain, context),
        feeling=feeling,
        whose=whose,
        relationship=relationship,
        name=relationship.name if relationship else context.counterpart or name_in(plain),
        subject=subject_in(plain),
        is_brief=bool(cues.BRIEF.search(cues.QUOTED.sub(" ", plain))),
        is_about_partner=speaks_of_partner
        and not (stage in _WITHOUT_PARTNER and not cues.ANOTHER_PERSON.search(plain)),
    )
    return corrected(situation, context.correction)


def _is_answer(text: str, previous: Situation) -> bool:
    """Whether a message answers what the coach asked about a goal or a session, rather than asking for something."""
    if previous.intent not in _CONTINUED or text.rstrip().endswith("?") or len(text.split()) > LONGEST_ANSWER:
        return False
    return not any(cue.search(text) for intent, cue in cues.INTENTS if intent not in (*_CONTINUED, "plan-session"))


def _after_an_answer(
    text: str, previous: Situation, impression: Impression, feeling: str, whose: Whose, context: Context
) -> Situation:
    """The situation goes on; only what was newly said of feeling, topic and dial comes in."""
    new = [topic for topic in _topics(impression.topics) if topic not in previous.topics[:2]]
    relationship = _relationship_named(text, context.known) or context.relationship
    return corrected(
        replace(
            previous,
            topics=(*previous.topics[:2], *new)[:3],
            feeling=feeling,
            whose=whose,
            dial=_dial(text, context),
            relationship=relationship,
            name=relationship.name if relationship else previous.name,
            is_brief=False,
            subject=previous.subject,
        ),
        context.correction,
    )


def corrected(situation: Situation, correction: Correction) -> Situation:
    """A correction wins over a reading."""
    fields = {name for name in ("role", "stage", "topic", "intent") if getattr(correction, name) is not None}
    topics = situation.topics
    if correction.topic:
        topics = (correction.topic, *(topic for topic in topics if topic != correction.topic))[:3]
    return replace(
        situation,
        role=correction.role or situation.role,
        stage=correction.stage or situation.stage,
        intent=correction.intent or situation.intent,
        topics=topics,
        corrected=situation.corrected | {"topics" if name == "topic" else name for name in fields},
    )


def _stage(text: str, scores: Labels, relationship: Relationship | None, context: Context) -> str:
    weighed = dict(scores)
    if cues.MEETS_SOON.search(text) and not cues.HISTORY.search(text):
        weighed["first-session"] = weighed.get("first-session", 0.0) + SOON_WEIGHT
    if context.previous is not None:
        weighed[context.previous.stage] = weighed.get(context.previous.stage, 0.0) + STAY_WEIGHT
    best = _best(weighed, "ongoing")
    has_met = relationship is not None and relationship.id in context.people_with_notes
    return "ongoing" if best == "first-session" and has_met else best


def _intent(scores: Labels) -> str:
    return _best({i: score for i, score in scores.items() if i not in _RARE or score >= SURE_RARE}, "difficulty")


def _role(text: str, scores: Labels, relationship: Relationship | None, context: Context) -> Role:
    mentor, mentee = len(cues.MENTOR.findall(text)), len(cues.MENTEE.findall(text))
    if mentor != mentee:
        return "mentor" if mentor > mentee else "mentee"
    if relationship is not None and relationship.role is not None:
        return relationship.role
    if context.previous is not None:
        return context.previous.role
    return "mentee" if scores.get("mentee", 0.0) > scores.get("mentor", 0.0) else "mentor"


def _topics(scores: Labels) -> tuple[str, ...]:
    return tuple(sorted(scores, key=lambda topic: (-scores[topic], topic))[:3])


def _feeling(text: str, readings: Mapping[Field, Labels]) -> tuple[str, Whose]:
    weighed = dict(readings["feeling"])
    weighed["calm"] = weighed.get("calm", 0.0) + UNVOICED_MARGIN
    feeling = _best(weighed, "calm")
    if feeling == "calm":
        return feeling, "mine"
    found = [(match.start(), feeling) for feeling, cue in cues.FEELING_WORDS.items() if (match := cue.search(text))]
    if found:
        position, _ = _strongest(found)
        return feeling, _whose(text, position)
    return feeling, "theirs" if _best(readings["whose"], "mine") == "theirs" else "mine"


def _strongest(found: Sequence[tuple[int, str]]) -> tuple[int, str]:
    """`unsure` is said in passing more often than meant: any other feeling goes before it; else the first voiced."""
    return min(found, key=lambda item: (item[1] == "unsure", item[0]))


def _whose(text: str, position: int) -> Whose:
    """The nearest subject before the feeling in its own sentence."""
    sentence_start = max(text.rfind(mark, 0, position) for mark in ".!?\n") + 1
    theirs = [match.start() for match in cues.THEIRS.finditer(text, sentence_start, position + 12)]
    mine = [match.start() for match in cues.MINE.finditer(text, sentence_start, position)]
    if not theirs:
        is_theirs = cues.THIRD_PERSON.search(text, sentence_start, position) and not mine
        return "theirs" if is_theirs else "mine"
    return "theirs" if not mine or max(theirs) >= max(mine) else "mine"


def _dial(text: str, context: Context) -> Dial:
    text = cues.QUOTED.sub(" ", text)
    if cues.TELL.search(text):
        return "tell"
    if cues.ASK.search(text):
        return "ask"
    if context.dial is not None:
        return context.dial
    return context.previous.dial if context.previous is not None else "ask"


def _speaks_of_partner(text: str, relationship: Relationship | None) -> bool:
    if relationship is not None or name_in(text) is not None:
        return True
    return bool(cues.ANOTHER_PERSON.search(text) or cues.MENTOR.search(text) or cues.MENTEE.search(text))


def _relationship_named(text: str, known: Sequence[Relationship]) -> Relationship | None:
    for relationship in sorted(known, key=lambda r: -len(r.name)):
        first_name = relationship.name.split()[0]
        for name in (relationship.name, first_name):
            pattern = rf"\b{re.escape(name)}\b" if name.lower() in _WORDS_TOO else rf"(?i:\b{re.escape(name)}\b)"
            if re.search(pattern, text):
                return relationship
    return None


def _relationship_kept(text: str, context: Context) -> Relationship | None:
    """The relationship so far, unless the message names somebody else, whose notes these would not be."""
    named = name_in(text)
    if named is None or context.relationship is None or context.is_chosen:
        return context.relationship
    return None if named.casefold() != context.relationship.name.split()[0].casefold() else context.relationship


def _best(scores: Labels, otherwise: str) -> str:
    return min(scores, key=lambda label: (-scores[label], label), default=otherwise)
