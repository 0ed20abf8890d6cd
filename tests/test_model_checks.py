"""A model's text is held against its evidence; what was found wrong is gone, and what is left is as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.adapters.knowledge_files import load_knowledge
from coach.adapters.packaged_data import data_folder
from coach.bootstrap import Coach
from coach.domain.citations import Evidence, markers_in, verify
from coach.domain.people import Owner
from coach.services.model_checks import Checked, check
from coach.services.model_markers import renumbered
from coach.services.model_material import Catalogue
from tests.conftest import Talk

NOTE = "P will talk to Dan about product work by the 20th. She went quiet when I asked about presenting!"
OTHER_NOTE = "We agreed on Tuesdays. Dan's form is at https://dan.example/form and he reads Quiet Power."
CARD = "Ask one question, then stop.\n\nPeople call a long pause “awkward”; it rarely is."
ARTICLE = "It shows how observation, effect and a request fit into one short message."
QUESTION = "What would make this worth your time?\n\nWhy it works: it hands over the agenda."

TEXTS = {"n1": NOTE, "n2": OTHER_NOTE, "c1": CARD, "r1": ARTICLE, "q1": QUESTION}


def passage(kind: str, record_id: str, title: str, byline: str = "") -> Evidence:
    """Evidence for the first sentence of a record."""
    quote = TEXTS[record_id].partition(".")[0].partition("\n")[0]
    return Evidence(kind, record_id, title, quote, 0, len(quote), byline)  # type: ignore[arg-type]


EVIDENCE = (
    passage("note", "n1", "Session", "12 October"),
    passage("note", "n2", "Session", "2 October"),
    passage("card", "c1", "Ask one and stop"),
    passage("resource", "r1", "The feedback equation", "Lara Hogan"),
    passage("question", "q1", "What would make this worth your time?"),
)
LINK = "https://larahogan.me/blog/feedback-equation/"
TAG = "5f3a9c1e"
ROOM = (
    "There is more to say about what happened the last time you both met, and it deserves some care. "
    "It may help to begin beside it rather than at it. What would help most?"
)
"""Sound sentences around the one that is looked at, so that something is left where it goes."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue of the bundled library."""
    return Catalogue.of(load_knowledge([data_folder("knowledge")]))


def checked(text: str, catalogue: Catalogue, **more: object) -> Checked:
    """The check over the evidence above; every result has to pass its own check."""

    def once(words: str) -> Checked:
        return check(words, EVIDENCE, text_of=lambda e: TEXTS.get(e.id), catalogue=catalogue, tag=TAG, **more)  # type: ignore[arg-type]

    result = once(text)
    again = once(result.markdown)
    assert (again.markdown, again.changes) == (result.markdown, ())
    return result


def beside_room(sentence: str, catalogue: Catalogue, **more: object) -> str:
    """What the check leaves of one paragraph that stands beside sound ones."""
    result = checked(f"{ROOM}\n\n{sentence}", catalogue, **more)
    assert result.is_usable
    assert result.markdown.startswith(ROOM)
    return result.markdown[len(ROOM) :].strip()


SOUND = [
    "On 12 October you wrote “P will talk to Dan about product work by the 20th”, and nothing says whether she did. [1]",
    'You noted that she "went quiet" when you asked. [1]',
    "You noted that P “will talk to Dan … by the 20th”. [1]",
    "You could ask: “What did Dan make of it?” [1]",
    "Try “I noticed you went quiet when I asked about presenting.” [1]",
    "If she says “I'm fine”, give it a moment.",
    "Many people call this “imposter syndrome”, and it passes.",
    "You might write: “Thank you for today.”",
    "Don't ask “Why didn't you talk to Dan?”; it sounds like blame.",
    "Read *The feedback equation* by Lara Hogan, which takes ten minutes. [4]",
    f"[The feedback equation]({LINK}) takes ten minutes. [4]",
    "*How Will You Measure Your Life?* by Clayton M. Christensen fits.",
    "Dan's form is at https://dan.example/form, as your notes have it. [2]",
    "A report by Friday may be too soon, and Her Tuesday With Dan is hers.",
    "Look at what she *really* wants, e.g. on presenting. Then wait.",
    "1. Open: “What would make this worth your time?” [5]\n2. Agree how often you meet.",
    "Here is a draft you could send:\n\n> Hello P,\n>\n> I noted “P will talk to Dan”. [1] Is that how you remember it?",
    "You wrote:\n\n> She went quiet when I asked about presenting!",
    "Two halves, (1) asking and (2) waiting, are enough.",
]


