"""The notes page as HTML: pure functions from notes and hits to text that is safe to show.

How text is escaped is `coach.ui.markup`; where the notes come from is `coach.ui.shelf`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from coach.domain.notes import Note
from coach.domain.wording import spoken_date
from coach.ui.markup import attributes, button, escaped, with_mark
from coach.ui.render import excerpt, wrapped

if TYPE_CHECKING:
    from coach.services.retrieval import NoteHit

SHOWN_CHARACTERS = 200_000
"""Of one note in the reading pane; the editor holds all of it."""
HIT_REACH = 140


def paste_form(names: Sequence[str]) -> str:
    """Where notes are pasted; name, title and date can be left to the text."""
    options = "".join(f"<option{attributes(value=name)}></option>" for name in names)
    return wrapped(
        "<details class='paste'><summary>Or paste them</summary><form data-do='paste'>"
        "<label>Your notes<textarea name='text' rows='7' dir='auto' required></textarea></label>"
        "<div class='row'>"
        "<label>With<input name='person' list='people' maxlength='80' autocomplete='off' dir='auto' placeholder='as in the text'></label>"
        "<label>Date<input name='date' type='date'></label>"
        "<label class='wide'>Title<input name='title' maxlength='120' autocomplete='off' dir='auto' placeholder='as in the text'></label>"
        f"</div><datalist id='people'>{options}</datalist>"
        "<button type='submit' class='go'>Save notes</button></form></details>",
        class_="add",
    )


def search_form() -> str:
    """Search without an answer."""
    return wrapped(
        "<form class='search' data-do='search' role='search'><label class='unseen' for='note-search'>Search your notes</label>"
        "<input id='note-search' name='text' type='search' maxlength='500' autocomplete='off' dir='auto' "
        "placeholder='Search your notes'><button type='submit'>Search</button></form>"
    )


def results(said: Sequence[str], *, working: str = "", progress: tuple[int, int] | None = None) -> str:
    """What became of each file, and what is being read now. `said` is HTML made by `added` and `failed`."""
    lines = "".join(f"<li>{sentence}</li>" for sentence in said)
    bar = ""
    if working:
        done, total = progress or (0, 0)
        value = attributes(value=done, max=total) if total else ""
        bar = f"<p class='working' role='status'><span dir='auto'>{escaped(working)}…</span><progress{value}></progress></p>"
    listed = f"<ul aria-live='polite'>{lines}</ul>" if lines else ""
    return wrapped(f"{listed}{bar}", class_="results") if listed or bar else ""


def added(file_name: str, note: Note, names: Mapping[str, str], *, is_new: bool, today: date) -> str:
    """A sentence on a note that was taken in."""
    link = button(f"“{escaped(note.title)}”", "read", class_="linkish", data_id=note.id)
    where = f"<span dir='auto'>{escaped(file_name)}</span> " if file_name else "Your notes "
    if not is_new:
        verb = "is" if file_name else "are"
        return f"{where}{verb} here already, as {link}."
    parts = [_when(note, today), _with(note, names), _words(note)]
    verb = "was" if file_name else "were"
    missing = "" if note.date else f" {button('Set the date', 'edit', class_='linkish', data_id=note.id)}"
    return f"{where}{verb} added as {link}: {', '.join(part for part in parts if part)}.{missing}"


def failed(file_name: str, message: str) -> str:
    """A sentence on a file that could not be taken in."""
    where = f"<span dir='auto'>{escaped(file_name)}</span>: " if file_name and file_name not in message else ""
    return f"<span class='trouble'>{where}{escaped(message)}</span>"


def opening(status: str) -> str:
    """Stands for the list while the library is being read."""
    return wrapped(f"<p class='opening' role='status'>{escaped(status)}</p>")


def listing(
    notes: Sequence[Note], names: Mapping[str, str], *, today: date, opened: str | None = None, home: str = ""
) -> str:
    """All notes, newest session first."""
    if not notes:
        return wrapped(
            "<div class='none'><p>No notes yet. Drop last month's, or "
            f"{button('try it with example notes', 'examples-add', class_='linkish')}.</p></div>{_where(home)}",
            class_="listing",
        )
    items = "".join(_item(note, names, today=today, is_open=note.id == opened) for note in notes)
    examples = (
        f"<p class='quiet'>Some of these are examples. {button('Remove the example notes', 'examples-remove', class_='linkish')}</p>"
        if any(note.is_example for note in notes)
        else ""
    )
    count = f"{len(notes)} {'note' if len(notes) == 1 else 'notes'}"
    return wrapped(
        f"<section aria-label='All notes'><h2>{count}</h2><ul>{items}</ul>{examples}</section>{_where(home)}",
        class_="listing",
    )


def _where(home: str) -> str:
    return (
        f"<p class='data'>Notes are kept on this computer, in <span class='path'>{escaped(home)}</span>.</p>"
        if home
        else ""
    )


def _item(note: Note, names: Mapping[str, str], *, today: date, is_open: bool) -> str:
    parts = [_when(note, today), _with(note, names), _words(note), "example" if note.is_example else ""]
    meta = " · ".join(part for part in parts if part)
    inside = f"<span class='title' dir='auto'>{escaped(note.title)}</span><span class='meta' dir='auto'>{meta}</span>"
    return (
        f"<li>{button(inside, 'read', class_='open', data_id=note.id, aria_current='true' if is_open else None)}</li>"
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A hit of a search, and the stretch of its note that answers best; an empty one where no sentence stands out."""

    hit: NoteHit
    start: int
    end: int


