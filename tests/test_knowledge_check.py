"""The checks beyond form, the counts, the heat map, and ids that keep their meaning."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings

from coach.adapters.heatmap import heatmap, write_heatmap
from coach.adapters.knowledge_files import FileKnowledge, load_knowledge
from coach.services.knowledge_check import Finding, check
from coach.services.knowledge_ids import accepted_ids, drift, fingerprint, likeness
from coach.services.knowledge_stats import as_table, stats
from tests.fakes.knowledge import replace_in, small_knowledge, write_small_library


class WordEmbeddings(Embeddings):
    """Unit vectors that point where the first word does: texts with the same first word coincide."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        place = hashlib.sha256(text.split()[0].encode()).digest()[0]
        return [1.0 if number == place else 0.0 for number in range(256)]


@pytest.fixture
def knowledge(tmp_path: Path) -> FileKnowledge:
    return small_knowledge(tmp_path)


def rules_of(findings: list[Finding]) -> set[tuple[str, str, str]]:
    return {(finding.kind, finding.id, finding.rule) for finding in findings if finding.rule != "coverage"}


def test_a_sound_library_has_no_finding_but_thin_coverage(knowledge: FileKnowledge) -> None:
    findings = check(knowledge, embed=None)
    assert rules_of(findings) == set()
    assert {finding.severity for finding in findings} == {"warning"}


def test_thin_coverage_is_an_error_where_that_is_asked_for(knowledge: FileKnowledge) -> None:
    findings = check(knowledge, embed=None, coverage="error")
    assert Finding("topic", "agreements", "coverage", "has 0 cards, at least 4 wanted", "error") in findings


@pytest.mark.parametrize(
    ("file", "old", "new", "finding"),
    [
        ("questions/all.yaml", "What do you do now", "Don't you see", ("question", "would-miss", "question")),
        ("questions/all.yaml", "On which day?", "Which day, and why?", ("question", "small-this-week", "question")),
        ("questions/all.yaml", "The pull says", "The pull, " * 25 + "says", ("question", "keeps-pulling", "length")),
        ("questions/all.yaml", "than the plan.", "than the plan!", ("question", "keeps-pulling", "exclamation")),
        ("questions/all.yaml", "about {topic|this}", "in the {topic|thing}", ("question", "keeps-pulling", "slots")),
        (
            "questions/all.yaml",
            "Which part of the plan have you tested least?",
            "What would now make these conversations worth your time?",
            ("question", "least-tested", "repeats"),
        ),
        (
            "questions/all.yaml",
            "Which part of the plan have you tested least?",
            "Which organisational considerations necessitate reconsideration?",
            ("question", "least-tested", "reading-ease"),
        ),
        (
            "acknowledgements/all.yaml",
            "of use.",
            "of use?",
            ("acknowledgement", "nervous-before-first-mentor", "acknowledgement"),
        ),
        ("acknowledgements/all.yaml", "There is", "There is " * 40, ("acknowledgement", "calm-anything", "length")),
        ("resources/all.yaml", '"It says', '"Says', ("resource", "goals-that-teach", "resource-why")),
        ("plans/all.yaml", '"which one part', '"Which one part', ("plan", "clearer-goal-mentee", "continues")),
        ("plans/all.yaml", 'you will try"', 'you will try."', ("plan", "clearer-goal-mentee", "continues")),
        (
            "framings/all.yaml",
            "Surroundings can",
            "Remember that behavior can",
            ("framing", "situation-to-change", "filler"),
        ),
        ("framings/all.yaml", "Surroundings can", "Such behavior can", ("framing", "situation-to-change", "spelling")),
        ("cards/goal-needs-a-scene.md", "A first meeting is", "Much. " * 300, ("card", "goal-needs-a-scene", "length")),
        ("cards/goal-needs-a-scene.md", "[seijts-latham-2005]", "[zachary-2012]", None),
    ],
)
def test_a_broken_rule_is_found(
    tmp_path: Path, file: str, old: str, new: str, finding: tuple[str, str, str] | None
) -> None:
    folder = write_small_library(tmp_path / "knowledge")
    replace_in(folder / file, old, new)
    found = rules_of(check(load_knowledge([folder]), embed=None))
    assert finding in found if finding else not found


def test_a_source_that_nothing_cites_is_a_warning(tmp_path: Path) -> None:
    folder = write_small_library(tmp_path / "knowledge")
    with (folder / "sources/all.yaml").open("a", encoding="utf-8") as file:
        file.write("\n- {id: unread, authors: [A. Nobody], title: Unread, confirmed_in: A catalogue}\n")
    findings = check(load_knowledge([folder]), embed=None)
    assert Finding("source", "unread", "unused", "no record cites it", "warning") in findings


