"""The project's own data sets: they load, they are large enough, and what they point at exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from coach.adapters.knowledge_files import load_knowledge
from coach.adapters.packaged_data import data_folder
from coach.ports import KnowledgeBase
from evals.datasets import DATA
from evals.grammar import SPLITS, Sample, Split
from evals.tasks import all_tasks
from evals.tasks.grounding import GROUNDING, INJECTION, LEAKAGE, GroundingRow, InjectionRow, LeakageRow
from evals.tasks.replies import FLATTERY, SUGGESTIONS
from evals.tasks.retrieval import KNOWLEDGE, NoteQuestion, load_notes
from evals.tasks.situations import SAFETY, SITUATIONS, TOPICS

TASKS = {name: task for name, task in all_tasks().items() if task.has_own_data}
OF_THE_JUDGE = "judge-agreement.jsonl"
RELATIONSHIPS = sorted(path for path in (DATA / "notes").iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    return load_knowledge([data_folder("knowledge")])


@cache
def samples_of(task: str, split: Split) -> tuple[Any, ...]:
    """The samples of one split, read once."""
    return tuple(TASKS[task].load(split, None).samples)


def both(task: str) -> tuple[Any, ...]:
    """The samples of dev and test."""
    return tuple(chain.from_iterable(samples_of(task, split) for split in SPLITS))


def squeezed(text: str) -> str:
    """Without case, punctuation and spacing, so that a copy with a comma more is still one."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_every_file_of_the_data_is_read_by_somebody() -> None:
    of_tasks = {f"{name}-{split}.jsonl" for name in TASKS for split in SPLITS}
    assert {path.name for path in DATA.iterdir()} <= of_tasks | {"README.md", "notes", OF_THE_JUDGE}


@pytest.mark.parametrize("name", TASKS)
def test_every_data_set_loads_and_says_what_it_was(name: str) -> None:
    dataset = TASKS[name].load("test", None)
    assert dataset.samples
    assert re.fullmatch(r"[0-9a-f]{16}", dataset.digest)


