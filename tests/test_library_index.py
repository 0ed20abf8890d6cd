"""The index of the library follows its files: only what changed is embedded, and what vanished is gone."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.adapters.knowledge_files import FileKnowledge, load_knowledge
from coach.domain.people import LIBRARY, Owner
from coach.ports import EntryKind, IndexEntry
from coach.services.library_index import BATCH, KINDS, MAX_WORDS, LibraryText, chunks_of, synchronise
from tests.fakes.knowledge import replace_in, write_small_library
from tests.fakes.memory_index import MemoryLexicalIndex, MemoryVectorIndex
from tests.fakes.word_embedder import IDENTITY, WordEmbedder

GIST = "A first meeting goes better when somebody says what it is for."


class Library:
    """The small library on disk and both of its indexes."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_small_library(folder)
        self.vectors, self.words = MemoryVectorIndex(IDENTITY), MemoryLexicalIndex()
        self.embedder = WordEmbedder()
        self.reports: list[tuple[str, int, int]] = []

    def grow(self) -> None:
        """Past one batch, by phrases."""
        phrases = ", ".join(f"phrase number {number}" for number in range(BATCH))
        replace_in(self.folder / "taxonomy.yaml", "how do I set limits", phrases)

    def load(self) -> FileKnowledge:
        return load_knowledge([self.folder])

    def synchronise(self) -> int:
        """How many were embedded."""
        return synchronise(
            self.load().indexed_texts(),
            self.vectors,
            self.words,
            self.embedder,
            lambda *report: self.reports.append(report),
        )

    def ids(self) -> set[tuple[EntryKind, str]]:
        """What both indexes hold alike."""
        found = [
            {(kind, key): digest for kind in KINDS for key, digest in index.digests(owner=LIBRARY, kind=kind).items()}
            for index in (self.vectors, self.words)
        ]
        assert found[0] == found[1]
        return set(found[0])


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_the_first_time_everything_is_embedded(library: Library) -> None:
    texts = list(library.load().indexed_texts())
    wanted = {(kind, key) for kind, key, _ in texts}
    assert library.synchronise() == len(wanted)
    assert sorted(library.embedder.embedded) == sorted(chunk for _, _, text in texts for chunk in chunks_of(text))
    assert library.ids() == wanted


def test_the_second_time_nothing_is_embedded(library: Library) -> None:
    library.synchronise()
    library.embedder.embedded.clear()
    library.reports.clear()
    assert library.synchronise() == 0
    assert library.embedder.embedded == library.reports == []


def test_a_changed_card_is_embedded_anew_and_nothing_else_is(library: Library) -> None:
    library.synchronise()
    library.embedder.embedded.clear()
    replace_in(library.folder / "cards" / "say-what-it-is-for.md", GIST, "Somebody should mention marzipan.")
    assert library.synchronise() == 1
    (text,) = (text for _, key, text in library.load().indexed_texts() if key == "say-what-it-is-for")
    assert library.embedder.embedded == list(chunks_of(text))
    assert "marzipan" in text
    found = library.words.search("marzipan", owner=LIBRARY, kind="card", top_k=5)
    nearest = library.vectors.search(
        library.embedder.embed_query(library.embedder.embedded[0]), owner=LIBRARY, kind="card", top_k=1
    )
    assert list(found) == list(nearest) == ["say-what-it-is-for"]


def test_a_change_that_is_not_searched_for_costs_nothing(library: Library) -> None:
    library.synchronise()
    replace_in(library.folder / "resources" / "all.yaml", "minutes: 30\n", "minutes: 31\n")
    assert library.synchronise() == 0


def test_a_record_that_is_gone_is_gone_from_both_indexes(library: Library) -> None:
    library.synchronise()
    before = library.ids()
    path = library.folder / "resources" / "all.yaml"
    path.write_text(path.read_text(encoding="utf-8").split("- id: goals-that-teach")[0], encoding="utf-8")
    assert library.synchronise() == 0
    assert before - library.ids() == {("resource", "goals-that-teach")}


def test_an_entry_that_one_index_lost_is_put_back(library: Library) -> None:
    library.synchronise()
    before = library.ids()
    library.words.remove(["say-what-it-is-for"], owner=LIBRARY, kind="card")
    library.vectors.remove(["goal-needs-a-scene"], owner=LIBRARY, kind="card")
    assert library.synchronise() == 2
    assert library.ids() == before


def test_an_interrupted_first_reading_goes_on_where_it_stopped(library: Library) -> None:
    library.grow()
    everything = len(list(library.load().indexed_texts()))

    class Stops(WordEmbedder):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            if self.embedded:
                raise KeyboardInterrupt
            return super().embed_documents(texts)

    with pytest.raises(KeyboardInterrupt):
        synchronise(library.load().indexed_texts(), library.vectors, library.words, Stops())
    assert library.synchronise() == everything - BATCH
    assert len(library.ids()) == everything


