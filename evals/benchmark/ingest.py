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
class _Kind:
    """A kind of note that people bring."""

    name: str
    what: str
    paragraphs: int
    notes_per_round: int


@dataclass(frozen=True, slots=True)
class _Round:
    """The same notes, as each of the three wants them."""

    documents: list[Document]
    notes: list[Note]
    chunk_texts: list[str]


def measured_ingest(plan: Plan) -> list[Row]:
    """Short notes and long transcripts, each beside the bare embedder and beside LangChain's default."""
    kinds = (
        _Kind("notes", "notes of 550 words", 5, plan.chunks_per_round // 5),
        _Kind("transcripts", "notes of 6,600 words", 60, plan.chunks_per_round // 60),
    )
    return [row for kind in kinds for row in _measured(plan, kind)]


def _measured(plan: Plan, kind: _Kind) -> list[Row]:
    """All three take turns on each round of notes, after a short note as a warm-up."""
    timings: list[tuple[float, float, float]] = []
    rounds: list[_Round] = []
    with opened(plan.scratch / f"ingest-{kind.name}") as parts:
        service = Ingest(parts.store, parts.vectors, parts.words, parts.embedder, parts.embedder.token_offsets)
        langchain = LangChainDefault(plan.scratch / f"ingest-{kind.name}-langchain", parts.embedder)
        _timed(_round(0, _Kind("warm-up", "", 2, 1), parts.embedder), service, parts.embedder, langchain)
        for number in range(1, plan.ingest_rounds + 1):
            rounds.append(_round(number, kind, parts.embedder))
            timings.append(_timed(rounds[-1], service, parts.embedder, langchain))
            ours, bare, _ = timings[-1]
            say(f"  {kind.what}, round {number}: {bare / ours:.0%} of the bare embedder's throughput")
    return _rows(kind, rounds, timings)


def _round(number: int, kind: _Kind, embedder: MiniLM) -> _Round:
    first = number * kind.notes_per_round
    written = [written_note(n, paragraphs=kind.paragraphs) for n in range(first, first + kind.notes_per_round)]
    notes = [note.stored(owner=LOCAL_OWNER, relationship_id=None)[0] for note in written]
    texts = [
        indexed_text(note, chunk)
        for note in notes
        for chunk in chunk_note(note.text, note_id=note.id, token_offsets=embedder.token_offsets)
    ]
    return _Round([note.document() for note in written], notes, texts)


def _timed(each: _Round, service: Ingest, embedder: MiniLM, langchain: LangChainDefault) -> tuple[float, float, float]:
    texts, metadatas = [note.text for note in each.notes], [{"owner": LOCAL_OWNER}] * len(each.notes)
    return (
        seconds(lambda: [service.add(document, owner=LOCAL_OWNER) for document in each.documents]),
        seconds(lambda: embedder.embed_documents(each.chunk_texts)),
        seconds(lambda: langchain.add(texts, metadatas)),
    )


def _rows(kind: _Kind, rounds: list[_Round], timings: list[tuple[float, float, float]]) -> list[Row]:
    chunks = [len(each.chunk_texts) for each in rounds]
    words = [sum(len(note.text.split()) for note in each.notes) for each in rounds]
    ours, bare, theirs = zip(*timings, strict=True)
    return [
        Row(
            name=f"ingest-{kind.name}",
            what=f"ingest, {kind.what}",
            unit="chunks/s",
            measured=summarised([count / taken for count, taken in zip(chunks, ours, strict=True)]),
            reference_name="bare embedder",
            reference=summarised([count / taken for count, taken in zip(chunks, bare, strict=True)]),
            budget=Budget(0.8, is_ceiling=False),
            remarks=(BARE,),
        ),
        Row(
            name=f"ingest-{kind.name}-langchain",
            what=f"ingest, {kind.what}",
            unit="words/s",
            measured=summarised([count / taken for count, taken in zip(words, ours, strict=True)]),
            reference_name="LangChain default",
            reference=summarised([count / taken for count, taken in zip(words, theirs, strict=True)]),
            remarks=(LANGCHAIN,),
        ),
    ]
