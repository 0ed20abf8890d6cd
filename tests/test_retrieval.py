"""Retrieval: nothing of the library is cut off, the best draw in their like, and time words choose between equal notes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from coach.domain.people import LIBRARY, Owner
from coach.ports import IndexEntry, Scope
from coach.services.library_index import synchronise
from coach.services.retrieval import NOTES_DEPTH, Query, Retrieval
from tests.fakes.memory_index import MemoryLexicalIndex, MemoryVectorIndex
from tests.fakes.small_world import SmallWorld, small_world
from tests.fakes.word_embedder import DIMENSION, IDENTITY, WordEmbedder

ADA, BEN = Owner("ada"), Owner("ben")
EARLY, LATER, LATEST = date(2026, 3, 9), date(2026, 7, 6), date(2026, 11, 2)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    made = small_world(tmp_path / "library")
    yield made
    made.close()


def found(world: SmallWorld, text: str, *, owner: Owner = ADA, scope: Scope | None = None) -> list[date | None]:
    """The days of the notes about Leeds that are found, best first."""
    query = world.retrieval.query(text)
    hits = world.retrieval.notes(query, owner=owner, scope=scope or Scope())
    return [hit.note.date for hit in hits if "Leeds" in hit.note.text]


def add_equal_notes(world: SmallWorld, *days: date | None, owner: Owner = ADA) -> None:
    """Notes that a question about Leeds matches alike, among others that it does not."""
    for other in ("Workload, mostly, and the rota.", "Dan offered him a place."):
        world.add_note(other, owner=owner, day=LATER)
    for number, day in enumerate(days):
        world.add_note(f"She plans to move to Leeds. {'abcdefgh'[number]}", owner=owner, day=day)


@pytest.mark.parametrize("days", [(EARLY, LATEST), (LATEST, EARLY)])
def test_a_question_for_the_latest_prefers_the_later_of_two_equal_notes(
    days: tuple[date, date], world: SmallWorld
) -> None:
    add_equal_notes(world, *days)
    assert found(world, "Where does she plan to move to now?") == [LATEST, EARLY]


@pytest.mark.parametrize("days", [(EARLY, LATEST), (LATEST, EARLY)])
def test_a_question_for_the_beginning_prefers_the_earlier_of_two_equal_notes(
    days: tuple[date, date], world: SmallWorld
) -> None:
    add_equal_notes(world, *days)
    assert found(world, "Where did she originally plan to move to?") == [EARLY, LATEST]


def test_between_the_ends_notes_stand_in_the_order_of_time(world: SmallWorld) -> None:
    add_equal_notes(world, LATER, EARLY, LATEST)
    assert found(world, "Is she still planning to move to Leeds?") == [LATEST, LATER, EARLY]


def test_an_undated_note_is_found_among_dated_ones(world: SmallWorld) -> None:
    add_equal_notes(world, None, EARLY, LATEST)
    days = found(world, "Is she still planning to move to Leeds?")
    assert [day for day in days if day is not None] == [LATEST, EARLY]
    assert len(days) == 3


def test_a_later_note_about_something_else_does_not_push_out_what_was_asked_for(world: SmallWorld) -> None:
    world.add_note("She plans to move to Leeds in spring.", owner=ADA, day=EARLY)
    world.add_note("Workload, mostly, and the rota.", owner=ADA, day=LATEST)
    first, *_ = world.retrieval.notes(world.retrieval.query("Where does she plan to move to now?"), owner=ADA)
    assert first.note.date == EARLY


def test_a_question_without_time_words_is_indifferent_to_time(world: SmallWorld) -> None:
    text = "Where does she plan to move?"
    add_equal_notes(world, EARLY, LATEST)
    add_equal_notes(world, LATEST, EARLY, owner=BEN)
    assert {tuple(found(world, text)), tuple(found(world, text, owner=BEN))} <= {(EARLY, LATEST), (LATEST, EARLY)}
    query = world.retrieval.query(text)
    first, second, *_ = world.retrieval.notes(query, owner=ADA, is_diverse=False)
    assert first.hit.score == pytest.approx(second.hit.score, abs=0.05)


def test_the_latest_note_of_somebody_else_is_not_found(world: SmallWorld) -> None:
    add_equal_notes(world, EARLY)
    add_equal_notes(world, LATEST, owner=BEN)
    assert found(world, "Is she still planning to move to Leeds?") == [EARLY]


def test_the_latest_is_the_latest_within_the_scope(world: SmallWorld) -> None:
    add_equal_notes(world, EARLY, LATER, LATEST)
    text = "Is she still planning to move to Leeds?"
    assert found(world, text, scope=Scope(until=LATER)) == [LATER, EARLY]


def test_ranks_follow_the_order_that_time_gives(world: SmallWorld) -> None:
    add_equal_notes(world, EARLY, LATER, LATEST)
    hits = world.retrieval.notes(world.retrieval.query("Is she still planning to move to Leeds?"), owner=ADA)
    assert [hit.hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit.note.date for hit in hits if "Leeds" in hit.note.text] == [LATEST, LATER, EARLY]


def test_the_day_of_a_note_is_found_by_its_words(world: SmallWorld) -> None:
    add_equal_notes(world, EARLY, LATEST)
    assert found(world, "What about Leeds on 9 March 2026?")[0] == EARLY
    assert found(world, "What about Leeds on 2 November 2026?")[0] == LATEST


def test_a_name_in_one_note_of_very_many_is_found(world: SmallWorld) -> None:
    for number in range(NOTES_DEPTH + 20):
        world.add_note(f"Workload, mostly. Week {number}.", owner=ADA, day=EARLY + timedelta(days=number))
    world.add_note("Marzipan, she called it.", owner=ADA, day=LATEST)
    first, *_ = world.retrieval.notes(world.retrieval.query("What did she call marzipan?"), owner=ADA)
    assert first.note.date == LATEST


class Library:
    """Cards of a few words each."""

    def __init__(self, world: SmallWorld, texts: dict[str, str]) -> None:
        self.vectors, self.words, embedder = MemoryVectorIndex(IDENTITY), MemoryLexicalIndex(), WordEmbedder()
        synchronise([("card", key, text) for key, text in texts.items()], self.vectors, self.words, embedder)
        self.retrieval = Retrieval(self.vectors, self.words, embedder, world.store)

    def ids(self, text: str, *, top_k: int = 1_000) -> list[str]:
        return [hit.id for hit in self.retrieval.knowledge(self.retrieval.query(text), "card", top_k=top_k)]


def test_every_record_of_the_library_is_a_candidate(world: SmallWorld) -> None:
    library = Library(world, {f"c{number}": f"card {number}" for number in range(120)})
    assert len(library.ids("card")) == 120
    assert library.ids("card 77", top_k=1) == ["c77"]


def test_what_is_like_the_best_record_comes_before_what_is_like_nothing(world: SmallWorld) -> None:
    library = Library(
        world,
        {
            "best": "cancelled again boundaries limits agreements",
            "like": "boundaries limits agreements between people",
            "other": "portfolio exhibition colours canvas brushes",
        },
    )
    query = library.retrieval.query("he cancelled again")
    assert set(query.text.split()).isdisjoint("boundaries limits agreements between people".split())
    assert library.ids(query.text) == ["best", "like", "other"]


def test_the_similarity_that_a_hit_tells_is_that_of_the_message_itself(world: SmallWorld) -> None:
    library = Library(world, {"a": "he cancelled again", "b": "again and again"})
    query = library.retrieval.query("he cancelled again")
    offered = library.retrieval.knowledge_candidates(query, "card")
    for hit in library.retrieval.knowledge(query, "card", top_k=2):
        assert hit.dense == pytest.approx(offered.dense[hit.id])


def test_a_message_that_is_like_nothing_and_shares_no_word_breaks_nothing(world: SmallWorld) -> None:
    library = Library(world, {"a": "he cancelled again", "b": "again and again"})
    assert set(library.ids("🙂")) == {"a", "b"}
    nothing = Query("", [0.0] * DIMENSION)
    assert {hit.id for hit in library.retrieval.knowledge(nothing, "card", top_k=5)} == {"a", "b"}


def test_a_library_without_records_of_a_kind_gives_none(world: SmallWorld) -> None:
    assert Library(world, {}).ids("he cancelled again") == []


def test_notes_are_not_found_among_the_records(world: SmallWorld) -> None:
    library = Library(world, {"a": "he cancelled again"})
    entry = IndexEntry("n", ADA, "card")
    library.vectors.upsert([entry], [WordEmbedder().embed_query("he cancelled")])
    library.words.upsert([entry], ["he cancelled"])
    assert LIBRARY != ADA
    assert library.ids("he cancelled") == ["a"]
