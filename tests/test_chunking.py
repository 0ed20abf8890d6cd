import re
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.domain.chunking import CHARACTERS_PER_TOKEN, MAX_TOKENS, chunk_note
from coach.domain.notes import Chunk

_TOKEN = re.compile(r"\w{1,6}|[^\w\s]")


def offsets(text: str) -> list[tuple[int, int]]:
    """Like word pieces: up to six letters, or one mark."""
    return [match.span() for match in _TOKEN.finditer(text)]


def chunks_of(text: str, *, max_tokens: int = MAX_TOKENS, overlap_sentences: int = 1) -> list[Chunk]:
    return chunk_note(
        text, note_id="n", token_offsets=offsets, max_tokens=max_tokens, overlap_sentences=overlap_sentences
    )


def texts(text: str, *, max_tokens: int = MAX_TOKENS, overlap_sentences: int = 0) -> list[str]:
    return [chunk.text for chunk in chunks_of(text, max_tokens=max_tokens, overlap_sentences=overlap_sentences)]


_MARKS = [
    "# Goals\n",
    "## Next\n",
    "**Actions**\n",
    "Actions:\n",
    "- ",
    "1. ",
    "Priya: ",
    "Sam: ",
    "\n",
    "\n\n",
    "\t",
    "\u3000",
]
_WORDS = [
    "She said so. ",
    "Why? ",
    "Dr. ",
    "e.g. ",
    "word ",
    "wörter ",
    "a" * 50,
    "!!!",
    "...",
    "\u200b",
    "😀",
    "日本語",
]
_PIECES = st.sampled_from([*_MARKS, *_WORDS])
_NOTES = st.one_of(st.lists(_PIECES, max_size=80).map("".join), st.text(max_size=300))


@given(_NOTES, st.integers(1, 60), st.integers(0, 3))
@settings(max_examples=300, deadline=timedelta(seconds=2))
def test_chunks_are_exact_cover_all_and_keep_to_the_limits(text: str, max_tokens: int, overlap: int) -> None:
    chunks = chunks_of(text, max_tokens=max_tokens, overlap_sentences=overlap)
    covered: set[int] = set()
    for ordinal, chunk in enumerate(chunks):
        assert chunk.id == f"n:{ordinal}"
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip() == chunk.text != ""
        assert sum(chunk.start <= start < chunk.end for start, _ in offsets(text)) <= max_tokens
        assert chunk.end - chunk.start <= max_tokens * CHARACTERS_PER_TOKEN
        covered.update(range(chunk.start, chunk.end))
    assert all(character.isspace() or place in covered for place, character in enumerate(text))
    starts = [chunk.start for chunk in chunks]
    assert starts == sorted(set(starts))
    assert len({(chunk.start, chunk.end) for chunk in chunks}) == len(chunks)


@given(_NOTES)
def test_the_same_note_is_cut_the_same_way_again(text: str) -> None:
    assert chunks_of(text, max_tokens=20) == chunks_of(text, max_tokens=20)


def test_an_empty_note_has_no_chunks() -> None:
    assert chunks_of("") == chunks_of(" \n\t\n") == []


def test_no_chunk_can_hold_less_than_a_token() -> None:
    with pytest.raises(ValueError, match="max_tokens is 0"):
        chunks_of("words", max_tokens=0)


def test_a_short_note_is_one_chunk() -> None:
    note = "# Session with Priya\n\nShe wants to lead.\n\n- send the book\n- ask Tom"
    assert texts(note) == [note]


def test_a_chunk_knows_the_heading_it_stands_under() -> None:
    note = "# Goals\n\n" + "She wants to lead. " * 30 + "\n\n**Actions:**\n\n" + "Send her the book. " * 30
    chunks = chunks_of(note, max_tokens=60)
    assert {chunk.heading for chunk in chunks} == {"Goals", "Actions"}
    assert all(("book" in chunk.text) == (chunk.heading == "Actions") for chunk in chunks)


