"""The knowledge loader: what it makes of sound files, and that every fault is named with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from coach.adapters.knowledge_files import load_knowledge
from coach.adapters.lined_yaml import LinedDict, LinedList, line_of, parse
from coach.adapters.packaged_data import data_folder
from coach.domain.errors import ConfigurationError, KnowledgeError
from coach.domain.identifiers import is_doi, is_isbn
from coach.domain.knowledge import PlanStep
from coach.ports import KnowledgeBase
from tests.fakes.knowledge import replace_in, small_knowledge, write_small_library


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return write_small_library(tmp_path / "knowledge")


def faults_of(*folders: Path) -> list[str]:
    with pytest.raises(KnowledgeError) as raised:
        load_knowledge(folders)
    return str(raised.value).splitlines()


def line_with(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1) if text in line)


# What is read


def test_a_sound_library_is_read_into_the_domain_types(tmp_path: Path) -> None:
    knowledge: KnowledgeBase = small_knowledge(tmp_path)
    plan = knowledge.plans["first-session-mentor"]
    assert plan.arc[0] == PlanStep("open", "worth-your-time")
    assert knowledge.questions["keeps-pulling"].audience == ("mentor",)
    assert knowledge.cards[plan.card].body.startswith("## What it is")
    assert knowledge.taxonomy.label("goal-clarity") == "Making a goal clear"
    assert (
        knowledge.sources["zachary-2012"].reference
        == "Lois J. Zachary (2012). The Mentor's Guide. 2nd ed., Jossey-Bass"
    )
    assert knowledge.scenarios["priya-first"].reactions["advice"] == ("I'll think about it.",)
    assert knowledge.journeys["goal-in-ten-minutes"].steps[1].draws_on == ("notes",)


def test_records_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert list(small_knowledge(tmp_path).questions)[:3] == ["worth-your-time", "keeps-pulling", "would-miss"]


def test_a_record_can_be_traced_to_its_line(library: Path) -> None:
    places = load_knowledge([library]).places
    line = line_with(library / "questions/all.yaml", "id: would-miss")
    assert places["question", "would-miss"] == f"questions/all.yaml:{line}"


def test_the_digest_changes_with_any_file_and_only_then(library: Path) -> None:
    before = load_knowledge([library]).digest
    assert load_knowledge([library]).digest == before
    replace_in(library / "acknowledgements/all.yaml", "Nerves", "Some nerves")
    assert load_knowledge([library]).digest != before


def test_a_file_may_hold_one_record_and_sources_may_stand_in_one_file(library: Path) -> None:
    (library / "sources/all.yaml").rename(library / "sources.yaml")
    (library / "acknowledgements/one.yaml").write_text(
        'id: one\nfeeling: calm\nwhose: mine\naudience: [mentor]\nstages: []\ntext: "There is time."\n',
        encoding="utf-8",
    )
    assert "one" in load_knowledge([library]).acknowledgements


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(library: Path) -> None:
    before = load_knowledge([library])
    for path in [*library.rglob("*.yaml"), *library.rglob("*.md")]:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = load_knowledge([library])
    assert (after.cards, after.questions) == (before.cards, before.questions)


# What is indexed


def test_everything_that_is_retrieved_is_indexed_once_and_without_braces(tmp_path: Path) -> None:
    knowledge = small_knowledge(tmp_path)
    entries = list(knowledge.indexed_texts())
    keys = [(kind, record_id) for kind, record_id, _ in entries]
    assert len(set(keys)) == len(keys)
    records = (knowledge.cards, knowledge.questions, knowledge.framings, knowledge.resources, knowledge.plans)
    phrases = [record_id for kind, record_id in keys if kind == "phrase"]
    assert len(keys) == sum(len(table) for table in records) + len(knowledge.acknowledgements) + len(phrases)
    assert not [text for _, _, text in entries if "{" in text or not text.strip()]


def test_a_phrase_is_indexed_under_its_group_term_and_ordinal(tmp_path: Path) -> None:
    phrases = {
        record_id: text for kind, record_id, text in small_knowledge(tmp_path).indexed_texts() if kind == "phrase"
    }
    assert phrases["topic/goal-clarity/1"] == "my goal is vague"
    assert phrases["topic/goal-clarity/2"] == "what do I want"
    assert phrases["role/mentee/1"] == "my mentor"


def test_a_card_is_indexed_with_its_gist_first_and_its_topics(tmp_path: Path) -> None:
    knowledge = small_knowledge(tmp_path)
    text = next(text for kind, _, text in knowledge.indexed_texts() if kind == "card")
    assert text.startswith("A goal needs a scene. A wish turns")
    assert "Making a goal clear" in text
    assert "##" not in text


# Faults of one record

ONE_CHANGE = [
    ("questions/all.yaml", "purpose: deepen", "purpose: deep", "`purpose` is 'deep'; it must be one of 'open'"),
    ("questions/all.yaml", "audience: [mentor]\n", "audience: mentor\n", "`audience` is 'mentor'; it must be a list"),
    ("questions/all.yaml", "to: either", "too: either", "unknown field `too`"),
    ("questions/all.yaml", "to: either", "too: either", "`to` is missing"),
    ("questions/all.yaml", 'why: "The pull says more than the plan."', "why: 12", "`why` is 12; it must be text"),
    ("questions/all.yaml", 'why: "The pull says more than the plan."', 'why: " "', "`why` is empty"),
    ("questions/all.yaml", "stages: [first-session, ongoing]", "stages: []", "`stages` is empty"),
    ("questions/all.yaml", "{topic|this}", "{topic}", "the slot {topic} has no default"),
    ("questions/all.yaml", "{topic|this}", "{topic|}", "the slot {topic|} has no default"),
    ("questions/all.yaml", "{topic|this}", "{tpoic|this}", "unknown slot {tpoic|this}"),
    ("questions/all.yaml", "{topic|this}", "{topic|this", "which is not a slot"),
    ("questions/all.yaml", "The pull says", "The {topic|pull} says", "`why` takes no slots"),
    ("questions/all.yaml", "id: would-miss", "id: Would_miss", "`id` Would_miss must be lower-case words"),
    ("questions/all.yaml", "[seijts-latham-2005]", "[seijts-latham-2006]", "did you mean `seijts-latham-2005`?"),
    ("questions/all.yaml", "topics: [goal-clarity]", "topics: [goals]", "unknown topic `goals`"),
    ("questions/all.yaml", "[first-session, agreements]", "[agreements, agreements]", "`topics` repeats 'agreements'"),
    ("framings/all.yaml", "{goal|this goal}", "this goal", "`pattern` must hold {goal|…}"),
    ("resources/all.yaml", 'isbn: "9780470907726"', 'isbn: "9780470907725"', "its check digit does not hold"),
    ("resources/all.yaml", 'isbn: "9780470907726"', 'isbn: ""', "has no link"),
    ("resources/all.yaml", "10.5465/ame", "https://doi.org/10.5465/ame", "is no DOI"),
    ("resources/all.yaml", "minutes: 30\n", "minutes: '30'\n", "it must be a whole number"),
    ("resources/all.yaml", "minutes: 30\n", "minutes: 0\n", "`minutes` must be at least 1"),
    ("resources/all.yaml", "free: false", "free: no", "it must be true or false"),
    ("sources/all.yaml", "year: 2005", "year: 2005\n  year: 2006", "the key `year` stands twice"),
    ("acknowledgements/all.yaml", "feeling: nervous", "feeling: nervy", "unknown feeling `nervy`"),
    ("plans/all.yaml", "note: ", "remark: ", "unknown field `arc.1.remark`"),
    ("plans/all.yaml", "card: goal-needs-a-scene", "card: a-scene", "unknown card `a-scene`"),
    ("plans/all.yaml", "question: least-tested", "question: never-asked", "unknown question `never-asked`"),
    ("plans/all.yaml", "purpose: challenge, question", "purpose: explore, question", "to challenge, not to explore"),
    (
        "plans/all.yaml",
        "challenge, question: least-tested",
        "open, question: worth-your-time",
        "`worth-your-time` twice",
    ),
    ("plans/all.yaml", "challenge, question: least-tested", "explore, question: keeps-pulling", "is not for a mentee"),
    ("scenarios/all.yaml", 'lines: ["I suppose', 'line: ["I suppose', "`layers.0.lines` is missing"),
    ("taxonomy.yaml", "intents:", "intentions:", "unknown group `intentions`"),
    ("cards/goal-needs-a-scene.md", "## When\n", "## Whenever\n", "the body needs the headings"),
    ("cards/goal-needs-a-scene.md", "---\nid:", "id:", "a card begins with front matter"),
]


@pytest.mark.parametrize(("file", "old", "new", "fault"), ONE_CHANGE)
def test_a_fault_is_named_with_its_file_and_what_is_wrong(
    library: Path, file: str, old: str, new: str, fault: str
) -> None:
    replace_in(library / file, old, new)
    assert [line for line in faults_of(library) if line.startswith(f"{file}:") and fault in line]


def test_a_fault_points_at_its_line(library: Path) -> None:
    path = library / "plans/all.yaml"
    replace_in(path, "question: least-tested", "question: never-asked")
    expected = (
        f"plans/all.yaml:{line_with(path, 'never-asked')}: plan clearer-goal-mentee: unknown question `never-asked`"
    )
    assert expected in faults_of(library)


def test_a_fault_in_a_cards_front_matter_or_body_points_at_its_line(library: Path) -> None:
    path = library / "cards/goal-needs-a-scene.md"
    replace_in(path, "stages: [goal-setting]", "stages: [goal-seting]")
    replace_in(path, "## How\n", "## How to\n")
    assert faults_of(library)[0].startswith(f"cards/goal-needs-a-scene.md:{line_with(path, 'goal-seting')}: ")
    assert faults_of(library)[1].startswith(f"cards/goal-needs-a-scene.md:{line_with(path, '## What it is')}: ")


def test_all_faults_are_reported_at_once_by_file_and_line(library: Path) -> None:
    replace_in(library / "questions/all.yaml", "to: other", "to: others")
    replace_in(library / "acknowledgements/all.yaml", "whose: mine", "whose: ours")
    faults = faults_of(library)
    places = [(line.split(":")[0], int(line.split(":")[1])) for line in faults]
    assert places == sorted(places)
    assert [file for file, _ in places] == ["acknowledgements/all.yaml"] * 2 + ["questions/all.yaml"] * 4


def test_a_broken_record_causes_no_further_faults_where_it_is_used(library: Path) -> None:
    replace_in(library / "questions/all.yaml", "purpose: open", "purpose: opening")
    assert len(faults_of(library)) == 1


def test_text_that_is_not_yaml_is_named_with_the_line_where_reading_stopped(library: Path) -> None:
    (library / "framings/bad.yaml").write_text("- id: x\n  name: [a\n  lens: b\n", encoding="utf-8")
    assert [line for line in faults_of(library) if line.startswith("framings/bad.yaml:3: this is not YAML")]


def test_bytes_that_are_not_utf_8_are_named(library: Path) -> None:
    (library / "framings/bad.yaml").write_bytes(b"- id: x\n  name: \xff\n")
    assert "framings/bad.yaml:2: this is not UTF-8 text" in faults_of(library)


def test_a_yaml_file_in_the_wrong_place_is_not_silently_left_out(library: Path) -> None:
    (library / "question").mkdir()
    (library / "question/mine.yaml").write_text("[]", encoding="utf-8")
    (library / "questions/mine.yml").write_text("[]", encoding="utf-8")
    assert [line.split(":")[0] for line in faults_of(library)] == ["question/mine.yaml", "questions/mine.yml"]


def test_a_file_that_cannot_be_read_is_a_fault(library: Path) -> None:
    (library / "framings/folder.yaml").mkdir()
    assert "framings/folder.yaml:1: this file cannot be read: Is a directory" in faults_of(library)


def test_hidden_folders_are_left_alone(library: Path) -> None:
    (library / ".settings").mkdir()
    (library / ".settings/editor.yaml").write_text("[]", encoding="utf-8")
    assert load_knowledge([library])


@pytest.mark.parametrize(
    ("steps", "fault"),
    [(1, "the arc has 1 steps"), (7, "the arc has 7 steps")],
)
def test_an_arc_has_three_to_six_steps(library: Path, steps: int, fault: str) -> None:
    path = library / "plans/all.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if "{purpose: open" in line)
    end = next(n for n, line in enumerate(lines) if n > first and "{purpose" not in line)
    path.write_text("\n".join([*lines[:first], *[lines[first]] * steps, *lines[end:]]), encoding="utf-8")
    assert [line for line in faults_of(library) if fault in line]


def test_an_arc_never_steps_back(library: Path) -> None:
    path = library / "plans/all.yaml"
    replace_in(path, "{purpose: open, question: worth-your-time}", "{purpose: open-, question: worth-your-time}")
    replace_in(path, "{purpose: commit, question: small-this-week}", "{purpose: open, question: worth-your-time}")
    replace_in(path, "{purpose: open-, question: worth-your-time}", "{purpose: commit, question: small-this-week}")
    assert [line for line in faults_of(library) if "the arc steps back from commit to challenge" in line]


# Several folders


def test_a_second_folder_may_be_small_and_cite_the_first(library: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    (ours / "questions").mkdir(parents=True)
    text = (library / "questions/all.yaml").read_text(encoding="utf-8").split("\n\n")[0]
    (ours / "questions/more.yaml").write_text(text.replace("id: worth-your-time", "id: ours"), encoding="utf-8")
    knowledge = load_knowledge([library, ours])
    assert list(knowledge.questions)[-1] == "ours"
    assert knowledge.places["question", "ours"] == "ours/questions/more.yaml:1"


def test_a_clash_of_ids_names_both_places(library: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    (ours / "questions").mkdir(parents=True)
    (ours / "questions/more.yaml").write_bytes((library / "questions/all.yaml").read_bytes())
    assert (
        "ours/questions/more.yaml:1: question worth-your-time: this id is taken by questions/all.yaml:1"
        in faults_of(library, ours)
    )


def test_a_folder_that_is_not_there_is_a_fault(library: Path, tmp_path: Path) -> None:
    assert [line for line in faults_of(library, tmp_path / "nowhere") if "there is no such folder" in line]


def test_an_empty_folder_lacks_the_taxonomy(tmp_path: Path) -> None:
    assert "taxonomy.yaml:1: the taxonomy names no stage" in faults_of(tmp_path)


# YAML with lines


def test_values_remember_their_lines() -> None:
    parsed = parse("a: 1\nb:\n  - x\n  - c: true\n    d: 'yes'\n", first_line=10)
    assert parsed.value == {"a": 1, "b": ["x", {"c": True, "d": "yes"}]}
    assert isinstance(parsed.value, LinedDict)
    assert line_of(parsed.value, ("b", 1, "d")) == 14
    assert line_of(parsed.value, ("b", 7)) == 11
    assert isinstance(parsed.value["b"], LinedList)


def test_words_that_yaml_once_took_for_truth_values_stay_text() -> None:
    assert parse("[yes, no, off, 2014-01-01, '12', 12, -3, 1.5, null, ~]").value == [
        *("yes", "no", "off", "2014-01-01", "12"),
        *(12, -3, 1.5, None, None),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: &x 1\nb: *x", "aliases"),
        ("a: &x 1", "anchors"),
        ("a: !!python/name:os.system x", "tags"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("? [a]\n: 1", "a key must be plain text"),
    ],
)
def test_what_hides_where_a_value_comes_from_is_refused(text: str, fault: str) -> None:
    assert [message for _, message in parse(text).faults if fault in message]


# Identifiers


@pytest.mark.parametrize("isbn", ["9781473658127", "978-1-4736-5812-7", "0306406152", "080442957X", "0 306 40615 2"])
def test_an_isbn_with_a_sound_check_digit_is_one(isbn: str) -> None:
    assert is_isbn(isbn)


@pytest.mark.parametrize("isbn", ["9781473658128", "0306406153", "1234567890123", "978147365812", "", "X"])
def test_an_isbn_with_another_check_digit_is_none(isbn: str) -> None:
    assert not is_isbn(isbn)


def test_any_changed_digit_breaks_an_isbn() -> None:
    isbn = "9781473658127"
    others = {isbn[:n] + d + isbn[n + 1 :] for n in range(13) for d in "0123456789"} - {isbn}
    assert not [other for other in others if is_isbn(other)]


def test_a_doi_stands_without_an_address() -> None:
    assert is_doi("10.1037/0003-066X.57.9.705")
    assert not is_doi("https://doi.org/10.1037/0003-066X.57.9.705")
    assert not is_doi("10.1037/with space")


# Where the files lie


def test_packaged_data_is_found_inside_the_package_and_else_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "coach"
    (tmp_path / "knowledge").mkdir()
    assert data_folder("knowledge", package=package) == tmp_path / "knowledge"
    (package / "data/knowledge").mkdir(parents=True)
    assert data_folder("knowledge", package=package) == package / "data/knowledge"


def test_missing_data_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="The folder `prompts` is missing"):
        data_folder("prompts", package=tmp_path / "coach")
