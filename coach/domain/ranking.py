"""Ranked lists: hits, their fusion, their diversification.

Where hits come from is `coach.services.retrieval`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved id. `score` is in 0..1 after fusion; `rank` counts from 1."""

    id: str
    score: float
    rank: int
    dense: float = 0.0
    """Cosine similarity to the query, -1..1; 0 where only words matched."""
    lexical: float = 0.0
    """BM25, higher is better; 0 where only meaning matched."""


def normalise(scores: Mapping[str, float]) -> dict[str, float]:
    """Min-max normalisation to 0..1; a single score, or equal ones, become 1."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high - low < 1e-12:
        return dict.fromkeys(scores, 1.0)
    return {key: (value - low) / (high - low) for key, value in scores.items()}


def fuse(dense: Mapping[str, float], lexical: Mapping[str, float], *, dense_weight: float) -> list[Hit]:
    """Convex combination of min-max normalised scores, best first; ties are broken by id.

    Bruch, Gai and Ingber (2023) found it to beat reciprocal rank fusion; `dense_weight` is in 0..1.
    An id missing from one list scores 0 there.
    """
    by_meaning, by_words = normalise(dense), normalise(lexical)
    fused = {
        key: dense_weight * by_meaning.get(key, 0.0) + (1.0 - dense_weight) * by_words.get(key, 0.0)
        for key in {*by_meaning, *by_words}
    }
    ordered = sorted(fused, key=lambda key: (-fused[key], key))
    return [
        Hit(key, fused[key], rank, dense.get(key, 0.0), lexical.get(key, 0.0))
        for rank, key in enumerate(ordered, start=1)
    ]


def diversify(
    hits: Sequence[Hit], *, similarity: Callable[[str, str], float], top_k: int, trade_off: float = 0.7
) -> list[Hit]:
    """Maximal marginal relevance (Carbonell and Goldstein, 1998): relevant, and unlike what was already chosen.

    `trade_off` is 1 for relevance alone and 0 for difference alone.
    """
    chosen: list[Hit] = []
    waiting = list(hits)
    while waiting and len(chosen) < top_k:
        best = max(
            waiting,
            key=lambda hit: (
                trade_off * hit.score
                - (1.0 - trade_off) * max((similarity(hit.id, other.id) for other in chosen), default=0.0),
                -hit.rank,
            ),
        )
        waiting.remove(best)
        chosen.append(best)
    return chosen