def found(text: str, hits: Sequence[Found], names: Mapping[str, str], *, today: date) -> str:
    """Passages that match a search, best first, each highlighted in its surroundings."""
    clear = button("Clear", "search", class_="linkish")
    if not hits:
        return wrapped(f"<p>Nothing in your notes matches “{escaped(text)}”. {clear}</p>", class_="found")
    items = "".join(_hit(hit, names, today=today) for hit in hits)
    return wrapped(
        f"<section aria-label='Found in your notes'><h2>Nearest to “{escaped(text)}” {clear}</h2><ol>{items}</ol></section>",
        class_="found",
    )


def _hit(found: Found, names: Mapping[str, str], *, today: date) -> str:
    note = found.hit.note
    meta = " · ".join(part for part in (_when(note, today), _with(note, names)) if part)
    opener = button(
        f"<span class='title' dir='auto'>{escaped(note.title)}</span><span class='meta' dir='auto'>{meta}</span>",
        "read",
        class_="open",
        data_id=note.id,
        data_text=f"{found.start}-{found.end}",
    )
    passage = excerpt(note.text, found.start, found.end, reach=HIT_REACH)
    return f"<li>{opener}<blockquote dir='auto'>{passage}</blockquote></li>"


def no_note(has_notes: bool) -> str:
    """Stands where no note is open."""
    said = (
        "Choose a note to read it."
        if has_notes
        else "What you add here, the coach can quote back to you, with its date."
    )
    return wrapped(f"<p class='hint'>{said}</p>")


def note(note: Note, names: Mapping[str, str], *, today: date, marked: tuple[int, int] | None = None) -> str:
    """One note to read; `marked` is a stretch of it to highlight."""
    parts = [_when(note, today) or "undated", _with(note, names), _words(note), "example" if note.is_example else ""]
    acts = (
        button("Edit", "edit", data_id=note.id)
        + button("Delete", "delete-note", data_id=note.id)
        + button("Close", "close-note", class_="close")
    )
    text = note.text[:SHOWN_CHARACTERS]
    inside = with_mark(text, *marked) if marked and 0 <= marked[0] < marked[1] <= len(text) else escaped(text)
    rest = (
        f"<p class='quiet'>The first {SHOWN_CHARACTERS:,} of {len(note.text):,} characters are shown. Edit shows all.</p>"
        if len(note.text) > SHOWN_CHARACTERS
        else ""
    )
    return wrapped(
        f"<article aria-label='Note'><header><h2 dir='auto'>{escaped(note.title)}</h2>"
        f"<p class='meta' dir='auto'>{' · '.join(part for part in parts if part)}</p><div class='acts'>{acts}</div></header>"
        f"<div class='text' dir='auto' tabindex='0'>{inside}</div>{rest}</article>",
        class_="reading",
    )


def editor(note: Note, names: Mapping[str, str]) -> str:
    """One note to change."""
    person = names.get(note.relationship_id or "", "")
    return wrapped(
        f"<form{attributes(data_do='save-note', data_id=note.id)}>"
        f"<label>Title<input{attributes(name='title', value=note.title, maxlength=200, autocomplete='off', dir='auto')}></label>"
        f"<div class='row'><label>With<input{attributes(name='person', value=person, list='people', maxlength=80, autocomplete='off', dir='auto')}></label>"
        f"<label>Date<input{attributes(name='date', type='date', value=note.date.isoformat() if note.date else '')}></label></div>"
        f"<label>Text<textarea name='text' rows='18' dir='auto'>&#10;{escaped(note.text)}</textarea></label>"
        f"<div class='acts'><button type='submit' class='go'>Save</button>{button('Cancel', 'read', data_id=note.id)}</div></form>",
        class_="reading editing",
    )


def _when(note: Note, today: date) -> str:
    return spoken_date(note.date, today=today) if note.date else ""


def _with(note: Note, names: Mapping[str, str]) -> str:
    name = names.get(note.relationship_id or "")
    return f"with {escaped(name)}" if name else ""


def _words(note: Note) -> str:
    count = len(note.text.split())
    return f"{count:,} {'word' if count == 1 else 'words'}"
