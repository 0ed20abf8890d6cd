"""Follow-ups: messages that speak of the coach's own last reply ("go deeper on the second", "I already asked that").

A message that stands by itself is read by `coach.services.situation`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from coach.domain.conversation import Reply
from coach.domain.knowledge import Framing, Question
from coach.ports import KnowledgeBase

MoveKind = Literal[
    "deeper", "another", "one", "agree", "plan", "framing", "if-then", "tell", "ask", "read", "draft", "unclear"
]


@dataclass(frozen=True, slots=True)
class Move:
    """What a follow-up wants done with the last reply."""

    kind: MoveKind
    question: Question | None = None
    """The question of the last reply that it speaks of."""
    framing: Framing | None = None
    """The lens that was chosen among those shown earlier."""
    was_asked: bool = False
    is_plainer: bool = False


_ORDINALS = {
    "first": 1, "1st": 1, "one": 1, "1": 1, "second": 2, "2nd": 2, "two": 2, "2": 2, "third": 3, "3rd": 3, "three": 3, "3": 3,
    "fourth": 4, "4th": 4, "4": 4, "fifth": 5, "5th": 5, "5": 5, "last": -1,
}  # fmt: skip
_ORDINAL = re.compile(
    r"\b(first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th|(?:number |question |no\.? ?)[1-5])\b", re.IGNORECASE
)
_DEEPER = re.compile(
    r"\b(?:go(?:ing)? deeper|dig deeper|deeper (?:on|into)|(?:say|tell me) more (?:about|on)|more (?:on|about) the|expand on|follow[- ]up (?:to|on|for) the|what (?:then|comes) after the|why (?:that|this|the) (?:\w+ )?(?:question|one))\b",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\b(?:i(?: have|'ve)? (?:already )?asked (?:that|this|it|the|her that|him that)|(?:already|just) (?:asked|used|tried) (?:that|this|it|the)|asked (?:that|it|the \w+(?: one)?) (?:last time|before|already)|used that (?:one )?(?:before|already|last time))",
    re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"^\W*(?:give me |got |any |something |a |an )*(?:another|different|other)(?: one| question| lens| option)?\W*$"
    r"|\b(?:another (?:one|question|option)|^\W*something (?:else|different)\W*$|not (?:that|this) one|a different (?:one|question)|something (?:shorter|less formal|more formal|simpler|plainer|softer|gentler|more direct|lighter))\b",
    re.IGNORECASE,
)
_PLAINER = re.compile(
    r"\b(?:less formal|simpler|plainer|shorter|softer|gentler|lighter|more direct|easier)\b", re.IGNORECASE
)
_ONE = re.compile(
    r"^\W*(?:just|only|give me|can i have)?\W*(?:one|a single|1)(?: good)? question\b[^?]{0,30}$|\bgive me a question instead\b",
    re.IGNORECASE,
)
_AGREE = re.compile(r"\bwhat (?:should|do|could) we agree\b|\bwhat to agree\b|\bagree first\b", re.IGNORECASE)
_PLAN = re.compile(
    r"^\W*(?:please )?(?:plan|shape|structure) (?:the|my|our|that) (?:hour|session|meeting|conversation)\b.{0,30}$",
    re.IGNORECASE,
)
_LENS = re.compile(
    r"\b(?:try|use|take|go with|give me|let'?s try|another|different) (?:one of )?(?:the |a |an?other )?(?:(?:first|second|third|last|other|next) )?(?:lens|three|framing|frame)\b",
    re.IGNORECASE,
)
_IF_THEN = re.compile(r"\bif[- ]then\b|\bimplementation intention", re.IGNORECASE)


_TURNS: tuple[tuple[MoveKind, re.Pattern[str]], ...] = (
    ("if-then", _IF_THEN),
    (
        "read",
        re.compile(
            r"^\W*(?:and |is there |have you )*(?:something|anything) (?:short )?to (?:read|watch|listen to)(?: (?:on|about) (?:this|that|it))?\W*$",
            re.IGNORECASE,
        ),
    ),
    (
        "draft",
        re.compile(
            r"^\W*(?:please )?(?:draft|write) (?:me )?(?:a|the) (?:follow-up )?(?:message|note|email)\W*$",
            re.IGNORECASE,
        ),
    ),
    (
        "tell",
        re.compile(
            r"^\W*(?:no, )?(?:i'?d rather you told me|just tell me|tell me straight|(?:please )?stop asking(?: me)?(?: questions)?|no more questions|what would you do)\b[^?]{0,30}$",
            re.IGNORECASE,
        ),
    ),
    ("ask", re.compile(r"^\W*(?:ask me (?:questions )?(?:again|instead)|go back to asking)\W*$", re.IGNORECASE)),
)


def move_in(text: str, replies: Sequence[Reply], knowledge: KnowledgeBase) -> Move | None:
    """The move that a message makes on the replies so far (oldest first), or None where it stands by itself."""
    if not replies or replies[-1].safety is not None:
        return None
    last = replies[-1]
    plain = text.replace("’", "'").strip()
    if len(plain.split()) > 25:
        return None
    position = _position(plain)
    question = _question_at(position, last, knowledge)
    for kind, pattern in _TURNS:
        if pattern.search(plain):
            return Move(kind)
    if _LENS.search(plain):
        return Move("framing", framing=_framing_at(position, plain, replies, knowledge))
    if _ASKED.search(plain) and question:
        return Move("another", question, was_asked=True)
    if _DEEPER.search(plain) and question:
        return Move("deeper", question)
    if _ORDINAL.search(plain) and (_DEEPER.search(plain) or _ASKED.search(plain)):
        return Move("unclear")
    if _AGREE.search(plain):
        return Move("agree")
    if _PLAN.search(plain):
        return Move("plan")
    if _ONE.search(plain):
        return Move("one")
    if _ANOTHER.search(plain) and not last.suggestions.resources:
        return Move("another", question, is_plainer=bool(_PLAINER.search(plain)))
    return None


def wants_other_resource(text: str, last: Reply | None) -> bool:
    """Whether a message asks for another resource than the one just given."""
    return bool(last is not None and last.suggestions.resources and _ANOTHER.search(text.strip()))


def wants_shorter(text: str) -> bool:
    """Whether something shorter is asked for."""
    return bool(re.search(r"\bshort(?:er)?\b|\bquick(?:er)?\b", text, re.IGNORECASE))


def _position(text: str) -> int:
    match = _ORDINAL.search(text)
    if match is None:
        return 1
    return _ORDINALS.get(match[1].lower().split()[-1].lstrip("no."), 1)


def _question_at(position: int, last: Reply, knowledge: KnowledgeBase) -> Question | None:
    suggested = last.suggestions.questions
    index = len(suggested) - 1 if position == -1 else position - 1
    if not 0 <= index < len(suggested):
        return None
    return knowledge.questions.get(suggested[index].id)


def _framing_at(position: int, text: str, replies: Sequence[Reply], knowledge: KnowledgeBase) -> Framing | None:
    """The lens at a position of the last reply that offered several; None where another one is wanted, or none was shown."""
    if re.search(r"\b(?:another|other|different|next)\b", text, re.IGNORECASE):
        return None
    offered = next((r.suggestions.framings for r in reversed(replies) if len(r.suggestions.framings) > 1), ())
    index = len(offered) - 1 if position == -1 else position - 1
    return knowledge.framings.get(offered[index].id) if 0 <= index < len(offered) else None
