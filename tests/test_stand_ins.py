"""Names that are hidden on the way out and restored on the way in, whole or in pieces."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach.domain.stand_ins import StandIns

PEOPLE = [
    "Priya Sharma",
    "Łukasz Żak",
    "Nguyễn Văn An",
    "Conor O'Brien",
    "Anne-Marie",
    "Will Long",
    "May",
    "Ben McDonald",
]
FRAGMENTS = [
    *"Priya priya PRIYA pRiya Sharma Łukasz Lukasz łukasz Żak Nguyễn Nguyen NGUYỄN Văn An an O'Brien O’Brien Anne Marie".split(),
    *"anne-marie Will will WILL Long long May may McDonald Mcdonald MCDONALD Annual Priyanka Robinson über 日本 2026 ß".split(),
    *[
        " ",
        " ",
        " ",
        "'s",
        "’s",
        "-",
        ". ",
        ", ",
        "? ",
        "\n- ",
        "(",
        ")",
        "_",
        "\u0301",
        "🙂",
        "said",
        "you",
        "in",
        "I",
    ],
    unicodedata.normalize("NFD", "Nguyễn"),
]
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join) | st.text(max_size=60)
names = st.lists(
    st.sampled_from(PEOPLE) | st.text(st.characters(categories=["L", "Mn", "Zs", "Pd"]), max_size=12), max_size=6
)


def hidden(text: str, *names: str) -> str:
    return StandIns.of(names, texts=[text]).hide(text)


def stand_in(name: str, *texts: str) -> str:
    return dict(StandIns.of([name], texts=texts).pairs)[name]


# hiding


def test_a_name_is_hidden_and_its_possessive_and_capitals_kept() -> None:
    robin = stand_in("Priya")

    assert hidden("Priya's plan, Priya’s goal, priya and PRIYA.", "Priya") == (
        f"{robin}'s plan, {robin}’s goal, {robin.lower()} and {robin.upper()}."
    )


def test_the_first_name_and_the_full_name_are_one_person() -> None:
    stand_ins = StandIns.of(["Priya Sharma", "Priya"])
    first, family = stand_ins.hide("Priya Sharma").split()

    assert stand_ins.hide("Priya met Ms Sharma.") == f"{first} met Ms {family}."
    assert stand_ins.pairs == (("Priya", first), ("Priya Sharma", f"{first} {family}"))


def test_two_people_get_two_stand_ins() -> None:
    assert len(set(hidden("Priya Dan Ola Kofi Mei", "Priya", "Dan", "Ola", "Kofi", "Mei").split())) == 5


def test_only_whole_words_are_hidden() -> None:
    robin = stand_in("Ann")

    assert hidden("Annual Ann-led pre-Ann Ann’s Hannah Ann.", "Ann") == (
        f"Annual {robin}-led pre-{robin} {robin}’s Hannah {robin}."
    )
    assert hidden("रामा", "राम") == "रामा", "a sign is a part of the word"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Łukasz", "Łukasz"),
        ("Łukasz", "Lukasz"),
        ("Nguyễn Thị Mỹ", "Nguyễn Thị Mỹ"),
        ("Nguyễn Thị Mỹ", unicodedata.normalize("NFD", "Nguyễn Thị Mỹ")),
        ("Nguyễn Thị", "Nguyen Thi"),
        ("Conor O'Brien", "conor o’brien"),
        ("Anne-Marie", "Anne Marie"),
        ("Anne-Marie", "Anne"),
        ("Владимир", "владимир"),
        ("प्रिया", "प्रिया"),
        ("Søren Kierkegård", "Soren Kierkegard"),
        ("priya sharma", "Priya Sharma"),
        ("PRIYA", "Priya"),
    ],
)
def test_no_part_of_a_name_is_left_however_it_is_written(name: str, written: str) -> None:
    text = f"I met {written} again, and {written}'s team."
    stand_ins = StandIns.of([name], texts=[text])
    sent = stand_ins.hide(text)

    for word in re.findall(r"\w{2,}", written):
        assert word not in sent
    assert stand_ins.restore(sent) == text


def test_titles_and_words_for_people_are_no_names() -> None:
    text = "My manager and Dr Osei, the mentor."

    assert StandIns.of(["my manager"]).hide(text) == text
    assert hidden(text, "my manager", "Dr. Osei") == f"My manager and Dr {stand_in('Osei')}, the mentor."
    assert hidden("Ludwig van Dyck in a van", "Ludwig van Dyck").endswith(" in a van")


# names that are words


@pytest.mark.parametrize(
    "text",
    [
        "Will you ask her?",
        "We will see. Will it last?",
        "I WILL do it.",
        "- Will send the deck tomorrow",
        "“May I ask something?”",
        "Then say, “May I come back to you?”",
        "We meet in May.",
        "It ended in early May 2026, or May 12.",
        "I may. You might hope for grace.",
        "Hope this helps.",
        "Hope to see you.",
        "Good question! Mark the date.",
        "Young people ask that.",
        "An idea: long walks.",
    ],
)
def test_a_name_that_is_a_word_is_left_where_it_reads_as_the_word(text: str) -> None:
    assert hidden(text, "Will", "May", "Hope", "Grace", "Mark", "Ann Young", "Thuy An", "Will Long") == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I asked Will about it.", "Will"),
        ("Will said no.", "Will"),
        ("Will really struggled.", "Will"),
        ("Will, how was it?", "Will"),
        ("Will's plan is late.", "Will"),
        ("Will: I think so.", "Will"),
        ("Will and I met.", "Will"),
        ("Will Longman will come.", "Will Longman"),
        ("I asked Dr. May the same.", "May"),
        ("Then May came.", "May"),
        ("Hope is tired.", "Hope"),
        ("Grace was late.", "Grace"),
        ("Mark to send the slides.", "Mark"),
        ("I saw Jo.", "Jo"),
        ("Notes on GRACE-MARIE", "Grace-Marie"),
    ],
)
def test_a_name_that_is_a_word_is_hidden_where_it_reads_as_a_name(text: str, name: str) -> None:
    for word in re.findall(r"\w+", name):
        assert not re.search(rf"\b{word}\b", hidden(text, name), re.IGNORECASE if word == "Marie" else 0)


# stand-ins


def test_a_stand_in_occurs_neither_in_the_texts_nor_among_the_names() -> None:
    once = stand_in("Priya")
    twice = stand_in("Priya", f"We spoke of {once.upper()}.")
    among = StandIns.of(["Priya", once])

    assert twice != once
    assert once not in dict(among.pairs).values()


def test_stand_ins_do_not_run_out() -> None:
    people = [f"{first}{second}" for first in ("Ka", "Lo", "Mi", "Zu") for second in map(chr, range(97, 123))]
    stand_ins = [name for _, name in StandIns.of(people).pairs]

    assert len(set(stand_ins)) == len(people)
    assert all(name.isalpha() for name in stand_ins)


def test_stand_ins_are_the_same_in_any_order_and_in_any_process() -> None:
    program = "from coach.domain.stand_ins import StandIns; print(StandIns.of({'Priya Sharma', 'Dan', 'Ola'}).pairs)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == str(StandIns.of(["Ola", "Dan", "Priya Sharma"]).pairs)


def test_one_more_person_does_not_change_the_stand_in_of_another() -> None:
    assert dict(StandIns.of(["Priya", "Dan"]).pairs)["Priya"] == stand_in("Priya")


def test_without_names_nothing_changes() -> None:
    stand_ins = StandIns.of([])
    restorer = stand_ins.restoring()

    assert stand_ins.hide("Priya") == stand_ins.restore("Priya") == "Priya"
    assert restorer.feed("Pri") == "Pri"


def test_a_log_of_the_stand_ins_names_nobody() -> None:
    assert "Priya" not in repr(StandIns.of(["Priya Sharma"]))


# restoring


@given(names, texts)
def test_restoring_undoes_hiding(names: list[str], text: str) -> None:
    stand_ins = StandIns.of(names, texts=[text])

    assert stand_ins.restore(stand_ins.hide(text)) == text


@given(texts)
def test_no_name_that_is_no_word_is_left(text: str) -> None:
    sent = StandIns.of(PEOPLE, texts=[text]).hide(text)
    words = {
        word.casefold() for word in re.findall(r"(?:[^\W\d_]|[\u0300-\u036f])+", unicodedata.normalize("NFC", sent))
    }

    assert not words & {"priya", "sharma", "łukasz", "lukasz", "nguyễn", "nguyen", "brien", "marie", "mcdonald"}


def test_a_spelling_that_was_not_foreseen_comes_back_as_the_name_was_given() -> None:
    stand_ins = StandIns.of(["McDonald"])

    assert stand_ins.restore(stand_ins.hide("Mcdonald, McDonald, MCDONALD")) == "McDonald, McDonald, MCDONALD"


def test_what_the_model_writes_around_a_stand_in_stays() -> None:
    stand_ins = StandIns.of(["Priya"])
    robin = stand_ins.hide("Priya")

    assert (
        stand_ins.restore(f"**{robin}**’s, {robin}-led, {robin}son, {robin}!")
        == f"**Priya**’s, Priya-led, {robin}son, Priya!"
    )


@given(texts, st.lists(st.integers(0, 200), max_size=12))
def test_any_split_of_the_stream_gives_the_restored_whole(text: str, cuts: list[int]) -> None:
    stand_ins = StandIns.of(PEOPLE, texts=[text])
    sent = stand_ins.hide(text)
    places = sorted({min(cut, len(sent)) for cut in cuts} | {0, len(sent)})
    restorer = stand_ins.restoring()
    pieces = [restorer.feed(sent[start:end]) for start, end in pairwise(places)]

    assert "".join([*pieces, restorer.finish()]) == stand_ins.restore(sent) == text


@given(st.text("AaeElxisSo 's-\u0301", max_size=30), st.lists(st.integers(0, 30), max_size=30))
def test_words_like_a_stand_in_stream_as_the_whole_too(text: str, cuts: list[int]) -> None:
    stand_ins = StandIns.of(["Will"])
    text = text.replace("Alexis", stand_ins.hide("Hi Will")[3:]) + stand_ins.hide("Hi Will")[3:]
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    restorer = stand_ins.restoring()
    pieces = [restorer.feed(text[start:end]) for start, end in pairwise(places)]

    assert "".join([*pieces, restorer.finish()]) == stand_ins.restore(text)


def test_nothing_is_held_back_but_what_could_become_a_stand_in() -> None:
    stand_ins = StandIns.of(["Priya"])
    robin = stand_ins.hide("Priya")
    restorer = stand_ins.restoring()

    assert restorer.feed("What does ") == "What does "
    assert restorer.feed(robin[:2]) == ""
    assert restorer.feed(robin[2:]) == "", "it may go on"
    assert restorer.feed("'s team w") == "Priya's team w"
    assert restorer.feed(f"x{robin}") == f"x{robin}", "inside a word"
    assert restorer.feed(f" {robin}") == " "
    assert restorer.finish() == "Priya"
