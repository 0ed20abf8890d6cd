"""Recollection: which of the owner's own notes bear on a turn, down to the sentence.

Finding chunks is `coach.services.retrieval`; finding threads in a note is `coach.services.threads`.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from coach.domain.notes import Note
from coach.domain.people import Owner
from coach.domain.sentences import sentence_spans
from coach.domain.suggestions import Situation, Thread
from coach.ports import NoteStore, Scope
from coach.services.note_answers import Answer, answers_in
from coach.services.retrieval import NoteHit, Query, Retrieval
from coach.services.threads import threads_in, unresolved

NOTES_READ = 8
"""Latest notes of a relationship that are read for threads in one turn."""
CHUNKS_READ = 10
"""Of the best for a question, whose sentences are looked at one by one."""
ANSWERS_SHOWN = 3
ANSWER_GAP = 0.5
"""A sentence that falls behind the best by more is not shown beside it."""
SURE = 0.45
"""Cosine similarity from which a sentence counts as an answer, whatever its words."""
RELEVANT = 0.30
"""Cosine similarity from which a chunk counts as being about the question."""

_STOP = frozenset(
    "what when where which who whom whose how why did does was were has have had the and for with that this"
    " they them she her him his our about say said says tell told talk talked ever again last time note notes"
    " mention mentioned promise promised agree agreed remind can you could would should their there then than"
    " but not are is any anything something session meeting month week year ago from into want wanted decide"
    " decided speak spoke call called name person do we me my i a an in on at to of it be been often much many spoken yet comes reflecting promised owe".split()
)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A stretch of a note that bears on the turn; `score` is the fused retrieval score or 1 for a thread."""

    note: Note
    start: int
    end: int
    why: str
    thread: Thread | None = None

    @property
    def is_promise(self) -> bool:
        """Whether somebody said that they would do something."""
        return self.thread is not None and self.thread.kind == "commitment"

    @property
    def quote(self) -> str:
        """The verbatim words."""
        return self.note.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Lookup:
    """The answer of the notes to a question about them."""

    found: tuple[Recalled, ...] = ()
    nearest: Recalled | None = None
    missing: str | None = None
    """The word asked for that no note holds."""
    first_day: date | None = None


class Recollection:
    """Recalls for one owner at a time; holds nothing between turns."""

    def __init__(self, retrieval: Retrieval, store: NoteStore) -> None:
        self._retrieval = retrieval
        self._store = store

    def for_session(self, query: Query, situation: Situation, *, owner: Owner) -> tuple[Recalled, ...]:
        """What the next session could take up: an open promise, then the moments nearest to what was asked.

        Empty where there is no relationship or no note of it.
        """
        if situation.relationship is None:
            return ()
        notes = self._store.notes(owner=owner, relationship_id=situation.relationship.id, limit=NOTES_READ)
        if not notes:
            return ()
        by_id = {note.id: note for note in notes}
        threads = [thread for note in notes for thread in threads_in(note)]
        open_promises = (
            sorted(unresolved(threads, notes), key=lambda t: t.who == "me")
            if situation.whose == "theirs"
            else unresolved(threads, notes)
        )
        promises = [_of_thread(t, by_id, "promised, and not mentioned since") for t in open_promises[:3]]
        moments = self._moments(query, situation, notes, threads, owner=owner)
        return (*promises, *moments)

    def after_session(self, notes: Sequence[Note]) -> tuple[Recalled, ...]:
        """What stands out in the latest note: moments first, then what was promised."""
        if not notes:
            return ()
        latest = notes[0]
        by_id = {latest.id: latest}
        threads = threads_in(latest)
        moments = [t for t in threads if t.kind in ("worry", "win", "open-question", "decision")]
        promises = [t for t in threads if t.kind == "commitment"]
        return tuple(_of_thread(t, by_id, "from your latest notes") for t in (*moments[:3], *promises[:3]))

    def look_up(self, query: Query, situation: Situation, *, owner: Owner, today: date) -> Lookup:
        """The answer to a question about the notes, or the nearest thing with the word that is missing."""
        relationship_id = situation.relationship.id if situation.relationship else None
        since, until = months_named(query.text, today=today)
        scope = Scope(relationship_id=relationship_id, since=since, until=until)
        hits = self._retrieval.notes(query, owner=owner, scope=scope, top_k=CHUNKS_READ, is_diverse=False)
        asked = content_words(query.text, leave_out=situation.name)
        notes = self._store.notes(owner=owner, relationship_id=relationship_id)
        dated = [note.date for note in notes if note.date]
        mine = self._own_promises(query.text, notes) if len(asked) <= 1 else ()
        if mine:
            return Lookup(found=mine, first_day=min(dated, default=None))
        answers = answers_in(query, hits, notes, self._retrieval, leave_out=situation.name or "")
        if any(_answers(hit, asked) for hit in hits) or (answers and answers[0].similarity >= SURE):
            shown = [answer for answer in answers[:ANSWERS_SHOWN] if answer.score >= answers[0].score - ANSWER_GAP]
            found = [_of_answer(answer, "nearest to what you asked") for answer in shown]
            return Lookup(found=_distinct(found), first_day=min(dated, default=None))
        if scope.since and not hits:
            hits = self._retrieval.notes(
                query, owner=owner, scope=Scope(relationship_id=relationship_id), top_k=5, is_diverse=False
            )
        near = [hit for hit in hits if hit.hit.dense >= RELEVANT]
        nearest = _best_sentence(near[0], asked, "the nearest thing in your notes") if near else None
        missing = next((word for word in asked if not any(_holds(note.text.lower(), word) for note in notes)), None)
        return Lookup(nearest=nearest, missing=missing, first_day=min(dated, default=None))

    def _own_promises(self, text: str, notes: Sequence[Note]) -> tuple[Recalled, ...]:
        """Where the writer asks what they promised: their promises of which no later note speaks."""
        if not re.search(
            r"\b(?:did|have|had|do) i (?:promise|owe|say i|not done|still)|\bi (?:promised|owe|haven't done)\b",
            text,
            re.IGNORECASE,
        ):
            return ()
        by_id = {note.id: note for note in notes}
        threads = [thread for note in notes[:NOTES_READ] for thread in threads_in(note) if thread.who == "me"]
        return tuple(_of_thread(thread, by_id, "promised by you") for thread in unresolved(threads, notes)[:3])

    def _moments(
        self, query: Query, situation: Situation, notes: Sequence[Note], threads: Sequence[Thread], *, owner: Owner
    ) -> list[Recalled]:
        by_id = {note.id: note for note in notes}
        if situation.whose == "theirs" and situation.feeling != "calm":
            worries = [
                _of_thread(t, by_id, f"you asked about {situation.name or 'them'}")
                for t in threads
                if t.kind == "worry"
            ]
            if worries:
                return worries[:2]
        assert situation.relationship is not None
        scope = Scope(relationship_id=situation.relationship.id)
        hits = [h for h in self._retrieval.notes(query, owner=owner, scope=scope, top_k=3) if h.hit.dense >= RELEVANT]
        asked = content_words(query.text, leave_out=situation.name)
        return list(
            _distinct([_best_sentence(hit, asked, "nearest to what you wrote") for hit in hits if hit.note.id in by_id])
        )


