"""Letters: which kind of message is wanted, and how its reader is addressed.

The drafts themselves are the template `prompts/replies/draft.md`.
"""

from __future__ import annotations

import re

from coach.domain.suggestions import Situation

_TITLES = ("Dr", "Prof", "Professor", "Mr", "Mrs", "Ms")
_LETTERS = {
    "decline": re.compile(
        r"\b(?:say no|a no|decline|turn (?:her|him|them|it) down|not the right (?:fit|mentor|mentee))\b", re.IGNORECASE
    ),
    "thank": re.compile(r"\b(?:thank (?:her|him|them|my)|thank-you|a thanks)\b", re.IGNORECASE),
    "sorry": re.compile(r"\b(?:sorry|apolog\w+|forgot|i missed|let (?:her|him|them) down)\b", re.IGNORECASE),
    "arrange": re.compile(
        r"\b(?:confirm|still on|reschedul\w+|move (?:our|the|it)|cancel|another (?:day|time|date)|invite|invitation)\b",
        re.IGNORECASE,
    ),
    "congratulate": re.compile(r"\b(?:congrat\w*|well done|got the (?:job|role|offer)|passed)\b", re.IGNORECASE),
}
"""What a message asked for is plainly for; where it is not plain, the stage decides."""


def called(name: str | None) -> str:
    """How one addresses a person: by the first name, or with the title that was used."""
    words = (name or "").split()
    return " ".join(words[:2] if words and words[0].rstrip(".") in _TITLES else words[:1])


def letter_for(text: str, situation: Situation) -> str:
    """The kind of letter, as `draft.md` names them."""
    for kind, wording in _LETTERS.items():
        if wording.search(text):
            return kind
    if situation.stage in ("finding", "considering", "chemistry"):
        return "approach"
    if situation.stage in ("ending", "stuck"):
        return "pause" if situation.stage == "stuck" else "farewell"
    return "follow-up"
