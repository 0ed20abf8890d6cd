"""The tasks over labelled messages: their data, and that a fall is noticed."""

from __future__ import annotations

import json

from evals.__main__ import FLOORS, _metrics
from evals.tasks import TASKS, Score


def test_every_row_has_an_id_of_its_own_and_a_text() -> None:
    for task in TASKS.values():
        for split in ("dev", "test"):
            rows = task.samples(split)  # type: ignore[arg-type]
            assert len({row["id"] for row in rows}) == len(rows)
            assert all(str(row["text"]).strip() for row in rows)


def test_dev_and_test_share_no_message() -> None:
    for task in TASKS.values():
        dev, test = ({str(row["text"]).lower() for row in task.samples(split)} for split in ("dev", "test"))  # type: ignore[arg-type]
        assert not dev & test


def test_a_metric_is_the_mean_of_its_scores() -> None:
    scores = [Score("a", "role", 1.0), Score("b", "role", 0.0), Score("a", "stage", 1.0)]
    assert _metrics(scores) == {"role": 0.5, "stage": 1.0}


def test_every_floor_belongs_to_a_task_that_exists() -> None:
    floors = json.loads(FLOORS.read_text(encoding="utf-8"))
    assert set(floors) <= set(TASKS)
    assert all(
        0.0 <= value <= 1.0 for splits in floors.values() for found in splits.values() for value in found.values()
    )
