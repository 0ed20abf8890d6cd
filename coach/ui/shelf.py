"""What the notes page does: takes notes in, finds, changes and deletes them; also the example notes.

How the pieces look is `coach.ui.render_notes`; storing and indexing is `coach.services.ingest`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coach.domain.errors import CoachError, NotFound
from coach.domain.notes import Document, Note
from coach.domain.people import Owner, Relationship
from coach.domain.sentences import sentence_spans
from coach.ports import Progress
from coach.ui import render_notes
from coach.ui.markup import button
from coach.ui.opening import Opening
from coach.ui.render import notice
from coach.ui.view import Action

if TYPE_CHECKING:
    from coach.bootstrap import Coach
    from coach.services.ingest import Added
    from coach.services.retrieval import NoteHit

log = logging.getLogger(__name__)

UNDO_S = 120.0
"""How long a deleted note can be brought back; until then it is in memory only."""
FOUND = 8
"""Passages shown for a search."""
POLL_S = 0.15


@dataclass(frozen=True, slots=True)
class Screen:
    """The pieces of the notes page that change; None leaves a piece as it is."""

    form: str | None = None
    results: str | None = None
    found: str | None = None
    listing: str | None = None
    note: str | None = None
    notice: str | None = None


@dataclass(slots=True)
class _Bin:
    """Notes deleted a moment ago, by owner and id."""

    _held: dict[tuple[Owner, str], tuple[Note, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, note: Note) -> None:
        with self._lock:
            self._empty()
            self._held[note.owner, note.id] = (note, time.monotonic() + UNDO_S)

    def take(self, note_id: str, *, owner: Owner) -> Note:
        with self._lock:
            self._empty()
            held = self._held.pop((owner, note_id), None)
        if held is None:
            raise NotFound("It is too late to bring this note back. Add its file again.")
        return held[0]

    def _empty(self) -> None:
        now = time.monotonic()
        self._held = {key: held for key, held in self._held.items() if held[1] > now}


class Shelf:
    """Serves the notes page to every owner."""

    def __init__(self, opening: Opening, *, home: Path, today: Callable[[], date] = date.today) -> None:
        self._opening = opening
        self._home = home
        self._today = today
        self._bin = _Bin()
        self._actions: dict[str, Callable[[Coach, Action, Owner], Screen]] = {
            "paste": self._paste,
            "search": self._search,
            "read": self._read,
            "edit": self._edit,
            "save-note": self._save,
            "delete-note": self._delete,
            "restore-note": self._restore,
            "close-note": lambda coach, _, owner: Screen(
                note=self._no_note(coach, owner), listing=self._listing(coach, owner)
            ),
            "examples-add": self._examples,
            "examples-remove": self._examples,
        }

    @property
    def is_ready(self) -> bool:
        """Whether the library has been opened, or will not be."""
        return self._opening.is_settled

    def show(self, note_id: str | None = None, *, owner: Owner) -> Screen:
        """The whole page, with a note open where one is asked for."""
        empty = Screen(form=render_notes.paste_form(()), results="", found="", note="", notice="")
        try:
            coach = self._opening.coach()
        except CoachError as error:
            return replace(empty, notice=notice(str(error)))
        if coach is None:
            return replace(empty, listing=render_notes.opening(self._opening.status))
        shown = replace(empty, form=self._form(coach, owner), listing=self._listing(coach, owner, opened=note_id))
        if note_id is None:
            return replace(shown, note=self._no_note(coach, owner))
        try:
            return replace(shown, note=self._read(coach, Action(do="read", id=note_id), owner).note)
        except NotFound:
            return replace(shown, notice=notice("That note is no longer here."))

    def act(self, action: Action | None, *, owner: Owner) -> Screen:
        """What a button or form changes; something unknown changes nothing."""
        handler = self._actions.get(action.do) if action else None
        if action is None or handler is None:
            return Screen()
        try:
            coach = self._opening.coach(timeout_s=1.0)
            if coach is None:
                return Screen(notice=notice("The library is still being read. One moment."))
            return handler(coach, action, owner)
        except CoachError as error:
            return Screen(notice=notice(str(error)))
        except Exception:
            log.exception("the action %s failed", action.do)
            return Screen(notice=notice("Something went wrong that should not have. The log says more."))

    def take_in(self, paths: Sequence[Path], *, owner: Owner) -> Iterator[Screen]:
        """Import uploaded files one by one, saying for each what became of it; the uploads are deleted at once."""
        said: list[str] = []
        try:
            coach = self._opening.coach(timeout_s=60.0)
            if coach is None:
                yield Screen(
                    results=render_notes.results(["The library is still being read. Add the files again in a moment."])
                )
                return
            for number, path in enumerate(paths, start=1):
                label = f"Reading {path.name}" + (f" ({number} of {len(paths)})" if len(paths) > 1 else "")
                yield Screen(results=render_notes.results(said, working=label), notice="")
                steps = _in_background(partial(self._import, coach, path, owner))
                for step in steps:
                    if isinstance(step, str):
                        said.append(step)
                    else:
                        yield Screen(results=render_notes.results(said, working=label, progress=step))
        except CoachError as error:
            said.append(render_notes.failed("", str(error)))
            coach = None
        finally:
            for path in paths:
                _discard(path)
        yield Screen(
            form=self._form(coach, owner) if coach else None,
            results=render_notes.results(said),
            listing=self._listing(coach, owner) if coach else None,
        )

    def _import(self, coach: Coach, path: Path, owner: Owner, progress: Progress) -> str:
        try:
            document = coach.documents.read(path, known_names=self._known_names(coach, owner))
            _discard(path)
            added = _keep(coach, document, owner=owner, progress=progress)
        except CoachError as error:
            return render_notes.failed(path.name, str(error))
        except Exception:
            log.exception("an import failed")
            return render_notes.failed(path.name, "It could not be added, for a reason that only the log tells.")
        return render_notes.added(
            path.name, added.note, self._names(coach, owner), is_new=added.is_new, today=self._today()
        )

    # Pieces

    def _form(self, coach: Coach, owner: Owner) -> str:
        return render_notes.paste_form(self._known_names(coach, owner))

    def _listing(self, coach: Coach, owner: Owner, *, opened: str | None = None) -> str:
        return render_notes.listing(
            coach.store.notes(owner=owner),
            self._names(coach, owner),
            today=self._today(),
            opened=opened,
            home=str(self._home),
        )

    def _no_note(self, coach: Coach, owner: Owner) -> str:
        return render_notes.no_note(bool(coach.store.notes(owner=owner)))

    def _known_names(self, coach: Coach, owner: Owner) -> list[str]:
        return [person.name for person in coach.store.relationships(owner=owner)]

    def _names(self, coach: Coach, owner: Owner) -> Mapping[str, str]:
        return {person.id: person.name for person in coach.store.relationships(owner=owner)}

    # Actions

    def _paste(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        fields = action.fields
        document = coach.documents.read_text(fields.get("text", ""), known_names=self._known_names(coach, owner))
        added = _keep(
            coach,
            document,
            owner=owner,
            name=fields.get("person", ""),
            title=fields.get("title", ""),
            day=_day(fields.get("date", "")),
        )
        sentence = render_notes.added(
            "", added.note, self._names(coach, owner), is_new=added.is_new, today=self._today()
        )
        return Screen(
            form=self._form(coach, owner),
            results=render_notes.results([sentence]),
            listing=self._listing(coach, owner),
            notice="",
        )

    def _search(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        text = action.fields.get("text", "").strip()[:500]
        if not any(character.isalnum() for character in text):
            return Screen(found="", notice="")
        hits = coach.retrieval.notes(coach.retrieval.query(text), owner=owner, top_k=FOUND)
        found = [render_notes.Found(hit, *_nearest_sentence(hit, text)) for hit in hits]
        return Screen(
            found=render_notes.found(text, found, self._names(coach, owner), today=self._today()),
            note=self._no_note(coach, owner),
            notice="",
        )

    def _read(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        note = coach.store.note(action.id, owner=owner)
        start, _, end = action.text.partition("-")
        marked = (int(start), int(end)) if start.isdigit() and end.isdigit() else None
        return Screen(
            note=render_notes.note(note, self._names(coach, owner), today=self._today(), marked=marked),
            listing=self._listing(coach, owner, opened=note.id),
            notice="",
        )

    def _edit(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        note = coach.store.note(action.id, owner=owner)
        return Screen(note=render_notes.editor(note, self._names(coach, owner)), notice="")

    def _save(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        fields = action.fields
        name = " ".join(fields.get("person", "").split())[:80]
        person = coach.store.add_relationship(name, owner=owner) if name else None
        note = coach.ingest.update(
            action.id,
            owner=owner,
            title=fields.get("title", ""),
            text=fields.get("text", ""),
            date=_day(fields.get("date", "")),
            relationship_id=person.id if person else None,
        )
        shown = self._read(coach, Action(do="read", id=note.id), owner)
        return replace(shown, form=self._form(coach, owner), found="", notice=notice("Saved."))

    def _delete(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        note = coach.ingest.delete(action.id, owner=owner)
        self._bin.hold(note)
        return Screen(
            note=self._no_note(coach, owner),
            found="",
            results="",
            listing=self._listing(coach, owner),
            notice=notice(
                f"“{note.title}” is deleted.", button("Undo", "restore-note", class_="linkish", data_id=note.id)
            ),
        )

    def _restore(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        note = coach.ingest.restore(self._bin.take(action.id, owner=owner))
        shown = self._read(coach, Action(do="read", id=note.id), owner)
        return replace(shown, notice=notice(f"“{note.title}” is back."))

    def _examples(self, coach: Coach, action: Action, owner: Owner) -> Screen:
        if action.do == "examples-add":
            add_examples(coach, owner=owner)
            said = "The example notes are in."
        else:
            said = f"{remove_examples(coach, owner=owner)} example notes removed."
        return replace(self.show(owner=owner), notice=notice(said))


def has_examples(coach: Coach, *, owner: Owner) -> bool:
    """Whether any example note is still there."""
    return any(note.is_example for note in coach.store.notes(owner=owner))


def add_examples(coach: Coach, *, owner: Owner) -> Relationship | None:
    """Take in the example notes, all about one made-up person, who is returned."""
    person = None
    for document in coach.documents.examples():
        person = coach.store.add_relationship(document.counterpart or "Priya", owner=owner, role="mentor")
        coach.ingest.add(document, owner=owner, relationship_id=person.id, is_example=True)
    return person


def remove_examples(coach: Coach, *, owner: Owner) -> int:
    """Erase the example notes, and their person where nothing else belongs to them; returns how many notes."""
    examples = [note for note in coach.store.notes(owner=owner) if note.is_example]
    for note in examples:
        coach.ingest.delete(note.id, owner=owner)
    talked_of = {conversation.relationship_id for conversation in coach.store.conversations(owner=owner)}
    for relationship_id in {note.relationship_id for note in examples if note.relationship_id} - talked_of:
        if not coach.store.notes(owner=owner, relationship_id=relationship_id):
            coach.store.delete_relationship(relationship_id, owner=owner)
    return len(examples)


def _keep(
    coach: Coach,
    document: Document,
    *,
    owner: Owner,
    name: str = "",
    title: str = "",
    day: date | None = None,
    progress: Progress | None = None,
) -> Added:
    name = " ".join((name or document.counterpart or "").split())[:80]
    person = coach.store.add_relationship(name, owner=owner) if name else None
    return coach.ingest.add(
        document,
        owner=owner,
        relationship_id=person.id if person else None,
        title=title or None,
        date=day,
        progress=progress,
    )


def _in_background(work: Callable[[Progress], str]) -> Iterator[tuple[int, int] | str]:
    """Runs work that takes a while; yields (done, total) as it goes and its result at the end."""
    latest = (0, 0)

    def tell(_: str, done: int, total: int) -> None:
        nonlocal latest
        latest = (done, total)

    with ThreadPoolExecutor(1, thread_name_prefix="import") as pool:
        future: Future[str] = pool.submit(work, tell)
        shown = latest
        while not future.done():
            with suppress(TimeoutError):
                future.result(timeout=POLL_S)
            if latest != shown:
                shown = latest
                yield shown
        yield future.result()


def _nearest_sentence(hit: NoteHit, query: str) -> tuple[int, int]:
    """The sentence of a chunk that shares most words with the query; an empty stretch where none shares any."""
    from coach.services.recollection import content_words

    words = content_words(query)
    best, start, end = 0, hit.chunk.start, hit.chunk.start
    for first, last in sentence_spans(hit.chunk.text):
        sentence = hit.chunk.text[first:last]
        shared = sum(word[:5] in sentence.lower() for word in words)
        if shared > best:
            best, start, end = shared, hit.chunk.start + first, hit.chunk.start + first + len(sentence.rstrip())
    return start, end


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _discard(path: Path) -> None:
    """Delete an upload and the folder that was made for it."""
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
