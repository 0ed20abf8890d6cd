"""The rules that read a reply: its words, sentences and questions, what it tells and what it praises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.wording import (
    is_in_imperative,
    is_open,
    plain,
    praise_in,
    questions_in,
    sentences_of,
    unquoted,
    words_of,
)


def test_citation_marks_and_emphasis_are_not_words() -> None:
    assert plain("**Wait** for _her_ answer [12].") == "Wait for her answer."
    assert words_of("- It's a well-meant **gift** [1] … or – 2") == ["It's", "a", "well-meant", "gift", "or", "2"]


def test_a_year_in_brackets_is_no_mark() -> None:
    assert plain("as Rogers [1957] wrote") == "as Rogers [1957] wrote"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("You were quiet. Something was on your mind!", ["You were quiet.", "Something was on your mind!"]),
        ("It took 3.5 days to answer.", ["It took 3.5 days to answer."]),
        ("Well. She left early", ["She left early"]),
        ("She said “I will not do it. Never.” and left early.", ["She said   and left early."]),
        ("> Dear Priya, here is what I saw.\nThat is the draft.", ["That is the draft."]),
        ("Yes. No.", []),
        ("", []),
    ],
)
def test_sentences_outside_quotations_that_say_something(text: str, found: list[str]) -> None:
    assert sentences_of(text) == found


def test_what_is_quoted_is_left_out() -> None:
    assert unquoted('He wrote “great job” and "go on" there.').split() == ["He", "wrote", "and", "there."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("“What would help?” [1]", ["What would help?"]),
        ("“You went quiet. What happened?”", ["You went quiet. What happened?"]),
        ('"What now, then?" she said.', ["What now, then?"]),
        ("Ask her: how are you? Then wait.", ["how are you?"]),
        ("Which of the 2.5 options is hers?", ["Which of the 2.5 options is hers?"]),
        ("- Do you meet?\n- What then?", ["Do you meet?", "What then?"]),
        ("1) Do you meet?\n2) What then?", ["Do you meet?", "What then?"]),
        ("What did she say? And what did you?", ["What did she say?", "And what did you?"]),
        ("> What did you see?", []),
        ("Really? That is all.", []),
        ("“She left.” That is all.", []),
    ],
)
def test_questions_that_are_asked_or_offered_in_quotation_marks(text: str, found: list[str]) -> None:
    assert questions_in(text) == found


@pytest.mark.parametrize(
    "sentence",
    [
        "Ask her what she wants.",
        "First, ask her what she wants.",
        "- **Ask** her.",
        "2. Write it down.",
        "And then, just wait.",
        "Let's wait.",
        "Please don't tell her.",
        "Don’t rush it.",
        "Do not answer for her.",
        "Never answer for her.",
        "Make sure you listen.",
        "Try to listen.",
        "If she cries, wait.",
        "On Monday, send her the note.",
        "Before you go, write it down.",
    ],
)
def test_telling_somebody_what_to_do_is_telling(sentence: str) -> None:
    assert is_in_imperative(plain(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "Asking her helps.",
        "You could ask her.",
        "She asked you to wait.",
        "Notes from last time say this.",
        "Work is hard for her at the moment.",
        "Talk is cheap, she said.",
        "Open questions help.",
        "Use of words matters.",
        "Point taken.",
        "What would you ask?",
        "Think about it?",
        "Say more?",
        "If she cries, you might wait.",
        "Last time, you wrote it down.",
        "Never the same twice.",
    ],
)
def test_what_only_sounds_like_telling_is_not(sentence: str) -> None:
    assert not is_in_imperative(plain(sentence))


@pytest.mark.parametrize(
    "text",
    [
        "Great question!",
        "That's a great point.",
        "You’re absolutely right.",
        "You're doing great.",
        "What a good idea.",
        "What a lovely way to put it",
        "Well done.",
        "Good job!",
        "Nice work, really.",
        "Excellent! Let us go on.",
        "I love how you put that.",
        "I admire your patience.",
        "I'm so proud of you.",
        "I understand how you feel.",
        "Good for you.",
    ],
)
def test_praise_that_nobody_earned_is_found(text: str) -> None:
    assert praise_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "What a good mentor does is wait.",
        "It would be good for you both to name it.",
        "It is great that she came back.",
        "A great deal changed since March.",
        "Great Yarmouth is far.",
        "If you are right-handed, sit on her left.",
        "What is a good question to begin with?",
        "She thinks you are wonderfully calm.",
        "Good work takes time.",
        "You stayed with it for six months.",
    ],
)
def test_what_only_shares_words_with_praise_is_not(text: str) -> None:
    assert praise_in(text) == ""


@pytest.mark.parametrize(
    "question",
    [
        "What would help?",
        "And how did that land?",
        "If it went well, what would be different?",
        "You said she left: what happened before?",
        "On a scale of one to ten, where are you?",
        "Could you tell me what happened?",
        "Would you tell me more about who was there?",
        "Is it the work or the people?",
        "When did it begin?",
        "When you think of it, what stays with you?",
        "Tell me more?",
        "What happened, and did it help?",
    ],
)
def test_a_question_that_asks_for_more_than_yes_is_open(question: str) -> None:
    assert is_open(question)


@pytest.mark.parametrize(
    "question",
    [
        "Do you want to go on?",
        "And have you asked her?",
        "If it went well, would you do it again?",
        "She left early: was she upset?",
        "When you think of it, is it fair?",
        "Once you have met, do you write it down?",
        "Shall we leave it there?",
        "You say it is over, so is it?",
    ],
)
def test_a_question_that_a_nod_answers_is_closed(question: str) -> None:
    assert not is_open(question)


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for question in questions_in(text):
        is_open(question)
    for sentence in sentences_of(text):
        is_in_imperative(sentence)
    assert praise_in(text) in text
    assert len(words_of(text)) <= len(text)
