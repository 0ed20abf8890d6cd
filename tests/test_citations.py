"""Markers and their verification."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from coach.domain.citations import Citation, Evidence, markers_in, verify

TEXT = "P will talk to Dan by the 20th. She went quiet."
EVIDENCE = Evidence("note", "n1", "12 October", "She went quiet", 32, 46)


def test_markers_are_read_in_the_order_of_their_first_appearance() -> None:
    assert markers_in("One [2], two [1], again [2], not [a] or [1234].") == (2, 1)


def test_a_quote_that_stands_where_it_says_is_grounded() -> None:
    result = verify("She “went quiet”. [1]", [Citation(1, EVIDENCE)], text_of=lambda _: TEXT)
    assert result.grounding == "grounded"
    assert not result.faults


def test_a_reply_without_markers_is_ungrounded_and_no_fault() -> None:
    result = verify("What would you like?", [], text_of=lambda _: None)
    assert (result.grounding, result.faults) == ("ungrounded", ())


def test_a_marker_without_evidence_makes_the_reply_unverified() -> None:
    assert verify("So it is. [3]", [Citation(1, EVIDENCE)], text_of=lambda _: TEXT).grounding == "unverified"


def test_evidence_of_another_owner_makes_the_reply_unverified() -> None:
    assert verify("She did. [1]", [Citation(1, EVIDENCE)], text_of=lambda _: None).grounding == "unverified"


@given(st.integers(-5, 60), st.integers(-5, 60))
def test_a_quote_moved_by_any_amount_is_caught(start: int, end: int) -> None:
    moved = replace(EVIDENCE, start=start, end=end)
    result = verify("[1]", [Citation(1, moved)], text_of=lambda _: TEXT)
    assert (result.grounding == "grounded") == (TEXT[start:end] == EVIDENCE.quote)


def test_an_empty_quote_is_no_quote() -> None:
    empty = replace(EVIDENCE, quote="", start=3, end=3)
    assert verify("[1]", [Citation(1, empty)], text_of=lambda _: TEXT).grounding == "unverified"