@pytest.mark.parametrize("text", SOUND)
def test_what_holds_stays_as_it_was_written(text: str, catalogue: Catalogue) -> None:
    assert beside_room(text, catalogue) == text
    assert checked(f"{ROOM}\n\n{text}", catalogue, is_plan=True).changes == ()


@pytest.mark.parametrize(
    "text",
    [
        'Your notes say "Dan refused to meet her". [1]',
        "You noted that she felt 'invisible in meetings'.",
        "She told you “I want to quit”, which says a lot. [1]",
        "“She hates presenting,” you wrote. [1]",
        "On 12 October you recorded that P “will resign by the 20th” [1].",
        "Her words, “I can't do this any more”, stand out.",
        "The card puts it well: “Silence is golden.” [3]",
        "“Silence is golden.” — Lao Tzu",
        "As Lara Hogan puts it, “feedback is a gift”. [4]",
        "What stood out was her “constant worry about failing”. [1]",
        "Her mentor described it as “awkward” and “a disaster for everyone”. [3]",
        "You wrote *she is going to leave the firm*.",
        'You wrote "she is going to leave. [1]',
        "You noted „she left early“ and ‘P will resign’. [1]",
        "You wrote “will talk … to Dan … resign”. [1]",
        "You wrote:\n\n> P has already left the company",
        "> P has already left the company [1]",
        "You said “I'm terrified”, which is common.",
    ],
)
def test_a_quotation_that_stands_nowhere_takes_its_sentence_with_it(text: str, catalogue: Catalogue) -> None:
    assert beside_room(text, catalogue) == ""
    result = checked(f"{ROOM}\n\n{text}", catalogue)
    assert result.changes == ("A quotation that stands in none of your notes or its sources was taken out.",)
    assert all("word for word" in fault for fault in result.faults)


def test_a_fault_names_the_quotation_and_its_passage_for_the_corrective_request(catalogue: Catalogue) -> None:
    result = checked(f"{ROOM} She said “I want to quit”. [1]", catalogue)
    assert result.faults == ("“I want to quit” is not in passage [1]; quote it word for word or leave it out.",)


@pytest.mark.parametrize(
    ("written", "repaired"),
    [
        ("You wrote “went quiet when I asked”. [2]", "You wrote “went quiet when I asked”. [1]"),
        ("You wrote “Went quiet,” and that matters. [1]", "You wrote “went quiet”, and that matters. [1]"),
        ("You wrote “she went quiet.” [1]", "You wrote “She went quiet”. [1]"),
        ("You wrote “went quiet [1]” then.", "You wrote “went quiet” [1] then."),
        ("She went quiet【1†source】.", "She went quiet [1]."),
        ("She went quiet[1, 3].", "She went quiet [1] [3]."),
        ("She went quiet [1][3].", "She went quiet [1] [3]."),
        ("She went quiet [^1], (passage 3).", "She went quiet [1], [3]."),
        ("She went quiet (1).", "She went quiet [1]."),
        ("She went quiet [1–3].", "She went quiet [1] [2] [3]."),
        ("She went quiet [1] [1].", "She went quiet [1]."),
        ("She went quiet [9].", "She went quiet."),
        ("Ask her!", "Ask her."),
        ("Ask <b>her</b> &amp; wait.", "Ask her & wait."),
        (f"Read [this](http://larahogan.me/blog/feedback-equation). [4] Not [{LINK}](https://dan.example/form).",
         f"Read [this]({LINK}). [4] Not {LINK}."),
    ],
)  # fmt: skip
def test_what_is_only_written_wrongly_is_put_right(written: str, repaired: str, catalogue: Catalogue) -> None:
    assert beside_room(written, catalogue) == repaired


def test_words_of_the_conversation_may_be_quoted_without_a_passage(catalogue: Catalogue) -> None:
    text = "You said “I'm nervous about it”, and that is a start."
    assert beside_room(text, catalogue, said=["I'm nervous about it."]) == text
    assert beside_room(text, catalogue) == ""


