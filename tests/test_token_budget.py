"""What fits into a model's window, and what becomes of the rest."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.services.token_budget import MESSAGE_TOKENS, REQUIRED, Condensed, Item, Said, WindowTooSmall, condensed, pack


def words(text: str) -> int:
    return len(text.split())


def item(name: str, value: float, tokens: int) -> Item:
    return Item(name, value, tokens, "card")


def packed(*items: Item, budget: int) -> list[str]:
    return [item.text for item in pack(items, budget=budget)]


# packing


def test_what_is_required_comes_first_and_the_rest_by_value_for_its_length() -> None:
    items = item("long", 5.0, 50), item("question", REQUIRED, 20), item("short", 3.0, 10), item("dull", 0.1, 10)

    assert packed(*items, budget=100) == ["long", "question", "short", "dull"]
    assert packed(*items, budget=85) == ["long", "question", "short"]
    assert packed(*items, budget=79) == ["question", "short", "dull"], "what is too long does not keep out what fits"
    assert packed(*items, budget=30) == ["question", "short"]
    assert packed(*items, budget=20) == ["question"]


def test_of_equals_the_earlier_is_shown() -> None:
    assert packed(item("a", 1.0, 10), item("b", 2.0, 20), item("c", 1.0, 10), budget=20) == ["a", "c"]
    assert packed(item("a", 1.0, 10), item("a", 1.0, 10), budget=20) == ["a", "a"]


def test_what_has_no_value_is_left_out() -> None:
    assert packed(item("nothing", 0.0, 1), item("harm", -1.0, 1), item("what", math.nan, 1), budget=9) == []
    assert packed(item("free", 0.5, 0), budget=0) == ["free"]


def test_what_must_be_shown_and_does_not_fit_is_refused_in_words() -> None:
    with pytest.raises(WindowTooSmall, match=r"take 1,201 tokens, and there is room for 1,200\. Shorten the message"):
        pack([item("instructions", REQUIRED, 701), item("message", REQUIRED, 500)], budget=1200)


@given(
    st.lists(st.tuples(st.floats(0, 10) | st.just(REQUIRED), st.integers(0, 50)), max_size=20),
    st.integers(0, 400),
)
def test_a_pack_is_never_over_the_budget_and_keeps_the_order(given: list[tuple[float, int]], budget: int) -> None:
    items = [item(f"{place:02}", value, tokens) for place, (value, tokens) in enumerate(given)]
    required = [one for one in items if one.value == REQUIRED]
    if sum(one.tokens for one in required) > budget:
        with pytest.raises(WindowTooSmall):
            pack(items, budget=budget)
        return
    chosen = pack(items, budget=budget)
    left = budget - sum(one.tokens for one in chosen)

    assert left >= 0
    assert [one.text for one in chosen] == sorted(one.text for one in chosen)
    assert set(required) <= set(chosen)
    assert not [one for one in items if one not in chosen and one.value > 0 and one.tokens <= left], "room was wasted"


# conversations


def talk(turns: int, *, length: int = 30) -> list[Said]:
    filler = "And so it went on. " * (length // 5)
    return [
        said
        for turn in range(turns)
        for said in (
            Said("user", f"In week {turn} she was nervous. {filler}How do I begin week {turn}?"),
            Said("coach", f"**That sounds hard.** {filler}\n\n1. What matters in week {turn}? [1]", (f"Card {turn}",)),
        )
    ]


def test_a_short_conversation_is_kept_word_for_word() -> None:
    said = talk(3)

    kept = condensed(said, budget=2000, count=words)
    assert kept == Condensed("", tuple(said), 0, sum(words(one.text) + MESSAGE_TOKENS for one in said))


def test_older_turns_tell_what_was_asked_and_what_was_cited() -> None:
    kept = condensed(talk(10), budget=2000, count=words, verbatim=4)

    assert [one.text for one in kept.recent] == [one.text for one in talk(10)[-4:]]
    lines = kept.earlier.split("\n")
    assert len(lines) == 16
    assert lines[0].startswith("User: In week 0 she was nervous.")
    assert lines[0].endswith("How do I begin week 0?")
    assert lines[1] == "Coach asked: What matters in week 0? (cited: Card 0)"
    assert kept.left_out == 0


def test_a_line_is_a_line_however_long_and_broken_the_message_was() -> None:
    said = [
        Said("coach", "- a\n\n- b " + "c " * 500, ("T\nU", "T\nU", "V", "W", "X")),
        Said("user", "x " * 500 + "?" * 50),
    ]
    lines = condensed([*said, Said("user", "ok")], budget=2000, count=words, verbatim=1).earlier.split("\n")

    assert len(lines) == 2
    assert max(map(len, lines)) < 400
    assert lines[0].endswith("(cited: T U; V; W)")


def test_the_oldest_give_way_to_a_line_that_counts_them() -> None:
    kept = condensed(talk(60), budget=600, count=words, verbatim=4)
    lines = kept.earlier.split("\n")

    assert lines[0] == f"({kept.left_out} earlier messages are left out.)"
    assert len(lines) - 1 + kept.left_out + len(kept.recent) == 120
    assert "week 57" in lines[-1]
    assert kept.left_out > 0


def test_lines_that_take_more_joined_than_apart_are_shown_as_far_as_they_fit() -> None:
    def count(text: str) -> int:
        return words(text) + 20 * text.count("\n")

    kept = condensed(talk(30), budget=400, count=count, verbatim=2)

    assert count(kept.earlier) + sum(count(one.text) + MESSAGE_TOKENS for one in kept.recent) == kept.tokens <= 400
    assert kept.earlier.count("\n") > 2


def test_long_messages_leave_room_for_what_was_asked_before() -> None:
    kept = condensed(talk(10, length=200), budget=900, count=words, verbatim=8)

    assert len(kept.recent) == 2
    assert kept.earlier.count("What matters in week") > 5


def test_of_a_long_question_the_end_is_kept() -> None:
    said = [Said("coach", "If " + "she says so and " * 30 + "what would you do then?"), Said("user", "ok")]

    line = condensed(said, budget=500, count=words, verbatim=1).earlier
    assert line.startswith("Coach asked: …")
    assert line.endswith("she says so and what would you do then?")
    assert len(line) < 130


def test_with_hardly_any_room_it_is_said_or_nothing_is() -> None:
    assert condensed(talk(1), budget=8, count=words).earlier == "(2 earlier messages are left out.)"
    assert condensed(talk(1), budget=3, count=words) == Condensed("", (), 2, 0)
    assert condensed([], budget=0, count=words) == Condensed("", (), 0, 0)


said = st.builds(
    Said,
    st.sampled_from(["user", "coach"]),
    st.text("ab ?.\n*[1]é漢", max_size=300),
    st.lists(st.text(max_size=200), max_size=4).map(tuple),
)


@given(
    st.lists(said, max_size=120),
    st.integers(0, 3000),
    st.integers(0, 20),
    st.sampled_from([1, 3, 7]),
    st.integers(0, 9),
)
def test_a_conversation_is_never_over_its_budget_and_nothing_is_lost_uncounted(
    messages: list[Said], budget: int, verbatim: int, characters: int, a_line: int
) -> None:
    def count(text: str) -> int:
        return math.ceil(len(text) / characters) + a_line * text.count("\n")

    kept = condensed(messages, budget=budget, count=count, verbatim=verbatim)
    taken = count(kept.earlier) + sum(count(one.text) + MESSAGE_TOKENS for one in kept.recent)

    assert taken == kept.tokens <= budget
    assert list(kept.recent) == messages[len(messages) - len(kept.recent) :]
    lines = kept.earlier.split("\n") if kept.earlier else []
    assert kept.left_out + len(lines) - (kept.left_out > 0 and bool(lines)) + len(kept.recent) == len(messages)
    assert condensed(messages, budget=budget, count=count, verbatim=verbatim) == kept


@settings(max_examples=30, deadline=None)
@given(st.integers(60, 80), st.integers(200, 4000), st.integers(5, 400))
def test_sixty_turns_never_exceed_the_window(turns: int, budget: int, length: int) -> None:
    kept = condensed(talk(turns, length=length), budget=budget, count=words)

    assert words(kept.earlier) + sum(words(one.text) + MESSAGE_TOKENS for one in kept.recent) <= budget
    assert kept.recent or kept.earlier