def _of_answer(answer: Answer, why: str) -> Recalled:
    return Recalled(answer.note, *_trimmed(answer.note.text, answer.start, answer.end), why)


def content_words(text: str, *, leave_out: str | None = None) -> list[str]:
    """Words of a question that carry what it asks for, in order; not the person's name and not month names."""
    months = {name.lower() for name in calendar.month_name if name}
    skip = _STOP | months | {part.lower() for part in (leave_out or "").split()}
    return [
        word for word in dict.fromkeys(re.findall(r"[a-z][a-z'-]+", text.lower())) if word not in skip and len(word) > 2
    ]


def months_named(text: str, *, today: date) -> tuple[date | None, date | None]:
    """First and last day of a month that the text names ("in March"): of the year named, else the latest that has begun."""
    for number, name in enumerate(calendar.month_name):
        match = (
            re.search(rf"\b(in|during|since|from|last) {name}(?: (\d{{4}}))?\b", text, re.IGNORECASE) if name else None
        )
        if match:
            year = int(match[2]) if match[2] else today.year if number <= today.month else today.year - 1
            first, last = date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])
            return first, None if match[1].lower() == "since" else last
    return None, None


_SAME = (
    {"manager", "mgr", "boss"},
    {"often", "fortnightly", "weekly", "monthly"},
    {"talk", "spoke", "speak", "talked"},
)


def _holds(text: str, word: str) -> bool:
    """Whether a lower-case text holds a word, a form of it or another word for it."""
    others = next((group for group in _SAME if word in group), {word})
    return any(other[:5] in text for other in others)


def _answers(hit: NoteHit, asked: Sequence[str]) -> bool:
    """Whether a chunk is about the question: it holds one of its telling words, or means much the same."""
    text = hit.chunk.text.lower()
    shared = [word for word in asked if _holds(text, word)]
    if not asked:
        return hit.hit.dense >= RELEVANT
    return (bool(shared) and len(shared) * 2 >= len(asked)) or hit.hit.dense >= RELEVANT + 0.2


def _best_sentence(hit: NoteHit, asked: Sequence[str], why: str) -> Recalled:
    """The sentence of a chunk that shares most words with the question; the first substantial one where none does."""
    spans = [(hit.chunk.start + s, hit.chunk.start + e) for s, e in sentence_spans(hit.chunk.text)]
    telling = [(s, e) for s, e in spans if not hit.note.text[s:e].lstrip().startswith("#") and e - s >= 12] or spans

    def score(span: tuple[int, int]) -> tuple[int, int]:
        sentence = hit.note.text[span[0] : span[1]].lower()
        return sum(_holds(sentence, word) for word in asked), -span[0]

    start, end = max(telling, key=score) if telling else (hit.chunk.start, hit.chunk.end)
    return Recalled(hit.note, *_trimmed(hit.note.text, start, end), why)


def _of_thread(thread: Thread, notes: dict[str, Note], why: str) -> Recalled:
    return Recalled(notes[thread.note_id], thread.start, thread.end, why, thread)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without list marks and surrounding white space."""
    match = re.match(r"\s*(?:[-*•]\s+|\d+[.)]\s+)?", text[start:end])
    start += match.end() if match else 0
    return start, start + len(text[start:end].rstrip())


def _distinct(items: Sequence[Recalled]) -> tuple[Recalled, ...]:
    return tuple({(item.note.id, item.start): item for item in items}.values())
