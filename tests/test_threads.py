"""Threads found in notes."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach.domain.notes import Note
from coach.domain.people import Owner
from coach.services.threads import pasted_notes, threads_in, unresolved

MONDAY = date(2026, 10, 12)


def note(text: str, *, note_id: str = "n1", day: date | None = MONDAY) -> Note:
    return Note(note_id, Owner("ada"), "Session", text, day, "r1", "markdown", datetime(2026, 10, 12))


@pytest.mark.parametrize(
    ("text", "who", "by"),
    [
        ("P will talk to Dan about product work by the 20th", "P", date(2026, 10, 20)),
        ("- I'll send her the article by Friday", "me", date(2026, 10, 16)),
        ("Priya agreed to draft the case study by the end of the month", "Priya", date(2026, 10, 31)),
        ("P to chase HR re: band, eow", "P", date(2026, 10, 16)),
        ("She promised to book the room", "unknown", None),
        ("Tom will ask his manager by the 5th", "Tom", date(2026, 11, 5)),
    ],
)
def test_a_promise_has_the_person_and_the_date_that_are_written(text: str, who: str, by: date | None) -> None:
    (thread,) = threads_in(note(text))
    assert (thread.kind, thread.who, thread.by) == ("commitment", who, by)


def test_without_a_date_of_the_note_no_date_is_made_up() -> None:
    (thread,) = threads_in(note("Priya will call HR by Friday", day=None))
    assert thread.by is None


@pytest.mark.parametrize(
    "text",
    ["Talked about her portfolio for a while.", "We'll see how it goes.", "She used to work with Dan.", "# Actions"],
)
def test_what_promises_nothing_is_no_promise(text: str) -> None:
    assert not [thread for thread in threads_in(note(text)) if thread.kind == "commitment"]


def test_a_moment_of_feeling_is_a_worry() -> None:
    (thread,) = threads_in(note("When I asked about presenting to executives she went quiet."))
    assert (thread.kind, thread.who) == ("worry", "unknown")


@given(st.text(max_size=300))
def test_every_quote_stands_verbatim_in_its_note(text: str) -> None:
    for thread in threads_in(note(text + "\nP will call Dan by Friday. She went quiet.")):
        full = text + "\nP will call Dan by Friday. She went quiet."
        assert full[thread.start : thread.end] == thread.quote


def test_a_promise_that_a_later_note_speaks_of_is_resolved() -> None:
    first = note("P will talk to Dan about product work by the 20th")
    later = note("She talked with Dan about the product role.", note_id="n2", day=date(2026, 10, 26))
    silent = note("Short one, about workload.", note_id="n3", day=date(2026, 10, 26))
    threads = threads_in(first)
    assert unresolved(threads, [first, silent]) == list(threads)
    assert unresolved(threads, [first, later]) == []


def test_an_earlier_note_resolves_nothing() -> None:
    first = note("P will talk to Dan about product work by the 20th")
    earlier = note("Talked about Dan and product work.", note_id="n0", day=date(2026, 9, 1))
    assert unresolved(threads_in(first), [first, earlier])


def test_a_short_message_is_not_taken_for_notes() -> None:
    assert pasted_notes("I will see Priya tomorrow") == ()
