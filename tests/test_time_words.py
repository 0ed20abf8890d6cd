"""Words that ask for the end or the beginning of a story."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach.domain.time_words import end_asked_for


@pytest.mark.parametrize(
    "text",
    [
        "Where does she work now?",
        "Which offer did he take in the end?",
        "What have we settled on?",
        "Is he still going to apply?",
        "Which day is the board meeting?",
        "What was the last thing they heard? Which date is it actually?",
        "What is her CURRENT goal?",
        "When we last spoke it was Leeds; where did she end up?",
        "what's the most recent plan",
    ],
)
def test_a_question_for_how_things_stand_asks_for_the_latest(text: str) -> None:
    assert end_asked_for(text) == "latest"


@pytest.mark.parametrize(
    "text",
    [
        "What did she want the first time we met?",
        "What was his goal originally?",
        "What did we talk about in our first session?",
        "How did she feel about it at the start?",
        "What did she hope for when we started?",
        "What was our VERY FIRST agreement?",
    ],
)
def test_a_question_for_how_it_began_asks_for_the_first(text: str) -> None:
    assert end_asked_for(text) == "first"


def test_a_question_for_the_beginning_is_not_turned_round_by_a_word_of_today() -> None:
    assert end_asked_for("What did she say the first time we met, and is she still there?") == "first"


@pytest.mark.parametrize(
    "text",
    [
        "What did Priya say about the grant?",
        "Does she know Dan?",
        "Did she mention snow, knowledge or nowhere?",
        "Who is the finalist?",
        "What comes first on her list?",
        "",
    ],
)
def test_a_question_without_such_words_asks_for_neither(text: str) -> None:
    assert end_asked_for(text) is None


@given(st.text(max_size=200))
def test_the_case_of_a_text_makes_no_difference(text: str) -> None:
    asked = f"{text} now"
    assert end_asked_for(asked.upper()) == end_asked_for(asked.upper().lower())
