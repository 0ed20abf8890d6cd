"""Names, noun phrases and dates lifted out of what people write."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach.domain.knowledge import fill, slots_in
from coach.domain.sentences import sentence_spans
from coach.domain.wording import joined, name_in, spoken_date, subject_in


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I meet Priya tomorrow, junior designer.", "Priya"),
        ("Kwame keeps cancelling on me", "Kwame"),
        ("I'm talking to my mentor Adaeze about a promotion", "Adaeze"),
        ("I see her again on Thursday.", None),
        ("What should I ask in March?", None),
        ("we meet on Zoom with HR", None),
    ],
)
def test_a_person_is_named_only_where_the_text_names_one(text: str, name: str | None) -> None:
    assert name_in(text) == name


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("junior designer, thinks about product management. I'm nervous.", "product management"),
        ("I want to be better at leading people but I don't know where to start", "leading people"),
        ("My mentee wants to move into data science but his manager won't let him", "data science"),
        ("I see Priya again tomorrow.", None),
        ("I keep thinking about it", None),
        ("She is thinking of leaving her job", None),
    ],
)
def test_a_subject_is_lifted_whole_or_not_at_all(text: str, subject: str | None) -> None:
    assert subject_in(text) == subject


def test_a_slot_takes_a_value_or_keeps_its_default() -> None:
    text = "What keeps pulling you towards {topic|this}?"
    assert fill(text, {"topic": "product work"}) == "What keeps pulling you towards product work?"
    assert fill(text, {"topic": None}) == fill(text, {}) == "What keeps pulling you towards this?"
    assert slots_in(text) == {"topic"}


def test_the_year_is_said_only_where_it_is_another() -> None:
    assert spoken_date(date(2026, 10, 12), today=date(2026, 11, 1)) == "12 October"
    assert spoken_date(date(2025, 10, 12), today=date(2026, 11, 1)) == "12 October 2025"


def test_lists_are_joined_as_one_says_them() -> None:
    assert [joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


@given(st.text(max_size=400))
def test_sentences_are_disjoint_ordered_and_cover_all_that_is_not_white_space(text: str) -> None:
    spans = list(sentence_spans(text))
    assert all(start < end for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    covered = "".join(text[start:end] for start, end in spans)
    assert "".join(covered.split()) == "".join(text.split())


def test_abbreviations_and_initials_do_not_end_a_sentence() -> None:
    text = "P. was flat, e.g. about execs. Dr. Osei knows why…"
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "P. was flat, e.g. about execs.",
        "Dr. Osei knows why…",
    ]
