"""Threads in notes: what was promised, felt or left open in a session and reaches into the next one.

Every thread is a verbatim passage; nothing is inferred about what became of it beyond what later notes say.
Found by wording alone: who and when are given only where they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import lru_cache

from coach.domain.notes import Note
from coach.domain.people import Owner
from coach.domain.sentences import sentence_spans
from coach.domain.suggestions import Thread, ThreadKind

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_COMMITMENT = re.compile(
    r"\b(?:will|'ll|’ll|won't|agreed to|agrees to|promised(?: to)?|promises to|committed to|is going to|are going to|going to"
    r"|said (?:she|he|they)(?:'d|’d| would| will)|i(?:'d|’d) (?:send|ask|find|introduce|look|check|book|put|share|draft))\b"
    r"|^\W*(?:action|actions|todo|to do|next steps?|homework|follow[- ]?ups?)\b\s*(?:\([^)]*\))?\s*[:–-]"
    r"|^\W*(?:\[[ x]?\]\s*)?(?-i:[A-Z][A-Za-z]{0,14}) (?:to|->|→) (?!the\b|a\b|me\b|her\b|him\b)(?-i:[a-z]+)\b",
    re.IGNORECASE | re.MULTILINE,
)
_NOT_A_COMMITMENT = re.compile(
    r"\b(?:will see|we'll see|will be (?:fine|ok|hard|difficult|good|nice)|will (?:probably|never|always)|would|if (?:she|he|they|i|we) will"
    r"|used to|has to|have to|had to|wants to|want to|hopes? to|trying to|likes? to|seems? to|afraid (?:she|he|they|i)|worried (?:she|he|they|i|that))\b",
    re.IGNORECASE,
)
_FEELING = re.compile(
    r"\b(?:went quiet|quiet(?:er)?|flat|low|upset|cried|tear(?:s|ful)|nervous|anxious|worried|worries|worry|frustrat\w+|angry|tired"
    r"|exhausted|stressed|overwhelmed|hesita\w+|changed the subject|shrugged|didn't want to|avoided|uncomfortable|stuck|lost"
    r"|deflated|dread\w*|afraid|scared|fears?|doubt\w*|not sure|unsure|lonely|bored|struggl\w+|defensive|looked away)\b",
    re.IGNORECASE,
)
_WIN = re.compile(
    r"\b(?:pleased|proud|delighted|happy with|went (?:really )?well|lit up|excited|got the|passed|won|finished|shipped|did it"
    r"|progress|energi[sz]ed|smil\w+|laughed|thanked)\b",
    re.IGNORECASE,
)
_DECISION = re.compile(r"\b(?:decided|we agreed|agreed that|chose|settled on|decision:)", re.IGNORECASE)
_OPEN_QUESTION = re.compile(
    r"(?:\?\s*$|\b(?:open question|still unclear|not clear (?:whether|if|what)|come back to|left open|parked)\b)",
    re.IGNORECASE,
)
_GOAL = re.compile(
    r"\b(?:goal|aim|wants to (?:become|be|move|lead|learn|get|find|apply|change)|would like to|hopes to|ambition|thinks? about (?:moving|becoming|\w+ing))\b",
    re.IGNORECASE,
)
MIN_LENGTH = 4
FRAGMENT = 24
"""Characters; a shorter worry is quoted with the rest of its line."""
_KINDS: tuple[tuple[ThreadKind, re.Pattern[str]], ...] = (
    ("commitment", _COMMITMENT),
    ("decision", _DECISION),
    ("worry", _FEELING),
    ("win", _WIN),
    ("open-question", _OPEN_QUESTION),
    ("goal", _GOAL),
)
_BY = re.compile(
    r"\bby (?:the )?(?P<day>\d{1,2})(?:st|nd|rd|th)?(?: (?:of )?(?P<month>[A-Za-z]{3,9}))?\b"
    r"|\bby (?P<weekday>monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tue|tues|wed|thu|thur|thurs|fri)\b"
    r"|\b(?P<week>by (?:the )?end of (?:the |this )?week|eow)\b|\b(?P<month_end>by (?:the )?end of (?:the |this )?month|eom)\b"
    r"|\b(?P<next_week>(?:by )?next week)\b|\bby (?P<named>[A-Z][a-z]{2,8})\b",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"^\W*(?:action|actions|todo|to do|next steps?|homework|follow[- ]?ups?)?\s*[:–-]?\s*(?:\[[ x]?\]\s*)?"
    r"(?P<who>[A-Z][A-Za-z’'-]*|me|I)\s*(?:will|'ll|’ll|to\b|agreed|promised|promises|committed|is going|said|->|→)"
)
_EMPTY_WORDS = frozenset(
    "will would should could the and for with that this them they their there then than have has had was were"
    " been before after about next last week month session meeting agreed promised going said says from what"
    " when where which while again also just more some very into over your you her his him she our not but did"
    " does done still being asked asks talk talked".split()
)


@lru_cache(maxsize=256)
def threads_in(note: Note) -> tuple[Thread, ...]:
    """All threads of one note in the order of its text; at most one a sentence, the most binding kind first."""
    return tuple(_threads(note))


def _threads(note: Note) -> Iterator[Thread]:
    for start, end in sentence_spans(note.text):
        sentence = note.text[start:end]
        if not MIN_LENGTH <= len(sentence) <= 320 or sentence.lstrip().startswith("#"):
            continue
        kind = _kind_of(sentence)
        if kind is None:
            continue
        if kind == "worry" and len(sentence) < FRAGMENT:
            end = _end_of_line(note.text, end)
            sentence = note.text[start:end]
        offset, quote = _without_list_marks(sentence)
        yield Thread(
            kind=kind,
            note_id=note.id,
            quote=quote,
            start=start + offset,
            end=start + offset + len(quote),
            said_on=note.date,
            who=_who(quote) if kind == "commitment" else "unknown",
            by=_by(quote, said_on=note.date),
        )


def _end_of_line(text: str, end: int) -> int:
    """Where the line ends, if that is near: a fragment says more with its neighbours."""
    line_end = text.find("\n", end)
    line_end = len(text) if line_end == -1 else line_end
    return line_end if line_end - end <= 100 else end


def _kind_of(sentence: str) -> ThreadKind | None:
    for kind, pattern in _KINDS:
        if pattern.search(sentence):
            if kind == "commitment" and _NOT_A_COMMITMENT.search(sentence) and not _BY.search(sentence):
                continue
            return kind
    return None


def _without_list_marks(sentence: str) -> tuple[int, str]:
    match = re.match(
        r"\s*(?:[-*•]\s+|\d+[.)]\s+)?(?:\[[ xX]?\]\s*)?(?:\d{1,2}(?:st|nd|rd|th)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?[,:]?\s+)?",
        sentence,
        re.IGNORECASE,
    )
    offset = match.end() if match else 0
    return offset, sentence[offset:].rstrip()


def _who(sentence: str) -> str:
    match = _WHO.match(sentence)
    if match is None:
        return "unknown"
    who = match["who"]
    if who in ("I", "me", "Me"):
        return "me"
    return "unknown" if who.lower() in ("we", "this", "that", "it", "there", "they", "she", "he") else who


def _by(sentence: str, *, said_on: date | None) -> date | None:
    """The date that a promise names, read from the note's own date; None where that has none or names no date."""
    match = _BY.search(sentence)
    if match is None or said_on is None:
        return None
    if match["day"]:
        return _next_day_of_month(int(match["day"]), match["month"], said_on)
    if match["weekday"]:
        wanted = next(i for i, name in enumerate(_WEEKDAYS) if name.startswith(match["weekday"].lower()[:3]))
        return said_on + timedelta(days=(wanted - said_on.weekday() - 1) % 7 + 1)
    if match["week"]:
        return said_on + timedelta(days=(4 - said_on.weekday()) % 7)
    if match["next_week"]:
        return said_on + timedelta(days=11 - said_on.weekday())
    if match["month_end"]:
        first_of_next = date(said_on.year + said_on.month // 12, said_on.month % 12 + 1, 1)
        return first_of_next - timedelta(days=1)
    return None


def _next_day_of_month(day: int, month: str | None, said_on: date) -> date | None:
    named = [number for number, name in enumerate(_MONTHS, start=1) if month and month.lower().startswith(name)]
    possible = []
    for number in named or [said_on.month, said_on.month % 12 + 1]:
        for year in (said_on.year, said_on.year + 1):
            with suppress(ValueError):
                possible.append(date(year, number, day))
    return min((found for found in possible if found >= said_on), default=None)


def unresolved(threads: Sequence[Thread], notes: Sequence[Note]) -> list[Thread]:
    """Commitments of which no later note speaks, latest first.

    A later note speaks of one where it shares at least half of the promise's telling words (two at the least).
    """
    open_threads = []
    for thread in threads:
        if thread.kind != "commitment":
            continue
        words = _telling_words(thread.quote)
        later = [n for n in notes if n.id != thread.note_id and n.date and thread.said_on and n.date > thread.said_on]
        needed = max(2, (len(words) + 1) // 2)
        if not any(len(words & _telling_words(note.text)) >= needed for note in later):
            open_threads.append(thread)
    return sorted(open_threads, key=lambda t: (-(t.said_on.toordinal() if t.said_on else 0), t.start))


def _telling_words(text: str) -> set[str]:
    words = {word.lower() for word in re.findall(r"[A-Za-z]{4,}|(?<=[a-z,] )[A-Z][a-z]+", text)}
    return {word[:6] for word in words - _EMPTY_WORDS}


def pasted_notes(text: str) -> tuple[Thread, ...]:
    """Threads of notes that were pasted into a message; empty for a message that is no notes (under 40 words)."""
    if len(text.split()) < 40:
        return ()
    pasted = Note(
        id="", owner=Owner(""), title="", text=text, date=None, relationship_id=None, format="pasted", created_at=_NEVER
    )
    return threads_in(pasted)


_NEVER = datetime.min
