"""Title, date and counterpart read from what notes say about themselves, and left out where they say nothing."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.domain.note_details import NoteDetails, details_of
from coach.domain.written_dates import Plausible, date_in

TODAY = date(2026, 11, 23)
OCT_12 = date(2026, 10, 12)
OCT_13 = date(2026, 10, 13)


def details(
    text: str,
    file_name: str = "",
    *,
    known_names: tuple[str, ...] = (),
    own_name: str | None = None,
    speakers: tuple[str, ...] = (),
    today: date = TODAY,
) -> NoteDetails:
    return details_of(text, file_name, today=today, known_names=known_names, own_name=own_name, speakers=speakers)


# dates


@pytest.mark.parametrize(
    "line",
    [
        "2026-10-12",
        "2026-10-12T14:00:00Z",
        "2026/10/12",
        "12 October 2026",
        "12th of October, 2026",
        "12 OCT 2026",
        "12-Oct-2026",
        "Monday 12 October 2026",
        "Mon, 12 Oct",
        "12 oct",
        "Oct 12 2026",
        "October 12th, 2026",
        "Oct. 12, 2026, 14:00",
        "Monday, October 12",
        "12/10/2026",
        "12.10.2026",
        "12-10-26",
        "12/10/26",
    ],
)
def test_a_date_is_read_as_people_write_it(line: str) -> None:
    assert details(f"{line}\n\nShe was tired.").date == OCT_12
    assert details(f"# Priya, {line}\n\nShe was tired.").date == OCT_12
    assert details(f"Date: {line}\n\nShe was tired.").date == OCT_12


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("10/13/2026", OCT_13),
        ("Tues 13 Oct", OCT_13),
        ("Tue 13 October", OCT_13),
        ("13 October", OCT_13),
        ("30 November", date(2025, 11, 30)),
        ("Mon 30 November", date(2026, 11, 30)),
        ("24 November", date(2026, 11, 24)),
        ("29 Feb", date(2024, 2, 29)),
        ("Wed 14 Oct", date(2026, 10, 14)),
        ("Wed 13 Oct", date(2021, 10, 13)),
        ("3 Sept 2025", date(2025, 9, 3)),
    ],
)
def test_an_incomplete_date_is_the_nearest_that_fits(line: str, day: date) -> None:
    assert details(f"{line}\n\nShe was tired.").date == day


@pytest.mark.parametrize(
    "line",
    [
        "12 October 2031",
        "12 October 1889",
        "2026-13-45",
        "31/02/2026",
        "30 Feb",
        "Chapter 12.10",
        "12/10",
        "version 1.10.12",
        "10.12.2026.4",
        "call 020 2610 1212",
        "She may 12 times",
        "in March 12 people came",
        "octopus 12",
        "1 mayor",
    ],
)
def test_what_is_no_plausible_date_is_none(line: str) -> None:
    assert details(f"{line}\n\nShe was tired.").date is None


@pytest.mark.parametrize(
    "text",
    [
        "Priya will send it by 12 October",
        "Prep due 12 Oct 2026",
        "Before our session on 12 October I want to think.",
        f"We spoke about a great many things {'and others ' * 12}on 12 October.",
        "First line.\nSecond.\nThird.\nFourth.\nFifth.\n12 October 2026",
        "She likes it.\nThe review on 12 October was hard for her.",
    ],
)
def test_a_date_that_is_not_the_sessions_is_left_out(text: str) -> None:
    assert details(text).date is None


@pytest.mark.parametrize(
    ("file_name", "day"),
    [
        ("2026-10-12-priya.md", OCT_12),
        ("2026_10_12 priya.md", OCT_12),
        ("20261012_priya.txt", OCT_12),
        ("Priya session 3 (12 Oct).docx", OCT_12),
        ("priya 12.10.26.pdf", OCT_12),
        ("Priya-12-Oct-2026.md", OCT_12),
        ("oct_12_2026_priya.txt", OCT_12),
        ("GMT20261012-140000_Recording.transcript.vtt", OCT_12),
        ("Meeting with Priya-20261012_140312-Meeting Recording.vtt", OCT_12),
        ("C:\\notes\\2026-10-12.md", OCT_12),
        ("notes 12345678.md", None),
        ("report-v2026.md", None),
    ],
)
def test_a_date_is_read_from_a_file_name(file_name: str, day: date | None) -> None:
    assert details("She was tired.", file_name).date == day


def test_front_matter_wins_over_the_file_name_and_that_over_the_text() -> None:
    text = "---\ndate: 2026-10-13\n---\n# Session, 14 October 2026"
    assert details(text, "2026-10-12.md").date == OCT_13
    assert details("# Session, 14 October 2026", "2026-10-12.md").date == OCT_12


def test_a_date_says_where_it_stands() -> None:
    found = date_in("On 12 October 2026 we met", Plausible(TODAY))
    assert found is not None
    assert "On 12 October 2026 we met"[found.start : found.end] == "12 October 2026"


# the other person


@pytest.mark.parametrize(
    "line",
    [
        "Session with Priya",
        "# Session 3 with Priya",
        "Coffee chat with Priya, 12 Oct",
        "1:1 Priya",
        "1-1 with Priya",
        "1:1 - Priya",
        "121 Priya",
        "One-to-one with Priya",
        "Mentoring – Priya",
        "Mentoring session: Priya",
        "Priya session 3",
        "Priya 1:1",
        "Priya's catch-up",
        "Met Priya for an hour",
        "Met with Priya on Tuesday",
        "Attendees: me, Priya",
        "Attendees: Priya and Sam Jones",
        "**Participants:** Priya (design); Sam Jones",
        "With: Priya",
        "Mentee: Priya",
        "- Mentor: Priya",
    ],
)
def test_the_other_person_is_read_from_the_first_lines(line: str) -> None:
    assert details(f"{line}\n\nShe was tired.", own_name="Sam Jones").counterpart == "Priya"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Session with Priya Shah", "Priya Shah"),
        ("Session with Anne-Marie O'Neill", "Anne-Marie O'Neill"),
        ("Session with Ludwig van Dyk about work", "Ludwig van Dyk"),
        ("Session with Zoë", "Zoë"),
        ("Session with Priya Monday", "Priya"),
        ("Call with Sam Jones and Priya", None),
    ],
)
def test_a_name_is_read_whole(line: str, name: str | None) -> None:
    assert details(f"{line}\n\nHard week.", own_name="Sam Jones").counterpart == name


@pytest.mark.parametrize(
    "line",
    [
        "Session notes",
        "Meeting with HR",
        "Meeting with the team",
        "Weekly meeting with Marketing Team",
        "Meeting with Marketing people",
        "1:1 notes",
        "Mentoring: Goals",
        "Mentoring - Session 3",
        "Attendees: Priya, Tom, me",
        "Attendees: Priya, Tom",
        "Mentor: Sam\nMentee: Priya",
        "Goals session",
        "Planning meeting",
        "She was quiet today.",
        "Tom said that Priya is leaving.",
    ],
)
def test_where_it_is_not_plain_there_is_no_other_person(line: str) -> None:
    assert details(f"{line}\n\nIt went well.").counterpart is None


@pytest.mark.parametrize(
    ("file_name", "text", "name"),
    [
        ("2026-10-12-priya.md", "She was tired.", "Priya"),
        ("priya 12 Oct.md", "She was tired.", "Priya"),
        ("2026-10-12-priya.md", "the priya problem", None),
        ("2026-10-12-retro.md", "It went well.", None),
        ("2026-10-12-budget.md", "The budget is short.", None),
        ("priya.md", "She was tired.", None),
        ("2026-10-12 priya and tom.md", "They were tired.", None),
        ("Session with Priya.docx", "She was tired.", "Priya"),
        ("1-1_Priya_Shah_2026-10-12.txt", "She was tired.", "Priya Shah"),
        ("GMT20261012-140000_Recording.transcript.vtt", "Hello.", None),
    ],
)
def test_the_other_person_is_read_from_the_file_name(file_name: str, text: str, name: str | None) -> None:
    assert details(text, file_name).counterpart == name


def test_of_two_speakers_the_other_is_the_counterpart() -> None:
    both = ("Sam Jones", "Priya Shah")
    assert details("x", speakers=both, own_name="sam jones").counterpart == "Priya Shah"
    assert details("x", speakers=both, own_name="Sam").counterpart == "Priya Shah"
    assert details("x", speakers=("You", "Priya Shah")).counterpart == "Priya Shah"
    assert details("x", speakers=both).counterpart is None
    assert details("x", speakers=(*both, "Tom"), own_name="Sam").counterpart is None
    assert details("x", speakers=("Sam", "Speaker 2"), own_name="Sam").counterpart is None
    assert details("x", speakers=both, own_name="Ada").counterpart is None


def test_a_known_name_wins_as_a_whole_word() -> None:
    assert details("# Session with Priya Shah", known_names=("Priya", "Tom")).counterpart == "Priya"
    assert details("She was tired.", "priya-3.md", known_names=("Priya",)).counterpart == "Priya"
    assert details("Annabel was here.", known_names=("Anna",)).counterpart is None
    assert details("x", speakers=("Sam", "Shah, Priya"), known_names=("Priya",)).counterpart == "Priya"
    assert details("Notes of PRIYA's visit", known_names=("Priya", "Priya Shah")).counterpart == "Priya"
    assert details("Session with Priya Shah", known_names=("Priya", "Priya Shah")).counterpart == "Priya Shah"


def test_a_known_name_that_is_only_mentioned_is_no_counterpart() -> None:
    assert details("Good talk.\n\nTom should hear of it.", known_names=("Tom",)).counterpart is None
    assert details("Good talk.\n\nTom was quiet. Tom left.", known_names=("Tom",)).counterpart == "Tom"
    assert details("Good talk.\n\nTom, Tom, Ann and Ann.", known_names=("Tom", "Ann")).counterpart is None
    assert details("Tom and Ann came.", known_names=("Tom", "Ann")).counterpart is None


def test_the_owner_is_never_the_counterpart() -> None:
    assert details("Session with Sam", own_name="Sam Jones").counterpart is None
    assert details("Mentor: Sam\nMentee: Priya", own_name="Sam Jones").counterpart == "Priya"
    assert details("Session with Sam", own_name="Sam", known_names=("Sam",)).counterpart is None


def test_front_matter_names_the_other_person() -> None:
    for field in (
        "with: Priya",
        "mentee: Priya",
        "mentor: 'Priya'",
        "attendees: [Priya, Sam]",
        "attendees:\n  - Priya\n  - Sam",
    ):
        assert details(f"---\n{field}\n---\nText.", own_name="Sam").counterpart == "Priya"


# titles


@pytest.mark.parametrize(
    ("text", "file_name", "title"),
    [
        ("---\ntitle: 'Growth'\n---\n# Other", "a.md", "Growth"),
        ("# The talk with Dan\n\nText", "2026-10-12-priya.md", "The talk with Dan"),
        ("Intro.\n\n## Actions\n- a", "The talk with Dan.md", "The talk with Dan"),
        ("She was tired.", "2026-10-12-priya.md", "Session with Priya"),
        ("She was tired.", "Priya session 3 (12 Oct).docx", "Priya session 3"),
        ("She was tired.", "the-talk_with-dan.txt", "The talk with dan"),
        ("She was tired.", "notes.txt", "She was tired."),
        ("She was tired.", "", "She was tired."),
        ("- one\n- two", "", "one"),
        ("Attendees: me, Priya\nDate: 12 Oct", "", "Session with Priya"),
        ("x " * 100, "", " ".join("x" * 40) + "…"),
    ],
)
def test_a_title_is_what_the_note_calls_itself(text: str, file_name: str, title: str) -> None:
    assert details(text, file_name).title == title


def test_a_transcript_without_a_title_is_a_session() -> None:
    name = "GMT20261012-140000_Recording.transcript.vtt"
    assert details("Sam: hi", name, speakers=("Sam", "Priya"), own_name="Sam").title == "Session with Priya"
    assert details("Sam: hi", name, speakers=("Sam", "Priya")).title == "Session"


def test_a_name_with_signs_of_a_pattern_is_only_a_name() -> None:
    assert details("x", r"a\b (c.md", known_names=(r"b", "(c")).title


@given(st.text(max_size=300), st.text(max_size=60), st.lists(st.text(max_size=10), max_size=3))
@settings(max_examples=200)
def test_any_text_has_a_title_and_only_plausible_details(text: str, file_name: str, names: list[str]) -> None:
    found = details(text, file_name, known_names=tuple(names))
    assert found.title.strip()
    assert len(found.title) <= 81
    assert found.date is None or date(1990, 1, 1) <= found.date <= date(2027, 11, 30)


@given(
    st.dates(date(1990, 1, 1), TODAY), st.sampled_from(["%Y-%m-%d", "%d %B %Y", "%b %d, %Y", "%d/%m/%Y", "%A %d %b %Y"])
)
def test_a_whole_date_is_read_back(day: date, pattern: str) -> None:
    assert details(f"Session of {day.strftime(pattern)}\n\nText").date == day


def test_a_long_hostile_text_takes_no_time() -> None:
    for unit in ("---\na: b\n", "- a: ", "Session with ", "1:1 ", "12 ", "A", "# ", "\n"):
        details(unit * (1_000_000 // len(unit)), unit * 40)
