"""What scores add up to: weighted means, and intervals over groups that are drawn together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.grammar import Score, unscored
from evals.metrics import Judged, Metric, summarise

values = st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=30)


def judged(*scores: Score, group: str = "") -> list[Judged]:
    """Each score in a group of its own, unless one is named."""
    return [Judged(group or f"sample-{place}", score) for place, score in enumerate(scores)]


def metric_of(items: list[Judged], *, seed: int = 1) -> Metric:
    """The one metric that these are about."""
    (metric,) = summarise(items, seed=seed).values()
    return metric


def width(metric: Metric) -> float:
    assert metric.low is not None
    assert metric.high is not None
    return metric.high - metric.low


def test_without_weights_a_metric_is_the_mean() -> None:
    assert metric_of(judged(Score("role", 1.0), Score("role", 0.0), Score("role", 0.5))).value == 0.5


def test_a_share_of_many_counts_for_more_than_a_share_of_few() -> None:
    found = metric_of(judged(Score("precision", 0.5, weight=4), Score("precision", 1.0, weight=1)))
    assert found.value == pytest.approx(3 / 5)


def test_a_weight_of_nothing_counts_for_nothing() -> None:
    found = metric_of(judged(Score("precision", 1.0), Score("precision", 0.0, weight=0.0)))
    assert (found.value, found.n) == (1.0, 1)


def test_several_scores_of_a_sample_all_count() -> None:
    items = judged(Score("must", 1.0), Score("must", 0.0), group="one") + judged(Score("must", 0.0), group="other")
    assert metric_of(items).value == pytest.approx(1 / 3, abs=1e-4)


def test_metrics_stay_in_the_order_in_which_they_were_first_judged() -> None:
    found = summarise(judged(Score("stage", 1.0), Score("role", 1.0), Score("stage", 0.0)), seed=1)
    assert list(found) == ["stage", "role"]


@given(values)
def test_an_interval_holds_its_value_and_stays_within_the_scores(numbers: list[float]) -> None:
    found = metric_of(judged(*(Score("x", number) for number in numbers)))
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert min(numbers) - 1e-4 <= found.low <= found.value + 1e-4
    assert found.value - 1e-4 <= found.high <= max(numbers) + 1e-4


def test_scores_that_agree_leave_no_doubt() -> None:
    assert width(metric_of(judged(*[Score("x", 1.0)] * 10))) == 0.0


def test_more_samples_leave_less_doubt() -> None:
    few = judged(*[Score("x", float(n % 2)) for n in range(20)])
    many = judged(*[Score("x", float(n % 2)) for n in range(400)])
    assert width(metric_of(many)) < width(metric_of(few)) / 2


def test_conversations_that_stand_or_fall_together_leave_more_doubt_than_as_many_samples_apart() -> None:
    scores = [Score("x", float(conversation % 2)) for conversation in range(8) for _ in range(10)]
    apart = judged(*scores)
    together = [Judged(f"conversation-{place // 10}", score) for place, score in enumerate(scores)]
    assert metric_of(together).value == metric_of(apart).value
    assert width(metric_of(together)) > 2 * width(metric_of(apart))


def test_the_same_seed_draws_the_same_interval_and_another_one_another() -> None:
    items = judged(*[Score("x", n / 37) for n in range(37)])
    first = metric_of(items, seed=7)
    assert metric_of(items, seed=7) == first
    other = metric_of(items, seed=8)
    assert other.value == first.value
    assert (other.low, other.high) != (first.low, first.high)


def test_what_could_not_be_judged_is_neither_right_nor_wrong() -> None:
    sound = judged(Score("x", 1.0), Score("x", 0.0))
    found = metric_of([*sound, *judged(unscored("x", "the verdict could not be read"))])
    alone = metric_of(sound)
    assert found == replace(alone, unscored=1, why_unscored="the verdict could not be read")


def test_where_nothing_could_be_judged_there_is_no_number_but_a_reason() -> None:
    found = metric_of(judged(unscored("x", "no judge is set up"), unscored("x", "no judge is set up")))
    assert found == Metric(None, None, None, 0, 2, "no judge is set up")
