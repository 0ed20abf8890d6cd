"""Notes taken in, changed and deleted, and what an interruption leaves behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from coach.domain.errors import NotFound, UnreadableDocument
from coach.domain.notes import Chunk, Document, Note
from coach.ports import EmbedderIdentity
from coach.services.ingest import BATCH, UNTITLED, Ingest, indexed_text
from tests.fakes.ingest_world import ADA, BEN, Interrupted, World, on_disk, token_offsets

LONG = "\n\n".join(f"Paragraph {n}. She spoke about her plans for work, and about rest." * 6 for n in range(60))


def document(
    text: str = "She wants to lead.", *, title: str = "Session with Priya", day: date | None = None
) -> Document:
    return Document(text, title, day, None, "markdown")


@pytest.fixture(params=["memory", "sql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = World(database=f"sqlite:///{tmp_path / 'coach.db'}" if request.param == "sql" else "")
    yield made
    made.close()


def indexed(world: World) -> list[tuple[str, Note]]:
    notes = world.store.notes(owner=ADA)
    return [(indexed_text(note, chunk), note) for note in notes for chunk in world.store.chunks(note.id, owner=ADA)]


def test_an_added_note_is_stored_and_found_in_both_indexes(world: World) -> None:
    added = world.ingest.add(document(day=date(2026, 10, 12)), owner=ADA)
    assert added.is_new
    assert added.note.state == "indexed"
    assert added.note == world.store.note(added.note.id, owner=ADA)
    assert added.note.date == date(2026, 10, 12)
    world.assert_consistent()
    assert [text for text, _ in indexed(world)] == ["12 October 2026. Session with Priya. She wants to lead."]


def test_title_and_date_given_win_over_the_document(world: World) -> None:
    note = world.ingest.add(
        document(day=date(2026, 10, 12)), owner=ADA, title=" Our \n third ", date=date(2026, 10, 13)
    ).note
    assert (note.title, note.date) == ("Our third", date(2026, 10, 13))


def test_the_same_text_again_is_the_same_note(world: World) -> None:
    first = world.ingest.add(document(), owner=ADA)
    embedded = world.embedder.count
    again = world.ingest.add(document("She wants to lead.\r\n", title="Another title"), owner=ADA)
    assert (again.note, again.is_new) == (first.note, False)
    assert world.embedder.count == embedded


def test_the_same_text_again_fills_in_what_was_missing(world: World) -> None:
    priya = world.store.add_relationship("Priya", owner=ADA)
    first = world.ingest.add(document(), owner=ADA, is_example=True).note
    embedded = world.embedder.count
    again = world.ingest.add(document(day=date(2026, 10, 12)), owner=ADA, relationship_id=priya.id).note
    assert (again.id, again.relationship_id, again.date) == (first.id, priya.id, date(2026, 10, 12))
    assert not again.is_example
    assert world.embedder.count == embedded + 1, "the date is new, and is indexed"
    other = world.store.add_relationship("Tom", owner=ADA)
    third = world.ingest.add(document(day=date(2026, 10, 1)), owner=ADA, relationship_id=other.id).note
    assert third == again
    assert world.embedder.count == embedded + 1
    world.assert_consistent()


def test_the_same_text_of_two_owners_is_two_notes(world: World) -> None:
    first, second = world.ingest.add(document(), owner=ADA), world.ingest.add(document(), owner=BEN)
    assert first.is_new
    assert second.is_new
    world.ingest.delete(first.note.id, owner=ADA)
    assert world.store.note(second.note.id, owner=BEN) == second.note
    world.assert_consistent()


def test_another_owners_note_cannot_be_changed_or_deleted(world: World) -> None:
    note = world.ingest.add(document(), owner=ADA).note
    with pytest.raises(NotFound):
        world.ingest.update(note.id, owner=BEN, title="Mine")
    with pytest.raises(NotFound):
        world.ingest.delete(note.id, owner=BEN)
    assert world.store.note(note.id, owner=ADA) == note
    world.assert_consistent()


def test_another_owners_relationship_cannot_be_used(world: World) -> None:
    priya = world.store.add_relationship("Priya", owner=BEN)
    with pytest.raises(NotFound):
        world.ingest.add(document(), owner=ADA, relationship_id=priya.id)
    note = world.ingest.add(document(), owner=ADA).note
    with pytest.raises(NotFound):
        world.ingest.update(note.id, owner=ADA, relationship_id=priya.id)
    assert world.store.note(note.id, owner=ADA).relationship_id is None


def test_progress_is_told_by_batch_and_ends_complete(world: World) -> None:
    told: list[tuple[int, int]] = []
    note = world.ingest.add(document(LONG), owner=ADA, progress=lambda _, done, total: told.append((done, total))).note
    total = len(world.store.chunks(note.id, owner=ADA))
    assert total > BATCH
    assert told[0] == (BATCH, total)
    assert told[-1] == (total, total)


def test_unstorable_characters_never_reach_the_store(world: World) -> None:
    note = world.ingest.add(document("a\x00b\ud800c\r\nd"), owner=ADA).note
    assert note.text == "abc\nd"


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\ufeff"])
def test_an_empty_note_is_refused(world: World, text: str) -> None:
    with pytest.raises(UnreadableDocument, match="empty"):
        world.ingest.add(document(text), owner=ADA)
    note = world.ingest.add(document(), owner=ADA).note
    with pytest.raises(UnreadableDocument, match="empty"):
        world.ingest.update(note.id, owner=ADA, text=text)
    world.assert_consistent()


def test_a_note_that_is_too_long_is_refused(world: World) -> None:
    with pytest.raises(UnreadableDocument, match="2,000,001 characters"):
        world.ingest.add(document("a" * 2_000_001), owner=ADA)


def test_a_new_text_replaces_every_chunk_of_the_old(world: World) -> None:
    note = world.ingest.add(document(LONG), owner=ADA).note
    changed = world.ingest.update(note.id, owner=ADA, text="Only this.")
    assert (changed.id, changed.title, changed.text) == (note.id, note.title, "Only this.")
    assert [text for text, _ in indexed(world)] == ["Session with Priya. Only this."]
    world.assert_consistent()


def test_an_edit_that_changes_no_indexed_text_embeds_nothing(world: World) -> None:
    priya = world.store.add_relationship("Priya", owner=ADA)
    note = world.ingest.add(document(LONG), owner=ADA).note
    embedded = world.embedder.count
    world.ingest.update(note.id, owner=ADA, relationship_id=priya.id)
    assert world.embedder.count == embedded
    world.assert_consistent()


def test_an_edit_of_the_date_is_found_by_the_new_date(world: World) -> None:
    note = world.ingest.add(document(LONG, day=date(2026, 3, 9)), owner=ADA).note
    world.ingest.update(note.id, owner=ADA, date=date(2026, 10, 12))
    assert all(text.startswith("12 October 2026. ") for text, _ in indexed(world))
    world.assert_consistent()


def test_an_edit_at_the_end_of_a_long_note_embeds_only_the_end(world: World) -> None:
    note = world.ingest.add(document(LONG), owner=ADA).note
    embedded = world.embedder.count
    world.ingest.update(note.id, owner=ADA, text=f"{LONG}\n\nAnd one more thing.")
    assert world.embedder.count - embedded <= 2
    world.assert_consistent()


def test_none_removes_and_unchanged_keeps(world: World) -> None:
    priya = world.store.add_relationship("Priya", owner=ADA)
    note = world.ingest.add(document(day=date(2026, 10, 12)), owner=ADA, relationship_id=priya.id).note
    assert world.ingest.update(note.id, owner=ADA) == note
    removed = world.ingest.update(note.id, owner=ADA, date=None, relationship_id=None)
    assert (removed.date, removed.relationship_id, removed.title) == (None, None, note.title)
    world.assert_consistent()


def test_a_deleted_note_can_be_restored_under_its_id(world: World) -> None:
    priya = world.store.add_relationship("Priya", owner=ADA)
    note = world.ingest.add(document(), owner=ADA, relationship_id=priya.id).note
    deleted = world.ingest.delete(note.id, owner=ADA)
    assert world.vectors.entries == {}
    world.assert_consistent()
    assert world.ingest.restore(deleted) == note
    assert world.store.note(note.id, owner=ADA) == note
    world.assert_consistent()


def test_a_restored_note_loses_a_relationship_that_is_gone(world: World) -> None:
    priya = world.store.add_relationship("Priya", owner=ADA)
    note = world.ingest.add(document(), owner=ADA, relationship_id=priya.id).note
    deleted = world.ingest.delete(note.id, owner=ADA)
    world.store.delete_relationship(priya.id, owner=ADA)
    assert world.ingest.restore(deleted).relationship_id is None


def test_a_rebuild_indexes_every_owners_notes_for_the_new_embedder(world: World) -> None:
    world.ingest.add(document(LONG), owner=ADA)
    world.ingest.add(document("Ben's own."), owner=BEN)
    identity = EmbedderIdentity("other", 8, "digest")
    assert world.ingest.rebuild(identity) == 2
    assert world.vectors.identity() == identity
    world.assert_consistent()


def test_erasing_everything_of_one_owner_leaves_the_others(world: World) -> None:
    world.ingest.add(document(LONG), owner=ADA)
    world.store.add_relationship("Priya", owner=ADA)
    bens = world.ingest.add(document("Ben's own."), owner=BEN).note
    world.ingest.erase_everything(owner=ADA)
    assert world.store.notes(owner=ADA) == world.store.relationships(owner=ADA) == []
    assert world.store.notes(owner=BEN) == [bens]
    world.assert_consistent()


def _add(world: World, note: Note) -> None:
    world.ingest.add(document(f"Another. {LONG}"), owner=ADA)


def _add_again(world: World, note: Note) -> None:
    world.ingest.add(document(LONG, day=date(2026, 10, 12)), owner=ADA)


def _edit(world: World, note: Note) -> None:
    world.ingest.update(note.id, owner=ADA, title="New title", text="Only this.")


def _grow(world: World, note: Note) -> None:
    world.ingest.update(note.id, owner=ADA, text=f"Before. {LONG} {LONG}")


def _delete(world: World, note: Note) -> None:
    world.ingest.delete(note.id, owner=ADA)


def _rebuild(world: World, note: Note) -> None:
    world.ingest.rebuild(EmbedderIdentity("other", 8, "digest"))


def _erase(world: World, note: Note) -> None:
    world.ingest.erase_everything(owner=ADA)


OPERATIONS = [_add, _add_again, _edit, _grow, _delete, _rebuild, _erase]


def interruptions(operation: Callable[[World, Note], None], *, database: str = "") -> Iterator[World]:
    """A world for each place at which the operation can be interrupted, as it stands right after that."""
    for steps in count():
        world = World(database=database)
        note = world.ingest.add(document(LONG), owner=ADA).note
        world.ingest.add(document("Ben's own."), owner=BEN)
        world.fuse.set(steps)
        try:
            operation(world, note)
        except Interrupted:
            world.fuse.set(None)
            yield world
        else:
            world.close()
            assert steps > 5
            return


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_is_interrupted_anywhere_is_complete_after_the_next_start(
    operation: Callable[[World, Note], None],
) -> None:
    for world in interruptions(operation):
        world.ingest.complete()
        world.assert_consistent()
        assert world.ingest.complete() == 0


@pytest.mark.parametrize("operation", [_edit, _delete])
def test_interruptions_are_made_good_in_the_database_too(operation: Callable[[World, Note], None]) -> None:
    for world in interruptions(operation, database="sqlite://"):
        world.ingest.complete()
        world.assert_consistent()
        world.close()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_completing_can_be_interrupted_too(operation: Callable[[World, Note], None]) -> None:
    for world in interruptions(operation):
        for steps in (0, 1, 2, 3, 5, 8):
            world.fuse.set(steps)
            try:
                world.ingest.complete()
            except Interrupted:
                continue
            finally:
                world.fuse.set(None)
        world.ingest.complete()
        world.assert_consistent()


def test_a_note_whose_deletion_was_interrupted_cannot_be_changed_any_more(world: World) -> None:
    note = world.ingest.add(document(LONG), owner=ADA).note
    world.fuse.set(3)
    with pytest.raises(Interrupted):
        world.ingest.delete(note.id, owner=ADA)
    world.fuse.set(None)
    with pytest.raises(NotFound):
        world.ingest.update(note.id, owner=ADA, title="Later")
    again = world.ingest.add(document(LONG), owner=ADA)
    assert again.is_new
    assert again.note.id != note.id
    world.assert_consistent()


_CHILD = """
import sys, time
from pathlib import Path
from coach.adapters.chroma_index import ChromaIndex
from coach.ports import EmbedderIdentity
from tests.fakes.ingest_world import on_disk
from tests.test_ingest import ADA, LONG, document