def test_questions_that_mean_the_same_are_found_by_an_embedder(knowledge: FileKnowledge) -> None:
    found = rules_of(check(knowledge, embed=WordEmbeddings()))
    # Four of the six begin with “What”; the first of them is the one the others repeat.
    assert {record_id for _, record_id, rule in found if rule == "repeats-in-other-words"} == {
        *("keeps-pulling", "would-miss", "small-this-week", "do-or-notice"),
    }


# Counts


def test_the_counts_are_those_of_the_files(knowledge: FileKnowledge) -> None:
    counted = stats(knowledge)
    assert counted.counts == {
        "cards": 2,
        "questions": 6,
        "framings": 2,
        "plans": 2,
        "acknowledgements": 2,
        "resources": 2,
        "sources": 2,
        "scenarios": 1,
        "journeys": 1,
    }
    assert counted.stages["goal-setting"]["challenge"] == 1
    assert counted.stages["ongoing"]["open"] == 0
    assert counted.topics["goal-clarity"] == {"cards": 1, "questions": 4, "framings": 2, "resources": 1, "plans": 1}


def test_the_json_has_counts_at_the_top_and_coverage_beside_them(knowledge: FileKnowledge) -> None:
    document = json.loads(json.dumps(stats(knowledge).as_json()))
    assert document["cards"] == 2
    assert set(document["coverage"]) == {"questions_by_stage_and_purpose", "records_by_topic", "thin"}
    assert document["coverage"]["thin"][0] == {
        "where": "stage first-session",
        "what": "questions to open",
        "count": 1,
        "wanted": 8,
    }


def test_the_table_shows_every_stage_topic_and_thin_spot(knowledge: FileKnowledge) -> None:
    counted = stats(knowledge)
    table = as_table(counted)
    for name in (*counted.stages, *counted.topics, *map(str, counted.thin)):
        assert name in table
    assert not [line for line in table.splitlines() if line != line.rstrip()]


# The heat map


def test_the_heat_map_is_an_image_with_a_cell_for_every_count(knowledge: FileKnowledge, tmp_path: Path) -> None:
    counted = stats(knowledge)
    write_heatmap(tmp_path / "map.svg", {"Stages & purposes": counted.stages, "Topics": counted.topics})
    root = ET.fromstring((tmp_path / "map.svg").read_text(encoding="utf-8"))
    cells = sum(len(row) for table in (counted.stages, counted.topics) for row in table.values())
    assert len(root.findall(".//{*}rect")) == cells
    assert "Stages & purposes" in [text.text for text in root.findall(".//{*}text")]


def test_a_heat_map_of_nothing_is_still_an_image() -> None:
    assert ET.fromstring(heatmap({})).tag.endswith("svg")
    assert ET.fromstring(heatmap({"Empty": {}, "Zero": {"a": {"b": 0}}})).tag.endswith("svg")


# Ids


def test_ids_that_were_accepted_do_not_drift(knowledge: FileKnowledge) -> None:
    assert drift(knowledge, accepted_ids(knowledge)) == []


def test_a_reworded_question_keeps_its_id_and_another_question_does_not(knowledge: FileKnowledge) -> None:
    accepted = accepted_ids(knowledge)
    question = knowledge.questions["worth-your-time"]
    reworded = replace(question, text="What would make these conversations worth the time for you?")
    other = replace(question, text="Which part of the goal still matters when nobody is watching?")
    assert drift(replace(knowledge, questions={**knowledge.questions, question.id: reworded}), accepted) == []
    (finding,) = drift(replace(knowledge, questions={**knowledge.questions, question.id: other}), accepted)
    assert (finding.id, finding.rule, finding.severity) == ("worth-your-time", "id-changed-meaning", "warning")


def test_an_id_that_vanished_is_a_warning_and_a_new_one_is_none(knowledge: FileKnowledge) -> None:
    accepted = accepted_ids(knowledge)
    fewer = replace(knowledge, journeys={})
    assert [finding.rule for finding in drift(fewer, accepted)] == ["id-vanished"]
    assert drift(knowledge, accepted_ids(fewer)) == []


@given(st.text(max_size=80))
def test_a_text_is_like_itself_whatever_its_case_and_marks(text: str) -> None:
    assert likeness(fingerprint(text), fingerprint(f"{text}…")) == 1.0