def test_a_heading_stays_with_what_it_heads() -> None:
    note = "First part of it. " * 9 + "\n\n## Next steps\n\n" + "Send the book. " * 4
    assert any(chunk.startswith("## Next steps\n\nSend") for chunk in texts(note, max_tokens=50))
    assert not any(chunk.endswith("steps") for chunk in texts(note, max_tokens=50))


def test_a_line_that_ends_in_a_colon_stays_with_its_list() -> None:
    note = "She spoke of work. " * 10 + "\n\nNext steps:\n\n- send the book to her\n- ask Tom about it"
    for limit in range(40, 80):
        assert not any(chunk.endswith("Next steps:") for chunk in texts(note, max_tokens=limit))


def test_short_sections_share_a_chunk() -> None:
    assert len(texts("# Went well\n\nThe talk.\n\n# Hard\n\nThe questions.\n\n# Next\n\nSend slides.")) == 1


def test_a_list_item_is_not_cut_where_it_fits_whole() -> None:
    items = [f"- item {number} is about her plans and about what she wants" for number in range(30)]
    for chunk in texts("\n".join(items), max_tokens=50):
        assert all(line in items for line in chunk.split("\n"))


def test_a_paragraph_that_fits_whole_is_not_cut() -> None:
    paragraphs = [f"Number {n}. She said one thing. Then she said another." for n in range(12)]
    for chunk in texts("\n\n".join(paragraphs), max_tokens=40):
        assert all(paragraph in paragraphs for paragraph in chunk.split("\n\n"))


def test_a_paragraph_that_has_to_be_cut_repeats_a_sentence() -> None:
    sentences = [f"Sentence number {n} has some words." for n in range(30)]
    first, second = texts(" ".join(sentences), max_tokens=80, overlap_sentences=1)[:2]
    assert second.startswith(re.findall(r"Sentence[^.]*\.", first)[-1])


def test_a_turn_that_is_cut_keeps_its_speaker_as_heading() -> None:
    long_turn = "I said this and that to them. " * 20
    note = f"Sam: How did it go?\n\nPriya: {long_turn}\n\nSam: And then?\n\nPriya: Nothing."
    chunks = chunks_of(note, max_tokens=60)
    inside = [chunk for chunk in chunks if chunk.text.startswith("I said")]
    assert inside
    assert {chunk.heading for chunk in inside} == {"Priya"}


def test_sentences_are_not_cut_at_abbreviations_and_decimals() -> None:
    note = "Dr. Shah rated it 3.5 of 5, e.g. for pace. P. Jones agreed... in part. Then they left."
    for chunk in texts(note, max_tokens=22):
        assert not chunk.endswith(("Dr.", "e.g.", "P.", "3."))


def test_a_sentence_without_end_is_cut_at_token_borders() -> None:
    note = "x, " * 33_000
    chunks = chunks_of(note, max_tokens=100)
    assert max(len(offsets(chunk.text)) for chunk in chunks) <= 100
    assert all(chunk.text.startswith(("x", ",")) for chunk in chunks)


def test_one_word_of_a_hundred_thousand_letters_is_cut() -> None:
    def one_token(text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]

    chunks = chunk_note("a" * 100_000, note_id="n", token_offsets=one_token)
    assert "".join(chunk.text for chunk in chunks) == "a" * 100_000
    assert max(len(chunk.text) for chunk in chunks) <= MAX_TOKENS * CHARACTERS_PER_TOKEN


@pytest.mark.parametrize(
    "unit",
    [
        "Priya: I think that went well. And you?\n\n",
        "- item\n",
        "# H\n",
        "\n",
        "!",
        ". ",
        "a\tb",
        "Dr. ",
        "**a ",
        "[",
        "A: ",
    ],
)
def test_no_text_takes_time_that_grows_faster_than_its_length(unit: str) -> None:
    """These take well under a second; anything quadratic in 200,000 characters takes minutes."""
    started = time.process_time()
    chunks_of(unit * (200_000 // len(unit)))
    assert time.process_time() - started < 10