def test_words_of_the_conversation_are_not_cited_as_a_note(catalogue: Catalogue) -> None:
    assert beside_room("You said “I'm nervous” [1].", catalogue, said=["I'm nervous."]) == "You said “I'm nervous”."


INVENTED = [
    "Try reading “Radical Openness in Mentoring” by Jane Doe.",
    "There is a wonderful book called Quiet Leadership Now that fits.",
    "Listen to the podcast WorkLife with Ann Other.",
    "Simon Nobody's TED talk “How great leaders wait” is short.",
    "You could read Crucial Silences (Patterborough et al., 2002).",
    "As Edmondbury (1999) shows, safety matters.",
    "- **Multiplied Minds** (2010), Liz Wisewoman",
    "I suggest The First 900 Days, by Michael Nobody.",
    "The Thanks-for-Nothing Hour podcast covers this.",
    "Check out *Humbler Inquiries*.",
    "A good place to start is “Unviolent Words”, a book by Mara Nobody.",
    "Research by Anna Nobody says so.",
    "*The feedback equation* by Jane Doe is short. [4]",
]
ADDRESSES = [
    "ISBN 978-0-306-40615-7 is the one to get.",
    "See doi:10.1000/xyz123 for more.",
    "Go to www.mentoring-tips.com for worksheets.",
    "Visit mentoringhub.org/resources for a template.",
    "Read more [here](https://bit.ly/abc).",
    "Write to help@coach.example about it.",
    "The form is at https://dan.example/form?note=She+went+quiet now. [2]",
    "It is at ｈｔｔｐｓ://evil.example/x now.",
    f"It is at {LINK}?d=secret now.",
    "[Dan](javascript:alert(1)) knows.",
]


@pytest.mark.parametrize("text", [*INVENTED, *ADDRESSES])
def test_a_resource_or_address_from_nowhere_is_never_named(text: str, catalogue: Catalogue) -> None:
    assert beside_room(text, catalogue) == ""
    result = checked(f"{ROOM}\n\n{text}", catalogue)
    assert len(result.changes) == len(result.faults) == 1


def test_what_a_note_names_may_be_named(catalogue: Catalogue) -> None:
    text = "Dan reads the book Quiet Power. [2]"
    assert beside_room(text, catalogue) == text


def test_what_is_said_of_an_invented_book_goes_with_it(catalogue: Catalogue) -> None:
    text = "I'd read *Fearless Asking* by Jane Doe. It separates asking from telling. Then wait for her."
    assert beside_room(text, catalogue) == "Then wait for her."


def test_a_list_is_left_tidy_where_an_item_goes(catalogue: Catalogue) -> None:
    text = "Two things:\n\n1. *Fearless Asking* by Jane Doe. It is short.\n2. *The feedback equation* [4]\n3. Wait."
    assert beside_room(text, catalogue) == "Two things:\n\n1. *The feedback equation* [4]\n2. Wait."


def test_nothing_is_announced_that_went(catalogue: Catalogue) -> None:
    assert beside_room("Read this:\n\n- *Fearless Asking* by Jane Doe", catalogue) == ""


def test_pictures_scripts_and_thoughts_do_not_show(catalogue: Catalogue) -> None:
    text = f"<think>They may be anxious.</think>{ROOM}\n\n![a](https://evil.example/?q=n)<script>x()</script><!-- a -->"
    result = checked(text, catalogue)
    assert result.markdown == ROOM
    assert result.changes == ("3 pictures or pieces of code were taken out.",)


def test_a_list_of_sources_at_the_end_is_left_to_the_page(catalogue: Catalogue) -> None:
    text = f"{ROOM} She went quiet. [1]"
    assert checked(f"{text}\n\nSources:\n[1] Session\n[3] Card", catalogue).markdown == text


LEADING = "Don't you think you should talk to Dan?"
OPEN = "What would make this worth your time?"


def test_a_leading_question_goes_where_another_one_stays(catalogue: Catalogue) -> None:
    result = checked(f"{LEADING} You could ask: “{OPEN}” [5]", catalogue)
    assert result.markdown == f"You could ask: “{OPEN}” [5]"
    assert result.changes == ("A question that led, or asked more than one thing, was taken out.",)
    assert result.reservations == ()


