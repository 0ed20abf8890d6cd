"""`python -m evals` from outside: documents on stdout, words on stderr, files in a folder, exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evals.__main__ import evals
from evals.reference_pipeline import MOST_AT_ONCE, LangChainDefault
from evals.runs import read_runs
from evals.tasks import all_tasks
from tests.fakes.beir import QUERIES, write_beir
from tests.fakes.word_embedder import WordEmbedder

SOLVERS = ["coach", "bm25", "dense", "rrf", "langchain-default"]
MEASURES = ["nDCG@10", "R@5", "R@10", "RR", "Success@5", "completed"]
GOALS = (
    {"id": "g1", "text": "be more confident", "missing": ["when", "observable"]},
    {"id": "g2", "text": "speak once in every Monday meeting until June because my team needs to hear from me",
     "missing": ["obstacle"]},
    {"id": "g3", "text": "find my feet", "missing": ["when", "why", "first-step"], "group": "one talk"},
)  # fmt: skip
SETUP = {"composer", "embedder", "prompts", "knowledge", "dataset", "weights", "commit", "seed", "started"}


@pytest.fixture
def goals(tmp_path: Path) -> Path:
    path = tmp_path / "goals.jsonl"
    path.write_text("".join(json.dumps(goal) + "\n" for goal in GOALS), encoding="utf-8")
    return path


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(evals, [str(argument) for argument in arguments])


def done(*arguments: str | Path) -> Result:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result


def document_of(result: Result) -> dict[str, Any]:
    """The one document on stdout."""
    document, end = json.JSONDecoder().raw_decode(result.stdout)
    assert result.stdout[end:] == "\n"
    assert isinstance(document, dict)
    return document


def check_shape(run: Mapping[str, Any], *, metrics: Sequence[str], n: int) -> None:
    """A run as the documentation of the command promises it."""
    assert {"task", "solver", "split", "n", "failures", "seconds", "metrics", "samples", "setup"} <= run.keys()
    assert (run["n"], run["failures"]) == (n, 0)
    assert list(run["metrics"]) == list(metrics)
    for metric in run["metrics"].values():
        assert {"value", "low", "high", "n"} <= metric.keys()
        assert 0.0 <= metric["low"] <= metric["value"] <= metric["high"] <= 1.0
    assert set(run["setup"]) == SETUP
    assert len(run["samples"]) == n
    for sample in run["samples"]:
        assert {"id", "group", "seconds", "scores"} <= sample.keys()
        for score in sample["scores"]:
            assert {"metric", "value"} <= score.keys() <= {"metric", "value", "explanation", "weight"}


def test_list_names_every_task_with_its_solvers_and_samples() -> None:
    shown = done("list").stdout
    for name, task in all_tasks().items():
        (line,) = [line for line in shown.splitlines() if line.startswith(f"{name}:")]
        assert task.purpose in line
    assert "    60 dev, 60 test; solvers: coach\n" in shown
    assert f"    your data; solvers: {', '.join(SOLVERS)}\n" in shown


@pytest.mark.parametrize("kind", ["knowledge", "notes"])
def test_a_folder_made_by_hand_runs_through_every_solver(tmp_path: Path, kind: str) -> None:
    folder = write_beir(tmp_path / "beir")
    result = done("run", "retrieval", "--data", folder, "--kind", kind, "--solver", "all", "--json")
    runs = document_of(result)["runs"]
    assert [run["solver"] for run in runs] == SOLVERS
    for run in runs:
        check_shape(run, metrics=MEASURES, n=len(QUERIES))
        assert (run["task"], run["split"], run["setup"]["weights"]["kind"]) == ("retrieval", "given", kind)
        assert run["metrics"]["Success@5"]["value"] == 1.0
        assert run["metrics"]["RR"]["value"] > 0.8
        assert run["notes"]["opening_s"] >= 0.0
    assert len({run["setup"]["dataset"] for run in runs}) == 1


def test_the_others_pipeline_takes_more_chunks_than_its_index_takes_at_once(tmp_path: Path) -> None:
    pipeline = LangChainDefault(tmp_path / "chroma", WordEmbedder())
    texts = ["wait " * 1_000 for _ in range(MOST_AT_ONCE // 5)]
    added = pipeline.add(texts, [{"id": str(number)} for number in range(len(texts))])
    assert added > 5_461
    assert len(pipeline.search("wait", top_k=10)) == 10


def test_one_run_is_one_document_with_nothing_around_it(goals: Path) -> None:
    result = done("run", "goals", "--data", goals, "--json")
    document = document_of(result)
    check_shape(document, metrics=["missing-f1", "missing-precision", "missing-recall", "completed"], n=3)
    assert (document["task"], document["solver"]) == ("goals", "coach")
    assert [sample["id"] for sample in document["samples"]] == ["g1", "g2", "g3"]
    assert [sample["group"] for sample in document["samples"]] == ["g1", "g2", "one talk"]
    assert "goals, coach, given: 3 samples" in result.stderr


def test_a_run_says_the_same_twice(goals: Path) -> None:
    first, second = (document_of(done("run", "goals", "--data", goals, "--json")) for _ in range(2))
    for document in (first, second):
        assert document.pop("seconds") > 0
        assert document.pop("notes")["opening_s"] >= 0
        assert document["setup"].pop("started")
        assert all(sample.pop("seconds") >= 0 for sample in document["samples"])
    assert first == second


def test_without_json_the_numbers_are_shown_and_the_misses_on_request(goals: Path) -> None:
    shown = done("run", "goals", "--data", goals).stdout
    assert "missing-recall" in shown
    assert "wrongly" not in shown
    assert "wrongly" in done("run", "goals", "--data", goals, "--misses").stdout


def test_a_limit_takes_the_first_samples(goals: Path) -> None:
    document = document_of(done("run", "goals", "--data", goals, "--limit", "2", "--json"))
    assert [sample["id"] for sample in document["samples"]] == ["g1", "g2"]


def test_runs_and_a_report_are_written_into_a_folder(goals: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "results"
    document = document_of(done("run", "goals", "--data", goals, "--json", "--out", out))
    assert {path.name for path in out.iterdir()} == {"goals-coach-given.json", "report.html", "results.md"}
    assert json.loads((out / "goals-coach-given.json").read_text(encoding="utf-8")) == document
    assert "**goals** (given, 3 samples)" in (out / "results.md").read_text(encoding="utf-8")
    assert "be more confident" in (out / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def written(goals: Path, tmp_path: Path) -> Path:
    """A run in a file."""
    done("run", "goals", "--data", goals, "--out", tmp_path / "results")
    return tmp_path / "results" / "goals-coach-given.json"


def with_scores_of(path: Path, value: float, to: Path) -> Path:
    """The same run as if every sample had scored this."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for sample in document["samples"]:
        for score in sample["scores"]:
            score["value"] = value
    to.write_text(json.dumps(document), encoding="utf-8")
    return to


