"""The benchmark's statistics, verdicts and tables; the numbers themselves are measured, not tested."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding

from coach.domain.people import Owner
from evals.benchmark.__main__ import main
from evals.benchmark.corpus import PARAGRAPHS, PEOPLE, messages, owner_of, queries, vocabulary, written_note
from evals.benchmark.embedded import Synthetic
from evals.benchmark.measuring import Machine, Summary, percentile, side_by_side, summarised
from evals.benchmark.plot import budget_used, write_plot
from evals.benchmark.results import Budget, Row, Run, document, shown, table
from evals.benchmark.retrieval import growth
from evals.reference_pipeline import ExactSearch

numbers = st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=50)

MET = Row(
    "turn",
    "turn, 10,000 chunks",
    "ms",
    Summary(20.0, 35.0, 100),
    "embedding one query",
    Summary(5.0, 6.0, 100),
    budget=Budget(10.0),
    compared=("p95", "median"),
    remarks=("All one owner's.",),
)
MISSED = Row(
    "memory",
    "resident memory",
    "MB",
    Summary(512.0, 512.0, 1),
    "bare gradio page",
    Summary(150.0, 150.0, 1),
    budget=Budget(450.0, about="measured"),
    remarks=("After some turns.", "All one owner's."),
)
MACHINE = Machine(2, "a processor", 8192, "Linux x86_64", "3.11.9", {"numpy": "2.4"}, 0.5)


def run_of(*rows: Row) -> Run:
    return Run("2024-03-01T10:00:00+00:00", 12.5, False, (1_000,), MACHINE, rows)


@given(numbers, st.floats(min_value=0, max_value=100))
def test_a_percentile_is_numpys(values: list[float], q: float) -> None:
    assert percentile(values, q) == pytest.approx(float(np.percentile(values, q)), rel=1e-6)


@given(numbers)
def test_the_median_is_never_above_the_95th_percentile(values: list[float]) -> None:
    summary = summarised(values, factor=1e3)
    assert min(values) * 1e3 <= summary.median * 1.000001
    assert summary.median <= summary.p95 * 1.000001
    assert summary.count == len(values)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)
    with pytest.raises(ValueError, match="101"):
        percentile([1.0], 101)


def test_actions_take_turns_after_a_warm_up_that_does_not_count() -> None:
    order: list[str] = []
    timings = side_by_side([lambda: order.append("a"), lambda: order.append("b")], repeats=2)
    assert order == ["a", "b"] * 3
    assert [len(column) for column in timings] == [2, 2]


def test_a_missed_budget_prints_as_missed() -> None:
    lines = table(run_of(MET, MISSED)).splitlines()
    memory = next(line for line in lines if line.startswith("resident memory"))
    assert memory.split()[-1] == "MISSED"
    assert lines[-1] == "MISSED 1 of 2 budgets: resident memory."


def test_a_kept_budget_prints_as_met_with_its_ratio() -> None:
    lines = table(run_of(MET)).splitlines()
    turn = next(line for line in lines if line.startswith("turn"))
    assert turn.split()[-1] == "met"
    assert "7.00" in turn.split()
    assert lines[-1] == "Every budget met (1)."


def test_a_row_without_a_budget_claims_nothing() -> None:
    row = replace(MET, budget=None)
    assert row.verdict == ""
    assert table(run_of(row)).splitlines()[-1] == "No budget was measured."


@pytest.mark.parametrize(
    ("budget", "verdict"),
    [
        (Budget(7.0), "met"),
        (Budget(6.9), "MISSED"),
        (Budget(7.0, is_ceiling=False), "met"),
        (Budget(7.1, is_ceiling=False), "MISSED"),
        (Budget(20.0, about="measured"), "met"),
        (Budget(19.0, about="measured"), "MISSED"),
    ],
)
def test_a_budget_looks_at_the_right_number_in_the_right_direction(budget: Budget, verdict: str) -> None:
    row = replace(MET, budget=budget)
    assert row.verdict == verdict
    assert (budget_used(row) <= 1.0) == (verdict == "met")


def test_a_remark_of_several_rows_is_one_footnote() -> None:
    text = table(run_of(MET, MISSED))
    assert text.count("All one owner's.") == 1
    assert "turn, 10,000 chunks [1]" in text
    assert "resident memory [2][1]" in text


def test_the_95th_percentile_of_a_rate_is_not_shown() -> None:
    rate = replace(MET, unit="chunks/s", measured=Summary(60.0, 77.7, 10), compared=("median", "median"))
    assert "77.7" not in table(run_of(rate))


def test_the_document_is_json_and_tells_what_was_missed() -> None:
    read = json.loads(json.dumps(document(run_of(MET, MISSED))))
    assert read["missed"] == ["memory"]
    assert [row["verdict"] for row in read["rows"]] == ["met", "MISSED"]
    assert read["rows"][0]["ratio"] == 7.0
    assert read["machine"]["cores"] == 2


def test_numbers_are_shown_in_about_three_digits() -> None:
    assert [shown(value, "ms") for value in (0.1234, 12.345, 1234.5)] == ["0.12 ms", "12.3 ms", "1,234 ms"]


def test_growth_compares_each_size_with_ten_thousand_chunks() -> None:
    rows = [
        replace(MET, name=f"retrieval-exact-{size}", measured=Summary(2.0, p95, 9), details={"chunks": size})
        for size, p95 in ((1_000, 2.0), (10_000, 3.0), (100_000, 6.0), (1_000_000, 15.0))
    ]
    grown = growth(rows)
    assert [(row.ratio, row.verdict) for row in grown] == [(2.0, ""), (5.0, "MISSED")]
    assert growth(rows[:1]) == []


def test_the_plot_is_written_with_and_without_sizes(tmp_path: Path) -> None:
    sizes = [
        replace(
            MET,
            name=f"retrieval-{way}-{size}",
            reference_name={"exact": "exact search", "langchain": "LangChain default"}[way],
            budget=None,
        )
        for size in (1_000, 10_000)
        for way in ("exact", "langchain")
    ]
    for name, rows in {"with.png": [MET, MISSED, *sizes], "without.png": [MISSED]}.items():
        write_plot(run_of(*rows), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_same_number_gives_the_same_note_with_exact_chunks() -> None:
    note, chunks = written_note(7).stored(owner=Owner("somebody"), relationship_id=None)
    assert note == written_note(7).stored(owner=Owner("somebody"), relationship_id=None)[0]
    assert note.text != written_note(8).text
    assert [note.text[chunk.start : chunk.end] for chunk in chunks] == [chunk.text for chunk in chunks]
    assert len(chunks) == PARAGRAPHS


def test_notes_about_few_people_name_only_them() -> None:
    names = {written_note(number, paragraphs=1, people=3).name for number in range(40)}
    assert names == set(vocabulary().words["name"][:3])


def test_a_hundred_chunks_have_one_owner() -> None:
    assert owner_of(0) == owner_of(99)
    assert owner_of(100) != owner_of(99)


def test_messages_name_the_people_that_the_notes_are_about() -> None:
    unknown = set(vocabulary().words["name"][PEOPLE:])
    assert not any(word.strip("?,.") in unknown for text in messages(60) for word in text.split())


def test_messages_and_queries_are_many_and_have_their_slots_filled() -> None:
    for texts in (messages(40), queries(40)):
        assert len(texts) == 40
        assert not any("{" in text for text in texts)
        assert len(set(texts)) > 20


def test_synthetic_vectors_have_unit_length_and_repeat_from_run_to_run() -> None:
    embedder = DeterministicFakeEmbedding(size=384)
    centres = embedder.embed_documents(["one", "two"])
    first, second = (Synthetic(embedder, centres).embed_documents(["text"] * 20) for _ in range(2))
    assert first == second
    assert np.linalg.norm(first, axis=1) == pytest.approx(np.ones(20), abs=1e-5)


def test_exact_search_finds_the_nearest_of_the_owner_only() -> None:
    matrix = np.eye(4, dtype=np.float32)
    search = ExactSearch(matrix, np.array([0, 0, 1, 1], dtype=np.int32))
    query = np.array([0.9, 0.1, 1.0, 0.2], dtype=np.float32)
    assert search.search(query, owner=0, top_k=5) == [0, 1]
    assert search.search(query, owner=1, top_k=1) == [2]


@pytest.mark.parametrize("arguments", [["--sizes", "150"], ["--sizes", "many"], ["--only", "speed"]])
def test_wrong_usage_ends_with_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert arguments[1] in capsys.readouterr().err


@pytest.mark.slow
def test_a_small_run_measures_prints_writes_and_cleans_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    scratch.mkdir()
    arguments = ["--quick", "--sizes", "200", "--only", "retrieval", "--json"]
    main([*arguments, "--out", str(out), "--scratch", str(scratch)])
    printed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in printed["rows"]] == ["retrieval-exact-200", "retrieval-langchain-200"]
    assert all(row["measured"]["median"] > 0 for row in printed["rows"])
    assert printed["rows"][0]["details"]["recall_at_10_of_exact"] == 1.0
    assert sorted(path.suffix for path in out.iterdir()) == [".json", ".png"]
    assert list(scratch.iterdir()) == []