@pytest.mark.parametrize("name", TASKS)
def test_no_id_is_used_twice(name: str) -> None:
    ids = [sample.id for sample in both(name)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", TASKS)
def test_dev_and_test_share_no_text(name: str) -> None:
    dev, test = ({squeezed(sample.text) for sample in samples_of(name, split)} for split in SPLITS)
    assert not dev & test


@pytest.mark.parametrize("name", TASKS)
def test_nothing_is_asked_twice_of_the_same_notes(name: str) -> None:
    def asked(sample: Sample) -> str:
        """All that a solver is given."""
        row = sample.model_dump(mode="json", exclude={"id", "group"}) | {"text": squeezed(sample.model_dump()["text"])}
        given = ("text", "role", "relationship", "person", "notes", "owners", "planted", "file_name")
        return json.dumps([row.get(field) for field in given])

    found = [asked(sample) for sample in both(name)]
    assert sorted({item for item in found if found.count(item) > 1}) == []


def test_no_note_is_given_in_both_dev_and_test() -> None:
    dev, test = (
        {squeezed(note.text) for row in samples_of(GROUNDING.name, split) for note in row.notes}
        | {squeezed(row.planted) for row in samples_of(INJECTION.name, split) if row.planted}
        | {squeezed(note.text) for row in samples_of(LEAKAGE.name, split) for item in row.owners for note in item.notes}
        for split in SPLITS
    )
    assert not dev & test


@pytest.mark.parametrize(
    ("name", "least"),
    [("situations", 200), ("safety", 240), ("knowledge", 240), ("suggestions", 100), ("injection", 60),
     ("flattery", 40), ("goals", 80), ("leakage", 40), ("grounding", 80)],
)  # fmt: skip
def test_data_sets_are_large_enough_to_tell_a_change_from_chance(name: str, least: int) -> None:
    assert len(both(name)) >= least


def test_the_notes_are_of_five_people_or_more_over_ten_sessions_each() -> None:
    assert len(RELATIONSHIPS) >= 5
    for folder in RELATIONSHIPS:
        assert len(list(folder.glob("*.md"))) >= 10, folder.name


def test_there_are_questions_enough_to_the_notes_and_enough_that_they_cannot_answer() -> None:
    questions: Sequence[NoteQuestion] = both("recall")
    kinds = [question.kind for question in questions]
    assert sum(kind != "unanswerable" for kind in kinds) >= 200
    assert kinds.count("unanswerable") >= 40
    assert all(kinds.count(kind) >= 20 for kind in ("fact", "date", "promise", "change"))


@pytest.mark.parametrize(
    ("decision", "kind", "least"),
    [("crisis", "explicit", 20), ("crisis", "indirect", 20), ("none", "look-alike", 30), ("abuse", None, 10),
     ("harassment", None, 10), ("medical-legal", None, 10), ("out-of-scope", None, 10), ("safeguarding", None, 10)],
)  # fmt: skip
def test_every_sort_of_alarm_is_there(decision: str, kind: str | None, least: int) -> None:
    alarms = [alarm for alarm in both("safety") if alarm.decision == decision and kind in (None, alarm.kind)]
    assert len(alarms) >= least


@pytest.mark.parametrize("place", ["note", "file-name", "transcript", "question"])
def test_instructions_are_planted_in_every_place(place: str) -> None:
    assert sum(row.place == place for row in both(INJECTION.name)) >= 8


def test_every_card_that_is_judged_exists(knowledge: KnowledgeBase) -> None:
    judged = set(chain.from_iterable(query.relevant for query in both(KNOWLEDGE.name)))
    assert judged <= knowledge.cards.keys()


def test_every_need_has_a_best_card_and_graded_judgements() -> None:
    for query in both(KNOWLEDGE.name):
        assert set(query.relevant.values()) <= {1, 2, 3}, query.id
        assert max(query.relevant.values()) >= 2, query.id


def test_every_label_is_one_of_the_taxonomy(knowledge: KnowledgeBase) -> None:
    taxonomy = knowledge.taxonomy
    topics = {term.id for term in taxonomy.topics}
    for message in both(SITUATIONS.name):
        assert {message.stage} <= {term.id for term in taxonomy.stages} | {None}, message.id
        assert {message.intent} <= {term.id for term in taxonomy.intents} | {None}, message.id
        assert {message.feeling} <= {term.id for term in taxonomy.feelings} | {None}, message.id
        assert set(message.topics) <= topics, message.id
    for wish in both(SUGGESTIONS.name):
        assert set(wish.topics) <= topics, wish.id
    for asked in both(TOPICS.name):
        assert asked.topic in topics, asked.id


def test_every_topic_is_asked_about(knowledge: KnowledgeBase) -> None:
    assert {asked.topic for asked in both(TOPICS.name)} == {term.id for term in knowledge.taxonomy.topics}


def test_alarms_about_somebody_else_are_there_too() -> None:
    assert {alarm.about for alarm in both(SAFETY.name) if alarm.decision == "crisis"} == {"self", "other"}


def session(question: NoteQuestion, document: str) -> str:
    name, _, day = document.partition("/")
    assert name == question.relationship
    return (DATA / "notes" / name / f"{day}.md").read_text(encoding="utf-8")


def note_questions() -> Iterator[NoteQuestion]:
    return chain.from_iterable(load_notes(split, None).samples for split in SPLITS)


def test_every_answer_stands_word_for_word_in_a_session_that_is_judged_to_hold_it() -> None:
    for question in note_questions():
        texts = [session(question, document) for document, grade in question.relevant.items() if grade > 0]
        assert any(question.quote in text for text in texts) == (question.kind != "unanswerable"), question.id
        assert bool(question.quote) == (question.kind != "unanswerable"), question.id


def test_what_the_notes_cannot_answer_has_no_session() -> None:
    for question in note_questions():
        has_session = any(grade > 0 for grade in question.relevant.values())
        assert has_session == (question.kind != "unanswerable"), question.id


def test_sessions_are_named_by_their_day_and_say_something() -> None:
    for file in chain.from_iterable(folder.glob("*") for folder in RELATIONSHIPS):
        assert date.fromisoformat(file.stem).year in (2024, 2025, 2026), file
        assert len(file.read_text(encoding="utf-8").split()) > 60, file


def test_dev_and_test_ask_about_different_people() -> None:
    dev, test = ({row.relationship for row in load_notes(split, None).samples} for split in SPLITS)
    assert not dev & test


def test_a_grounded_answer_stands_in_the_notes_of_its_row() -> None:
    rows: Sequence[GroundingRow] = both(GROUNDING.name)
    for row in rows:
        if row.answer:
            assert row.answerable, row.id
            assert any(row.answer in note.text for note in row.notes), row.id
    assert sum(not row.answerable for row in rows) >= 20


def test_every_planted_instruction_would_show_in_a_reply_that_followed_it() -> None:
    rows: Sequence[InjectionRow] = both(INJECTION.name)
    for row in rows:
        assert row.must_not_say, row.id
        assert all(words.strip() for words in row.must_not_say), row.id
        assert row.planted or row.place == "question", row.id
        assert bool(row.file_name) or row.place != "file-name", row.id


def test_canaries_stand_only_where_the_question_may_not_look() -> None:
    rows: Sequence[LeakageRow] = both(LEAKAGE.name)
    for row in rows:
        assert row.canaries, row.id
        mine = [note for item in row.owners if item.owner == "me" for note in item.notes]
        about = " ".join(note.text for note in mine if note.person == row.person) + row.text
        elsewhere = " ".join(
            note.text for item in row.owners for note in item.notes if note.person != row.person or item.owner != "me"
        )
        for canary in row.canaries:
            assert canary.lower() not in about.lower(), row.id
            assert canary.lower() in elsewhere.lower(), row.id
        assert {item.owner for item in row.owners} >= {"me"}, row.id


def test_leaks_are_looked_for_across_owners_and_across_relationships() -> None:
    rows: Sequence[LeakageRow] = both(LEAKAGE.name)
    others = [row for row in rows if any(item.owner != "me" for item in row.owners)]
    several = [row for row in rows if len({n.person for i in row.owners if i.owner == "me" for n in i.notes}) > 1]
    assert len(others) >= 15
    assert len(several) >= 15


def test_a_planted_assumption_has_words_that_would_give_it_away() -> None:
    for premise in both(FLATTERY.name):
        assert premise.assumption.strip(), premise.id
        assert premise.echoes, premise.id


def test_suggestions_are_asked_for_by_both_sides_and_each_says_what_is_wanted() -> None:
    wishes = both(SUGGESTIONS.name)
    assert {"mentor", "mentee"} <= {wish.role for wish in wishes}
    for wish in wishes:
        assert wish.must, wish.id
        assert not set(wish.must) & set(wish.must_not), wish.id


def test_no_data_set_has_a_path_of_a_machine_or_an_address_of_a_person() -> None:
    for file in (*DATA.glob("*.jsonl"), *DATA.glob("notes/*/*.md")):
        text = Path(file).read_text(encoding="utf-8")
        assert not re.search(r"/(?:home|Users|root)/\w+", text), file
