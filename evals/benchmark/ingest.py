"""Ingest throughput: notes through the coach, the same chunks through the bare embedder, and through LangChain's default.

How stores are filled without embedding is `evals.benchmark.stores`.
"""

from __future__ import annotations

from dataclasses import dataclass

from coach.adapters.minilm import MiniLM
from coach.domain.chunking import chunk_note
from coach.domain.notes import Document, Note
from coach.domain.people import LOCAL_OWNER
from coach.services.ingest import Ingest, indexed_text
from evals.benchmark.corpus import written_note
from evals.benchmark.measuring import say, seconds, summarised
from evals.benchmark.plans import Plan
from evals.benchmark.results import Budget, Row
from evals.benchmark.stores import opened
from evals.reference_pipeline import LangChainDefault

BARE = "The bare embedder gets all chunks of a round in one call, so it batches as it likes best."
LANGCHAIN = "LangChain's default: RecursiveCharacterTextSplitter 1000/200, the same embeddings, Chroma as it comes."


@dataclass(frozen=True, slots=True)
class _Round:
    """The same notes, as each of the three wants them."""

    documents: list[Document]
    notes: list[Note]
    chunk_texts: list[str]


def measured_ingest(plan: Plan) -> list[Row]:
    """Chunks a second beside the embedder's, notes a second beside LangChain's; all three take turns on each round."""
    timings: list[tuple[float, float, float]] = []
    rounds: list[_Round] = []
    with opened(plan.scratch / "ingest") as parts:
        embedder = parts.embedder
        service = Ingest(parts.store, parts.vectors, parts.words, embedder, embedder.token_offsets)
        langchain = LangChainDefault(plan.scratch / "ingest-langchain", embedder)
        for number in range(plan.ingest_rounds + 1):
            this = _round(number * plan.notes_per_round, plan.notes_per_round, embedder)
            ours = seconds(lambda: [service.add(document, owner=LOCAL_OWNER) for document in this.documents])  # noqa: B023
            bare = seconds(lambda: embedder.embed_documents(this.chunk_texts))  # noqa: B023
            theirs = seconds(
                lambda: langchain.add([n.text for n in this.notes], [{"owner": LOCAL_OWNER}] * len(this.notes))
            )
            rounds.append(this)
            timings.append((ours, bare, theirs))
            say(f"  ingest round {number} of {plan.ingest_rounds}: {bare / ours:.0%} of the bare embedder's throughput")
    return _rows(rounds[1:], timings[1:])


def _round(first: int, count: int, embedder: MiniLM) -> _Round:
    written = [written_note(number) for number in range(first, first + count)]
    notes = [note.stored(owner=LOCAL_OWNER, relationship_id=None)[0] for note in written]
    texts = [
        indexed_text(note, chunk)
        for note in notes
        for chunk in chunk_note(note.text, note_id=note.id, token_offsets=embedder.token_offsets)
    ]
    return _Round([note.document() for note in written], notes, texts)


def _rows(rounds: list[_Round], timings: list[tuple[float, float, float]]) -> list[Row]:
    chunks = [len(each.chunk_texts) for each in rounds]
    notes = [len(each.notes) for each in rounds]
    ours, bare, theirs = zip(*timings, strict=True)
    return [
        Row(
            name="ingest",
            what="ingest, chunks",
            unit="chunks/s",
            measured=summarised([count / taken for count, taken in zip(chunks, ours, strict=True)]),
            reference_name="bare embedder",
            reference=summarised([count / taken for count, taken in zip(chunks, bare, strict=True)]),
            budget=Budget(0.8, is_ceiling=False),
            remarks=(BARE,),
        ),
        Row(
            name="ingest-langchain",
            what="ingest, notes of 550 words",
            unit="notes/s",
            measured=summarised([count / taken for count, taken in zip(notes, ours, strict=True)]),
            reference_name="LangChain default",
            reference=summarised([count / taken for count, taken in zip(notes, theirs, strict=True)]),
            remarks=(LANGCHAIN,),
        ),
    ]
