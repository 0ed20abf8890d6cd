"""Words that ask for how things stand now, or for how they began. Dates and months are `coach.domain.written_dates`."""

from __future__ import annotations

import re
from typing import Literal

End = Literal["latest", "first"]

_LATEST = re.compile(
    r"\b(?:now|in the end|finally|final|latest|currently|current|these days|still|which (?:date|day) is|end(?:ed)? up"
    r"|settled on|last (?:said|told|heard|agreed)|actually|after all|most recent(?:ly)?|so far|up to date)\b",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"\b(?:first (?:time|call|session|meeting|met|spoke|talk\w*|conversation)|very first|when we (?:started|began|first)"
    r"|originally|at the (?:start|beginning|outset)|to begin with)\b",
    re.IGNORECASE,
)


def end_asked_for(text: str) -> End | None:
    """Which end of a story a question is about; None where it does not say."""
    if _FIRST.search(text):
        return "first"
    return "latest" if _LATEST.search(text) else None
