"""Retrieval latency of one owner among many, beside exact search and LangChain's default pipeline, at one size.

Building and measuring are done in different processes, so that what is measured is a store as it is after a start.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from coach.services.retrieval import Query, Retrieval
from evals.benchmark.corpus import CHUNKS_PER_OWNER, PARAGRAPHS, SEED, owner_of, queries
from evals.benchmark.embedded import synthetic
from evals.benchmark.measuring import say, seconds, summarised
from evals.benchmark.plans import Plan
from evals.benchmark.results import SYNTHETIC, Budget, Row
from evals.benchmark.stores import Parts, build, build_langchain, opened, vectors_in
from evals.reference_pipeline import ExactSearch, LangChainDefault

RECALLED = 10
"""Nearest chunks by which the index is compared with exact search."""
SMALL, LARGE = 10_000, 1_000_000
"""Sizes that the budget on growth is about."""

ONE_OWNER = "Retrieval: a different owner each time, who has 100 chunks; without embedding the query."
EXACT = "Exact search: the owner's rows of one matrix in memory; the coach also searches by words, reads texts and diversifies."
LANGCHAIN = "LangChain's default with the owner as a filter: vectors only, four chunks."


def built(plan: Plan, size: int) -> dict[str, float]:
    """Fill the coach's store of this size; what it took, for the details."""
    folder = plan.scratch / f"retrieval-{size}"
    with opened(folder / "coach", is_bulk=True) as parts:
        embeddings = parts.embedder if size <= plan.embedded_up_to else synthetic(parts.embedder, centres=plan.centres)
        taken = build(parts, chunks=size, embeddings=embeddings, vectors_file=folder / "vectors.f32")
    return {"coach_written_in_s": taken, "coach_mb": _megabytes(folder / "coach")}


def built_reference(plan: Plan, size: int) -> dict[str, float]:
    """Fill LangChain's store of this size; what it took, for the details."""
    from coach.adapters.minilm import MiniLM

    folder = plan.scratch / f"retrieval-{size}" / "langchain"
    embedder = MiniLM()
    embeddings = embedder if size <= plan.embedded_up_to else synthetic(embedder, centres=plan.centres)
    taken = build_langchain(LangChainDefault(folder, embeddings), chunks=size)
    return {"langchain_embedded_and_written_in_s": taken, "langchain_mb": _megabytes(folder)}


def searched(plan: Plan, size: int, details: dict[str, float]) -> list[Row]:
    """Search the stores that `built` left, taking turns query by query."""
    folder = plan.scratch / f"retrieval-{size}"
    with opened(folder / "coach") as parts:
        return _Search(parts, folder).rows(plan, size, details)


def growth(rows: Sequence[Row]) -> list[Row]:
    """Retrieval at each larger size beside that at 10,000 chunks; the budget is about a million."""
    by_size = {int(row.details["chunks"]): row for row in rows if row.name.startswith("retrieval-exact-")}
    if SMALL not in by_size:
        return []
    small = by_size[SMALL]
    return [
        Row(
            name=f"retrieval-growth-{size}",
            what=f"retrieval, {size:,} chunks",
            unit="ms",
            measured=row.measured,
            reference_name=f"the same, {SMALL:,}",
            reference=small.measured,
            compared=("p95", "p95"),
            budget=Budget(4.0) if size == LARGE else None,
            remarks=tuple(remark for remark in row.remarks if remark != EXACT),
        )
        for size, row in sorted(by_size.items())
        if size > SMALL
    ]


class _Search:
    """The three ways to search, opened on the stores of one size."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        self._parts = parts
        self._retrieval = Retrieval(parts.vectors, parts.words, parts.embedder, parts.store)
        self._langchain = LangChainDefault(folder / "langchain", parts.embedder)
        matrix = vectors_in(folder / "vectors.f32")
        self._exact = ExactSearch(matrix, np.arange(len(matrix), dtype=np.int32) // CHUNKS_PER_OWNER)

    def rows(self, plan: Plan, size: int, details: dict[str, float]) -> list[Row]:
        rng = random.Random(SEED)
        owners = size // CHUNKS_PER_OWNER
        # As many untimed searches first, by other owners where there are enough, so that every collection is loaded.
        texts = queries(2 * plan.searches)
        asked = [(Query(text, self._parts.embedder.embed_query(text)), rng.randrange(owners)) for text in texts]
        timings = [self._timed(query, number) for query, number in asked]
        timed = timings[plan.searches :]
        found = [self._recall(query, number) for query, number in asked[: plan.searches]]
        say(f"  {size:,} chunks: {1e3 * timings[0][0]:.0f} ms for the first search, recall {np.mean(found):.1%}")
        details = {
            **details,
            "chunks": size,
            "first_search_ms": 1e3 * timings[0][0],
            f"recall_at_{RECALLED}_of_exact": float(np.mean(found)),
        }
        return _rows(timed, size, is_synthetic=size > plan.embedded_up_to, details=details)

    def _timed(self, query: Query, number: int) -> tuple[float, float, float]:
        owner = owner_of(number * CHUNKS_PER_OWNER)
        vector = np.asarray(query.vector, dtype=np.float32)
        return (
            seconds(lambda: self._retrieval.notes(query, owner=owner)),
            seconds(lambda: self._exact.search(vector, owner=number, top_k=RECALLED)),
            seconds(lambda: self._langchain.search_vector(query.vector, owner=owner)),
        )

    def _recall(self, query: Query, number: int) -> float:
        owner = owner_of(number * CHUNKS_PER_OWNER)
        found = self._parts.vectors.search(query.vector, owner=owner, kind="note", top_k=RECALLED)
        exact = self._exact.search(np.asarray(query.vector, np.float32), owner=number, top_k=RECALLED)
        return len(found.keys() & {_chunk_id(row) for row in exact}) / len(exact)


def _rows(
    timings: Sequence[tuple[float, float, float]], size: int, *, is_synthetic: bool, details: dict[str, float]
) -> list[Row]:
    ours, exact, theirs = (summarised(column, factor=1e3) for column in zip(*timings, strict=True))
    remarks = (ONE_OWNER, SYNTHETIC) if is_synthetic else (ONE_OWNER,)
    what = f"retrieval, {size:,} chunks"
    return [
        Row(
            name=f"retrieval-exact-{size}",
            what=what,
            unit="ms",
            measured=ours,
            reference_name="exact search",
            reference=exact,
            remarks=(*remarks, EXACT),
            details=details,
        ),
        Row(
            name=f"retrieval-langchain-{size}",
            what=what,
            unit="ms",
            measured=ours,
            reference_name="LangChain default",
            reference=theirs,
            remarks=(*remarks, LANGCHAIN),
        ),
    ]


def _chunk_id(row: int) -> str:
    return f"bench{row // PARAGRAPHS:08d}:{row % PARAGRAPHS}"


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
