"""Reads a note's title, date and the other person from its beginning and its file name; what is not written stays None.

Turning files into text is `coach.adapters.document_readers`; dates of promises are `coach.services.threads`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

from coach.domain.written_dates import Plausible, date_in, without_dates

_HEAD_LINES = 15
_SHORT_LINE = 120
_TITLE_LENGTH = 80

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<lines>(?:(?!---|\.\.\.)[^\n]*\n){1,40})(?:---|\.\.\.)[ \t]*(?:\n|$)")
_FIELD = re.compile(r"(?:[-*] )?\**(?P<key>[A-Za-z][A-Za-z ]{0,20}?)\**:\**[ \t]+(?P<value>\S.*)")
_HEADING = re.compile(r"#{1,6}\s+(?P<words>\S.{0,199})")
_PERSON_KEYS = frozenset(
    {"with", "mentee", "mentor", "person", "counterpart", "attendees", "participants", "present", "who", "attendee"}
)
_DATE_KEYS = ("date", "when", "session date", "meeting date", "day", "held on", "session")
_NOT_THE_SESSION = re.compile(
    r"\b(?:by|until|till|before|due|since|next|after|deadline|starting|born|moved to|submit\w*|postponed)"
    r"(?: \w+){0,4}\s*$",
    re.IGNORECASE,
)

_NAME = (
    r"(?P<name>[^\W\d_a-z][\w'’]+(?:-[^\W\d_a-z][\w'’]+)?"
    r"(?: (?:(?:van|de|von|der|al|bin|da|di|le|la) )?[^\W\d_a-z][\w'’-]+){0,2})"
)
_MEETING = (
    r"(?:session|meeting|call|chat|coffee|catch[- ]?up|check[- ]?in|conversation|lunch|mentoring|notes|interview)"
)
_ONE_TO_ONE = r"(?:1 ?[:\-– ] ?1s?|1-?2-?1|1on1|one[- ](?:to|on)[- ]one)"
_COUNTERPART = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i:\b{_MEETING}\b[^\n.!?]{{0,40}}?\b(?:with|between me and)) {_NAME}",
        rf"(?i:\b{_ONE_TO_ONE}\b(?: {_MEETING}\b)?(?: ?(?:with|[-–—:/|]))?) ?{_NAME}",
        rf"(?i:\bmentoring(?: {_MEETING})?(?: notes)?) ?[-–—:|] ?{_NAME}",
        rf"(?i:\b(?:met|spoke|talked|meeting)(?: up)?(?: (?:with|to))?) {_NAME}",
        rf"^\W*{_NAME}(?:['’]s)? ?[-–—:|]? ?(?i:{_MEETING}|{_ONE_TO_ONE})\b",
    )
)
_NO_NAME = re.compile(
    r"(?:a|an|and|action|agenda|all|budget|career|catch|chat|check|client|coaching|coffee|company|course|diary|draft|final"
    r"|first|second|third|last|goals?|growth|hr|ideas?|intro|introduction|journal|kick|kickoff|leadership|log|manager|me"
    r"|meeting|mentee|mentor|mentoring|minutes|monthly|weekly|daily|my|next|new|note|notes|onboarding|one|our|plan|planning"
    r"|prep|preparation|product|progress|project|promotion|question|questions|recording|reflection|reflections|report"
    r"|retro|retrospective|review|scrum|session|sessions|speaker|sprint|standup|strategy|summary|sync|team|teams|the|todo"
    r"|training|transcript|unknown|untitled|update|workshop|your|zoom|google|slack|microsoft|i|he|she|they|we|you|up"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day)",
    re.IGNORECASE,
)
_GROUP_FOLLOWS = re.compile(r"\W+(?:team|group|department|people)\b", re.IGNORECASE)
_MYSELF = frozenset({"me", "myself", "i", "you", "self"})
_FILE_NOISE = re.compile(
    r"(?i)\bGMT(?=[\s\d-]|$)|\b(?:meeting )?recordings?\b|\btranscripts?\b|\bcaptions?\b|\bclosed\b|\bsaved\b"
    r"|\bcopy(?: of)?\b|\baudio\b|\b\d{6}\b|\b\d+x\d+\b|\(\d{1,2}\)|\bnew recording \d*"
)


@dataclass(frozen=True, slots=True)
class NoteDetails:
    """What a note says about itself."""

    title: str
    date: date | None
    counterpart: str | None


def details_of(
    text: str,
    file_name: str = "",
    *,
    today: date,
    known_names: Sequence[str] = (),
    own_name: str | None = None,
    speakers: Sequence[str] = (),
) -> NoteDetails:
    """Title, date and counterpart of a note.

    Args:
        known_names: People the owner has a relationship with; one of them, named where a counterpart would stand, wins.
        own_name: The owner's name, to be told from the other person's.
        speakers: Of a transcript, in any order.
    """
    head = _Head(text, file_name)
    plausible = Plausible(today)
    counterpart = _known(head, known_names, speakers, own_name) or _named(head, speakers, own_name)
    return NoteDetails(_title(head, counterpart, bool(speakers)), _date(head, plausible), counterpart)


class _Head:
    """The parts of a note in which it speaks of itself."""

    def __init__(self, text: str, file_name: str) -> None:
        self.text = text
        match = _FRONT_MATTER.match(text)
        self.front = dict(_fields(match["lines"].split("\n"))) if match else {}
        body = text[match.end() :] if match else text
        self.lines = [line.strip() for line in body[:10_000].split("\n") if line.strip()][:_HEAD_LINES]
        self.fields = dict(_fields(self.lines))
        self.heading = _heading(self.lines)
        self.stem = _stem(file_name)

    @property
    def first_line(self) -> str:
        """Without list and heading marks; empty where it is a paragraph of prose."""
        line = self.lines[0].lstrip("#*->•_ \t") if self.lines else ""
        return line if len(line) <= _SHORT_LINE else ""


def _heading(lines: Sequence[str]) -> str:
    """The note's own heading: its first line, or one of the highest level among the first five."""
    for place, line in enumerate(lines[:5]):
        match = _HEADING.fullmatch(line)
        if match and (place == 0 or line.startswith("# ")):
            return match["words"].strip(" #*_")
    return ""


