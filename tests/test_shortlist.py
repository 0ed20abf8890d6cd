"""A shortlist weighs what retrieval finds by what the message is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coach.domain.errors import RetrievalFailed, StorageFailed
from coach.domain.knowledge import Question
from coach.domain.people import Owner
from coach.domain.ranking import Hit
from coach.ports import EntryKind
from coach.services.impressions import Labels
from coach.services.library_index import synchronise
from coach.services.retrieval import Retrieval
from coach.services.shortlist import Shortlist, ShortlistKind
from tests.fakes.memory_index import MemoryLexicalIndex, MemoryVectorIndex
from tests.fakes.small_world import SmallWorld, small_world
from tests.fakes.word_embedder import IDENTITY, WordEmbedder

KINDS: tuple[ShortlistKind, ...] = ("card", "question", "framing", "resource", "plan")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    made = small_world(tmp_path_factory.mktemp("shortlist") / "library")
    yield made
    made.close()


def records(
    world: SmallWorld, text: str, kind: ShortlistKind = "question", *, topics: Labels, top_k: int = 30
) -> list[Hit]:
    made = Shortlist(world.knowledge, world.retrieval)
    return made.records(world.retrieval.query(text), kind, topics=topics, top_k=top_k)


def of_questions(world: SmallWorld, *questions: Question) -> tuple[Shortlist, Retrieval]:
    """A library whose questions are these."""
    knowledge = replace(world.knowledge, questions={question.id: question for question in questions})
    vectors, words, embedder = MemoryVectorIndex(IDENTITY), MemoryLexicalIndex(), WordEmbedder()
    synchronise(knowledge.indexed_texts(), vectors, words, embedder)
    retrieval = Retrieval(vectors, words, embedder, world.store)
    return Shortlist(knowledge, retrieval), retrieval


def alike(world: SmallWorld, **topics: tuple[str, ...]) -> list[Question]:
    """Questions by id that read the same and speak of these topics, and two that read otherwise."""
    pattern = world.knowledge.questions["would-miss"]
    others = [world.knowledge.questions[key] for key in ("do-or-notice", "worth-your-time")]
    return [*(replace(pattern, id=key, topics=of) for key, of in topics.items()), *others]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_shortlist_best_first(kind: ShortlistKind, world: SmallWorld) -> None:
    hits = records(world, "a goal to learn while the task is new", kind, topics={"goal-clarity": 0.9})
    of_kind: Mapping[str, Collection[str]] = {
        "card": world.knowledge.cards,
        "question": world.knowledge.questions,
        "framing": world.knowledge.framings,
        "resource": world.knowledge.resources,
        "plan": world.knowledge.plans,
    }
    assert {hit.id for hit in hits} <= set(of_kind[kind])
    assert hits
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_where_no_topic_is_known_the_order_is_that_of_retrieval(world: SmallWorld) -> None:
    text = "what would tell us that it is working"
    found = world.retrieval.knowledge(world.retrieval.query(text), "question", top_k=30)
    for topics in ({}, {"agreements": 0.0}, {"no-such-topic": 1.0}):
        assert [hit.id for hit in records(world, text, topics=topics)] == [hit.id for hit in found]


def test_of_two_that_match_alike_the_one_about_the_topic_comes_first(world: SmallWorld) -> None:
    made, retrieval = of_questions(world, *alike(world, a=("agreements",), b=("goal-clarity",)))
    query = retrieval.query("what would you miss")
    for topic, first in (("goal-clarity", "b"), ("agreements", "a")):
        hits = made.records(query, "question", topics={topic: 0.8}, top_k=2)
        assert hits[0].id == first


def test_a_topic_counts_more_the_nearer_it_stands_to_a_record(world: SmallWorld) -> None:
    made, retrieval = of_questions(
        world, *alike(world, a=("agreements", "goal-clarity"), b=("goal-clarity", "agreements"))
    )
    hits = made.records(retrieval.query("what would you miss"), "question", topics={"goal-clarity": 0.5}, top_k=2)
    assert [hit.id for hit in hits] == ["b", "a"]


def test_a_better_match_is_not_put_behind_for_a_faint_topic(world: SmallWorld) -> None:
    text = world.knowledge.questions["worth-your-time"].text
    topics = {"first-session": 0.3, "agreements": 0.3, "goal-clarity": 0.31}
    assert records(world, text, topics=topics)[0].id == "worth-your-time"


def test_a_topic_that_surely_does_not_fit_takes_nothing_away(world: SmallWorld) -> None:
    text = "what would you miss"
    assert records(world, text, topics={"goal-clarity": -0.7, "agreements": 0.5}) == records(
        world, text, topics={"agreements": 0.5}
    )


def test_no_more_are_given_than_wanted_and_those_are_the_best(world: SmallWorld) -> None:
    topics = {"goal-clarity": 0.9}
    assert records(world, "a small step", topics=topics, top_k=2) == records(world, "a small step", topics=topics)[:2]


def test_a_record_that_the_library_no_longer_has_is_not_listed(world: SmallWorld) -> None:
    fewer = {key: question for key, question in world.knowledge.questions.items() if key != "would-miss"}
    made = Shortlist(replace(world.knowledge, questions=fewer), world.retrieval)
    hits = made.records(world.retrieval.query("what would you miss"), "question", topics={"goal-clarity": 1}, top_k=30)
    assert {hit.id for hit in hits} <= set(fewer)


def test_a_library_without_records_of_a_kind_lists_none(world: SmallWorld) -> None:
    made, retrieval = of_questions(world)
    assert made.records(retrieval.query("what would you miss"), "question", topics={"goal-clarity": 1}, top_k=3) == []


def test_an_index_that_does_not_answer_is_a_failed_retrieval(world: SmallWorld) -> None:
    class Broken(MemoryLexicalIndex):
        def search(self, query: str, **_: object) -> dict[str, float]:
            raise StorageFailed("The index cannot be read.")

        def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
            return {}

    retrieval = Retrieval(MemoryVectorIndex(IDENTITY), Broken(), WordEmbedder(), world.store)
    with pytest.raises(RetrievalFailed, match="cannot be read"):
        Shortlist(world.knowledge, retrieval).records(retrieval.query("hello"), "card", topics={}, top_k=3)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=80),
    topics=st.dictionaries(
        st.sampled_from(["first-session", "agreements", "goal-clarity", "another"]), st.floats(-2, 2), max_size=4
    ),
)
def test_every_score_is_a_share(text: str, topics: dict[str, float], world: SmallWorld) -> None:
    for hit in records(world, text, topics=topics):
        assert -1e-9 <= hit.score <= 1 + 1e-9
