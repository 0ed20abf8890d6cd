"""What makes a question fit to be asked: one idea, open in its wording, short, in plain words.

Used wherever a question is written or chosen: the knowledge check, the verification of a turn, the evals. Whether it is
the right question for a situation is `coach.services.suggest`.
"""

from __future__ import annotations

import re

from coach.domain.knowledge import fill
from coach.domain.prose_rules import words_in

MAX_WORDS = 28

_CLAUSE = r"(?:^|[.,:;–—]\s*|\b(?:and|but|so|or)\s+)"
_NOT = r"(?:don't|doesn't|didn't|won't|wouldn't|can't|couldn't|shouldn't|isn't|aren't|wasn't|weren't|haven't|hasn't)"
_SOMEONE = r"(?:i|you|we|it|that|this|there|they|he|she)"
_LEADING = re.compile(
    rf"{_CLAUSE}{_NOT} (?:{_SOMEONE}|the|your|a)\b"
    rf"|{_CLAUSE}(?:do|would|could|should|is|are) {_SOMEONE} not\b"
    r"|\bwhy (?:don't|not|didn't|won't) (?:you|we|just)\b|\bwhy not \w+ing\b"
    rf"|{_CLAUSE}have you (?:ever |already |also )?(?:considered|tried|thought (?:of|about))\b"
    rf"|{_CLAUSE}(?:how|what) about \w+ing\b"
    rf"|{_CLAUSE}(?:could|can|should) you (?:just|simply|try|perhaps|maybe|not)\b"
    rf"|{_CLAUSE}(?:would|do) you (?:not )?agree\b|{_CLAUSE}are you sure\b"
    r"|\bsurely\b|\bobviously\b|\bof course\b|, (?:right|correct|no|yes|ok|okay)\?$",
    re.IGNORECASE,
)
_VERB = r"(?:is|are|was|were|do|does|did|will|would|can|could|may|might|shall|should|has|have|had)"
_ASKING = r"(?:how|what|which|who|whom|whose|when|where)"
_STACKED = (
    re.compile(r"(?<!^)\band why\b", re.IGNORECASE),
    # A verb before its subject makes a question; “how you do it” is a clause of the first one.
    re.compile(rf"(?<!^)\band (?P<word>{_ASKING})(?: (?!{_SOMEONE}\b)\w+){{0,2}}? {_VERB}\b", re.IGNORECASE),
    re.compile(rf", and (?:[a-z]+ )?(?P<word>{_ASKING})\b", re.IGNORECASE),
    re.compile(rf"(?<!^)\band (?P<word>{_ASKING})\?", re.IGNORECASE),
    re.compile(rf"(?<!^)\b(?:and|or) {_VERB} (?:{_SOMEONE}|the|your|any)\b", re.IGNORECASE),
)
_JARGON = re.compile(
    r"\b(?:action(?:able| items?)|bandwidth|circle back|deep[- ]dive|deliverables?|empower\w*|growth mindset|"
    r"hold(?:ing)? space|holistic\w*|ideat\w+|impactful|key takeaways?|kpis?|learnings|lean in|leverag\w+|"
    r"limiting beliefs?|low-hanging|mindset shift|modalit\w+|move the needle|north star|okrs?|operationali\w+|"
    r"pain points?|paradigm\w*|roi|self-actuali\w+|skill ?set|stakeholders?|synerg\w+|takeaways?|thought leader\w*|"
    r"touch base|touchpoints?|unpack|utili[sz]\w+|value[- ]add\w*|win-win)\b",
    re.IGNORECASE,
)


def faults_in(text: str) -> tuple[str, ...]:
    """What is wrong with a question, a sentence each; nothing for a sound one. Slots are read with their defaults."""
    said = fill(text, {}).replace("’", "'").strip()
    faults: list[str] = []
    if said.count("?") != 1:
        faults.append(f"has {said.count('?')} question marks; one question has one")
    elif not said.rstrip("”\"')").endswith("?"):
        faults.append("goes on after its question mark")
    if (count := len(words_in(said))) > MAX_WORDS:
        faults.append(f"has {count} words; at most {MAX_WORDS} can be said in one breath")
    if leading := _LEADING.search(said):
        faults.append(f"leads or advises: “{leading[0].strip(' ,.:;')}”")
    if stacked := _stacked_in(said):
        faults.append(f"asks two things: “{stacked}”")
    faults.extend(f"uses jargon: “{match[0]}”" for match in _JARGON.finditer(said))
    return tuple(faults)


def _stacked_in(text: str) -> str | None:
    """The words that begin a second question.

    A second half with the asking word of the first is one question about two sides (“how much was you, and how much was
    luck?”) and is let through.
    """
    asked = {word.lower() for word in re.findall(rf"(?:^|[.,:] )(?:\w+ ){{0,2}}?({_ASKING})\b", text, re.IGNORECASE)}
    for pattern in _STACKED:
        for match in pattern.finditer(text):
            before = text[: match.start()].lower()
            word = (match.groupdict().get("word") or "").lower()
            if word and word in asked and re.search(rf"\b{word}\b", before):
                continue
            return match[0]
    return None
