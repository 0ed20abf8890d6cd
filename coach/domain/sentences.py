"""Sentence boundaries in notes, as offsets.

Grouping sentences into chunks is `coach.domain.chunking`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|Dr|Mr|Mrs|Ms|Prof|St|No)|(?<!\w)[A-HJ-Z])\.$")
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"”’')\]]*+(?=\s|$)")
_WRAPPED = re.compile(r"[a-z,;–-]$")


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every sentence, without surrounding white space.

    A line break ends a sentence unless the line was wrapped: it stops in mid-clause and the next starts in lower case.
    """
    start = 0
    for line_start, line_end in _logical_lines(text):
        start = line_start
        for match in _END.finditer(text, line_start, line_end):
            if match.group().startswith(".") and _ABBREVIATION.search(
                text, max(line_start, match.start() - 8), match.start() + 1
            ):
                continue
            yield from _stripped(text, start, match.end())
            start = match.end()
        yield from _stripped(text, start, line_end)


def _logical_lines(text: str) -> Iterator[tuple[int, int]]:
    start = position = 0
    while position < len(text):
        end = text.find("\n", position)
        if end == -1:
            break
        following = text[end + 1 : end + 2]
        is_wrapped = bool(_WRAPPED.search(text, max(start, end - 1), end)) and following.islower()
        if not is_wrapped:
            yield start, end
            start = end + 1
        position = end + 1
    if start < len(text):
        yield start, len(text)


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
