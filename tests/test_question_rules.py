"""What makes a question fit to be asked, and how prose is judged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach.domain.prose_rules import american_spellings, fillers_in, reading_ease, slot_faults
from coach.domain.question_rules import faults_in

SOUND = [
    "What would make these conversations worth your time?",
    "What is it about {topic|this} that keeps pulling at you?",
    "You said {quote|that} quite lightly. How much does it weigh?",
    "I did most of the talking last time. What didn't you get to say?",
    "What have you thought about my work and not said yet?",
    "What have you tried with it so far?",
    "How much of this was in your hands, how much in others', and how much was luck?",
    "Which of that would be in the minutes, and which did you add afterwards?",
    "Who was in the room when that was said, and who wasn't?",
    "What hurts more: the decision, or how you were treated?",
    "And what would you rather I left alone?",
    "Which kind of change should you be able to make by spring without my review?",
    "What would you tell someone who asked what you do and how you do it?",
    "How could you try it for a month without resigning from anything?",
    "Did anything else happen?",
    "“What would you miss?”",
]

UNSOUND = [
    ("Tell me about it.", "0 question marks"),
    ("What happened? How did it feel?", "2 question marks"),
    ("What happened? Take your time.", "goes on after"),
    (" ".join(["word"] * 28) + " really?", "29 words"),
    ("Don't you think that was unfair?", "leads or advises"),
    ("That was unfair, wasn't it?", "leads or advises"),
    ("Wouldn't it be better to ask?", "leads or advises"),
    ("Have you considered asking her?", "leads or advises"),
    ("Have you thought about a course?", "leads or advises"),
    ("Why don't you ask her?", "leads or advises"),
    ("Why not ask her?", None),
    ("So shouldn’t you tell him?", "leads or advises"),
    ("What about writing to her?", "leads or advises"),
    ("Could you just ask her?", "leads or advises"),
    ("You will ask her, right?", "leads or advises"),
    ("What did you do and why?", "asks two things"),
    ("What happened, and how would you tell it?", "asks two things"),
    ("What happened and how did you feel?", "asks two things"),
    ("Who said it, and when?", "asks two things"),
    ("Is that a worry or is it a plan?", "asks two things"),
    ("What did you promise, and is it done?", "asks two things"),
    ("How could you leverage your strengths?", "uses jargon: “leverage”"),
    ("What are the key takeaways?", "uses jargon"),
]


@pytest.mark.parametrize("question", SOUND)
def test_a_sound_question_has_no_faults(question: str) -> None:
    assert faults_in(question) == ()


@pytest.mark.parametrize(("question", "fault"), [pair for pair in UNSOUND if pair[1]])
def test_an_unsound_question_is_told_why(question: str, fault: str) -> None:
    assert [found for found in faults_in(question) if fault in found]


def test_several_faults_are_all_told() -> None:
    assert len(faults_in("Have you considered leveraging it? And why?")) == 4


def test_a_slots_default_counts_as_words_that_are_said() -> None:
    assert faults_in("What about {topic|" + "very " * 28 + "much}?")


@given(st.text(max_size=200))
def test_any_text_can_be_judged(text: str) -> None:
    assert all(isinstance(fault, str) for fault in faults_in(text))
    assert all(isinstance(fault, str) for fault in slot_faults(text))
    assert reading_ease(text) <= 210


@given(st.sampled_from([question for question in SOUND if not question.startswith("“")]))
def test_a_sound_question_asked_twice_is_unsound(question: str) -> None:
    assert faults_in(f"{question} {question}")


def test_american_spellings_come_with_the_british_ones() -> None:
    assert american_spellings("They organize behavior.") == ("behavior (behaviour)", "organize (organise)")
    assert american_spellings("The size of the prize at the Center, and an honourable wizened citizen.") == ()


def test_fillers_are_found_and_ordinary_uses_are_not() -> None:
    assert fillers_in("Great question. Remember that it’s important to rest.") == (
        *("Great question", "Remember that", "it's important to"),
    )
    assert fillers_in("How will you remember that, and what was a great answer?") == ()


def test_a_plain_question_reads_more_easily_than_a_heavy_one() -> None:
    plain = "What will you do this week?"
    heavy = "Which organisational considerations necessitate institutional reconsideration?"
    assert reading_ease(plain) > 90
    assert reading_ease(heavy) < 0


@pytest.mark.parametrize(
    "text",
    [
        "Ask {name|them} about it.",
        "If {name|they} should list job titles, ask for a day.",
        "What would you rather {name|your mentee} didn't ask you?",
        "what {name|they} will try, and how you should ask",
        "No slots here, and  nothing is said.",
    ],
)
def test_a_slot_that_reads_well_either_way_is_no_fault(text: str) -> None:
    assert slot_faults(text) == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("What do {name|they} want?", "does not read with a name"),
        ("Where {name|they} stand now is open.", "does not read with a name"),
        ("Don't explain {name|their} culture.", "possessive"),
        ("Ask for {name|them}'s view.", "without a name"),
        ("How is the {topic|move} going?", "longer topic"),
        ("You wrote “{quote|something}” there.", "brings its own"),
        ("{topic|This} is on your mind.", "lower case"),
        ("It is about {topic|this }, you said.", "before a mark"),
        ("It is about {topic|this } now.", "double space"),
    ],
)
def test_a_slot_that_reads_badly_is_told_how(text: str, fault: str) -> None:
    assert [found for found in slot_faults(text) if fault in found]
