"""Fusion and diversification."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coach.domain.ranking import Hit, diversify, fuse, normalise

ids = st.text("abcdefgh", min_size=1, max_size=3)
scores = st.dictionaries(ids, st.floats(-1, 1, allow_nan=False), max_size=12)


@given(scores)
def test_normalised_scores_lie_between_nought_and_one(given_scores: dict[str, float]) -> None:
    assert all(0.0 <= value <= 1.0 for value in normalise(given_scores).values())


@given(scores, scores, st.floats(0, 1))
def test_fusion_keeps_every_id_once_and_ranks_without_gaps(
    dense: dict[str, float], lexical: dict[str, float], weight: float
) -> None:
    hits = fuse(dense, lexical, dense_weight=weight)
    assert {hit.id for hit in hits} == {*dense, *lexical}
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert all(first.score >= second.score for first, second in pairwise(hits))


def test_all_the_weight_on_one_index_gives_its_order() -> None:
    dense, lexical = {"a": 0.9, "b": 0.1, "c": 0.5}, {"b": 12.0, "c": 3.0, "a": 1.0}
    assert [hit.id for hit in fuse(dense, lexical, dense_weight=1.0)] == ["a", "c", "b"]
    assert [hit.id for hit in fuse(dense, lexical, dense_weight=0.0)] == ["b", "c", "a"]


def test_agreement_of_both_indexes_beats_the_best_of_one() -> None:
    dense, lexical = {"only-dense": 1.0, "both": 0.9, "x": 0.0}, {"only-words": 10.0, "both": 9.0, "x": 0.0}
    assert fuse(dense, lexical, dense_weight=0.5)[0].id == "both"


def test_equal_scores_are_ordered_by_id_so_that_runs_repeat() -> None:
    assert [hit.id for hit in fuse({"b": 1.0, "a": 1.0}, {}, dense_weight=0.7)] == ["a", "b"]


def test_diversification_prefers_a_different_hit_to_a_repeated_one() -> None:
    hits = [Hit("a", 1.0, 1), Hit("a-again", 0.95, 2), Hit("other", 0.8, 3)]
    chosen = diversify(hits, similarity=lambda one, two: float(one[0] == two[0]), top_k=2, trade_off=0.7)
    assert [hit.id for hit in chosen] == ["a", "other"]
