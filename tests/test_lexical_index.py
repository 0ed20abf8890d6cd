"""The contract of a LexicalIndex, held against SQLite's full-text search and the fake; then full-text search's own."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from coach.adapters.full_text import MAX_WORDS, FullText, query_words
from coach.adapters.sql_store import migrate, open_engine
from coach.domain.errors import ConfigurationError, RetrievalFailed, StorageFailed
from coach.domain.people import LIBRARY, Owner
from coach.ports import EntryKind, IndexEntry, LexicalIndex, Scope
from tests.fakes.memory_index import MemoryLexicalIndex

ANNA, BEN = Owner("anna"), Owner("ben")
DAY = date(2024, 3, 1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'coach.db'}")
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def full_text(engine: Engine) -> FullText:
    return FullText(engine)


@pytest.fixture(params=["fake", "sqlite"])
def index(request: pytest.FixtureRequest) -> LexicalIndex:
    made: LexicalIndex = MemoryLexicalIndex() if request.param == "fake" else request.getfixturevalue("full_text")
    return made


def note(id_: str, owner: Owner = ANNA, **fields: object) -> IndexEntry:
    return IndexEntry(id_, owner, "note", **fields)  # type: ignore[arg-type]


def search(
    index: LexicalIndex, query: str, *, owner: Owner = ANNA, kind: EntryKind = "note", **more: object
) -> dict[str, float]:
    return index.search(query, owner=owner, kind=kind, **{"top_k": 10, **more})  # type: ignore[arg-type]


def test_entries_that_share_more_and_rarer_words_come_first(index: LexicalIndex) -> None:
    index.upsert(
        [note("both"), note("common"), note("rare"), note("none")],
        ["roadmap budget first", "common budget first", "roadmap rare first", "nothing of them"],
    )
    index.upsert([note(f"more-{n}") for n in range(12)], [f"budget number {n}" for n in range(12)])

    found = search(index, "roadmap budget")

    assert list(found)[:2] == ["both", "rare"]
    assert "none" not in found
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert found["rare"] > found["more-0"] > 0


def test_no_more_than_top_k_are_found(index: LexicalIndex) -> None:
    index.upsert([note(str(n)) for n in range(6)], ["one word"] * 6)

    assert len(search(index, "word", top_k=2)) == 2
    assert search(index, "word", top_k=0) == {}


def test_an_index_without_entries_finds_nothing(index: LexicalIndex) -> None:
    assert search(index, "anything") == {}
    assert index.digests(owner=ANNA, kind="note") == {}
    index.remove(["a"], owner=ANNA, kind="note")


def test_an_entry_that_comes_again_replaces_what_it_was(index: LexicalIndex) -> None:
    index.upsert([note("a", digest="old", relationship_id="priya", date=DAY, note_id="n1")], ["about rockets"])
    index.upsert([note("a", digest="new")], ["about gardens"])

    assert index.digests(owner=ANNA, kind="note") == {"a": "new"}
    assert search(index, "rockets") == {}
    assert set(search(index, "gardens")) == {"a"}
    for scope in (Scope(relationship_id="priya"), Scope(since=DAY), Scope(note_id="n1")):
        assert search(index, "gardens", scope=scope) == {}


def test_the_last_of_two_entries_with_one_id_wins(index: LexicalIndex) -> None:
    index.upsert([note("a", digest="first"), note("a", digest="second")], ["rockets", "gardens"])

    assert index.digests(owner=ANNA, kind="note") == {"a": "second"}
    assert search(index, "rockets") == {}


def test_what_is_removed_is_gone_and_unknown_ids_are_no_error(index: LexicalIndex) -> None:
    index.upsert([note("a"), note("b")], ["shared first", "shared second"])

    index.remove(["a", "never there", "a"], owner=ANNA, kind="note")

    assert set(search(index, "shared first")) == {"b"}
    assert set(index.digests(owner=ANNA, kind="note")) == {"b"}
    index.upsert([note("a")], ["shared third"])
    assert set(search(index, "shared")) == {"a", "b"}


def test_another_owner_sees_and_changes_nothing_even_with_the_same_ids(index: LexicalIndex) -> None:
    index.upsert([note("shared", digest="anna's"), note("hers")], ["secret plans", "secret hopes"])
    index.upsert([note("shared", BEN, digest="ben's")], ["secret garden"])

    assert set(search(index, "secret plans hopes", owner=BEN)) == {"shared"}
    assert search(index, "plans", owner=BEN) == {}
    assert index.digests(owner=BEN, kind="note") == {"shared": "ben's"}
    index.remove(["shared", "hers"], owner=BEN, kind="note")
    assert set(search(index, "secret")) == {"shared", "hers"}
    assert search(index, "garden", owner=BEN) == {}


def test_kinds_are_kept_apart(index: LexicalIndex) -> None:
    index.upsert(
        [IndexEntry("same", LIBRARY, "card", "c"), IndexEntry("same", LIBRARY, "question", "q")], ["trust", "trust"]
    )

    assert set(search(index, "trust", owner=LIBRARY, kind="card")) == {"same"}
    index.remove(["same"], owner=LIBRARY, kind="card")
    assert search(index, "trust", owner=LIBRARY, kind="card") == {}
    assert index.digests(owner=LIBRARY, kind="question") == {"same": "q"}
    assert set(search(index, "trust", owner=LIBRARY, kind="question")) == {"same"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), {"early", "late", "undated", "other"}),
        (Scope(relationship_id="priya"), {"early", "late", "undated"}),
        (Scope(since=DAY), {"late", "other"}),
        (Scope(until=DAY), {"early", "other"}),
        (Scope(since=DAY, until=DAY), {"other"}),
        (Scope(note_id="n1"), {"early"}),
        (Scope(relationship_id="priya", since=DAY), {"late"}),
        (Scope(relationship_id="nobody"), set()),
    ],
)
def test_a_scope_limits_what_is_found_and_its_days_are_inclusive(
    index: LexicalIndex, scope: Scope, expected: set[str]
) -> None:
    entries = [
        note("early", relationship_id="priya", date=DAY - timedelta(1), note_id="n1"),
        note("late", relationship_id="priya", date=DAY + timedelta(1), note_id="n2"),
        note("undated", relationship_id="priya", note_id="n2"),
        note("other", relationship_id="omar", date=DAY, note_id="n3"),
    ]
    index.upsert(entries, ["the same words"] * 4)

    assert set(search(index, "words", scope=scope)) == expected


@pytest.mark.parametrize(
    "query",
    [
        "",
        " \n\t ",
        '"',
        "''",
        "()",
        "AND OR NOT NEAR",
        'NEAR("a b", 3)',
        "scope : owner1",
        "body:budget",
        "budget*",
        "^budget",
        "-budget",
        "bud\0get",
        "🙂🙂",
        "e\u0301",
        "\ud800",
        "{budget} + [x] | y; DROP TABLE notes --",
        ":match %s ? {limits}",
        "word " * 40_000,
        " ".join(f"word{n}" for n in range(30_000)),
    ],
)
def test_any_text_is_a_valid_query(index: LexicalIndex, query: str) -> None:
    index.upsert([note("a")], ["the budget"])

    assert set(search(index, query)) <= {"a"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=80))
def test_no_query_breaks_full_text_search(full_text: FullText, query: str) -> None:
    full_text.upsert([note("a")], [query])

    found = search(full_text, query)

    assert set(found) <= {"a"}
    if any(word.isascii() and word.isalnum() for word in query.split()):
        assert set(found) == {"a"}


# full-text search's own


def test_words_are_found_in_other_forms_and_without_accents(full_text: FullText) -> None:
    full_text.upsert([note("a")], ["She negotiated with Zoë and Muñoz about promotions"])

    for query in ("negotiating", "Zoe", "MUNOZ", "promotion"):
        assert set(search(full_text, query)) == {"a"}, query


def test_words_without_meaning_count_only_where_there_are_no_others(full_text: FullText) -> None:
    full_text.upsert([note("a"), note("b")], ["what should I do", "the promotion"])

    assert set(search(full_text, "what should I do about the promotion")) == {"b"}
    assert set(search(full_text, "what should I do")) == {"a"}


def test_a_long_query_is_cut_to_its_first_distinct_words() -> None:
    assert query_words("Budget budget the BUDGET roadmap") == ["budget", "roadmap"]
    assert query_words(" ".join(f"w{n} w{n}" for n in range(500))) == [f"w{n}" for n in range(MAX_WORDS)]


def test_what_others_write_does_not_move_the_librarys_scores(full_text: FullText) -> None:
    cards = [IndexEntry(str(n), LIBRARY, "card") for n in range(6)]
    full_text.upsert(cards, [f"trust {'listening ' * n}" for n in range(6)])
    before = search(full_text, "trust listening", owner=LIBRARY, kind="card")

    full_text.upsert([note(str(n)) for n in range(50)], ["trust trust trust"] * 50)

    assert search(full_text, "trust listening", owner=LIBRARY, kind="card") == before


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_removed_text_leaves_no_word_in_any_file(
    full_text: FullText, engine: Engine, tmp_path: Path, is_replaced: bool
) -> None:
    """Each secret word stands in one entry alone, so that nothing else keeps it in the index."""
    numbers = random.Random(1)
    secrets = [_word(numbers) for _ in range(200)]
    others = [_word(numbers) for _ in range(400)]
    entries = [note(f"chunk-{n:03d}-end", digest=f"digest-{n:03d}") for n in range(200)]
    texts = [f"{' '.join(numbers.choices(others, k=40))} {secret}" for secret in secrets]
    for start in range(0, 200, 20):
        full_text.upsert(entries[start : start + 20], texts[start : start + 20])
    gone = numbers.sample(range(200), 25)

    if is_replaced:
        full_text.upsert([entries[n] for n in gone], ["nothing"] * len(gone))
    else:
        full_text.remove([entries[n].id for n in gone], owner=ANNA, kind="note")

    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for n in gone:
        # The index keeps of a word what it does not share with the one before it, so the tail is looked for too.
        assert secrets[n].encode() not in files
        assert secrets[n][3:].encode() not in files
    if not is_replaced:
        assert all(entries[n].id.encode() not in files and f"digest-{n:03d}".encode() not in files for n in gone)
    kept = next(n for n in range(200) if n not in gone)
    assert set(search(full_text, secrets[kept])) == {entries[kept].id}
    assert secrets[kept].encode() in files


def test_a_batch_is_stored_whole_or_not_at_all(full_text: FullText, engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER broken BEFORE INSERT ON full_text_entries WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
        connection.commit()

    with pytest.raises(StorageFailed):
        full_text.upsert([note("good"), note("bad")], ["words", "words"])

    assert full_text.digests(owner=ANNA, kind="note") == {}
    assert search(full_text, "words") == {}


def test_a_lost_index_fails_a_search_and_does_not_answer_nothing(full_text: FullText, engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("DROP TABLE private_words"))
        connection.commit()

    with pytest.raises(RetrievalFailed):
        search(full_text, "words")


def test_an_error_holds_nothing_of_what_was_written(full_text: FullText, engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("DROP TABLE private_words"))
        connection.commit()

    with pytest.raises(StorageFailed) as failure:
        full_text.upsert([note("a")], ["confidential"])

    assert "confidential" not in str(failure.value) + str(failure.value.__cause__)


def test_another_database_than_sqlite_is_refused_in_plain_words() -> None:
    class OtherDialect:
        name = "postgresql"

    class OtherEngine:
        dialect = OtherDialect()

    with pytest.raises(ConfigurationError, match="COACH_DATABASE_URL"):
        FullText(OtherEngine())  # type: ignore[arg-type]


def _word(numbers: random.Random) -> str:
    """Letters and digits that no stemmer changes."""
    return "".join(numbers.choices(string.ascii_lowercase, k=9)) + "".join(numbers.choices(string.digits, k=5))
