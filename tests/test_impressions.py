"""First impressions on the small library: which reading a message speaks for, without the real embedder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from coach.adapters.array_files import ArrayFiles
from coach.adapters.knowledge_files import FileKnowledge
from coach.domain.errors import RetrievalFailed, StorageFailed
from coach.domain.people import Owner
from coach.ports import ArrayStore, EntryKind, IndexEntry, Vector
from coach.services.impressions import Impression, Impressions
from coach.services.library_index import synchronise
from coach.services.retrieval import Retrieval
from tests.fakes.memory_arrays import MemoryArrays
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
    return Impressions(world.knowledge, world.retrieval, MemoryArrays())


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
    again = Impressions(world.knowledge, world.retrieval, MemoryArrays())
    assert of(impressions, world, "I see her again") == of(again, world, "I see her again")


def test_nothing_is_fitted_before_the_first_message(world: SmallWorld) -> None:
    class Unavailable(MemoryVectorIndex):
        def vectors(self, ids: object, *, owner: Owner, kind: EntryKind) -> dict[str, Vector]:
            raise StorageFailed("The index cannot be read.")

    broken = Retrieval(Unavailable(IDENTITY), MemoryLexicalIndex(), WordEmbedder(), world.store)
    made = Impressions(world.knowledge, broken, MemoryArrays())
    with pytest.raises(RetrievalFailed, match="cannot be read"):
        made.of(broken.query("hello there"))


def test_an_index_that_lacks_labelled_messages_says_how_to_mend_it(world: SmallWorld) -> None:
    empty = Retrieval(MemoryVectorIndex(IDENTITY), MemoryLexicalIndex(), WordEmbedder(), world.store)
    with pytest.raises(RetrievalFailed, match="coach doctor --rebuild"):
        Impressions(world.knowledge, empty, MemoryArrays()).of(empty.query("hello there"))


def test_only_the_library_is_looked_at(world: SmallWorld) -> None:
    text = "she asked about Dan and my goal is vague"
    vectors, words, embedder = MemoryVectorIndex(IDENTITY), MemoryLexicalIndex(), WordEmbedder()
    synchronise(world.knowledge.indexed_texts(), vectors, words, embedder)
    retrieval = Retrieval(vectors, words, embedder, world.store)
    before = Impressions(world.knowledge, retrieval, MemoryArrays()).of(retrieval.query(text))
    for kind in ("question", "card", "phrase", "exemplar", "note"):
        vectors.upsert([IndexEntry("topic/agreements/1", Owner("ada"), kind)], [embedder.embed_query(text)])
    assert Impressions(world.knowledge, retrieval, MemoryArrays()).of(retrieval.query(text)) == before


def test_a_library_without_labelled_messages_can_still_be_read(world: SmallWorld) -> None:
    bare = replace(world.knowledge, exemplars={}, alarms={})
    assert Impressions(bare, world.retrieval, MemoryArrays()).of(world.retrieval.query("my goal is vague")).topics


TEXTS = ("I see her again on Friday and I am nervous", "my goal is vague", "I want to die", "🙂", "")


def all_scores(made: Impressions, world: SmallWorld) -> list[Mapping[str, float]]:
    """Every score of a few messages, field by field."""
    seen = [of(made, world, text) for text in TEXTS]
    return [scores for impression in seen for scores in (*impression.readings.values(), impression.alarms)]


def changed(knowledge: FileKnowledge, **fields: object) -> FileKnowledge:
    """The library with another exemplar `x1`."""
    exemplars = dict(knowledge.exemplars)
    exemplars["x1"] = replace(exemplars["x1"], **fields)  # type: ignore[arg-type]
    return replace(knowledge, exemplars=exemplars)


def on(knowledge: FileKnowledge, world: SmallWorld, kept: ArrayStore) -> Impressions:
    """Readers of this library, its index brought in step."""
    vectors, words, embedder = MemoryVectorIndex(IDENTITY), MemoryLexicalIndex(), WordEmbedder()
    synchronise(knowledge.indexed_texts(), vectors, words, embedder)
    return Impressions(knowledge, Retrieval(vectors, words, embedder, world.store), kept)


def test_readers_that_were_kept_read_as_the_fitted_ones_did(world: SmallWorld, tmp_path: Path) -> None:
    for kept in (MemoryArrays(), ArrayFiles(tmp_path)):
        fitted = Impressions(world.knowledge, world.retrieval, kept)
        before = all_scores(fitted, world)
        loaded = Impressions(world.knowledge, world.retrieval, kept)
        assert all_scores(loaded, world) == before
        assert any(before)


def test_the_same_library_is_learnt_from_once(world: SmallWorld) -> None:
    kept = MemoryArrays()
    for _ in range(3):
        Impressions(world.knowledge, world.retrieval, kept).prepare()
    assert sorted(kept.saved) == ["alarms", "situations"]


def test_preparing_again_fits_nothing(world: SmallWorld) -> None:
    kept = MemoryArrays()
    made = Impressions(world.knowledge, world.retrieval, kept)
    made.prepare()
    before = list(kept.saved)
    made.prepare()
    of(made, world, "hello there")
    assert kept.saved == before


def test_a_changed_message_makes_all_readers_anew(world: SmallWorld) -> None:
    kept = MemoryArrays()
    on(world.knowledge, world, kept).prepare()
    other = changed(world.knowledge, text="marzipan tomorrow, for the first time")
    anew = on(other, world, kept)
    assert all_scores(anew, world) == all_scores(on(other, world, MemoryArrays()), world)
    assert sorted(kept.saved) == ["alarms", "alarms", "situations", "situations"]


@pytest.mark.parametrize(
    "fields", [{"role": "mentee"}, {"intent": "clarify-goal"}, {"whose": "theirs"}, {"topics": ("goal-clarity",)}]
)
def test_a_changed_label_makes_the_readers_that_learn_from_it_anew(
    fields: Mapping[str, object], world: SmallWorld
) -> None:
    kept = MemoryArrays()
    before = all_scores(on(world.knowledge, world, kept), world)
    anew = all_scores(on(changed(world.knowledge, **fields), world, kept), world)
    assert anew != before
    assert sorted(kept.saved) == ["alarms", "situations", "situations"]


def test_a_changed_alarm_makes_the_reader_of_alarms_anew_and_no_other(world: SmallWorld) -> None:
    kept = MemoryArrays()
    before = on(world.knowledge, world, kept)
    assert best(of(before, world, "this deadline will be the death of me").alarms) == "none"
    alarms = dict(world.knowledge.alarms)
    alarms["a2"] = replace(alarms["a2"], decision="abuse")
    anew = on(replace(world.knowledge, alarms=alarms), world, kept)
    assert best(of(anew, world, "this deadline will be the death of me").alarms) == "abuse"
    assert sorted(kept.saved) == ["alarms", "alarms", "situations"]


def test_another_embedder_makes_the_readers_anew(world: SmallWorld) -> None:
    class Shouting(WordEmbedder):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return super().embed_documents([f"{text} indeed" for text in texts])

    kept = MemoryArrays()
    on(world.knowledge, world, kept).prepare()
    other = replace(IDENTITY, digest="another")
    vectors, words, embedder = MemoryVectorIndex(other), MemoryLexicalIndex(), Shouting()
    synchronise(world.knowledge.indexed_texts(), vectors, words, embedder)
    Impressions(world.knowledge, Retrieval(vectors, words, embedder, world.store), kept).prepare()
    assert sorted(kept.saved) == ["alarms", "alarms", "situations", "situations"]


@pytest.mark.parametrize("name", ["situations", "alarms"])
def test_a_damaged_file_is_made_anew(name: str, world: SmallWorld, tmp_path: Path) -> None:
    before = all_scores(Impressions(world.knowledge, world.retrieval, ArrayFiles(tmp_path)), world)
    path = tmp_path / f"{name}.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert all_scores(Impressions(world.knowledge, world.retrieval, ArrayFiles(tmp_path)), world) == before
    assert len(path.read_bytes()) == len(whole)


def test_nothing_of_what_is_kept_holds_a_message_or_a_name(world: SmallWorld, tmp_path: Path) -> None:
    Impressions(world.knowledge, world.retrieval, ArrayFiles(tmp_path)).of(world.retrieval.query("Marzipan asked Dan"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alarms.npz", "situations.npz"]
    for path in tmp_path.iterdir():
        assert b"arzipan" not in path.read_bytes()


def test_several_messages_at_once_fit_the_readers_once(world: SmallWorld) -> None:
    kept = MemoryArrays()
    made = Impressions(world.knowledge, world.retrieval, kept)
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: of(made, world, "my goal is vague").alarms, range(8)))
    assert seen == [seen[0]] * 8
    assert sorted(kept.saved) == ["alarms", "situations"]


def test_an_index_that_failed_once_is_asked_again(world: SmallWorld) -> None:
    class Failing(MemoryVectorIndex):
        is_down = True

        def vectors(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> dict[str, Vector]:
            if self.is_down:
                raise StorageFailed("The index cannot be read.")
            return super().vectors(ids, owner=owner, kind=kind)

    vectors, words, embedder = Failing(IDENTITY), MemoryLexicalIndex(), WordEmbedder()
    synchronise(world.knowledge.indexed_texts(), vectors, words, embedder)
    retrieval = Retrieval(vectors, words, embedder, world.store)
    made = Impressions(world.knowledge, retrieval, MemoryArrays())
    with pytest.raises(RetrievalFailed):
        made.of(retrieval.query("my goal is vague"))
    vectors.is_down = False
    assert best(made.of(retrieval.query("my goal is vague, what do I want")).topics) == "goal-clarity"
