"""One task, one solver, every sample: what becomes of a solver that dies on some of them, on all, or at once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coach.domain.errors import StorageFailed
from evals.grammar import Dataset, Sample, Score, Scorer, Task, always, unscored
from evals.metrics import Metric
from evals.running import COMPLETED, run_task
from evals.runs import Run, read_runs
from evals.scratch import Scratch, scratch_store

Answering = Callable[["Sum"], int]


class Sum(Sample):
    """Two numbers and what they make."""

    text: str
    answer: int


SUMS = Dataset(
    tuple(Sum(id=f"s{n}", text=f"{n} + 1", answer=n + 1, group="odd" if n % 2 else "even") for n in range(6)), "digest"
)


def right(asked: Sum, found: int) -> Iterator[Score]:
    yield Score("right", float(found == asked.answer), f"{found}: {asked.text}")


def off_by(asked: Sum, found: int) -> Iterator[Score]:
    yield Score("off-by", float(abs(found - asked.answer)))


def even_only(asked: Sum, found: int) -> Iterator[Score]:
    if asked.answer % 2 == 0:
        yield Score("even-right", float(found == asked.answer))


def added(asked: Sum) -> int:
    return sum(int(part) for part in asked.text.split(" + "))


def added_but_dies_on_2(asked: Sum) -> int:
    if asked.id == "s2":
        raise ArithmeticError("two is too much")
    return added(asked)


def dies(_: Sum) -> int:
    raise ArithmeticError("no")


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    """One for all: none of these solvers opens the coach, but a run reads the library for its digest."""
    with scratch_store() as opened:
        yield opened


def run(
    scratch: Scratch,
    answer: Answering,
    *scorers: Scorer[Sum, int],
    dataset: Dataset[Sum] = SUMS,
    seen: list[int] | None = None,
) -> Run:
    task: Task[Sum, int] = Task(
        name="sums",
        purpose="sums",
        load=lambda split, data: dataset,
        solvers={"added": always(lambda scratch: answer)},
        scorers=scorers or (right, off_by, even_only),
        lower_is_better=frozenset({"off-by"}),
    )
    progress = (lambda what, done, total: seen.append(done)) if seen is not None else None
    return run_task(task, dataset, scratch, solver="added", split="test", progress=progress)


def value(run: Run, metric: str) -> float | None:
    return run.metrics[metric].value


def test_every_sample_is_solved_and_judged_in_order(scratch: Scratch) -> None:
    seen: list[int] = []
    found = run(scratch, added, seen=seen)
    assert [sample.id for sample in found.samples] == [sample.id for sample in SUMS.samples]
    assert [sample.group for sample in found.samples] == ["even", "odd"] * 3
    assert seen == [1, 2, 3, 4, 5, 6]
    assert {name: metric.value for name, metric in found.metrics.items()} == {
        "right": 1.0, "off-by": 0.0, "even-right": 1.0, COMPLETED: 1.0
    }  # fmt: skip
    assert (found.n, found.failures) == (6, 0)


def test_a_sample_without_a_group_is_its_own(scratch: Scratch) -> None:
    alone = Dataset((Sum(id="only", text="1 + 1", answer=2),), "digest")
    assert [sample.group for sample in run(scratch, added, dataset=alone).samples] == ["only"]


def test_a_solver_that_dies_on_a_sample_fails_the_sample_and_not_the_run(scratch: Scratch) -> None:
    found = run(scratch, added_but_dies_on_2)
    assert (found.n, found.failures) == (6, 1)
    assert [sample.failed for sample in found.samples if sample.failed] == ["ArithmeticError: two is too much"]
    assert value(found, COMPLETED) == pytest.approx(5 / 6, abs=1e-4)


def test_a_failed_sample_counts_nothing_where_all_others_were_judged(scratch: Scratch) -> None:
    found = run(scratch, added_but_dies_on_2)
    assert value(found, "right") == pytest.approx(5 / 6, abs=1e-4)
    assert found.metrics["right"].n == 6


def test_a_failed_sample_is_no_gain_where_less_is_better_nor_a_loss_where_some_are_judged(scratch: Scratch) -> None:
    found = run(scratch, added_but_dies_on_2)
    assert found.metrics["off-by"].n == 5
    assert found.metrics["even-right"] == run(scratch, added).metrics["even-right"]


def test_a_solver_that_dies_on_everything_leaves_a_run_that_says_so(scratch: Scratch) -> None:
    found = run(scratch, dies)
    assert found.failures == 6
    assert {name: metric.value for name, metric in found.metrics.items()} == {COMPLETED: 0.0}


def test_a_scorer_that_dies_fails_the_sample_as_well(scratch: Scratch) -> None:
    def broken(asked: Sum, found: int) -> Iterator[Score]:
        yield Score("share", 1 / asked.answer if asked.id != "s3" else 1 / (asked.answer - 4))

    found = run(scratch, added, broken)
    assert [(sample.id, sample.failed) for sample in found.samples if sample.failed] == [
        ("s3", "ZeroDivisionError: division by zero")
    ]


def test_what_a_solver_dies_of_is_logged_with_the_id_and_without_the_text(
    scratch: Scratch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="evals.running"):
        run(scratch, added_but_dies_on_2)
    assert [record.getMessage() for record in caplog.records] == ["sums: sample s2 failed"]


def test_a_solver_that_cannot_be_opened_fails_every_sample(scratch: Scratch) -> None:
    @contextmanager
    def missing(_: Dataset[Sum], scratch: Scratch) -> Iterator[Answering]:
        raise ModuleNotFoundError("No module named 'langchain_chroma'")
        yield added

    task: Task[Sum, int] = Task("sums", "sums", lambda split, data: SUMS, {"others": missing}, (right,))
    found = run_task(task, SUMS, scratch, solver="others", split="test")
    assert found.failures == 6
    assert {sample.failed for sample in found.samples} == {"ModuleNotFoundError: No module named 'langchain_chroma'"}


def test_a_coach_that_cannot_be_opened_ends_the_run(scratch: Scratch) -> None:
    @contextmanager
    def full(_: Dataset[Sum], scratch: Scratch) -> Iterator[Answering]:
        raise StorageFailed("The disk is full.")
        yield added

    task: Task[Sum, int] = Task("sums", "sums", lambda split, data: SUMS, {"coach": full}, (right,))
    with pytest.raises(StorageFailed):
        run_task(task, SUMS, scratch, solver="coach", split="test")


def test_what_a_solver_opened_is_closed_when_the_run_is_over(scratch: Scratch) -> None:
    events: list[str] = []

    @contextmanager
    def opened(_: Dataset[Sum], scratch: Scratch) -> Iterator[Answering]:
        events.append("opened")
        yield added
        events.append("closed")

    task: Task[Sum, int] = Task("sums", "sums", lambda split, data: SUMS, {"coach": opened}, (right,))
    run_task(task, SUMS, scratch, solver="coach", split="test")
    assert events == ["opened", "closed"]


def test_what_could_not_be_judged_is_counted_apart(scratch: Scratch) -> None:
    def doubtful(asked: Sum, found: int) -> Iterator[Score]:
        yield unscored("right", "no verdict") if asked.id == "s0" else Score("right", 0.0)

    found = run(scratch, added, doubtful)
    assert found.metrics["right"] == Metric(0.0, 0.0, 0.0, 5, 1, "no verdict")


def test_the_same_run_again_gives_the_same_numbers(scratch: Scratch) -> None:
    first, second = run(scratch, added_but_dies_on_2), run(scratch, added_but_dies_on_2)
    assert first.metrics == second.metrics
    assert [sample.scores for sample in first.samples] == [sample.scores for sample in second.samples]


def test_a_run_says_what_must_be_known_to_repeat_it(scratch: Scratch) -> None:
    setup = run(scratch, added).setup
    assert setup.dataset == "digest"
    assert setup.composer == "built-in"
    assert all((setup.embedder, setup.prompts, setup.knowledge, setup.started))
    assert isinstance(setup.seed, int)
    assert {"knowledge dense weight", "notes dense weight", "chunk tokens"} <= setup.weights.keys()


def test_a_run_reads_back_as_it_was_written(scratch: Scratch, tmp_path: Path) -> None:
    found = run(scratch, added_but_dies_on_2)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(found.as_json()), encoding="utf-8")
    (back,) = read_runs(path)
    assert back.as_json() == found.as_json()
    assert back.metrics == found.metrics
    path.write_text(json.dumps({"runs": [found.as_json()] * 2}), encoding="utf-8")
    assert [item.as_json() for item in read_runs(path)] == [found.as_json()] * 2
