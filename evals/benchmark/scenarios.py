"""What is measured inside a process: ingest, retrieval at a size, and a turn, each beside its reference.

Each function is run in a process of its own, so that none inherits the memory or the caches of another. Start-up and
resident memory, which are about whole processes, are `evals.benchmark.processes`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from coach.domain.conversation import Failed, Finished, Reply, Turn
from coach.domain.people import LOCAL_OWNER, Owner
from evals.benchmark.corpus import CHUNKS_PER_OWNER, messages, owner_of, queries, written_note
from evals.benchmark.embedded import synthetic
from evals.benchmark.measuring import percentile, say, seconds, side_by_side, summarised
from evals.benchmark.plans import Plan
from evals.benchmark.results import Budget, Row
from evals.benchmark.stores import build, build_langchain, opened, vectors_in
from evals.reference_pipeline import ExactSearch, LangChainDefault

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from coach.bootstrap import Coach

RECALLED = 10
"""Nearest chunks by which the index is compared with exact search."""

SYNTHETIC = "Chunk vectors are synthetic: real ones with noise. Queries and texts are as in the other rows."
UNEMBEDDED = "Without embedding the query; one owner's hundred chunks, a different owner each time."
EXACT = "Exact search: the owner's rows of one matrix in memory, vectors only; the coach also searches words and reads texts."
LANGCHAIN = (
    "LangChain's default: RecursiveCharacterTextSplitter 1000/200, the same embeddings, Chroma top-4, owner as a filter."
)


def ingest(plan: Plan) -> list[Row]:
    """Notes in through `coach.services.ingest`, the same chunks through the bare embedder, and through LangChain."""
    from coach.domain.chunking import chunk_note
    from coach.services.ingest import Ingest, indexed_text

    owner = Owner("ingest")
    ours: list[float] = []
    bare: list[float] = []
    theirs: list[float] = []
    with opened(plan.scratch / "ingest") as parts:
        embedder = parts.embedder
        service = Ingest(parts.store, parts.vectors, parts.words, embedder, embedder.token_offsets)
        langchain = LangChainDefault(plan.scratch / "ingest-langchain", embedder)
        for round_number in range(plan.ingest_rounds + 1):
            first = round_number * plan.notes_per_round
            written = [written_note(number) for number in range(first, first + plan.notes_per_round)]
            documents = [note.document() for note in written]
            stored = [note.stored(owner=owner, relationship_id=None)[0] for note in written]
            texts = [
                indexed_text(note, chunk)
                for note in stored
                for chunk in chunk_note(note.text, note_id=note.id, token_offsets=embedder.token_offsets)
            ]
            timings = side_by_side(
                [
                    lambda: [service.add(document, owner=owner) for document in documents],  # noqa: B023
                    lambda: embedder.embed_documents(texts),  # noqa: B023
                    lambda: langchain.add([note.text for note in stored], [{"owner": owner}] * len(stored)),  # noqa: B023
                ],
                repeats=1,
                warm_up=0,
            )
            if round_number:
                ours.append(len(texts) / timings[0][0])
                bare.append(len(texts) / timings[1][0])
                theirs.append(timings[2][0] and len(stored) / timings[2][0])
    return []