def _fields(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """`key: value` lines, and lists under a bare key as one value."""
    key = ""
    found: dict[str, list[str]] = {}
    for line in lines:
        match = _FIELD.fullmatch(line.strip())
        if match:
            key = match["key"].lower()
            found.setdefault(key, []).append(match["value"])
        elif re.fullmatch(r"[A-Za-z][A-Za-z ]{0,20}:\s*", line):
            key = line.strip()[:-1].lower()
        elif key and re.match(r"\s*- \S", line):
            found.setdefault(key, []).append(line.strip()[2:])
        else:
            key = ""
    for name, values in found.items():
        yield name, ", ".join(value.strip(" \t\"'[]*") for value in values)


def _stem(file_name: str) -> str:
    name = PurePath(file_name.replace("\\", "/")).name
    name = re.sub(r"(?i)(?:\.(?:transcript|cc|en|md|markdown|txt|text|docx|pdf|vtt|srt))+$", "", name)
    return re.sub(r"[\s_]+", " ", name).strip()


# date


def _date(head: _Head, plausible: Plausible) -> date | None:
    for fields in (head.front, head.fields):
        for key in _DATE_KEYS:
            found = date_in(fields.get(key, ""), plausible)
            if found:
                return found.day
    in_name = date_in(head.stem, plausible, is_file_name=True)
    if in_name:
        return in_name.day
    for line in (head.heading, head.first_line):
        found = date_in(line, plausible)
        if found and not _NOT_THE_SESSION.search(line[: found.start]):
            return found.day
    for line in head.lines[1:4]:
        found = date_in(line, plausible)
        if found and len(line) <= 60 and not line[: found.start].strip("#*_-–—>( \t"):
            return found.day
    return None


# the other person


def _known(head: _Head, known_names: Sequence[str], speakers: Sequence[str], own_name: str | None) -> str | None:
    """The one known person who is named where a counterpart would stand or, failing that, twice or more in the text."""
    candidates = [name for name in known_names if name.strip() and not _is_same_person(name, own_name)]
    people = [*_field_values(head), head.stem.replace("-", " "), head.heading, head.first_line, *speakers]
    for places in (people, [head.text]):
        needed = 2 if places[0] is head.text else 1
        found = [name for name in candidates if _mentions(name, places) >= needed]
        found = [name for name in found if not any(_contains(other, name) for other in found)]
        if len(found) == 1:
            return found[0]
        if found:
            return None
    return None


def _mentions(name: str, places: Iterable[str]) -> int:
    pattern = re.compile(rf"(?<!\w){re.escape(name.strip())}(?:['’]s)?(?!\w)", re.IGNORECASE)
    return sum(len(pattern.findall(place)) for place in places)


def _contains(longer: str, shorter: str) -> bool:
    return longer != shorter and _mentions(shorter, [longer]) > 0


def _named(head: _Head, speakers: Sequence[str], own_name: str | None) -> str | None:
    people = [name for value in _field_values(head) for name in _names_in_list(value)]
    if people:
        return _the_other(people, own_name)
    for line in (head.stem, head.heading, head.first_line):
        found = _name_in_line(line, own_name)
        if found:
            return found
    return _lone_word(head) or _speaker(speakers, own_name)


def _field_values(head: _Head) -> list[str]:
    return [value for fields in (head.front, head.fields) for key, value in fields.items() if key in _PERSON_KEYS]


def _names_in_list(value: str) -> list[str]:
    parts = re.split(r"\s*[,;/&|]\s*|\s+and\s+|\s+<>\s+", re.sub(r"<[^>]*>|\S+@\S+", " ", value))
    names = [re.sub(r"\s*\((?!me\b)[^)]*\)", "", part).strip(" .\"'-*") for part in parts]
    return [name for name in names if name and len(name) <= 60 and len(name.split()) <= 4]


def _the_other(people: Sequence[str], own_name: str | None) -> str | None:
    """The one who is left when the owner is taken out; None where several are left, or something that is no name."""
    others = {
        name
        for name in people
        if not _is_same_person(name, own_name) and name.lower() not in _MYSELF and not name.lower().endswith("(me)")
    }
    if len(others) != 1:
        return None
    (other,) = others
    return other if other[0].isupper() and _NO_NAME.fullmatch(other.split()[0]) is None else None


def _name_in_line(line: str, own_name: str | None) -> str | None:
    for pattern in _COUNTERPART:
        for match in pattern.finditer(line):
            kept: list[str] = []
            for word in re.sub(r"['’]s$", "", match["name"]).split():
                if _NO_NAME.fullmatch(word):
                    break
                kept.append(word)
            name = " ".join(kept)
            is_group = _GROUP_FOLLOWS.match(line, match.start("name") + len(name)) is not None
            if name and not is_group and not _is_same_person(name, own_name):
                return name
    return None


def _lone_word(head: _Head) -> str | None:
    """`2026-10-12-priya`: the one word left of a dated file name is a name, unless it is a usual word of such names or
    stands in the text in lower case."""
    left = without_dates(head.stem)
    words = re.findall(r"[^\W\d_]+", _FILE_NOISE.sub(" ", left))
    if left == head.stem or len(words) != 1 or len(words[0]) < 2 or _NO_NAME.fullmatch(words[0]):
        return None
    word = str(words[0])
    if re.search(rf"(?<!\w){re.escape(word.lower())}(?!\w)", head.text):
        return None
    return word[0].upper() + word[1:]


def _speaker(speakers: Sequence[str], own_name: str | None) -> str | None:
    others = [name for name in speakers if not _is_same_person(name, own_name) and name.lower() not in _MYSELF]
    is_told_apart = len(speakers) == 2 and len(others) == 1
    return others[0] if is_told_apart and not re.match(r"(?i)speaker|unknown", others[0]) else None


def _is_same_person(name: str, own_name: str | None) -> bool:
    if not own_name or not own_name.strip():
        return False
    mine, theirs = own_name.lower().split(), name.lower().split()
    shorter = min(len(mine), len(theirs))
    return mine[:shorter] == theirs[:shorter]


# title


def _title(head: _Head, counterpart: str | None, is_transcript: bool) -> str:
    readable = _readable(head.stem)
    for name in (counterpart or "").split():
        as_written = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
        readable = name.join(as_written.split(readable))
    if readable == counterpart:
        readable = f"Session with {counterpart}"
    for wording in (head.front.get("title", ""), head.heading, readable):
        if wording:
            return _shortened(wording)
    first = "" if is_transcript or not head.lines else head.lines[0].lstrip("#*->•_ \t").rstrip("*_: ")
    if not first or _FIELD.fullmatch(head.lines[0]):
        return f"Session with {counterpart}" if counterpart else _shortened(first) or "Session"
    return _shortened(first)


def _readable(stem: str) -> str:
    """A file name as a title: without dates and what recorders add; empty where it says no more than "notes"."""
    left = re.sub(r"\s*\(\s*\)\s*", " ", _FILE_NOISE.sub(" ", without_dates(stem)))
    is_slug = " " not in left.strip() or left.islower()
    left = re.sub(r"(?<=[^\W\d_])-(?=[^\W_])|(?<=[^\W_])-(?=[^\W\d_])", " ", left) if is_slug else left
    left = re.sub(r"\s+", " ", left).strip(" -–_.,")
    words = re.findall(r"[^\W\d_]{2,}", left)
    is_telling = any(_NO_NAME.fullmatch(word) is None for word in words) or len(words) > 1
    return left[:1].upper() + left[1:] if is_telling else ""


def _shortened(title: str) -> str:
    if len(title) <= _TITLE_LENGTH:
        return title
    cut = title[: _TITLE_LENGTH + 1]
    return (cut.rsplit(maxsplit=1)[0] if " " in cut else title[:_TITLE_LENGTH]).rstrip(" ,;:–-(") + "…"
