"""Cuts a note into chunks for the index: along headings, turns, list items, paragraphs and sentences.

Where sentences end is `coach.domain.sentences`; what of a chunk is embedded is `coach.services.ingest`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from coach.domain.notes import Chunk
from coach.domain.sentences import sentence_spans
from coach.domain.transcripts import speakers_in, split_speaker

MAX_TOKENS = 100
"""Tokens of a chunk at most. The bundled embedder reads 256; shorter chunks of personal notes are found better (dev: nDCG@10
of sessions 0.753 with 100 tokens, 0.734 with 160, 0.747 with 240)."""
MIN_SECTION_TOKENS = 40
"""A heading opens a new chunk only when the one before holds this much: notes with a line a heading stay readable."""
OVERLAP_SENTENCES = 1
"""Sentences repeated where a paragraph had to be cut in two."""
CHARACTERS_PER_TOKEN = 12
"""Bounds a chunk's length where tokens do not: one "word" of 100,000 letters is a single token to WordPiece."""

TokenOffsets = Callable[[str], list[tuple[int, int]]]
"""Start and end of every token of a text, in order; not truncated. Empty spans (special tokens) are passed over."""

_ATX = re.compile(r"#{1,6}\s+(?P<words>\S.*)")
_BOLD = re.compile(r"(?:\*\*|__)(?P<words>[^*_]+)(?:\*\*|__):?")
_HEADING_LENGTH = 200
_ITEM = re.compile(r"\s{0,24}(?:[-*+•–]|\d{1,3}[.)]|\[[ xX]?\])\s")
_LABEL = re.compile(r"[^\n]{1,60}:\s*$")
_WINDOW = 50_000


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a piece of an over-long one."""

    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class _Block:
    """A heading, a list item, a turn or a paragraph."""

    units: tuple[_Unit, ...]
    tokens: int
    heading: str
    speaker: str
    is_heading: bool
    leads_on: bool
    """Belongs with what follows: a heading, or a line that ends in a colon."""


@dataclass(frozen=True, slots=True)
class _Placed:
    unit: _Unit
    block: _Block


def chunk_note(
    text: str,
    *,
    note_id: str,
    token_offsets: TokenOffsets,
    max_tokens: int = MAX_TOKENS,
    overlap_sentences: int = OVERLAP_SENTENCES,
) -> list[Chunk]:
    """Chunks in the order of the text, together covering every character of it that is not white space.

    Each is an exact stretch of the text. `heading` is the heading that a chunk stands under; in a transcript without
    headings it is whoever is speaking where the chunk begins inside their turn.

    Args:
        max_tokens: Tokens of a chunk at most, as counted in the whole text, 1 or more.
        overlap_sentences: Sentences repeated at a cut inside a paragraph, where they fit into a third of a chunk.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens is {max_tokens}; it must be 1 or more")
    ruler = _Ruler(text, token_offsets, max_tokens)
    packer = _Packer(max_tokens, overlap_sentences)
    blocks = list(_blocks(text, ruler))
    for block, ahead in zip(blocks, _tokens_ahead(blocks), strict=True):
        packer.add(block, ahead)
    return [
        Chunk(f"{note_id}:{ordinal}", note_id, start, end, text[start:end], heading)
        for ordinal, (start, end, heading) in enumerate(packer.finish())
    ]


class _Ruler:
    """Measures a text in tokens and cuts what is too long at token borders."""

    def __init__(self, text: str, token_offsets: TokenOffsets, max_tokens: int) -> None:
        self._text = text
        self._starts: list[int] = []
        self._max_tokens = max_tokens
        self._max_characters = max_tokens * CHARACTERS_PER_TOKEN
        for start, end in _windows(text):
            self._starts += [start + left for left, right in token_offsets(text[start:end]) if right > left]

    def units(self, start: int, end: int) -> Iterator[_Unit]:
        """The stretch as one unit, or as several that keep to the limits."""
        while start < end:
            first = bisect_left(self._starts, start)
            beyond = bisect_left(self._starts, end)
            if beyond - first <= self._max_tokens and end - start <= self._max_characters:
                yield _Unit(start, end, max(1, beyond - first))
                return
            border = self._border(start, end, first)
            left, right = _stripped(self._text, start, border)
            if left < right:
                yield _Unit(left, right, max(1, bisect_left(self._starts, border) - first))
            start, end = _stripped(self._text, border, end)

    def _border(self, start: int, end: int, first: int) -> int:
        """Where to cut: at a space in the last quarter, else at a token's start, else anywhere."""
        limit = min(end, start + self._max_characters)
        if first + self._max_tokens < len(self._starts):
            limit = min(limit, self._starts[first + self._max_tokens])
        floor = limit - (limit - start) // 4
        space = max(self._text.rfind(" ", floor, limit), self._text.rfind("\n", floor, limit))
        if space > start:
            return space
        last = bisect_left(self._starts, limit + 1) - 1
        return self._starts[last] if last > first else max(limit, start + 1)


