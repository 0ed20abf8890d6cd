"""Data that we have never seen: what is sound is read, what is not is said in one sentence with file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from evals.__main__ import evals
from evals.datasets import MAX_ROWS, DatasetError, read_beir, read_samples
from evals.tasks.goals import StatedGoal
from evals.tasks.retrieval import KNOWLEDGE, NOTES
from tests.fakes.beir import DOCUMENTS, write_beir

GOAL = '{"id": "g1", "text": "be braver", "missing": ["when"]}'
CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels/test.tsv"


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    return write_beir(tmp_path / "beir")


def add(line: str) -> Callable[[bytes], bytes]:
    return lambda data: data + line.encode()


def replace(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return change


def only(data: bytes) -> Callable[[bytes], bytes]:
    return lambda _: data


def test_a_folder_made_by_hand_is_read(beir: Path) -> None:
    found = read_beir(beir)
    assert [document.id for document in found.documents] == [row["_id"] for row in DOCUMENTS]
    assert [str(document.date) for document in found.documents[:3]] == ["None", "2026-01-12", "2026-02-09"]
    assert {query.id: query.relevant for query in found.queries} == {
        "q1": {"feedback": 2}, "q2": {"goals": 1}, "q3": {"silence": 1}, "q4": {"endings": 1}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (QRELS, replace("query-id\tcorpus-id\tscore\n", "")),
        (QRELS, lambda data: data.replace(b"\n", b"\r\n")),
        (QRELS, lambda data: data + b"\n\n"),
        (QRELS, replace("silence\t1", "silence\t-1")),
        (CORPUS, lambda data: b"\xef\xbb\xbf" + data),
        (CORPUS, replace('"title": "Feedback"', '"title": "Feedback", "metadata": {"url": "x"}')),
        (QUERIES, add('{"_id": "unjudged", "text": "what now"}\n')),
        (QUERIES, lambda data: data.rstrip(b"\n")),
    ],
    ids=["no heading", "windows", "blank lines", "negative", "mark", "more columns", "unjudged", "no end"],
)
def test_what_other_tools_write_is_read_too(beir: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    path = beir / name
    path.write_bytes(change(path.read_bytes()))
    found = read_beir(beir)
    assert (len(found.documents), len(found.queries)) == (6, 4)


FAULTS: list[tuple[str, Callable[[bytes], bytes], str]] = [
    (CORPUS, add('{"_id": "goals", "text": "again"}\n'), "line 7: the _id 'goals' comes twice"),
    (QUERIES, add('{"_id": "q1", "text": "again"}\n'), "line 5: the _id 'q1' comes twice"),
    (CORPUS, replace("Wait ten seconds after a question.", " "), "line 3: the text is empty"),
    (QUERIES, replace("what does a goal need", ""), "line 2: text: string should have at least 1 character"),
    (QUERIES, replace("what does a goal need", " \\n"), "line 2: the text is empty"),
    (CORPUS, replace('"_id": "silence"', '"key": "silence"'), "line 3: _id: field required"),
    (CORPUS, replace('"text": "Wait', '"body": "Wait'), "line 3: text: field required"),
    (CORPUS, replace("2026-02-09", "last week"), "line 3: date: input should be a valid date"),
    (CORPUS, replace('"_id": "silence"', '"_id": 3'), "line 3: _id: input should be a valid string"),
    (CORPUS, replace('{"_id": "silence"', '["_id": "silence"'), "line 3: not JSON"),
    (CORPUS, replace('{"_id": "goals"', '[]\n{"_id": "goals"'), "line 2: the row: input should be an object"),
    (CORPUS, add('{"_id": "d7", "text": ' + "[" * 100_000), "line 7: not JSON (recursion limit exceeded"),
    (CORPUS, add('{"_id": "d7", "text": ' + "9" * 5_000 + "}"), "line 7: not JSON"),
    (CORPUS, add('{"_id": "d7", "text": "half a \\ud83d"}'), "line 7: not JSON"),
    (CORPUS, lambda data: data + b'{"_id": "d7", "text": "caf\xe9"}\n', "line 7: not UTF-8 text"),
    (QRELS, lambda data: data + b"q1\t\xff\t1\n", "line 6: not UTF-8 text"),
    (QRELS, add("q9\tgoals\t1\n"), "line 6: the query 'q9' is not in queries.jsonl"),
    (QRELS, add("q1\tnowhere\t1\n"), "line 6: the document 'nowhere' is not in corpus.jsonl"),
    (QRELS, add("q1 goals 1\n"), "line 6: 1 columns; it takes query id, document id and grade"),
    (QRELS, add("q1\t0\tgoals\t1\n"), "line 6: 4 columns; it takes query id, document id and grade"),
    (QRELS, add("q1\tgoals\tyes\n"), "line 6: the grade 'yes' is not a whole number"),
    (QRELS, add("q1\tgoals\t0.5\n"), "line 6: the grade '0.5' is not a whole number"),
    (QRELS, add("q1\tgoals\t--3\n"), "line 6: the grade '--3' is not a whole number"),
    (QRELS, add("q1\tgoals\t²\n"), "line 6: the grade '²' is not a whole number"),
    (QRELS, add("q1\tfeedback\t0\n"), "line 6: query 'q1' has a grade for 'feedback' already"),
    (QRELS, only(b"query-id\tcorpus-id\tscore\n"), "holds no judgements"),
    (QRELS, only(b""), "holds no judgements"),
    (CORPUS, only(b""), "the document 'feedback' is not in corpus.jsonl"),
]


@pytest.mark.parametrize(("name", "change", "fault"), FAULTS, ids=[fault for _, _, fault in FAULTS])
def test_a_fault_in_a_folder_is_one_sentence_with_file_and_line(
    beir: Path, name: str, change: Callable[[bytes], bytes], fault: str
) -> None:
    path = beir / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DatasetError) as raised:
        read_beir(beir)
    message = str(raised.value)
    assert fault in message
    assert (name if "is not in corpus" not in fault else QRELS) in message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize("name", [CORPUS, QUERIES, QRELS])
def test_a_folder_that_lacks_a_file_is_told_which(beir: Path, name: str, tmp_path: Path) -> None:
    (beir / name).rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=re.escape(str(beir / name)) + " is missing"):
        read_beir(beir)


def test_a_file_is_no_beir_folder(beir: Path) -> None:
    with pytest.raises(DatasetError, match="is missing; a BEIR folder has"):
        read_beir(beir / CORPUS)


def goals(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "goals.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (GOAL, "line 2: the id 'g1' stands on line 1 already"),
        ('{"text": "be braver", "missing": []}', "line 2: id: field required"),
        ('{"id": " ", "text": "be braver", "missing": []}', "line 2: id: it is empty"),
        ('{"id": "g2", "text": "", "missing": []}', "line 2: text: string should have at least 1 character"),
        ('{"id": "g2", "text": " \\t ", "missing": []}', "line 2: text: it is empty"),
        ('{"id": "g2", "message": "be braver", "missing": []}', "line 2: text: field required"),
        ('{"id": "g2", "text": "be braver", "missing": [], "note": 1}', "line 2: note: extra inputs are not permitted"),
        ('{"id": "g2", "text": "be braver", "missing": ["courage"]}', "line 2: missing: courage is not an element"),
        ("be braver", "line 2: not JSON"),
        ("null", "line 2: the row: input should be an object"),
    ],
)
def test_a_fault_in_a_row_is_one_sentence_with_file_and_line(tmp_path: Path, line: str, fault: str) -> None:
    path = goals(tmp_path, GOAL, line)
    with pytest.raises(DatasetError) as raised:
        read_samples(path, StatedGoal)
    assert str(raised.value).startswith(f"{path}, {fault}")
    assert "\n" not in str(raised.value)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no rows"):
        read_samples(goals(tmp_path, "", "  "), StatedGoal)


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "goals.jsonl"
    path.write_bytes(data)
    with pytest.raises(DatasetError):
        read_samples(path, StatedGoal)


def test_a_card_that_the_library_does_not_have_is_no_judgement(tmp_path: Path) -> None:
    path = tmp_path / "needs.jsonl"
    path.write_text('{"id": "k1", "text": "how do I end this", "relevant": {"no-such-card": 3}}', encoding="utf-8")
    with pytest.raises(DatasetError, match="line 1: no-such-card is not a card of the library"):
        KNOWLEDGE.load("test", path)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"relationship": "nobody", "relevant": {}}, "there are no notes about 'nobody'"),
        ({"relationship": "jun", "relevant": {"1999-01-01": 1}}, "there is no session 1999-01-01 with jun"),
    ],
)
def test_a_session_that_never_was_is_no_judgement(tmp_path: Path, row: dict[str, object], fault: str) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps({"id": "n1", "text": "when was it", "kind": "fact", **row}), encoding="utf-8")
    with pytest.raises(DatasetError, match=f"line 1: {fault}"):
        NOTES.load("test", path)


def refused(tmp_path: Path, *arguments: str) -> str:
    """What the command says where it must end with status 2, print nothing and write nothing."""
    out = tmp_path / "out"
    result = CliRunner().invoke(evals, ["run", *arguments, "--json", "--out", str(out)])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert not out.exists()
    assert "Traceback" not in result.stderr
    return result.stderr


def test_the_command_refuses_bad_data_with_status_2_and_writes_nothing(tmp_path: Path, beir: Path) -> None:
    path = goals(tmp_path, GOAL, GOAL)
    said = refused(tmp_path, "goals", "--data", str(path))
    assert said == f"evals: {path}, line 2: the id 'g1' stands on line 1 already\n"
    qrels = beir / QRELS
    qrels.write_text("q1\tnowhere\t1\n", encoding="utf-8")
    said = refused(tmp_path, "retrieval", "--data", str(beir))
    assert said == f"evals: {qrels}, line 1: the document 'nowhere' is not in corpus.jsonl\n"


def test_the_command_refuses_what_is_not_there_or_not_a_file(tmp_path: Path) -> None:
    missing = tmp_path / "none.jsonl"
    assert refused(tmp_path, "goals", "--data", str(missing)) == f"evals: {missing} is missing\n"
    said = refused(tmp_path, "goals", "--data", str(tmp_path))
    assert said == f"evals: {tmp_path} is a folder; this task takes a file of JSON lines\n"
    assert "a BEIR folder has" in refused(tmp_path, "retrieval", "--data", str(tmp_path))


def test_a_file_with_far_too_many_rows_is_refused_without_being_solved(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f'{{"id": "{number}", "text": "be braver", "missing": []}}\n' for number in range(MAX_ROWS + 5))
    said = refused(tmp_path, "goals", "--data", str(path))
    assert said == f"evals: {path}, line {MAX_ROWS + 1}: more than 200,000 rows; cut it into parts\n"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["nothing"], "nothing is not a task; the tasks are situations,"),
        (["retrieval"], "retrieval has no data of its own; give yours with --data"),
        (["goals", "--solver", "bm25"], "goals has no solver bm25; it has coach, or all"),
        (["goals", "safety", "--data", "x"], "--data goes with exactly one task"),
        (["--data", "x"], "--data goes with exactly one task"),
    ],
)
def test_the_command_refuses_what_it_cannot_run(tmp_path: Path, arguments: list[str], fault: str) -> None:
    said = refused(tmp_path, *arguments)
    assert said.startswith(f"evals: {fault}")
    assert said.count("\n") == 1