ingest = on_disk(Path(sys.argv[1])).ingest
def tell(_, done, total):
    print(done, flush=True)
    time.sleep(60)
ingest.add(document(LONG), owner=ADA, progress=tell)
"""


def test_a_process_that_is_killed_while_indexing_leaves_nothing_that_the_next_start_does_not_finish(
    tmp_path: Path,
) -> None:
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == f"{BATCH}\n".encode()
    child.kill()
    child.communicate()
    disk = on_disk(tmp_path)
    (note,) = disk.store.notes(owner=ADA)
    assert note.state == "pending"
    assert disk.ingest.complete() == 1
    expected = {chunk.id for chunk in disk.store.chunks(note.id, owner=ADA)}
    assert len(expected) > BATCH
    assert disk.words.digests(owner=ADA, kind="note") == disk.vectors.digests(owner=ADA, kind="note")
    assert set(disk.vectors.vectors(sorted(expected), owner=ADA, kind="note")) == expected
    disk.close()


def test_an_interrupted_add_is_completed_by_adding_again(world: World) -> None:
    world.fuse.set(8)
    with pytest.raises(Interrupted):
        world.ingest.add(document(LONG), owner=ADA)
    world.fuse.set(None)
    assert not world.ingest.add(document(LONG), owner=ADA).is_new
    world.assert_consistent()


def test_the_same_note_added_by_many_threads_at_once_is_one_note(world: World) -> None:
    ids: list[str] = []
    threads = [
        threading.Thread(target=lambda: ids.append(world.ingest.add(document(LONG), owner=ADA).note.id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 1
    world.assert_consistent()


def test_adding_changing_and_deleting_at_once_leaves_nothing_over(world: World) -> None:
    note = world.ingest.add(document(LONG), owner=ADA).note
    failures: list[Exception] = []

    def run(action: Callable[[], object]) -> None:
        try:
            action()
        except NotFound as error:
            failures.append(error)

    actions: list[Callable[[], object]] = [
        lambda: world.ingest.update(note.id, owner=ADA, text=f"More. {LONG}"),
        lambda: world.ingest.delete(note.id, owner=ADA),
        lambda: world.ingest.update(note.id, owner=ADA, title="Later"),
        lambda: world.ingest.add(document("Another."), owner=ADA),
    ]
    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.assert_consistent()
    assert [n.text for n in world.store.notes(owner=ADA)] == ["Another."]


def test_indexed_text_says_where_a_chunk_stands_without_repeating_it() -> None:
    ingest = Ingest(
        (world := World()).store,
        world.vectors,
        world.words,
        DeterministicFakeEmbedding(size=8),
        token_offsets,
        now=lambda: datetime(2026, 10, 12, tzinfo=UTC),
    )
    note = ingest.add(document("# Goals\n\nShe wants to lead.", title="Goals"), owner=ADA).note
    (chunk,) = world.store.chunks(note.id, owner=ADA)
    assert indexed_text(note, chunk) == "# Goals\n\nShe wants to lead."


def placed(text: str, *, title: str = "Session", heading: str = "", day: date | None = None) -> str:
    """What is indexed of a note that is one chunk."""
    note = Note("n1", ADA, title, text, day, None, "text", datetime(2026, 10, 12, tzinfo=UTC))
    return indexed_text(note, Chunk("n1:0", "n1", 0, len(text), text, heading))


def test_indexed_text_says_when_and_where_a_chunk_stands() -> None:
    made = placed("She wants to lead.", title="Priya", heading="Goals", day=date(2026, 3, 9))
    assert made == "9 March 2026. Priya. Goals. She wants to lead."


def test_indexed_text_does_not_repeat_what_the_chunk_or_another_place_says() -> None:
    assert placed("On 9 March 2026 she led.", day=date(2026, 3, 9)) == "Session. On 9 March 2026 she led."
    assert placed("She led.", title="Goals", heading="Goals") == "Goals. She led."
    assert placed("She led.", title="9 March 2026", day=date(2026, 3, 9)) == "9 March 2026. She led."


def test_a_note_without_title_and_date_is_indexed_as_it_stands() -> None:
    assert placed("She wants to lead.", title=UNTITLED) == "She wants to lead."


def test_a_note_that_gives_no_title_is_not_found_by_the_word_untitled(world: World) -> None:
    note = world.ingest.add(document("She wants to lead.", title=""), owner=ADA).note
    assert note.title == UNTITLED
    assert not any("untitled" in text.lower() for text, _ in indexed(world))


def test_a_date_that_is_filled_in_is_indexed(world: World) -> None:
    note = world.ingest.add(document("She wants to lead.", title=""), owner=ADA).note
    world.ingest.update(note.id, owner=ADA, date=date(2026, 3, 9))
    assert [text for text, _ in indexed(world)] == ["9 March 2026. She wants to lead."]
    world.assert_consistent()
