"""Two runs side by side, and the gate: what is a fall, and what is chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evals.comparing import Difference, differences, fallen, key_of, read_baseline, values_of, write_baseline
from evals.datasets import DatasetError
from evals.grammar import Score
from evals.running import COMPLETED
from evals.runs import Run, SampleResult
from tests.fakes.eval_runs import run_of, scored

HITS = frozenset({"alarms"})


def change(before: Sequence[float | None], after: Sequence[float | None], *, metric: str = "role") -> Difference:
    """From one column of values to another."""
    first, second = (run_of(scored({metric: column}), lower_is_better=HITS) for column in (before, after))
    (found,) = differences(values_of(first), second)
    return found


def test_a_fall_beyond_chance_is_worse() -> None:
    found = change([1.0] * 60, [1.0] * 40 + [0.0] * 20)
    assert found.before == 1.0
    assert found.after == pytest.approx(2 / 3)
    assert found.high < 0
    assert found.is_worse
    assert not found.is_better


def test_a_fall_that_may_be_chance_is_not() -> None:
    found = change([1.0, 0.0] * 30, [1.0, 0.0] * 29 + [0.0, 0.0])
    assert found.change < 0
    assert not found.is_worse


def test_a_rise_beyond_chance_is_better() -> None:
    found = change([0.0] * 60, [0.0] * 30 + [1.0] * 30)
    assert found.is_better
    assert not found.is_worse


def test_the_same_run_again_is_neither_better_nor_worse() -> None:
    found = change([1.0, 0.0, 0.25] * 10, [1.0, 0.0, 0.25] * 10)
    assert (found.change, found.low, found.high) == (0.0, 0.0, 0.0)
    assert not found.is_worse
    assert not found.is_better


def test_samples_are_held_against_themselves_so_that_a_small_fall_everywhere_is_seen() -> None:
    hard_and_easy = [n / 60 for n in range(60)]
    found = change([0.05 + value / 2 for value in hard_and_easy], [value / 2 for value in hard_and_easy])
    assert found.change == pytest.approx(-0.05, abs=1e-4)
    assert found.is_worse


def test_of_alarms_fewer_are_better() -> None:
    more = change([0.0] * 60, [0.0] * 40 + [1.0] * 20, metric="alarms")
    fewer = change([0.0] * 40 + [1.0] * 20, [0.0] * 60, metric="alarms")
    assert (more.is_worse, more.is_better) == (True, False)
    assert (fewer.is_worse, fewer.is_better) == (False, True)


@pytest.mark.parametrize("metric", ["citations-valid", "quotes-verbatim", "recall-crisis-explicit", COMPLETED])
def test_of_what_must_always_hold_one_fault_in_many_is_worse(metric: str) -> None:
    assert change([1.0] * 500, [1.0] * 499 + [0.0], metric=metric).is_worse
    assert not change([1.0] * 500, [1.0] * 500, metric=metric).is_worse


@pytest.mark.parametrize("metric", ["injections", "leakage-in-reply", "leakage@10"])
def test_of_what_must_never_be_one_case_in_many_is_worse(metric: str) -> None:
    before = run_of(scored({metric: [0.0] * 500}), lower_is_better=frozenset({metric}))
    after = run_of(scored({metric: [0.0] * 499 + [1.0]}), lower_is_better=frozenset({metric}))
    assert [found.is_worse for found in differences(values_of(before), after)] == [True]


def test_a_group_that_moves_as_one_is_one_chance() -> None:
    def grouped(value: float) -> Run:
        results = scored({"role": [value] * 30 + [1.0] * 30})
        return run_of([replace(result, group="talk" if n < 30 else f"g{n % 3}") for n, result in enumerate(results)])

    (together,) = differences(values_of(grouped(1.0)), grouped(0.0))
    assert together.change == -0.5
    assert not together.is_worse
    assert change([1.0] * 60, [0.0] * 30 + [1.0] * 30).is_worse


def test_only_samples_that_both_runs_judged_are_held_side_by_side() -> None:
    found = change([1.0, 1.0, None, 0.0], [1.0, None, 0.0, 0.0])
    assert (found.n, found.before, found.after) == (2, 0.5, 0.5)


def test_several_scores_of_one_sample_count_by_their_weight() -> None:
    def run(value: float) -> Run:
        return run_of([SampleResult("a", "a", (Score("marks", 1.0, weight=3), Score("marks", value, weight=1)))])

    (found,) = differences(values_of(run(1.0)), run(0.0))
    assert (found.before, found.after) == (1.0, 0.75)


def test_what_is_only_reported_is_not_held_against_a_run() -> None:
    before, after = (
        run_of(scored({"role": [1.0] * 30, "words": [value] * 30}), not_gated=frozenset({"words"}))
        for value in (10.0, 90.0)
    )
    assert [found.metric for found in differences(values_of(before), after)] == ["role"]
    assert fallen({key_of(before): values_of(before)}, [after]) == []


def gate(before: Run, after: Run) -> list[str]:
    return fallen({key_of(before): values_of(before)}, [after])


def test_the_gate_says_what_fell_from_where_to_where() -> None:
    before, after = run_of(scored({"role": [1.0] * 40})), run_of(scored({"role": [0.0] * 40}))
    assert gate(before, after) == [
        "reading, coach: role went from 1.000 to 0.000 (the change is within [-1.000, -1.000])"
    ]
    assert gate(before, before) == []


def test_a_metric_that_is_gone_is_a_fall() -> None:
    before = run_of(scored({"role": [1.0] * 4, "stage": [1.0] * 4}))
    assert gate(before, run_of(scored({"role": [1.0] * 4}))) == ["reading, coach: stage is no longer measured"]


def test_a_metric_that_can_no_longer_be_judged_is_a_fall() -> None:
    before = run_of(scored({"role": [1.0] * 2}))
    silent = run_of([SampleResult(f"s{n}", f"s{n}", (Score("role", None, "no verdict"),)) for n in range(2)])
    assert gate(before, silent) == ["reading, coach: role is no longer measured"]


def test_part_of_the_samples_can_be_held_against_a_baseline_of_all() -> None:
    before = run_of(scored({"role": [1.0] * 10, "recall-abuse": [None] * 9 + [1.0]}))
    assert gate(before, run_of(scored({"role": [1.0] * 5}))) == []


def test_other_data_than_the_baselines_is_not_taken_for_as_good() -> None:
    before = run_of(scored({"role": [1.0] * 4}))
    renamed = run_of([replace(result, id=f"new-{result.id}") for result in before.samples])
    assert gate(before, renamed) == [
        "reading, coach: no sample of the baseline is in this run, so that nothing could be compared"
    ]


def test_a_solver_that_died_fails_the_gate_even_where_nothing_is_kept_of_it() -> None:
    died = SampleResult("a", "a", (Score(COMPLETED, 0.0, "ValueError: no"),), "ValueError: no")
    assert fallen({}, [run_of([died])]) == ["reading, coach: the solver died on 1 of 1 samples"]


def test_a_new_task_passes_the_gate() -> None:
    assert fallen({}, [run_of(scored({"role": [0.0]}))]) == []


def test_a_baseline_reads_back_as_it_was_written(tmp_path: Path) -> None:
    run = run_of(scored({"role": [1 / 3, 1.0], "näme|x": [None, 0.5]}))
    path = tmp_path / "baseline.json"
    write_baseline([run], path)
    assert read_baseline(path) == {"reading/coach/test": values_of(run)}
    assert [found.change for found in differences(read_baseline(path)[key_of(run)], run)] == [0.0, 0.0]


def test_taking_one_run_as_baseline_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    old, other = run_of(scored({"role": [0.0]})), run_of(scored({"role": [1.0]}), solver="bm25")
    write_baseline([old, other], path)
    new = run_of(scored({"role": [1.0]}))
    write_baseline([new], path)
    assert read_baseline(path) == {key_of(new): values_of(new), key_of(other): values_of(other)}


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    assert read_baseline(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 1}', '{"a": {"role": {"s": [1]}}}', '{"a": {"role": {"s": {}}}}']
)
def test_a_damaged_baseline_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match="is not a baseline"):
        read_baseline(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match="is not a baseline"):
        read_baseline(path)