def test_the_only_question_stays_and_is_owned_up_to(catalogue: Catalogue) -> None:
    result = checked(LEADING, catalogue)
    assert result.markdown == LEADING
    assert result.changes == ()
    assert len(result.faults) == len(result.reservations) == 1


def test_a_question_to_be_said_aloud_keeps_the_same_rules(catalogue: Catalogue) -> None:
    result = checked(f"{ROOM} You could ask: “Have you tried talking to Dan?” [5]", catalogue)
    assert result.markdown == ROOM


def test_more_than_three_questions_are_a_fault_outside_a_plan(catalogue: Catalogue) -> None:
    text = "\n".join(f"- “What did you see on day {day}?”" for day in ("one", "two", "three", "four"))
    assert checked(text, catalogue).faults == ("It asks 4 questions; ask at most 3, better one.",)
    assert checked(text, catalogue, is_plan=True).faults == ()
    assert checked(text, catalogue).markdown == text


@pytest.mark.parametrize(
    "opening", ["Great question!", "I understand how you feel.", "Wow, what a great goal!", "Sure!"]
)
def test_flattery_at_the_beginning_is_left_out(opening: str, catalogue: Catalogue) -> None:
    assert checked(f"{opening} {ROOM}", catalogue).markdown == ROOM


def test_what_follows_a_compliment_in_its_sentence_stays(catalogue: Catalogue) -> None:
    result = checked("Great question, and her silence may be behind it. [1] What would help most?", catalogue)
    assert result.markdown == "Her silence may be behind it. [1] What would help most?"


def test_praise_that_says_what_for_is_no_flattery(catalogue: Catalogue) -> None:
    text = "A good question to open with leaves her the choice. What would help most?"
    assert checked(text, catalogue).markdown == text


INSTRUCTIONS = "Begin with a particular of the message and never rewrite the goal of the person who is writing to you."


@pytest.mark.parametrize(
    "text",
    [
        f"{ROOM} </passages-{TAG}>",
        f"{ROOM} {TAG.upper()}",
        f"My task: begin with a particular of the message, and never rewrite the goal of the person. {ROOM}",
        "",
        " \n ",
        "[1] [2]",
        "> \n\n- \n\n**",
        "Puedes preguntarle qué es lo que más le preocupa de la reunión y cómo quiere que sea la próxima vez.",
        f"{ROOM}\n\n你可以问她，这次谈话怎样才算值得？你也可以先听她说，再决定要不要给建议。"
        + "你也可以先听她说。" * 5,
        "You wrote “I hate Dan”. [1] What now?",
    ],
)
def test_a_text_of_no_use_shows_nothing(text: str, catalogue: Catalogue) -> None:
    result = checked(text, catalogue, instructions=INSTRUCTIONS)
    assert not result.is_usable
    assert result.markdown == ""


def test_twelve_words_of_the_instructions_may_come_by_chance(catalogue: Catalogue) -> None:
    text = f"Begin with a particular of the message and never rewrite the goal. {ROOM}"
    assert checked(text, catalogue, instructions=INSTRUCTIONS).is_usable


def test_a_foreign_language_is_corrected_and_a_leak_is_not(catalogue: Catalogue) -> None:
    assert checked("Puedes preguntarle qué es lo que más le preocupa.", catalogue).faults == ("Answer in English.",)
    assert checked(f"{ROOM} {TAG}", catalogue).faults == ()


def test_evidence_that_the_owner_may_not_read_is_none(catalogue: Catalogue) -> None:
    text = f"{ROOM} You wrote “She went quiet”. [1] It may pass. [3]"
    result = check(
        text, EVIDENCE, text_of=lambda e: None if e.kind == "note" else TEXTS[e.id], catalogue=catalogue, tag=TAG
    )
    assert result.markdown == f"{ROOM} It may pass. [3]"


def test_evidence_whose_words_have_changed_is_none(catalogue: Catalogue) -> None:
    moved = [replace(EVIDENCE[0], start=1, end=1 + len(EVIDENCE[0].quote))]
    result = check(f"{ROOM} [1]", moved, text_of=lambda e: TEXTS[e.id], catalogue=catalogue, tag=TAG)
    assert markers_in(result.markdown) == ()


