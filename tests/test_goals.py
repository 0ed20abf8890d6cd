"""What a goal lacks, and where it is stated."""

import pytest

from coach.services.goals import goal_stated_in, is_about_another, missing_in


def test_a_bare_wish_lacks_nearly_everything() -> None:
    assert len(missing_in("I want to be better at leading")) >= 8


def test_what_is_said_is_not_missing() -> None:
    goal = (
        "By the end of March I want to present to the board without notes at least once, because I want to be heard there."
        " The obstacle is that I freeze; if I freeze, I will read my first line from the card. My mentor will watch me."
    )
    assert not {"when", "observable", "why", "obstacle", "if-then", "support"} & set(missing_in(goal))


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        (
            "I want to be better at leading people but I don't know where to start.",
            "I want to be better at leading people",
        ),
        ("Honestly I'd like to move into data, because I'm bored.", "I'd like to move into data"),
        ("I see Priya tomorrow.", None),
    ],
)
def test_a_goal_is_lifted_in_the_writers_own_words(text: str, goal: str | None) -> None:
    assert goal_stated_in(text) == goal


def test_a_goal_for_somebody_else_is_recognised() -> None:
    assert is_about_another("I want to make my mentee more confident")
    assert not is_about_another("I want to be more confident with my mentee")
