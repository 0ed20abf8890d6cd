"""The numbers by which a chat model cites: read in every spelling, written in one.

What they cite is `coach.services.model_material`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from coach.domain.citations import Citation, Evidence, markers_in
from coach.services.model_markup import quotations_in
from coach.services.model_material import Passage

_LIST = r"\d{1,3}(?:\s*(?:,|;|&|/|and|-|–)\s*\^?#?\d{1,3})*"
_NOUN = r"(?:(?:passage|source|note|card|evidence|ref(?:erence)?|citation|document)s?\s*)"
_MARKER_LIKE = re.compile(
    rf"(?P<space>[ ]?)(?:\[\[?\s*\^?\s*{_NOUN}?#?(?P<numbers>{_LIST})(?:†[^\[\]\n]*)?\s*\]?\](?:\([^()\s]*\))?|\({_NOUN}#?(?P<named>{_LIST})\))",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(
    rf"(?<=\S)(?P<space>[ ]?)\((?P<numbers>{_LIST})\)(?=[ ]*(?:[.,;:?!…\n(]|$))|(?<=[.?!”\"])(?P<space2>[ ]?)\((?P<numbers2>{_LIST})\)(?=[ ]+[A-Z“])",
    re.MULTILINE,
)
_ENUMERATION = re.compile(r"\(\d{1,2}\)\s+[a-z]|^\s*\(\d{1,2}\)", re.MULTILINE)


def _numbers(listed: str) -> list[int]:
    """The numbers of a list such as `1, 3` or `2–4`."""
    found: list[int] = []
    for part in re.split(r",|;|&|/|and", listed):
        ends = [int(number) for number in re.findall(r"\d+", part)]
        is_range = len(ends) == 2 and ends[0] < ends[1] <= ends[0] + 10
        found += range(ends[0], ends[1] + 1) if is_range else ends
    return list(dict.fromkeys(found))


def with_markers(text: str, sound: Mapping[int, Passage]) -> tuple[str, int]:
    """The text with every marker written as [n], and how many were dropped because they point to nothing."""
    dropped = 0

    def written(match: re.Match[str]) -> str:
        nonlocal dropped
        numbers = _numbers(match["numbers"] or match["named"])
        known = [number for number in numbers if number in sound]
        dropped += len(numbers) - len(known)
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        space = " " if match["space"] or (before.strip() and before not in "([“\"‘'*_>—–" and match.start()) else ""
        if not known:
            return "" if not after or after in " .,;:?!)\n" else match["space"]
        return f"{space}{' '.join(f'[{number}]' for number in known)}{' ' if after.isalnum() else ''}"

    def from_brackets(match: re.Match[str]) -> str:
        numbers = _numbers(match["numbers"] or match["numbers2"])
        if not all(number in sound for number in numbers):
            return match[0]
        return f" {' '.join(f'[{number}]' for number in numbers)}"

    if not _ENUMERATION.search(text):
        text = _IN_BRACKETS.sub(from_brackets, text)
    return _MARKER_LIKE.sub(written, text), dropped


MARKER = re.compile(r"\[(\d{1,3})\]")
MARKERS_AT_END = re.compile(r"(?:\[\d{1,3}\][ .]*)+$")
MARKERS_AT_START = re.compile(r"(?:\[\d{1,3}\][ .]*)+")
AROUND = " *_“”\"„«»‘’'"
"""What may stand around a quotation or a title and is no part of it."""


def behind_quotations(text: str) -> str:
    """Markers inside quotation marks are moved behind them."""
    for span in reversed(quotations_in(text)):
        markers = MARKER.findall(span.inner)
        if not markers or not span.closing:
            continue
        inner = re.sub(r"\s*\[\d{1,3}\]", "", span.inner)
        moved = " ".join(f"[{number}]" for number in dict.fromkeys(markers))
        text = f"{text[: span.start]}{span.opening}{inner}{span.closing} {moved}{text[span.end :]}"
    return text


def renumbered(markdown: str, evidence: Sequence[Evidence]) -> tuple[str, tuple[Citation, ...]]:
    """The text with its markers numbered from 1 as they come, and what they cite; markers without evidence are dropped."""
    known = [number for number in markers_in(markdown) if 1 <= number <= len(evidence)]
    numbers = {old: new for new, old in enumerate(known, start=1)}

    def replaced(match: re.Match[str]) -> str:
        new = numbers.get(int(match["number"]))
        return f"{match['space']}[{new}]" if new else ""

    text = re.sub(r"(?P<space>[ \t]*)\[(?P<number>\d{1,3})\]", replaced, markdown)
    return text, tuple(Citation(new, evidence[old - 1]) for old, new in numbers.items())
