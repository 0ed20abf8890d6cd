"""Who says what in a transcript, written as one paragraph `Name: words` a turn.

Reading VTT and SRT files is `coach.adapters.document_readers`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_WORD = r"[\w'’.-]{0,30}"
_NAME = (
    rf"(?:(?:Dr|Mr|Mrs|Ms|Prof)\.? )?[^\W\d_a-z]{_WORD}"
    rf"(?: (?:[^\W\d_]{_WORD}|[&(\[][^\n:]{{1,24}}[)\]])){{0,4}}"
)
_TURN = re.compile(rf"(?P<name>{_NAME}):\s+(?=\S)")
_LABEL = re.compile(
    r"(?:action|agenda|aim|also|attendee|background|blocker|cc|check-in|close|commitment|context|date|decision|duration"
    r"|example|feedback|feeling|focus|follow-up|for|format|from|goal|homework|how|idea|important|intro|key|learned"
    r"|location|me|meeting|mentee|mentor|mood|nb|next|note|observation|opening|option|outcome|participant|plan|present"
    r"|progress|ps|question|reality|reflection|remember|reminder|resource|session|subject|summary|tag|theme|time|title"
    r"|tldr|to-do|todo|topic|update|what|when|where|who|why|win|with|worr(?:y|ie)|actionable)s?\.?(?!\S)",
    re.IGNORECASE,
)
"""First words of a line that ends in a colon and is the label of a section, not somebody speaking."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words of one cue. `speaker` is None where the file names nobody."""

    speaker: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """A transcript as text, and its speakers in the order of their first words."""

    text: str
    speakers: tuple[str, ...]


@dataclass(slots=True)
class _Turn:
    speaker: str | None
    words: list[str] = field(default_factory=list)


def split_speaker(line: str) -> tuple[str | None, str]:
    """Name and words of a line `Name: words`; (None, line) where the line does not begin like that."""
    match = _TURN.match(line)
    if match is None or is_label(match["name"]):
        return None, line
    return match["name"], line[match.end() :]


def is_label(name: str) -> bool:
    """Whether what stands before a colon names a section of notes ("Next steps") and not a person."""
    return _LABEL.match(name) is not None


def speakers_in(text: str) -> tuple[str, ...]:
    """Names that open two lines or more, in the order of their first; empty for a text that is no transcript."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        name, _ = split_speaker(line)
        if name:
            found[name] += 1
    return tuple(name for name, count in found.items() if count > 1)


def transcript_speakers(text: str) -> tuple[str, ...]:
    """The speakers of a text of which at least every second line is a turn; none of notes that have a few labels."""
    lines = [line for line in text.splitlines() if line.strip()]
    speakers = speakers_in(text)
    turns = sum(split_speaker(line)[0] in speakers for line in lines)
    return speakers if turns >= 4 and 2 * turns >= len(lines) else ()


def as_transcript(utterances: Iterable[Utterance]) -> Transcript:
    """Join what one speaker says in a row into one paragraph each.

    Where no cue names a speaker the words become plain paragraphs, cut at sentence ends.
    """
    turns = _turns(utterances)
    paragraphs = [
        f"{turn.speaker}: {paragraph}" if turn.speaker else paragraph
        for turn in turns
        for paragraph in _paragraphs(turn)
    ]
    return Transcript("\n\n".join(paragraphs), tuple(dict.fromkeys(turn.speaker for turn in turns if turn.speaker)))


def _turns(utterances: Iterable[Utterance]) -> Sequence[_Turn]:
    turns: list[_Turn] = []
    for utterance in utterances:
        words = " ".join(utterance.words.split())
        if not words:
            continue
        if not turns or turns[-1].speaker != utterance.speaker:
            turns.append(_Turn(utterance.speaker))
        turns[-1].words.append(words)
    return turns


_NAMELESS_PARAGRAPH = 400
"""Characters after which a stretch of nameless cues is broken at the next sentence end, for somebody to read."""


def _paragraphs(turn: _Turn) -> list[str]:
    if turn.speaker:
        return [" ".join(turn.words)]
    paragraphs: list[list[str]] = [[]]
    length = 0
    for words in turn.words:
        paragraphs[-1].append(words)
        length += len(words)
        if length >= _NAMELESS_PARAGRAPH and words.endswith((".", "!", "?", "…")):
            paragraphs.append([])
            length = 0
    return [" ".join(words) for words in paragraphs if words]
