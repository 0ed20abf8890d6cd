"""What the notes say to a turn: found by word, month and person, and never out of another relationship or another owner's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from coach.domain.people import Owner
from coach.domain.suggestions import Situation
from coach.services.recollection import Lookup, Recollection, content_words, months_named
from tests.fakes.small_world import SmallWorld, small_world

ADA, BEN = Owner("ada"), Owner("ben")
TODAY = date(2026, 11, 20)
MARCH, OCTOBER, NOVEMBER = date(2026, 3, 9), date(2026, 10, 12), date(2026, 11, 2)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    made = small_world(tmp_path / "library")
    yield made
    made.close()


def situation(world: SmallWorld, name: str | None = None, *, owner: Owner = ADA, whose: str = "mine") -> Situation:
    known = next((r for r in world.store.relationships(owner=owner) if r.name == name), None)
    return Situation(
        role="mentor",
        stage="ongoing",
        topics=(),
        intent="recall",
        dial="ask",
        feeling="calm" if whose == "mine" else "flat",
        whose=whose,  # type: ignore[arg-type]
        relationship=known,
        name=name,
    )


def look_up(world: SmallWorld, text: str, name: str | None = None, *, owner: Owner = ADA) -> Lookup:
    recollection = Recollection(world.retrieval, world.store)
    query = world.retrieval.query(text)
    return recollection.look_up(query, situation(world, name, owner=owner), owner=owner, today=TODAY)


def quotes(lookup: Lookup) -> list[str]:
    return [found.quote for found in lookup.found]


def test_the_sentence_that_was_asked_for_is_found_verbatim(world: SmallWorld) -> None:
    note = world.add_note("We drank tea. Dan offered her a place in his team. It rained.", owner=ADA, day=OCTOBER)
    (found,) = look_up(world, "What did Dan offer?").found
    assert found.quote == "Dan offered her a place in his team."
    assert note.text[found.start : found.end] == found.quote


def test_a_month_that_is_named_limits_the_search(world: SmallWorld) -> None:
    world.add_note("The grant was mentioned in passing by her.", owner=ADA, name="Priya", day=MARCH)
    world.add_note("The grant was refused, she said.", owner=ADA, name="Priya", day=OCTOBER)
    assert quotes(look_up(world, "What did she say about the grant in March?")) == [
        "The grant was mentioned in passing by her."
    ]
    assert quotes(look_up(world, "What did she say about the grant in October?")) == [
        "The grant was refused, she said."
    ]
    assert len(quotes(look_up(world, "What did she say about the grant?"))) == 2


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("what did she say in March", date(2026, 3, 1), date(2026, 3, 31)),
        ("what did she say during February", date(2026, 2, 1), date(2026, 2, 28)),
        ("what has she said since September", date(2026, 9, 1), None),
        ("what did she say last December", date(2025, 12, 1), date(2025, 12, 31)),
        ("what did she say in November", date(2026, 11, 1), date(2026, 11, 30)),
        ("she may march in", None, None),
        ("what did she say about April's talk", None, None),
    ],
)
def test_a_month_is_the_latest_of_its_name_that_has_begun(text: str, since: date | None, until: date | None) -> None:
    assert months_named(text, today=TODAY) == (since, until)


def test_a_month_in_small_letters_is_a_month() -> None:
    assert months_named("what did she say in march", today=TODAY) == (date(2026, 3, 1), date(2026, 3, 31))


def test_the_year_behind_a_month_counts() -> None:
    assert months_named("what did she say in March 2025", today=TODAY) == (date(2025, 3, 1), date(2025, 3, 31))


def test_the_word_that_no_note_holds_is_named_with_the_first_day_of_the_notes(world: SmallWorld) -> None:
    world.add_note("She talked about her portfolio and the case study.", owner=ADA, name="Priya", day=OCTOBER)
    world.add_note("Short one, workload mostly.", owner=ADA, name="Priya", day=NOVEMBER)
    lookup = look_up(world, "What did Priya say about the grant?", "Priya")
    assert lookup.found == ()
    assert lookup.missing == "grant"
    assert lookup.first_day == OCTOBER


def test_a_word_in_another_form_is_not_called_missing(world: SmallWorld) -> None:
    world.add_note("She talked about presenting to the board.", owner=ADA, day=OCTOBER)
    assert look_up(world, "Did presentations, xylophones or zithers come up?").missing == "xylophones"


def test_the_nearest_thing_is_offered_where_the_month_holds_nothing(world: SmallWorld) -> None:
    world.add_note("She said about the grant that it was refused.", owner=ADA, name="Priya", day=OCTOBER)
    lookup = look_up(world, "What did she say about the grant in March?", "Priya")
    assert lookup.found == ()
    assert lookup.nearest is not None
    assert lookup.nearest.quote == "She said about the grant that it was refused."
    assert lookup.missing is None


def test_nothing_near_is_not_offered_as_near(world: SmallWorld) -> None:
    world.add_note("Short one, workload mostly.", owner=ADA, day=OCTOBER)
    lookup = look_up(world, "Did xylophones come up?")
    assert (lookup.found, lookup.nearest) == ((), None)


def test_without_notes_nothing_is_found_and_nothing_breaks(world: SmallWorld) -> None:
    lookup = look_up(world, "What did Priya say about the grant?")
    assert (lookup.found, lookup.nearest, lookup.first_day) == ((), None, None)


def test_notes_of_another_relationship_are_not_used(world: SmallWorld) -> None:
    world.add_note("Kofi said the grant fell through.", owner=ADA, name="Kofi", day=OCTOBER)
    world.add_note("Priya talked about her portfolio.", owner=ADA, name="Priya", day=NOVEMBER)
    assert look_up(world, "What about the grant?", "Priya").found == ()
    assert quotes(look_up(world, "What about the grant?", "Kofi")) == ["Kofi said the grant fell through."]


def test_notes_of_another_owner_are_not_used(world: SmallWorld) -> None:
    world.add_note("Priya said the grant fell through.", owner=BEN, name="Priya", day=OCTOBER)
    lookup = look_up(world, "What about the grant?", owner=ADA)
    assert (lookup.found, lookup.nearest, lookup.first_day) == ((), None, None)
    assert quotes(look_up(world, "What about the grant?", owner=BEN)) == ["Priya said the grant fell through."]


def test_the_next_session_takes_up_an_open_promise_first(world: SmallWorld) -> None:
    world.add_note(
        "Priya will ask Dan about the course by Friday. The lights were off.", owner=ADA, name="Priya", day=OCTOBER
    )
    world.add_note("She went quiet about the executives.", owner=ADA, name="Priya", day=NOVEMBER)
    recalled = for_session(world, "I see Priya tomorrow, who went quiet about it", "Priya")
    assert recalled[0] == "Priya will ask Dan about the course by Friday."
    assert "She went quiet about the executives." in recalled


def test_a_promise_that_a_later_note_speaks_of_is_not_open(world: SmallWorld) -> None:
    world.add_note("Priya will ask Dan about the course by Friday.", owner=ADA, name="Priya", day=OCTOBER)
    world.add_note("She did ask Dan, and the course is full.", owner=ADA, name="Priya", day=NOVEMBER)
    promises = Recollection(world.retrieval, world.store).for_session(
        world.retrieval.query("I see Priya tomorrow"), situation(world, "Priya"), owner=ADA
    )
    assert not [recalled for recalled in promises if recalled.is_promise]


def test_where_they_are_flat_what_weighed_on_them_comes_up(world: SmallWorld) -> None:
    world.add_note("We ate cake. She went quiet about the executives.", owner=ADA, name="Priya", day=NOVEMBER)
    assert for_session(world, "She seemed flat", "Priya", whose="theirs") == ["She went quiet about the executives."]


def test_a_session_with_nobody_known_takes_up_nothing(world: SmallWorld) -> None:
    world.add_note("Priya will ask Dan about the course by Friday.", owner=ADA, name="Priya", day=OCTOBER)
    assert for_session(world, "I see Kofi tomorrow", None) == []


def test_the_next_session_uses_neither_another_person_nor_another_owner(world: SmallWorld) -> None:
    world.add_note("Kofi will email the angels by Friday. He went quiet.", owner=ADA, name="Kofi", day=OCTOBER)
    world.add_note("Priya will leave her job by June. She went quiet.", owner=BEN, name="Priya", day=OCTOBER)
    world.add_note("Priya spoke of her portfolio at length.", owner=ADA, name="Priya", day=OCTOBER)
    assert for_session(world, "I see Priya tomorrow about her portfolio; she went quiet", "Priya") == [
        "Priya spoke of her portfolio at length."
    ]


def test_after_a_session_the_latest_note_speaks_moments_first(world: SmallWorld) -> None:
    note = world.add_note(
        "Priya will ask Dan about the course by Friday. She went quiet about the executives.", owner=ADA, day=NOVEMBER
    )
    recalled = Recollection(world.retrieval, world.store).after_session([note])
    assert [item.quote for item in recalled] == [
        "She went quiet about the executives.",
        "Priya will ask Dan about the course by Friday.",
    ]
    assert Recollection(world.retrieval, world.store).after_session([]) == ()


def test_the_words_that_carry_a_question_are_neither_its_frame_nor_the_person_nor_the_month() -> None:
    assert content_words("What did Priya say about the grant in March?", leave_out="Priya") == ["grant"]
    assert content_words("Remind me what we agreed", leave_out=None) == []


def for_session(world: SmallWorld, text: str, name: str | None, *, whose: str = "mine") -> list[str]:
    recollection = Recollection(world.retrieval, world.store)
    found = recollection.for_session(world.retrieval.query(text), situation(world, name, whose=whose), owner=ADA)
    return [recalled.quote for recalled in found]
