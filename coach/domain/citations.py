"""Citations: the numbered marks in a reply, and the check that each of them holds.

Deciding what to cite is `coach.services.compose`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

EvidenceKind = Literal["card", "question", "framing", "plan", "resource", "note"]
Grounding = Literal["grounded", "ungrounded", "unverified"]

_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage that may be cited: the record or note it stands in, and the exact words.

    `start` and `end` are offsets of `quote` into the record's text; `byline` is the author line or the note's date.
    """

    kind: EvidenceKind
    id: str
    title: str
    quote: str
    start: int
    end: int
    byline: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """Evidence with the number that it carries in one reply."""

    marker: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Verification:
    """What the check found; `faults` are sentences for the log and the evals."""

    grounding: Grounding
    citations: tuple[Citation, ...]
    faults: tuple[str, ...]


def markers_in(text: str) -> tuple[int, ...]:
    """Marker numbers in the order of their first appearance."""
    return tuple(dict.fromkeys(int(number) for number in _MARKER.findall(text)))


def verify(text: str, citations: Sequence[Citation], *, text_of: Callable[[Evidence], str | None]) -> Verification:
    """Hold every marker of a reply against what it cites.

    Args:
        text_of: The full text behind an evidence *as this owner may read it now*, or None where it was not retrieved in
            this turn, does not exist or belongs to somebody else.

    A reply without markers is `ungrounded`, which is no fault; a marker without evidence, or a quote that does not
    stand at its offsets, makes it `unverified`.
    """
    used = markers_in(text)
    known = {citation.marker: citation for citation in citations}
    faults: list[str] = []
    sound: list[Citation] = []
    for marker in used:
        citation = known.get(marker)
        if citation is None:
            faults.append(f"[{marker}] cites nothing")
            continue
        evidence = citation.evidence
        full_text = text_of(evidence)
        if full_text is None:
            faults.append(f"[{marker}] cites {evidence.kind} {evidence.id}, which was not retrieved for this owner")
        elif not evidence.quote or full_text[evidence.start : evidence.end] != evidence.quote:
            faults.append(f"[{marker}] quotes words that do not stand in {evidence.kind} {evidence.id}")
        else:
            sound.append(citation)
    if faults:
        return Verification("unverified", tuple(sound), tuple(faults))
    return Verification("grounded" if sound else "ungrounded", tuple(sound), ())