def test_progress_is_reported_up_to_the_last_one(library: Library) -> None:
    library.grow()
    total = library.synchronise()
    assert [done for _, done, _ in library.reports] == [*range(BATCH, total, BATCH), total]
    assert {(doing, of) for doing, _, of in library.reports} == {("Reading the library", total)}


def test_entries_of_people_are_left_alone(library: Library) -> None:
    entry = IndexEntry("c1", Owner("ada"), "note", "digest")
    library.vectors.upsert([entry], [library.embedder.embed_query("what Ada wrote")])
    library.words.upsert([entry], ["what Ada wrote"])
    library.synchronise()
    for index in (library.vectors, library.words):
        assert index.digests(owner=Owner("ada"), kind="note") == {"c1": "digest"}


def test_every_kind_but_notes_is_kept_in_step() -> None:
    assert set(KINDS) == set(get_args(EntryKind)) - {"note"}


LEAD = "Say what the hour is for"
LONG = "\n\n".join(f"Paragraph {number} is about tea. " + f"The rain of day {number} fell. " * 9 for number in range(8))


def stored(*texts: LibraryText) -> tuple[dict[str, list[float]], list[str]]:
    """The vectors of cards by id, and what was embedded for them."""
    vectors, words, embedder = MemoryVectorIndex(IDENTITY), MemoryLexicalIndex(), WordEmbedder()
    synchronise(texts, vectors, words, embedder)
    found = vectors.vectors([key for _, key, _ in texts], owner=LIBRARY, kind="card")
    return {key: list(vector) for key, vector in found.items()}, embedder.embedded


def test_a_short_record_has_the_vector_of_its_text() -> None:
    text = f"{LEAD}\nA few words."
    vectors, embedded = stored(("card", "short", text))
    assert embedded == [text]
    assert vectors["short"] == WordEmbedder().embed_query(text)


def test_a_long_records_vector_is_the_mean_of_its_chunks_at_unit_length() -> None:
    vectors, embedded = stored(("card", "long", f"{LEAD}\n{LONG}"))
    assert len(embedded) > 2
    mean = np.mean(WordEmbedder().embed_documents(embedded), axis=0)
    assert vectors["long"] == pytest.approx((mean / np.linalg.norm(mean)).tolist(), abs=1e-6)
    assert math.hypot(*vectors["long"]) == pytest.approx(1.0)


def test_records_of_one_batch_do_not_share_chunks() -> None:
    long, other = f"{LEAD}\n{LONG}", f"Another lead\n{LONG.replace('tea', 'coffee')}"
    alone = {key: stored(("card", key, text))[0][key] for key, text in (("a", long), ("b", "one word"), ("c", other))}
    together, _ = stored(("card", "a", long), ("card", "b", "one word"), ("card", "c", other))
    assert together == {key: pytest.approx(vector) for key, vector in alone.items()}


def test_what_stands_at_the_end_of_a_long_record_is_in_its_vector() -> None:
    query = np.array(WordEmbedder().embed_query("marzipan and almonds"))
    without, with_it = (
        query @ np.array(stored(("card", "c", f"{LEAD}\n{LONG}\n\n{end}"))[0]["c"])
        for end in ("", "Marzipan and almonds. " * 20)
    )
    assert with_it > without + 0.1


def test_every_chunk_of_a_long_text_stands_behind_its_lead() -> None:
    chunks = list(chunks_of(f"{LEAD}\n{LONG}"))
    assert len(chunks) > 2
    assert all(chunk.startswith(f"{LEAD}\n") for chunk in chunks)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([" ", ". ", "\n\n", "\n- ", "!\n", ", "]), max_size=3 * MAX_WORDS))
def test_no_word_of_a_text_is_left_out_of_its_chunks(gaps: list[str]) -> None:
    body = "".join(f"w{number}{gap}" for number, gap in enumerate(gaps))
    found = [word for chunk in chunks_of(f"{LEAD}\n{body}") for word in re.findall(r"w\d+", chunk)]
    assert list(dict.fromkeys(found)) == [f"w{number}" for number in range(len(gaps))]


@pytest.mark.parametrize("text", ["", "one line without a body " * 100, f"{LEAD}\n", f"{LEAD}\n{'word ' * 50}"])
def test_a_text_without_a_long_body_is_one_chunk(text: str) -> None:
    assert list(chunks_of(text)) == [text]


def test_a_chunk_holds_no_more_words_than_the_embedder_reads() -> None:
    for chunk in chunks_of(f"{LEAD}\n{LONG}"):
        assert len(chunk.partition("\n")[2].split()) <= MAX_WORDS


def test_an_index_with_vectors_of_an_earlier_form_is_made_anew(library: Library) -> None:
    texts = list(library.load().indexed_texts())
    for kind, key, text in texts:
        entry = IndexEntry(key, LIBRARY, kind, hashlib.sha256(text.encode()).hexdigest()[:16])
        library.vectors.upsert([entry], [library.embedder.embed_query(text)])
        library.words.upsert([entry], [text])
    assert library.synchronise() == len(texts)
    assert library.synchronise() == 0