class _Packer:
    """Fills chunks with units, and breaks between blocks so that a section's chunks are about equally long."""

    def __init__(self, max_tokens: int, overlap_sentences: int) -> None:
        self._max_tokens = max_tokens
        self._max_characters = max_tokens * CHARACTERS_PER_TOKEN
        self._overlap = overlap_sentences
        self._current: list[_Placed] = []
        self._tokens = 0
        self._target = 0.0
        self._done: list[tuple[int, int, str]] = []

    def add(self, block: _Block, ahead: int) -> None:
        """Take in a block; `ahead` are the tokens from here to the end of its section."""
        if self._breaks_before(block):
            self._flush()
        if not self._current or block.is_heading:
            total = self._tokens + ahead
            self._target = total / -(-total // self._max_tokens)
        for position, unit in enumerate(block.units):
            if self._current and not self._fits(unit):
                self._flush_for(unit, block, is_inside=position > 0)
            self._current.append(_Placed(unit, block))
            self._tokens += unit.tokens

    def finish(self) -> list[tuple[int, int, str]]:
        self._flush()
        return self._done

    def _breaks_before(self, block: _Block) -> bool:
        if not self._current or self._current[-1].block.leads_on:
            return False
        if block.is_heading:
            return self._tokens >= min(MIN_SECTION_TOKENS, self._max_tokens // 2)
        with_block = self._tokens + block.tokens
        if with_block > self._max_tokens and block.tokens > self._max_tokens:
            return 2 * self._tokens >= self._max_tokens  # it has to be cut in any case
        return with_block > self._max_tokens or with_block - self._target > abs(self._target - self._tokens)

    def _fits(self, unit: _Unit) -> bool:
        return (
            self._tokens + unit.tokens <= self._max_tokens
            and unit.end - self._current[0].unit.start <= self._max_characters
        )

    def _flush_for(self, unit: _Unit, block: _Block, *, is_inside: bool) -> None:
        """Close the chunk before a unit; what should stand with it is carried over if that leaves it room.

        Inside a paragraph the last sentences are repeated; before a new block the headings above it move along.
        """
        if is_inside:
            carried = [placed for placed in self._current[-self._overlap :] if placed.block is block and self._overlap]
            carried = carried if len(carried) < len(self._current) else []
        else:
            leads = 0
            while leads < len(self._current) and self._current[-leads - 1].block.leads_on:
                leads += 1
            carried = self._current[len(self._current) - leads :]
        tokens = sum(placed.unit.tokens for placed in carried)
        has_room = (
            bool(carried)
            and 3 * tokens <= self._max_tokens
            and tokens + unit.tokens <= self._max_tokens
            and unit.end - carried[0].unit.start <= self._max_characters
        )
        if has_room and not is_inside:
            del self._current[-len(carried) :]
        self._flush()
        if has_room:
            self._current, self._tokens = carried, tokens

    def _flush(self) -> None:
        if self._current:
            first = self._current[0]
            is_mid_turn = first.unit is not first.block.units[0]
            heading = first.block.heading or (first.block.speaker if is_mid_turn else "")
            self._done.append((first.unit.start, self._current[-1].unit.end, heading))
        self._current = []
        self._tokens = 0


def _tokens_ahead(blocks: Sequence[_Block]) -> list[int]:
    """For each block the tokens from it to the end of its section, which is the next heading or the note's end."""
    ahead: list[int] = []
    total = 0
    for block in reversed(blocks):
        total += block.tokens
        ahead.append(total)
        if block.is_heading:
            total = 0
    return ahead[::-1]


def _blocks(text: str, ruler: _Ruler) -> Iterator[_Block]:
    speakers = frozenset(speakers_in(text))
    heading = ""
    for start, end in _block_spans(text, speakers):
        first_line = text[start : min(end, _line_end(text, start))]
        own_heading = _heading_of(first_line)
        heading = own_heading or heading
        speaker, _ = split_speaker(first_line)
        units = tuple(
            unit for left, right in sentence_spans(text[start:end]) for unit in ruler.units(start + left, start + right)
        )
        if units:
            yield _Block(
                units=units,
                tokens=sum(unit.tokens for unit in units),
                heading=heading,
                speaker=speaker if speaker in speakers and speaker else "",
                is_heading=bool(own_heading),
                leads_on=bool(own_heading) or (end - start < 64 and _LABEL.match(text[start:end]) is not None),
            )


def _block_spans(text: str, speakers: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Spans of blocks; a blank line, a heading, a list item and a turn each begin a new one."""
    block_start: int | None = None
    position = 0
    while position < len(text):
        end = _line_end(text, position)
        line = text[position:end]
        is_blank = not line.strip()
        is_heading = bool(_heading_of(line))
        opens = is_heading or _ITEM.match(line) is not None or split_speaker(line)[0] in speakers
        if block_start is not None and (is_blank or opens):
            yield block_start, position
            block_start = None
        if is_heading:
            yield position, end
        elif not is_blank and block_start is None:
            block_start = position
        position = end + 1
    if block_start is not None:
        yield block_start, len(text)


def _heading_of(line: str) -> str:
    """The words of a Markdown heading, or of a line in bold; empty where the line is neither."""
    if len(line) > _HEADING_LENGTH:
        return ""
    match = _ATX.fullmatch(line.strip()) or _BOLD.fullmatch(line.strip())
    return match["words"].strip(" \t*_#:") if match else ""


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end == -1 else end


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Stretches small enough to tokenise at once, cut at white space where there is any."""
    start = 0
    while start < len(text):
        end = min(len(text), start + _WINDOW)
        if end < len(text):
            cut = max(text.rfind("\n", start + 1, end), text.rfind(" ", start + 1, end))
            end = cut if cut > start else end
        yield start, end
        start = end


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
