"""Which notes may be shown to a chat model, and what is taken out of them first.

Whether a model runs on this machine is `coach.domain.privacy`; names are hidden by `coach.domain.stand_ins`.
"""

from __future__ import annotations

import re
from typing import Literal

from coach.domain.notes import Note

NotesPolicy = Literal["never", "ask", "always"]
"""Whether passages of notes go to the model: "ask" each time, with a preview."""

GAP = "…"
"""Stands where a private passage was."""

_MARK = re.compile(r"\[\s*(?P<closes>/\s*)?private\s*\]", re.IGNORECASE)
_LINE = re.compile(
    r"^[ \t>*_-]*(?:private[ \t]*\**:[ \t*]*[\"']?(?:yes|true|on|y|1)\b.*|\[\s*private\s*\][ \t*_]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(r"(?<![\w#&/])#private(?![\w/-])", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<lines>(?:(?!---|\.\.\.)[^\n]*\n){1,40}?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_LISTED = re.compile(
    r"^[ \t]*(?:(?:tags?|keywords|labels?|categor(?:y|ies)|visibility|access)[ \t]*:[^\n]*?(?<![\w-])|-[ \t]*[\"']?)private"
    r"(?![\w-])",
    re.IGNORECASE | re.MULTILINE,
)


def default_policy(is_local: bool) -> NotesPolicy:
    """Never for a model elsewhere, always for one on this machine."""
    return "always" if is_local else "never"


def may_be_sent(note: Note, policy: NotesPolicy, *, allowed_once: bool) -> bool:
    """Whether passages of this note may go to the model now; a private note never does.

    Args:
        allowed_once: The owner has seen the preview of this turn and agreed; counts where the policy is to ask.
    """
    if policy == "never" or is_private(note.text):
        return False
    return policy == "always" or allowed_once


def is_private(text: str) -> bool:
    """Whether a note is marked as private as a whole.

    Marks are a line `private: yes`, the tag `#private`, `private` among the tags of the front matter, and a `[private]`
    that has a line to itself and is not closed.
    """
    if _TAG.search(text):
        return True
    front = _FRONT_MATTER.match(text)
    if front and _LISTED.search(front["lines"]):
        return True
    _, unclosed = _passages(text)
    return any("[" not in line.group() or line.start() <= unclosed < line.end() for line in _LINE.finditer(text))


def without_private(text: str) -> str:
    """The text with a gap for each passage between `[private]` and `[/private]`.

    A passage that is not closed goes on to the end, and one that was not opened began at the beginning.
    """
    return passage_without_private(text, 0, len(text))


def passage_without_private(text: str, start: int, end: int) -> str:
    """`text[start:end]` with its private parts taken out, also where their marks stand outside of it."""
    kept: list[str] = []
    place = start
    spans, _ = _passages(text)
    for first, last in spans:
        if last <= place or first >= end:
            continue
        kept += [text[place:first], GAP]
        place = last
    return "".join([*kept, text[place:end]])


def _passages(text: str) -> tuple[list[tuple[int, int]], int]:
    """Start and end of every private passage, marks included, and where the one begins that is not closed (-1: none).

    A passage within a passage belongs to it.
    """
    spans: list[tuple[int, int]] = []
    depth, opened = 0, -1
    for mark in _MARK.finditer(text):
        if mark["closes"] is None:
            opened = mark.start() if depth == 0 else opened
            depth += 1
        elif depth == 0:
            spans = [(0, mark.end())]
        else:
            depth -= 1
            if depth == 0:
                spans.append((opened, mark.end()))
                opened = -1
    return (spans, -1) if depth == 0 else ([*spans, (opened, len(text))], opened)