def test_compare_shows_what_changed(written: Path, tmp_path: Path) -> None:
    worst, best = (with_scores_of(written, value, tmp_path / f"{value}.json") for value in (0.0, 1.0))
    rose = done("compare", worst, best).stdout
    assert "0.000 →  1.000  [+1.000, +1.000] n=3 better" in rose
    assert done("compare", best, worst).stdout.count("worse") == 4
    same = done("compare", best, best).stdout
    assert "worse" not in same
    assert "better" not in same


def test_report_puts_runs_side_by_side(written: Path, tmp_path: Path) -> None:
    document = json.loads(written.read_text(encoding="utf-8")) | {"solver": "other"}
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document), encoding="utf-8")
    done("report", written, other, "--out", tmp_path / "both")
    assert "| metric | coach | other |" in (tmp_path / "both" / "results.md").read_text(encoding="utf-8")
    assert (tmp_path / "both" / "report.html").is_file()


def test_what_json_printed_can_be_reported_and_compared(goals: Path, tmp_path: Path) -> None:
    path = tmp_path / "printed.json"
    path.write_text(done("run", "goals", "--data", goals, "--json").stdout, encoding="utf-8")
    assert len(read_runs(path)) == 1
    done("compare", path, path)


def test_the_gate_holds_a_run_against_the_baseline_that_was_taken(goals: Path, written: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "baseline.json"
    assert "goals/coach/given" in done("baseline", written, "--baseline", kept).stdout
    gated = ("run", "goals", "--data", goals, "--gate", "--baseline", kept)
    done(*gated)
    done("baseline", with_scores_of(written, 1.0, tmp_path / "best.json"), "--baseline", kept)
    fallen = invoke(*gated, "--json", "--out", tmp_path / "fallen")
    assert fallen.exit_code == 1
    assert "goals, coach: missing-f1 went from 1.000 to" in fallen.stderr
    assert document_of(fallen)["n"] == 3
    assert "Since the baseline" in (tmp_path / "fallen" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{", "is not JSON"),
        ('{"task": "goals"}', "is not the document of a run ('solver')"),
        ("[]", "is not the document of a run"),
    ],
)
def test_what_is_not_a_run_is_said_to_be_none(written: Path, tmp_path: Path, text: str | None, fault: str) -> None:
    path = tmp_path / "bad.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    kept, out = tmp_path / "baseline.json", tmp_path / "out"
    for arguments in (
        ("compare", written, path),
        ("report", written, path, "--out", out),
        ("baseline", written, path, "--baseline", kept),
    ):
        result = invoke(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"evals: {path} {fault}")
        assert result.stderr.count("\n") == 1
    assert not kept.exists()
    assert not out.exists()


def test_runs_of_different_tasks_cannot_be_compared(written: Path, tmp_path: Path) -> None:
    document = json.loads(written.read_text(encoding="utf-8")) | {"task": "other"}
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document), encoding="utf-8")
    result = invoke("compare", written, other)
    assert result.exit_code == 2
    assert "hold no run of the same task, solver and split" in result.stderr


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_run(goals: Path) -> None:
    result = invoke("run", "goals", "--data", goals, "--out", goals / "results")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"evals: the folder {goals / 'results'} cannot be made (Not a directory)\n"


def test_the_command_runs_as_a_module(goals: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "evals", "run", "goals", "--data", str(goals), "--json"],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONWARNINGS": "error::SyntaxWarning"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(found.stdout)["n"] == 3
