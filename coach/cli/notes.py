"""`coach notes`: the session notes, from the command line."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coach.cli.json_documents import print_json, search_document
from coach.cli.opening import opened, progress_on_stderr
from coach.domain.errors import UnreadableDocument
from coach.domain.notes import Note
from coach.domain.people import LOCAL_OWNER
from coach.ports import NoteStore

if TYPE_CHECKING:
    from coach.bootstrap import Coach


@click.group()
def notes() -> None:
    """Your session notes."""


@notes.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--with", "name", help="The person the notes are about; otherwise read from the notes.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day of the session; otherwise read from the notes."
)
@click.option("--json", "as_json", is_flag=True, help="Print what became of each file as one JSON document.")
def add(paths: tuple[Path, ...], name: str | None, day: datetime | None, as_json: bool) -> None:
    """Add files, or folders of files: Markdown, text, DOCX, PDF, VTT and SRT."""
    results: list[dict[str, object]] = []
    with opened() as coach:
        for path in paths:
            try:
                files = coach.documents.files_in(path)
            except UnreadableDocument as error:
                results.append({"file": path.name, "note_id": None, "status": "failed", "reason": str(error)})
                continue
            results.extend(_add(coach, file, name, day.date() if day else None) for file in files)
    for result in results:
        line = f"{result['file']}: {result['status']}" + (f": {result['reason']}" if result["reason"] else "")
        click.echo(line, err=as_json or result["status"] == "failed")
    if as_json:
        print_json(results)
    if not results:
        click.echo("There was nothing to add in what you named.", err=True)
    sys.exit(0 if results and all(result["status"] != "failed" for result in results) else 1)


def _add(coach: Coach, path: Path, name: str | None, day: date | None) -> dict[str, object]:
    try:
        document = coach.documents.read(path, known_names=list(_names(coach.store).values()))
    except UnreadableDocument as error:
        return {"file": path.name, "note_id": None, "status": "failed", "reason": str(error)}
    person = name or document.counterpart
    relationship = coach.store.add_relationship(person, owner=LOCAL_OWNER) if person else None
    added = coach.ingest.add(
        document,
        owner=LOCAL_OWNER,
        relationship_id=relationship.id if relationship else None,
        date=day,
        progress=progress_on_stderr(),
    )
    status = "added" if added.is_new else "already there"
    return {"file": path.name, "note_id": added.note.id, "status": status, "reason": ""}


@notes.command("list")
@click.option("--with", "name", help="Only notes about this person.")
@click.option("--json", "as_json", is_flag=True)
def list_(name: str | None, as_json: bool) -> None:
    """List the notes, latest session first."""
    with opened() as coach:
        names = _names(coach.store)
        found = coach.store.notes(owner=LOCAL_OWNER, relationship_id=_relationship(coach.store, name))
    if as_json:
        print_json([_document(note, names) for note in found])
        return
    for note in found:
        person = names.get(note.relationship_id or "", "")
        click.echo("  ".join(part for part in (note.id, str(note.date or "undated"), person, note.title) if part))
    if not found:
        click.echo("There are no notes yet. Add some with: coach notes add FILE", err=True)


@notes.command()
@click.argument("text")
@click.option("-k", "top_k", type=click.IntRange(1, 100), default=8, show_default=True, help="How many passages.")
@click.option("--with", "name", help="Only notes about this person.")
@click.option("--json", "as_json", is_flag=True)
def search(text: str, top_k: int, name: str | None, as_json: bool) -> None:
    """Search the notes without answering."""
    from coach.ports import Scope

    with opened() as coach:
        names = _names(coach.store)
        scope = Scope(relationship_id=_relationship(coach.store, name))
        hits = coach.retrieval.notes(
            coach.retrieval.query(text), owner=LOCAL_OWNER, scope=scope, top_k=top_k, is_diverse=False
        )
    if as_json:
        print_json(search_document(hits, names))
        return
    for hit in hits:
        click.echo(
            f"{hit.note.date or 'undated'}  {hit.note.title}  ({hit.hit.score:.2f})\n  {' '.join(hit.chunk.text.split())}\n"
        )
    if not hits:
        click.echo("Nothing in your notes matches that.", err=True)


@notes.command()
@click.argument("note_id")
@click.option("--json", "as_json", is_flag=True)
def show(note_id: str, as_json: bool) -> None:
    """Show a note."""
    with opened() as coach:
        note, names = coach.store.note(note_id, owner=LOCAL_OWNER), _names(coach.store)
    if as_json:
        print_json(_document(note, names) | {"text": note.text})
    else:
        click.echo(note.text)


@notes.command()
@click.argument("note_id")
def delete(note_id: str) -> None:
    """Delete a note for good."""
    with opened() as coach:
        note = coach.store.note(note_id, owner=LOCAL_OWNER)
        coach.ingest.delete(note_id, owner=LOCAL_OWNER)
    click.echo(f"Deleted “{note.title}”. No copy was kept.")


def _names(store: NoteStore) -> dict[str, str]:
    return {relationship.id: relationship.name for relationship in store.relationships(owner=LOCAL_OWNER)}


def _relationship(store: NoteStore, name: str | None) -> str | None:
    if name is None:
        return None
    for relationship_id, known in _names(store).items():
        if known.casefold() == name.strip().casefold():
            return relationship_id
    known_names = ", ".join(sorted(_names(store).values())) or "nobody yet"
    click.echo(f"There are no notes about {name}. There are notes about: {known_names}.", err=True)
    sys.exit(1)


def _document(note: Note, names: dict[str, str]) -> dict[str, object]:
    return {
        "note_id": note.id,
        "title": note.title,
        "date": note.date.isoformat() if note.date else None,
        "relationship": names.get(note.relationship_id or ""),
        "format": note.format,
        "characters": len(note.text),
    }
