"""Ranks the sentences of notes by how well they answer a question.

Which chunks they come from is `coach.services.retrieval`; whether the best one answers at all, `coach.services.recollection`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from coach.domain.notes import Note
from coach.domain.sentences import sentence_spans
from coach.services.retrieval import NoteHit, Query, Retrieval

SENTENCES_EMBEDDED = 24
"""Of all that were found, by the words that they share: each costs an embedding."""
MIN_SENTENCE = 12
WORDS_WEIGHT, CHUNK_WEIGHT, AROUND_WEIGHT, KIND_WEIGHT = 0.6, 0.3, 0.3, 0.15
"""Beside the cosine: shared words, the chunk's score, words shared with the chunk, the kind of thing asked for (dev: the
answer is among the best three sentences for 0.60 of the questions; 0.29 where the words alone choose)."""
_STOP = frozenset(
    "a an the i me my we our you your he she it they them his her their is are was were be been am do does did done have has"
    " had to of in on at for with from by about as and or but if so not no what when where who whom whose which why how that"
    " this there then than will would can could should shall may might up out again also just very one any some get got".split()
)
_DATE_ASKED = re.compile(r"\b(?:when|date|(?:what|which) day|day|deadline|how soon|what time|month)\b", re.IGNORECASE)
_NUMBER_ASKED = re.compile(
    r"\b(?:how (?:many|much|long|often|far|quick|old|big)|salary|paid|pay|cost|price|number|per ?cent|budget|figure|hours)\b",
    re.IGNORECASE,
)
_NAME_ASKED = re.compile(r"\b(?:who|whose|whom|names?)\b", re.IGNORECASE)
_DATE = re.compile(
    r"\b\d{1,2}(?:st|nd|rd|th)?(?: of)? ?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"|\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\b|\b(?:january|february|march|april|june|july|august|september|october"
    r"|november|december)\b|\b\d{1,2}(?:st|nd|rd|th)\b|\beow\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"[£$€]\s?\d|\b\d[\d,.]*\b|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][a-z]{2,}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence of a note: `start` and `end` are offsets into its text."""

    note: Note
    start: int
    end: int
    score: float
    similarity: float
    """Cosine to the question."""


def answers_in(
    query: Query, hits: Sequence[NoteHit], notes: Sequence[Note], retrieval: Retrieval, *, leave_out: str = ""
) -> list[Answer]:
    """The sentences of these chunks, the likeliest answer first.

    Args:
        notes: All that could have been found: how rare a word is among them is how much it tells.
        leave_out: A name that every note is about.

    Raises:
        RetrievalFailed: where the embedder does not work.
    """
    asked = [word for word in dict.fromkeys(_stems(query.text)) if word not in _stems(leave_out)]
    worth = _worth(asked, notes)
    candidates = _candidates(query.text, hits, worth)
    if not candidates:
        return []
    vectors = np.asarray(retrieval.embed([answer.note.text[answer.start : answer.end] for answer in candidates]))
    similarities = vectors @ np.asarray(query.vector)
    scored = [
        Answer(answer.note, answer.start, answer.end, answer.score + float(similarity), float(similarity))
        for answer, similarity in zip(candidates, similarities, strict=True)
    ]
    return sorted(scored, key=lambda answer: (-answer.score, answer.note.id, answer.start))


def _candidates(question: str, hits: Sequence[NoteHit], worth: Mapping[str, float]) -> list[Answer]:
    """The most promising sentences by words alone."""
    found: dict[tuple[str, int], Answer] = {}
    for hit in hits:
        around = _share(hit.chunk.text, worth)
        for left, right in sentence_spans(hit.chunk.text):
            start, end = hit.chunk.start + left, hit.chunk.start + right
            text = hit.note.text[start:end]
            if right - left < MIN_SENTENCE or text.lstrip().startswith("#"):
                continue
            score = (
                WORDS_WEIGHT * _share(text, worth)
                + CHUNK_WEIGHT * hit.hit.score
                + AROUND_WEIGHT * around
                + KIND_WEIGHT * _is_of_kind(question, text)
            )
            found.setdefault((hit.note.id, start), Answer(hit.note, start, end, score, 0.0))
    ordered = sorted(found.values(), key=lambda answer: (-answer.score, answer.note.id, answer.start))
    return ordered[:SENTENCES_EMBEDDED]


def _worth(asked: Sequence[str], notes: Sequence[Note]) -> Mapping[str, float]:
    """How much each word of a question tells: the rarer among the notes' sentences, the more."""
    sentences = [set(_stems(note.text[start:end])) for note in notes for start, end in sentence_spans(note.text)]
    holders = Counter(word for held in sentences for word in asked if word in held)
    return {word: math.log(1 + len(sentences) / (1 + holders[word])) for word in asked}


def _share(text: str, worth: Mapping[str, float]) -> float:
    """Of the telling words of a question, by worth, those that a text holds in some form: 0 to 1."""
    held = set(_stems(text))
    total = sum(worth.values())
    return sum(value for word, value in worth.items() if _is_held(word, held)) / total if total else 0.0


def _is_held(word: str, held: set[str]) -> bool:
    return word in held or (len(word) >= 5 and any(other[:5] == word[:5] for other in held))


def _is_of_kind(question: str, text: str) -> float:
    """Whether a text has the kind of thing that is asked for: a date, a number, a name."""
    pairs = ((_DATE_ASKED, _DATE, 1.0), (_NUMBER_ASKED, _NUMBER, 1.0), (_NAME_ASKED, _NAME, 0.5))
    return sum(value for asks, has, value in pairs if asks.search(question) and has.search(text))


def _stems(text: str) -> list[str]:
    words = re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))
    return [_stem(word) for word in words if word not in _STOP and len(word) > 1]


def _stem(word: str) -> str:
    for ending in ("ing", "edly", "ed", "ies", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