def test_markers_are_numbered_as_they_come_and_only_the_used_are_cited() -> None:
    text, citations = renumbered("One [4], two [1], again [4], none [9].", EVIDENCE)
    assert text == "One [1], two [2], again [1], none."
    assert [(citation.marker, citation.evidence) for citation in citations] == [(1, EVIDENCE[3]), (2, EVIDENCE[0])]


BITS = st.sampled_from(
    [
        *(
            "[1]",
            "[2]",
            "[9]",
            "[3, 4]",
            "(1)",
            "[^1]",
            "【1】",
            "[[",
            "[",
            "]",
            "[١]",
            "(passage 2)",
            "\n[1] ",
            "] [1",
        ),
        *(
            "“",
            "”",
            '"',
            "'",
            "‘",
            "’",
            "„",
            "«",
            "»",
            "> ",
            "\n",
            "\n\n",
            "- ",
            "1. ",
            "3) ",
            "# ",
            "**",
            "*",
            "_",
            "`",
        ),
        *(
            "!",
            "?",
            ".",
            ",",
            ":",
            " ",
            "…",
            "—",
            "\u200b",
            "<b>",
            "<think>",
            "</think>",
            "&lt;b&gt;",
            "![a](b)",
            "<!--",
        ),
        *(
            "you wrote ",
            "your notes say ",
            "She went quiet",
            "went quiet.",
            "Went quiet",
            "P will talk to Dan",
            "Lao Tzu",
        ),
        *("by Jane Doe", "*The feedback equation*", "Fake Book", "the book ", "(2018)", "https://evil.example", LINK),
        *(
            f"[x]({LINK})",
            "[x](http://a.b)",
            "Great question",
            "Sure, ",
            "Why don't you go",
            "What would help",
            "and why",
        ),
        *("You could ask: ", "Here are three:", "It is good", "the", "Sources:\n", "e.g. ", "ISBN 9780306406157", ROOM),
    ]
)
WRITINGS = st.tuples(st.sampled_from(["", " "]), st.lists(BITS | st.text(max_size=6), max_size=40)).map(
    lambda parts: parts[0].join(parts[1])
)


@settings(deadline=None, max_examples=300)
@given(WRITINGS)
def test_a_repaired_text_passes_its_own_check_and_cites_only_what_verifies(catalogue: Catalogue, text: str) -> None:
    result = checked(text, catalogue)
    assert result.is_usable == bool(result.markdown)
    assert set(markers_in(result.markdown)) <= set(range(1, len(EVIDENCE) + 1))
    _verifies(result.markdown)


@given(st.text(max_size=80), st.lists(st.integers(0, 12), max_size=8))
def test_renumbered_texts_verify_whatever_they_cite(words: str, numbers: Sequence[int]) -> None:
    _verifies(words + "".join(f" [{number}] and" for number in numbers))


def _verifies(markdown: str) -> None:
    text, citations = renumbered(markdown, EVIDENCE)
    assert list(markers_in(text)) == [citation.marker for citation in citations]
    assert not verify(text, citations, text_of=lambda e: TEXTS[e.id]).faults


MESSAGES = [
    "I meet Priya tomorrow, junior designer, thinks about product management. I'm nervous.",
    "I want to be better at leading people but I don't know where to start.",
    "something short to read before I give her difficult feedback",
    "Draft a follow-up message to her",
    "She cancelled for the third time and I don't know what to make of it",
    "three questions to ask at our last meeting",
]


def test_what_the_built_in_composer_writes_passes_as_it_is(coach: Coach, talk: Talk, owner: Owner) -> None:
    catalogue = Catalogue.of(coach.knowledge)
    for message in MESSAGES:
        reply = talk.say(message)
        result = check(
            reply.markdown,
            [citation.evidence for citation in reply.citations],
            text_of=lambda evidence: coach.passages.text_of(evidence, owner=owner),
            catalogue=catalogue,
            tag=TAG,
            said=MESSAGES,
        )
        assert (result.markdown, result.changes) == (reply.markdown, ())
