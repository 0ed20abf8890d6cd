"""The contract of a NoteStore, held against SQLite in a file and in memory; then what SQL adds: versions, erasure, faults."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, inspect, text

from coach.adapters import reply_json
from coach.adapters.migrations import configuration, upgrade
from coach.adapters.sql_engine import HEAD
from coach.adapters.sql_store import SqlStore, migrate, open_engine
from coach.adapters.sql_tables import metadata
from coach.domain.citations import Evidence
from coach.domain.conversation import ModelUse, Reply
from coach.domain.errors import CoachError, ConfigurationError, NotFound, StorageFailed
from coach.domain.notes import Chunk, IndexState, Note, content_hash
from coach.domain.people import Owner
from coach.domain.suggestions import Situation, Suggestions
from coach.ports import NoteStore

ANNA, BEN = Owner("anna"), Owner("ben")
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY = date(2024, 3, 1)
REPLY = Reply(
    markdown="What would help?",
    grounding="ungrounded",
    composer="built-in",
    situation=Situation("mentor", "first-meeting", ("trust",), "prepare", "ask", "nervous", "mine"),
    suggestions=Suggestions(),
    citations=(),
    safety=None,
    prompt_digest="d",
    timings_ms={"total": 1.5},
)


def clock() -> Callable[[], datetime]:
    """Every look is a minute later."""
    minutes = count()
    return lambda: NOON + timedelta(minutes=next(minutes))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "coach.db"


@pytest.fixture
def engine(file: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{file}")
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def stored(engine: Engine) -> SqlStore:
    return SqlStore(engine, now=clock())


@pytest.fixture(scope="module")
def shared() -> Iterator[SqlStore]:
    """One store for all examples of a property."""
    engine = open_engine("sqlite://")
    migrate(engine)
    yield SqlStore(engine)
    engine.dispose()


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest) -> Iterator[NoteStore]:
    if request.param == "file":
        yield request.getfixturevalue("stored")
        return
    engine = open_engine("sqlite://")
    migrate(engine)
    yield SqlStore(engine, now=clock())
    engine.dispose()


def make_note(id_: str = "n1", owner: Owner = ANNA, body: str = "We spoke about trust.", **fields: object) -> Note:
    note = Note(id_, owner, "A talk", body, DAY, None, "markdown", NOON)
    return replace(note, **fields)  # type: ignore[arg-type]


def cut(note: Note, *spans: tuple[int, int], heading: str = "") -> list[Chunk]:
    return [Chunk(f"{note.id}-{n}", note.id, a, b, note.text[a:b], heading) for n, (a, b) in enumerate(spans)]


# relationships


def test_a_relationship_is_made_once_whatever_the_case_of_the_name(store: NoteStore) -> None:
    made = store.add_relationship("Zoë", owner=ANNA, role="mentor")

    assert store.add_relationship("  ZOË ", owner=ANNA) == made
    assert store.relationships(owner=ANNA) == [made]
    assert store.relationship(made.id, owner=ANNA) == made


def test_a_role_that_was_unknown_is_filled_in_and_a_known_one_stays(store: NoteStore) -> None:
    store.add_relationship("Priya", owner=ANNA)

    assert store.add_relationship("Priya", owner=ANNA, role="mentor").role == "mentor"
    assert store.add_relationship("Priya", owner=ANNA, role="mentee").role == "mentor"


def test_relationships_come_by_name(store: NoteStore) -> None:
    for name in ("omar", "Priya", "Ada"):
        store.add_relationship(name, owner=ANNA)

    assert [found.name for found in store.relationships(owner=ANNA)] == ["Ada", "omar", "Priya"]


def test_a_relationship_changes_its_name_and_role(store: NoteStore) -> None:
    made = store.add_relationship("Pria", owner=ANNA)

    assert store.rename_relationship(made.id, "Priya", owner=ANNA).name == "Priya"
    assert store.set_role(made.id, "mentee", owner=ANNA).role == "mentee"
    assert store.rename_relationship(made.id, "PRIYA", owner=ANNA).name == "PRIYA"
    assert store.add_relationship("priya", owner=ANNA).id == made.id


def test_a_relationship_does_not_take_the_name_of_another(store: NoteStore) -> None:
    store.add_relationship("Priya", owner=ANNA)
    omar = store.add_relationship("Omar", owner=ANNA)

    with pytest.raises(CoachError, match="priya"):
        store.rename_relationship(omar.id, "priya", owner=ANNA)
    assert store.relationship(omar.id, owner=ANNA).name == "Omar"


def test_notes_and_conversations_outlive_their_relationship(store: NoteStore) -> None:
    priya = store.add_relationship("Priya", owner=ANNA)
    store.save_note(make_note(relationship_id=priya.id), [])
    talk = store.start_conversation(owner=ANNA, title="t", relationship_id=priya.id)
    store.record_question("q", "used", owner=ANNA, relationship_id=priya.id)
    store.save_to_plan("line", owner=ANNA, relationship_id=priya.id)

    store.delete_relationship(priya.id, owner=ANNA)

    assert store.note("n1", owner=ANNA).relationship_id is None
    assert store.conversation(talk.id, owner=ANNA).relationship_id is None
    assert store.relationships(owner=ANNA) == []
    assert store.saved_plan(owner=ANNA, relationship_id=priya.id) == []
    assert store.recorded_questions(owner=ANNA, relationship_id=priya.id) == {}


# notes and chunks


def test_a_note_comes_back_as_it_was_saved(store: NoteStore) -> None:
    priya = store.add_relationship("Priya", owner=ANNA)
    note = make_note(
        body="Zeile 1\nÜber 🙂 und mehr.\n",
        relationship_id=priya.id,
        created_at=datetime(2024, 3, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5))),
        state="indexed",
        is_example=True,
    )
    chunks = cut(note, (0, 7), (8, 24), heading="Über")

    store.save_note(note, chunks)

    assert store.note("n1", owner=ANNA) == note
    assert store.chunks("n1", owner=ANNA) == chunks
    assert store.chunk(chunks[1].id, owner=ANNA).text == "Über 🙂 und mehr."


def test_saving_again_replaces_text_and_chunks(store: NoteStore) -> None:
    first = make_note(body="first text")
    store.save_note(first, cut(first, (0, 5), (6, 10)))
    second = make_note(body="another", date=None)

    store.save_note(second, cut(second, (0, 7)))

    assert store.note("n1", owner=ANNA) == second
    assert [chunk.text for chunk in store.chunks("n1", owner=ANNA)] == ["another"]
    assert store.find_note_by_content(first.content_hash, owner=ANNA) is None
    assert store.find_note_by_content(second.content_hash, owner=ANNA) == second


def test_notes_come_newest_session_first_and_undated_last(store: NoteStore) -> None:
    for id_, day, minute in (("old", DAY, 0), ("none", None, 9), ("new", DAY + timedelta(1), 0), ("later", DAY, 1)):
        store.save_note(make_note(id_, body=id_, date=day, created_at=NOON + timedelta(minutes=minute)), [])
    store.save_note(make_note("going", body="going", state="deleting"), [])

    assert [note.id for note in store.notes(owner=ANNA)] == ["new", "later", "old", "none"]


def test_notes_are_listed_by_relationship(store: NoteStore) -> None:
    priya = store.add_relationship("Priya", owner=ANNA)
    store.save_note(make_note("with", body="a", relationship_id=priya.id), [])
    store.save_note(make_note("without", body="b"), [])

    assert [note.id for note in store.notes(owner=ANNA, relationship_id=priya.id)] == ["with"]


def test_a_note_is_not_saved_with_an_unknown_relationship(store: NoteStore) -> None:
    with pytest.raises(NotFound):
        store.save_note(make_note(relationship_id="nobody"), [])
    with pytest.raises(NotFound):
        store.note("n1", owner=ANNA)


def test_a_note_with_a_faulty_chunk_is_not_saved_at_all(store: NoteStore) -> None:
    note = make_note()

    with pytest.raises(StorageFailed):
        store.save_note(note, [*cut(note, (0, 2)), *cut(note, (0, 2))])
    with pytest.raises(NotFound):
        store.note(note.id, owner=ANNA)


def test_unfinished_notes_of_every_owner_are_found_at_start_up(store: NoteStore) -> None:
    states: dict[str, IndexState] = {"a": "pending", "b": "indexed", "c": "deleting"}
    for id_, state in states.items():
        store.save_note(make_note(id_, body=id_, state=state), [])
    store.save_note(make_note("d", BEN, body="d"), [])
    store.set_state("a", "indexed", owner=ANNA)

    assert {(note.owner, note.id) for note in store.unfinished_notes()} == {(ANNA, "c"), (BEN, "d")}
    assert store.all_owners() == [ANNA, BEN]


def test_an_erased_note_is_gone_with_its_chunks(store: NoteStore) -> None:
    note = make_note()
    store.save_note(note, cut(note, (0, 2)))

    store.erase_note("n1", owner=ANNA)

    for look in (store.note, store.chunks, store.erase_note):
        with pytest.raises(NotFound):
            look("n1", owner=ANNA)
    assert store.chunks_by_id(["n1-0"], owner=ANNA) == {}
    assert store.find_note_by_content(note.content_hash, owner=ANNA) is None


def test_many_ids_are_looked_up_at_once(store: NoteStore) -> None:
    note = make_note(body="x" * 1200)
    chunks = cut(note, *((n, n + 1) for n in range(1200)))
    store.save_note(note, chunks)

    found = store.chunks_by_id([*(chunk.id for chunk in chunks), "missing"], owner=ANNA)

    assert found == {chunk.id: chunk for chunk in chunks}
    assert store.notes_by_id(["missing", "n1"], owner=ANNA) == {"n1": note}
    assert store.notes_by_id([], owner=ANNA) == {}


@settings(max_examples=40, deadline=None)
@given(body=st.text(min_size=1, max_size=60), data=st.data())
def test_a_chunk_is_cut_where_its_offsets_say(shared: SqlStore, body: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, len(body)))
    note = make_note(body=body)

    shared.save_note(note, cut(note, (start, end)))

    assert shared.chunks("n1", owner=ANNA)[0].text == body[start:end]
    assert shared.note("n1", owner=ANNA).text == body


# conversations


def test_a_conversation_keeps_its_messages_in_order_and_whole(store: NoteStore) -> None:
    talk = store.start_conversation(owner=ANNA, title="First")

    said = [
        store.add_message(talk.id, "user", "Hello\n🙂", owner=ANNA),
        store.add_message(talk.id, "coach", REPLY.markdown, owner=ANNA, reply=REPLY),
        store.add_message(talk.id, "user", "Thanks", owner=ANNA),
    ]

    assert store.messages(talk.id, owner=ANNA) == said
    assert store.messages(talk.id, owner=ANNA)[1].reply == REPLY
    assert store.conversation(talk.id, owner=ANNA).updated_at == said[-1].created_at


def test_the_conversation_used_last_comes_first(store: NoteStore) -> None:
    first, second = (store.start_conversation(owner=ANNA, title=title) for title in ("first", "second"))
    store.add_message(first.id, "user", "again", owner=ANNA)

    assert [talk.id for talk in store.conversations(owner=ANNA)] == [first.id, second.id]


def test_a_conversation_changes_title_and_relationship(store: NoteStore) -> None:
    priya = store.add_relationship("Priya", owner=ANNA)
    talk = store.start_conversation(owner=ANNA, title="old", relationship_id=priya.id)

    store.rename_conversation(talk.id, "new", owner=ANNA)
    store.set_conversation_relationship(talk.id, None, owner=ANNA)

    assert store.conversation(talk.id, owner=ANNA) == replace(talk, title="new", relationship_id=None)


def test_a_deleted_conversation_is_gone_with_its_messages(store: NoteStore) -> None:
    talk = store.start_conversation(owner=ANNA, title="t")
    store.add_message(talk.id, "user", "hello", owner=ANNA)

    store.delete_conversation(talk.id, owner=ANNA)

    assert store.conversations(owner=ANNA) == []
    with pytest.raises(NotFound):
        store.messages(talk.id, owner=ANNA)
    with pytest.raises(NotFound):
        store.add_message(talk.id, "user", "too late", owner=ANNA)


# questions used and plans


def test_the_last_verdict_on_a_question_counts_in_its_relationship_alone(store: NoteStore) -> None:
    priya = store.add_relationship("Priya", owner=ANNA).id
    store.record_question("q1", "used", owner=ANNA, relationship_id=priya)
    store.record_question("q1", "rejected", owner=ANNA, relationship_id=priya)
    store.record_question("q2", "used", owner=ANNA, relationship_id=None)

    assert store.recorded_questions(owner=ANNA, relationship_id=priya) == {"q1": "rejected"}
    assert store.recorded_questions(owner=ANNA, relationship_id=None) == {"q2": "used"}
    store.forget_question("q1", owner=ANNA, relationship_id=priya)
    store.forget_question("never recorded", owner=ANNA, relationship_id=priya)
    assert store.recorded_questions(owner=ANNA, relationship_id=priya) == {}


def test_a_plan_keeps_its_lines_in_order_and_none_twice(store: NoteStore) -> None:
    for line in ("first", "second", "first", "third"):
        store.save_to_plan(line, owner=ANNA, relationship_id=None)
    store.remove_from_plan("second", owner=ANNA, relationship_id=None)
    store.remove_from_plan("never there", owner=ANNA, relationship_id=None)
    store.save_to_plan("fourth", owner=ANNA, relationship_id=None)

    assert store.saved_plan(owner=ANNA, relationship_id=None) == ["first", "third", "fourth"]
    assert store.saved_plan(owner=ANNA, relationship_id="other") == []


# preferences


def test_a_preference_is_the_last_that_was_set_and_none_before(store: NoteStore) -> None:
    assert store.preference("notes-policy openai", owner=ANNA) is None

    store.set_preference("notes-policy openai", "ask", owner=ANNA)
    store.set_preference("notes-policy openai", "never", owner=ANNA)
    store.set_preference("notes-policy gateway.example.org", "always", owner=ANNA)

    assert store.preference("notes-policy openai", owner=ANNA) == "never"
    assert store.preference("notes-policy gateway.example.org", owner=ANNA) == "always"


def test_a_preference_is_one_owners_alone(store: NoteStore) -> None:
    store.set_preference("model-accepted openai", "yes", owner=ANNA)
    assert store.preference("model-accepted openai", owner=BEN) is None

    store.set_preference("model-accepted openai", "no", owner=BEN)
    assert store.preference("model-accepted openai", owner=ANNA) == "yes"

    store.erase_owner(owner=BEN)
    assert store.preference("model-accepted openai", owner=BEN) is None
    assert store.preference("model-accepted openai", owner=ANNA) == "yes"


# two owners


def test_another_owners_ids_are_not_found_anywhere(store: NoteStore) -> None:
    priya = store.add_relationship("Priya", owner=ANNA)
    note = make_note(relationship_id=priya.id)
    store.save_note(note, cut(note, (0, 2)))
    talk = store.start_conversation(owner=ANNA, title="t")
    store.add_message(talk.id, "user", "hers", owner=ANNA)
    attempts: list[Callable[[], object]] = [
        lambda: store.relationship(priya.id, owner=BEN),
        lambda: store.rename_relationship(priya.id, "X", owner=BEN),
        lambda: store.set_role(priya.id, "mentor", owner=BEN),
        lambda: store.delete_relationship(priya.id, owner=BEN),
        lambda: store.note("n1", owner=BEN),
        lambda: store.set_state("n1", "indexed", owner=BEN),
        lambda: store.erase_note("n1", owner=BEN),
        lambda: store.chunk("n1-0", owner=BEN),
        lambda: store.chunks("n1", owner=BEN),
        lambda: store.save_note(make_note("n2", BEN, relationship_id=priya.id), []),
        lambda: store.start_conversation(owner=BEN, title="t", relationship_id=priya.id),
        lambda: store.conversation(talk.id, owner=BEN),
        lambda: store.rename_conversation(talk.id, "X", owner=BEN),
        lambda: store.set_conversation_relationship(talk.id, None, owner=BEN),
        lambda: store.delete_conversation(talk.id, owner=BEN),
        lambda: store.add_message(talk.id, "user", "his", owner=BEN),
        lambda: store.messages(talk.id, owner=BEN),
    ]

    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()

    assert store.relationship(priya.id, owner=ANNA) == priya
    assert store.note("n1", owner=ANNA) == note
    assert [message.text for message in store.messages(talk.id, owner=ANNA)] == ["hers"]


def test_another_owners_lists_are_empty(store: NoteStore) -> None:
    priya = store.add_relationship("Priya", owner=ANNA)
    note = make_note(relationship_id=priya.id)
    store.save_note(note, cut(note, (0, 2)))
    store.start_conversation(owner=ANNA, title="t")
    store.record_question("q", "used", owner=ANNA, relationship_id=priya.id)
    store.save_to_plan("line", owner=ANNA, relationship_id=None)

    assert store.relationships(owner=BEN) == []
    assert store.notes(owner=BEN) == store.notes(owner=BEN, relationship_id=priya.id) == []
    assert store.find_note_by_content(note.content_hash, owner=BEN) is None
    assert store.notes_by_id(["n1"], owner=BEN) == {}
    assert store.chunks_by_id(["n1-0"], owner=BEN) == {}
    assert store.conversations(owner=BEN) == []
    assert store.recorded_questions(owner=BEN, relationship_id=priya.id) == {}
    assert store.saved_plan(owner=BEN, relationship_id=None) == []


def test_two_owners_may_use_the_same_ids(store: NoteStore) -> None:
    hers, his = make_note(body="hers"), make_note(owner=BEN, body="his")
    store.save_note(hers, cut(hers, (0, 4)))
    store.save_note(his, cut(his, (0, 3)))

    store.erase_note("n1", owner=BEN)

    assert store.note("n1", owner=ANNA) == hers
    assert store.chunk("n1-0", owner=ANNA).text == "hers"


def test_erasing_an_owner_leaves_nothing_of_theirs_and_all_of_anothers(store: NoteStore) -> None:
    for owner in (ANNA, BEN):
        priya = store.add_relationship("Priya", owner=owner)
        note = make_note(owner=owner, relationship_id=priya.id)
        store.save_note(note, cut(note, (0, 2)))
        talk = store.start_conversation(owner=owner, title="t", relationship_id=priya.id)
        store.add_message(talk.id, "user", "hello", owner=owner)
        store.record_question("q", "used", owner=owner, relationship_id=None)
        store.save_to_plan("line", owner=owner, relationship_id=None)

    store.erase_owner(owner=ANNA)

    assert store.all_owners() == [BEN]
    assert store.relationships(owner=ANNA) == []
    assert store.conversations(owner=ANNA) == []
    assert store.saved_plan(owner=ANNA, relationship_id=None) == []
    assert len(store.messages(store.conversations(owner=BEN)[0].id, owner=BEN)) == 1
    assert store.chunk("n1-0", owner=BEN).text == "We"


# the stored reply


@settings(max_examples=50, deadline=None)
@given(
    reply=st.builds(
        Reply,
        timings_ms=st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    )
)
def test_a_reply_comes_back_as_it_was_stored(reply: Reply) -> None:
    assert reply_json.load(reply_json.dump(reply)) == reply


def test_what_a_model_was_asked_comes_back_with_the_reply(stored: SqlStore) -> None:
    use = ModelUse(
        model="openai:small",
        place="gateway.example.org",
        sent="You are a coach.\n[1] “Ask first.” 🙂",
        sent_tokens=812,
        reply_tokens=96,
        is_estimated=True,
        first_token_ms=412.5,
        changes=("A source that was not there was taken out.",),
        withheld=1,
        withheld_passages=(Evidence("note", "n1", "A talk", "trust", 3, 8, "1 March"),),
        sent_notes=("n2",),
        cost=0.0004,
    )
    reply = replace(REPLY, composer="openai:small", notice="Part of it was changed.", model_use=use)
    talk = stored.start_conversation(owner=ANNA, title="t")

    stored.add_message(talk.id, "coach", reply.markdown, owner=ANNA, reply=reply)

    assert stored.messages(talk.id, owner=ANNA)[0].reply == reply


def test_a_reply_stored_before_there_were_models_still_loads() -> None:
    stored = json.loads(reply_json.dump(REPLY))
    for later in ("notice", "model_use"):
        del stored[later]

    assert reply_json.load(json.dumps(stored)) == REPLY


def test_a_reply_of_another_version_is_shown_as_text_only(stored: SqlStore, engine: Engine) -> None:
    talk = stored.start_conversation(owner=ANNA, title="t")
    stored.add_message(talk.id, "coach", "text", owner=ANNA, reply=REPLY)
    with engine.begin() as connection:
        connection.execute(text("""UPDATE messages SET reply = '{"markdown": 3}'"""))

    message = stored.messages(talk.id, owner=ANNA)[0]

    assert (message.text, message.reply) == ("text", None)


# erasure


def _erase_note(store: SqlStore) -> None:
    store.erase_note("n1", owner=ANNA)


def _overwrite_note(store: SqlStore) -> None:
    store.save_note(make_note(body="nothing", title="nothing"), [])


def _erase_owner(store: SqlStore) -> None:
    store.erase_owner(owner=ANNA)


@pytest.mark.parametrize("erase", [_erase_note, _overwrite_note, _erase_owner])
def test_no_file_keeps_an_erased_note(stored: SqlStore, file: Path, erase: Callable[[SqlStore], None]) -> None:
    body = "".join(f"The secret {n:05d} of Priya. " for n in range(2000))
    note = make_note(body=body, title="secret title")
    stored.save_note(note, cut(note, (0, 30), heading="secret heading"))
    stored.save_note(make_note("n2", body="kept"), [])
    assert b"secret 01234" in _all_bytes(file)

    erase(stored)

    assert b"secret" not in _all_bytes(file)
    assert content_hash(body).encode() not in _all_bytes(file)


def test_no_file_keeps_a_deleted_conversation_or_a_dropped_line_or_an_old_name(stored: SqlStore, file: Path) -> None:
    talk = stored.start_conversation(owner=ANNA, title="secret title")
    for _ in range(30):
        stored.add_message(
            talk.id, "coach", "secret words " * 50, owner=ANNA, reply=replace(REPLY, markdown="secret reply")
        )
    stored.save_to_plan("secret line", owner=ANNA, relationship_id=None)
    friend = stored.add_relationship("secret friend", owner=ANNA)

    stored.delete_conversation(talk.id, owner=ANNA)
    stored.remove_from_plan("secret line", owner=ANNA, relationship_id=None)
    stored.rename_relationship(friend.id, "Priya", owner=ANNA)
    assert b"secret" not in _all_bytes(file)

    stored.delete_relationship(friend.id, owner=ANNA)
    assert b"Priya" not in _all_bytes(file)


# versions of the schema


def test_the_migrations_lead_to_the_tables_of_this_program(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    own_tables = ("library_words", "private_words", "full_text")
    assert [difference for difference in differences if not _is_about(difference, own_tables)] == []


def test_a_normal_start_imports_no_alembic_and_takes_milliseconds(engine: Engine, file: Path) -> None:
    program = (
        "import sys, time; from coach.adapters.sql_store import migrate, open_engine;"
        f"engine = open_engine('sqlite:///{file}'); began = time.perf_counter(); migrate(engine);"
        "print('alembic' in sys.modules, time.perf_counter() - began)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}

    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)

    has_alembic, seconds = done.stdout.split()
    assert has_alembic == "False"
    assert float(seconds) < 0.5


def test_the_first_schema_is_brought_up_to_date_with_all_that_is_in_it(file: Path) -> None:
    engine = open_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        upgrade(connection, found=None, wanted="0001")
    store = SqlStore(engine)
    store.save_note(make_note(), [])

    migrate(engine)

    store.set_preference("notes-policy openai", "ask", owner=ANNA)
    assert store.note("n1", owner=ANNA).text == make_note().text
    assert store.preference("notes-policy openai", owner=ANNA) == "ask"
    engine.dispose()


def test_migrating_twice_or_at_the_same_time_does_no_harm(file: Path) -> None:
    engines = [open_engine(f"sqlite:///{file}") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, engines))

    store = SqlStore(engines[0])
    store.save_note(make_note(), [])
    assert store.note("n1", owner=ANNA)
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_newer_program_is_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StorageFailed, match="9999"):
        migrate(engine)


def test_a_migration_that_breaks_off_leaves_the_database_as_it_was(file: Path) -> None:
    engine = open_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE plan_lines (in_the_way INTEGER)"))

    with pytest.raises(StorageFailed):
        migrate(engine)

    assert inspect(engine).get_table_names() == ["plan_lines"]
    engine.dispose()


# faults


@pytest.mark.parametrize("url", ["", "nonsense", "nosuch://x", "postgresql+nosuch://x/y"])
def test_an_address_that_cannot_be_used_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match="COACH_DATABASE_URL"):
        open_engine(url)


def test_a_full_disk_is_said_in_plain_words_and_harms_nothing(file: Path, engine: Engine, stored: SqlStore) -> None:
    stored.save_note(make_note(), [])
    engine.dispose()
    full = open_engine(f"sqlite:///{file}")
    event.listen(full, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 10"))

    with pytest.raises(StorageFailed, match="disk is full") as failure:
        SqlStore(full).save_note(make_note("n2", body="confidential " * 50_000), [])

    assert "confidential" not in str(failure.value) + str(failure.value.__cause__)
    assert [note.id for note in SqlStore(full).notes(owner=ANNA)] == ["n1"]
    full.dispose()


def test_a_read_only_database_is_said_in_plain_words(file: Path, engine: Engine) -> None:
    engine.dispose()
    read_only = open_engine(f"sqlite:///file:{file}?mode=ro&uri=true")

    with pytest.raises(StorageFailed, match="read-only"):
        SqlStore(read_only).save_note(make_note(), [])
    read_only.dispose()


def test_a_file_that_is_no_database_is_said_in_plain_words(file: Path) -> None:
    file.write_bytes(b"this is no database, whatever its name says" * 100)

    engine = open_engine(f"sqlite:///{file}")

    with pytest.raises(StorageFailed, match="not a database"):
        migrate(engine)
    engine.dispose()


def test_a_missing_folder_is_said_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="cannot be opened"):
        migrate(open_engine(f"sqlite:///{tmp_path / 'missing' / 'coach.db'}"))


def test_a_database_that_another_program_holds_is_said_in_plain_words(file: Path, engine: Engine) -> None:
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 20"))
    engine.dispose()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageFailed, match="Another program"):
        SqlStore(engine).save_note(make_note(), [])

    other.execute("ROLLBACK")
    other.close()
    SqlStore(engine).save_note(make_note(), [])


def test_words_that_no_database_takes_are_stored_as_far_as_possible(store: NoteStore) -> None:
    talk = store.start_conversation(owner=ANNA, title="half \ud83d an emoji")
    store.add_message(talk.id, "user", "\ud800 and \0 and '); DROP TABLE notes --", owner=ANNA)

    assert store.conversation(talk.id, owner=ANNA).title == "half ? an emoji"
    assert store.messages(talk.id, owner=ANNA)[0].text == "? and \0 and '); DROP TABLE notes --"


def test_many_threads_write_and_none_loses_a_message(stored: SqlStore) -> None:
    talk = stored.start_conversation(owner=ANNA, title="t")
    begun = threading.Barrier(4)

    def write(writer: int) -> None:
        begun.wait()
        for n in range(15):
            stored.add_message(talk.id, "user", f"{writer}-{n}", owner=ANNA)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    texts = [message.text for message in stored.messages(talk.id, owner=ANNA)]
    assert sorted(texts) == sorted(f"{writer}-{n}" for writer in range(4) for n in range(15))
    for writer in range(4):
        assert [t for t in texts if t.startswith(f"{writer}-")] == [f"{writer}-{n}" for n in range(15)]


def _all_bytes(file: Path) -> bytes:
    return b"".join(path.read_bytes() for path in file.parent.iterdir())


def _is_about(difference: tuple[object, ...], tables: tuple[str, ...]) -> bool:
    kind, subject = difference[:2]
    name = getattr(getattr(subject, "table", subject), "name", "")
    return kind in ("remove_table", "remove_index") and str(name).startswith(tables)
