"""First impressions on the small library: which reading a message speaks for, without the real embedder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from coach.domain.errors import RetrievalFailed, StorageFailed
from coach.domain.people import Owner
from coach.ports import EntryKind, IndexEntry, Vector
from coach.services.impressions import Impression, Impressions, core_of
from coach.services.library_index import synchronise
from coach.services.retrieval import Retrieval
from tests.fakes.memory_index import MemoryLexicalIndex, MemoryVectorIndex
from tests.fakes.small_world import SmallWorld, small_world
from tests.fakes.word_embedder import IDENTITY, WordEmbedder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    made = small_world(tmp_path_factory.mktemp("impressions") / "library")
    yield made
    made.close()


@pytest.fixture(scope="module")
def impressions(world: SmallWorld) -> Impressions:
    return Impressions(world.knowledge, world.retrieval)


def of(impressions: Impressions, world: SmallWorld, text: str) -> Impression:
    return impressions.of(world.retrieval.query(text))


def best(scores: object) -> str:
    assert isinstance(scores, dict)
    return max(scores, key=lambda label: scores[label])


def test_a_labelled_message_is_read_as_it_was_labelled(impressions: Impressions, world: SmallWorld) -> None:
    for exemplar in world.knowledge.exemplars.values():
        readings = of(impressions, world, exemplar.text).readings
        assert {field: best(readings[field]) for field in ("role", "stage", "intent", "feeling", "whose")} == {
            "role": exemplar.role,
            "stage": exemplar.stage,
            "intent": exemplar.intent,
            "feeling": exemplar.feeling,
            "whose": exemplar.whose,
        }


def test_every_field_speaks_of_the_taxonomys_terms_only(impressions: Impressions, world: SmallWorld) -> None:
    taxonomy = world.knowledge.taxonomy
    impression = of(impressions, world, "we have to talk")
    terms = {"role": taxonomy.roles, "stage": taxonomy.stages, "intent": taxonomy.intents, "topic": taxonomy.topics}
    for field, known in terms.items():
        assert set(impression.readings[field]) <= {term.id for term in known}  # type: ignore[index]
    assert set(impression.topics) == {"first-session", "agreements", "goal-clarity"}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("my goal is vague, what do I want", "goal-clarity"),
        ("how do I set limits", "agreements"),
        ("our very first meeting", "first-session"),
    ],
)
def test_a_phrase_of_the_taxonomy_speaks_for_its_topic(
    impressions: Impressions, world: SmallWorld, text: str, topic: str
) -> None:
    assert best(of(impressions, world, text).topics) == topic


def test_an_alarm_is_told_from_a_figure_of_speech(impressions: Impressions, world: SmallWorld) -> None:
    assert best(of(impressions, world, "I want to die").alarms) == "crisis"
    assert best(of(impressions, world, "this deadline will be the death of me").alarms) == "none"
    assert best(of(impressions, world, "what should we agree at our first meeting").alarms) == "none"


def test_the_same_message_makes_the_same_impression(impressions: Impressions, world: SmallWorld) -> None:
    again = Impressions(world.knowledge, world.retrieval)
    assert of(impressions, world, "I see her again") == of(again, world, "I see her again")


def test_nothing_is_fitted_before_the_first_message(world: SmallWorld) -> None:
    class Unavailable(MemoryVectorIndex):
        def vectors(self, ids: object, *, owner: Owner, kind: EntryKind) -> dict[str, Vector]:
            raise StorageFailed("The index cannot be read.")

    broken = Retrieval(Unavailable(IDENTITY), MemoryLexicalIndex(), WordEmbedder(), world.store)
    made = Impressions(world.knowledge, broken)
    with pytest.raises(RetrievalFailed, match="cannot be read"):
        made.of(broken.query("hello there"))


def test_an_index_that_lacks_labelled_messages_says_how_to_mend_it(world: SmallWorld) -> None:
    empty = Retrieval(MemoryVectorIndex(IDENTITY), MemoryLexicalIndex(), WordEmbedder(), world.store)
    with pytest.raises(RetrievalFailed, match="coach doctor --rebuild"):
        Impressions(world.knowledge, empty).of(empty.query("hello there"))


def test_only_the_library_is_looked_at(world: SmallWorld) -> None:
    text = "she asked about Dan and my goal is vague"
    vectors, words, embedder = MemoryVectorIndex(IDENTITY), MemoryLexicalIndex(), WordEmbedder()
    synchronise(world.knowledge.indexed_texts(), vectors, words, embedder)
    retrieval = Retrieval(vectors, words, embedder, world.store)
    before = Impressions(world.knowledge, retrieval).of(retrieval.query(text))
    for kind in ("question", "card", "phrase", "exemplar", "note"):
        vectors.upsert([IndexEntry("topic/agreements/1", Owner("ada"), kind)], [embedder.embed_query(text)])
    assert Impressions(world.knowledge, retrieval).of(retrieval.query(text)) == before


def test_a_library_without_labelled_messages_can_still_be_read(world: SmallWorld) -> None:
    bare = replace(world.knowledge, exemplars={}, alarms={})
    assert Impressions(bare, world.retrieval).of(world.retrieval.query("my goal is vague")).topics


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("What questions should I ask my mentee about her portfolio tomorrow?", "portfolio"),
        ("Something to read on negotiation before our session", "negotiation"),
    ],
)
def test_the_words_of_the_request_are_taken_out(text: str, core: str) -> None:
    found = core_of(text)
    assert core in found
    assert not {"questions", "session", "mentee", "tomorrow"} & set(found.lower().split())


def test_a_message_that_is_all_request_stays_as_it_is() -> None:
    assert core_of("One question for my mentee") == "One question for my mentee"
