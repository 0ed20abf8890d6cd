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
"""Cosine similarity of a phrase below which a topic is not claimed on its account."""
STAGE_THRESHOLD = 0.62
"""Score of a stage's phrases below which a message is taken to be about a relationship under way."""
INTENT_THRESHOLD = 0.62
"""Score of an intent's phrases below which a message is taken for a difficulty to think about."""
MIN_CORE = 10
"""Characters that must be left of a message without its frame."""
ROLE_MARGIN = 0.05
"""By how much the mentee's phrases must be nearer than the mentor's."""
VOTE_WEIGHT = 0.35
"""Of the neighbouring records' topics beside the similarity of the nearest phrase."""
FELT_WEIGHT = 0.25
"""For the topic that a voiced feeling belongs to."""
VOTE_FLOOR = 0.5
"""Vote below which a topic is not claimed on its account."""


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

    def read(
        self,
        text: str,
        phrases: Mapping[str, float],
        about: Mapping[str, float],
        votes: Mapping[str, float],
        context: Context,
    ) -> Situation:
        """The situation behind a message.

        Args:
            phrases: Cosine similarity by id ("topic/career-change/2") of the taxonomy phrases nearest to the message.
            about: The same for the message without its frame (`core_of`): what it is about.
            votes: How strongly the records nearest to the message speak for each topic, 0..1.
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
            topics=_topics(_by_term(about)["topic"], votes, feeling, context.previous),
            intent=intent,
            dial=_dial(plain, context),
            feeling=feeling,
            whose=whose,
            relationship=relationship,
            name=relationship.name if relationship else context.counterpart or name_in(plain),
            subject=subject_in(plain),
            is_brief=bool(cues.BRIEF.search(plain)),
            is_about_partner=_speaks_of_partner(plain, relationship),
        )
        return corrected(situation, context.correction)

    def _stage(self, text: str, near: Mapping[str, float], relationship: Relationship | None, context: Context) -> str:
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
        ranked = _ranked(near)
        return ranked[0] if ranked and near[ranked[0]] >= STAGE_THRESHOLD else "ongoing"


def _topics(
    near: Mapping[str, float], votes: Mapping[str, float], feeling: str, previous: Situation | None
) -> tuple[str, ...]:
    felt = _TOPIC_OF_FEELING.get(feeling)
    scores = {
        topic: near.get(topic, 0.0) + VOTE_WEIGHT * votes.get(topic, 0.0) + FELT_WEIGHT * (topic == felt)
        for topic in {*near, *votes}
        if near.get(topic, 0.0) >= TOPIC_FLOOR or votes.get(topic, 0.0) >= VOTE_FLOOR
    }
    found = tuple(_ranked(scores)[:3])
    return found if found or previous is None else previous.topics


_TOPIC_OF_FEELING = {
    "self-doubt": "confidence",
    "overwhelmed": "workload",
    "tired": "burnout",
    "disappointed": "setbacks",
}
_INTENTS_BY_ID = dict(cues.INTENTS)


def core_of(text: str) -> str:
    """The message without the words of asking and of mentoring at large; the message itself where nothing is left."""
    core = " ".join(cues.FRAME.sub(" ", text.replace("’", "'")).split())
    return core if len(core) >= MIN_CORE else text


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
    if not _speaks_of_partner(text, relationship) and cues.OWN_WORK.search(text):
        return "mentee"
    return "mentee" if near.get("mentee", 0.0) > near.get("mentor", 0.0) + ROLE_MARGIN else "mentor"


def _speaks_of_partner(text: str, relationship: Relationship | None) -> bool:
    if relationship is not None or name_in(text) is not None:
        return True
    return bool(cues.ANOTHER_PERSON.search(text) or cues.MENTOR.search(text) or cues.MENTEE.search(text))


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
    ranked = [intent for intent in _ranked(near) if intent not in ("about-coach", "thanks", "recall", "reflect")]
    return ranked[0] if ranked and near[ranked[0]] >= INTENT_THRESHOLD else "difficulty"


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
    theirs = [match.start() for match in cues.THEIRS.finditer(text, sentence_start, position + 12)]
    mine = [match.start() for match in cues.MINE.finditer(text, sentence_start, position)]
    if not theirs:
        is_theirs = cues.THIRD_PERSON.search(text, sentence_start, position) and not mine
        return "theirs" if is_theirs else "mine"
    return "theirs" if not mine or max(theirs) >= max(mine) else "mine"


def _dial(text: str, context: Context) -> Dial:
    if cues.TELL.search(text):
        return "tell"
    if cues.ASK.search(text):
        return "ask"
    if context.dial is not None:
        return context.dial
    return context.previous.dial if context.previous is not None else "ask"
