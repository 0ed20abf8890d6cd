"""What a stated goal does not say yet: found by wording, named as something missing and never filled in.

The questions that go with each element are the library's (`goal-scene-…`); the sentence that names it is the reply
template's.
"""

from __future__ import annotations

import re
from typing import Literal

Element = Literal["scene", "observable", "when", "why", "control", "first-step", "obstacle", "if-then", "support"]
ELEMENTS: tuple[Element, ...] = (
    "scene", "observable", "when", "why", "control", "first-step", "obstacle", "if-then", "support",
)  # fmt: skip
"""In the order in which it helps to ask for them."""

_SAID: dict[Element, re.Pattern[str]] = {
    "scene": re.compile(
        r"\b(?:when (?:i|we|my|the)\b|in (?:our|my|the) (?:\w+ )?(?:meetings?|team|stand-?ups?|reviews?|calls?|interviews?|class|lab|one-to-ones?)"
        r"|with (?:my|our|the) (?:team|manager|boss|director|clients?|customers?|students?)|(?:present|speak|talk)\w* to (?:the|our|my)\b"
        r"|last (?:week|month|time)\b)",
        re.IGNORECASE,
    ),
    "observable": re.compile(
        r"\b(?:\d+\s*(?:%|per cent|times|people|hours|minutes|pages|applications?|interviews?)|so that (?:they|people|my|others|she|he)"
        r"|i(?:'ll| will| would) know|measured? by|finish|publish|submit|pass|get (?:the|an?) (?:offer|promotion|job|grade)|without (?:reading|notes|\w+ing)"
        r"|at least (?:one|two|three|once|twice)|twice|once a|every (?:week|day|meeting|session))\b",
        re.IGNORECASE,
    ),
    "when": re.compile(
        r"\b(?:by (?:the )?(?:end|next|january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn|christmas|\d)"
        r"|within (?:a|the|\w+) (?:week|month|quarter|year)s?|in (?:the next )?(?:\w+ )?(?:weeks?|months?|years?)\b|this (?:week|month|quarter|year|term)|next (?:week|month|quarter|year|term|spring|summer|autumn)|before (?:the|my|our)\b)",
        re.IGNORECASE,
    ),
    "why": re.compile(
        r"\b(?:because|so that|so i can|matters to me|i care|since i|which would (?:let|mean|allow)|in order to|it would mean)\b",
        re.IGNORECASE,
    ),
    "control": re.compile(r"\bi(?:'ll| will)\b|\bby (?:\w+ing)\b", re.IGNORECASE),
    "first-step": re.compile(
        r"\b(?:first (?:step|thing)|start(?:ing)? (?:by|with)|tomorrow i|this week i|i(?:'ll| will) (?:ask|write|book|read|call|sign|try|practise|draft|send|talk|speak))\b",
        re.IGNORECASE,
    ),
    "obstacle": re.compile(
        r"\b(?:but|gets? in (?:my|the) way|obstacle|problem is|hard (?:for me )?because|i tend to|i always|afraid|fear|what stops)\b",
        re.IGNORECASE,
    ),
    "if-then": re.compile(r"\b(?:if|when(?:ever)?) .{3,80}?,? (?:then )?i(?:'ll| will)\b", re.IGNORECASE),
    "support": re.compile(
        r"\b(?:my (?:mentor|manager|colleague|friend|partner|coach) (?:will|can|has)|ask(?:ed)? .{2,30} to (?:help|watch|check)|with (?:help|support)|together with|accountab\w+)\b",
        re.IGNORECASE,
    ),
}
_ABOUT_ANOTHER = re.compile(
    r"\b(?:make|get|help|want|need)s? (?:my (?:mentee|mentor|boss|manager|team|colleague|student)|her|him|them) (?:to |more |be |feel |do )",
    re.IGNORECASE,
)


def missing_in(goal: str) -> tuple[Element, ...]:
    """Elements that the wording of a goal does not hold, in the order in which it helps to ask for them."""
    plain = goal.replace("’", "'")
    return tuple(element for element in ELEMENTS if not _SAID[element].search(plain))


def is_about_another(goal: str) -> bool:
    """Whether the goal is for somebody else to change ("make my mentee more confident")."""
    return bool(_ABOUT_ANOTHER.search(goal.replace("’", "'")))


_STATED = re.compile(
    r"\b(?P<goal>(?:I(?:'d| would)? (?:really )?(?:want|like|love|hope|wish|need|aim)|my goal is) (?:to |a |more |better |people |others |my |the )[^.!?;\n]{3,120}?)"
    r"(?=,? (?:but|because|and I|and i|though|although|so I)\b|[.!?;\n]|$)",
    re.IGNORECASE,
)


def goal_stated_in(text: str) -> str | None:
    """The clause in which the writer states a wish, verbatim, or None."""
    match = _STATED.search(text.replace("’", "'"))
    if match is None:
        return None
    start, end = match.span("goal")
    return text[start:end].strip().rstrip(",")
