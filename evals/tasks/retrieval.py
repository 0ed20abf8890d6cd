"""Retrieval tasks: are the right documents found, and found first?

`retrieval` takes anybody's BEIR folder; `knowledge` and `notes` are our own. The solvers are in `evals.solvers.search`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date as Day
from functools import partial
from pathlib import Path
from typing import Any

import ir_measures
from ir_measures import RR, R, Success, nDCG
from pydantic import Field

from coach.services.shortlist import Shortlist
from evals.datasets import DATA, Document, Query, digest_of, read_beir, read_samples
from evals.grammar import Dataset, OpenSolver, Score, Solve, Split, Task
from evals.scratch import Scratch
from evals.solvers.search import DEPTH, Ranking, Search, SearchKind, Shelf, langchain_default, shelf_of

MEASURES = (nDCG @ 10, R @ 5, R @ 10, RR, Success @ 5)


def measured(query: Query, ranking: Ranking) -> Iterable[Score]:
    """Each measure of one ranking. A score of minus the rank keeps the order: equal scores are broken otherwise."""
    if not any(grade > 0 for grade in query.relevant.values()):
        return
    qrels = [ir_measures.Qrel(query.id, document, grade) for document, grade in query.relevant.items()]
    run = [ir_measures.ScoredDoc(query.id, document, -float(rank)) for rank, document in enumerate(ranking, start=1)]
    values = {str(item.measure): item.value for item in ir_measures.iter_calc(MEASURES, qrels, run)}
    best = [document for document, grade in sorted(query.relevant.items(), key=lambda pair: -pair[1]) if grade > 0]
    for measure in MEASURES:
        explanation = f"{query.text} → {', '.join(ranking[:3]) or 'nothing'}, wanted {', '.join(best[:3])}"
        yield Score(str(measure), float(values.get(str(measure), 0.0)), explanation)


_OnShelf = Callable[[Shelf], Search]
_BASELINES: dict[str, _OnShelf] = {
    "bm25": lambda shelf: shelf.bm25,
    "dense": lambda shelf: shelf.dense,
    "rrf": lambda shelf: shelf.rrf,
}


def _on_shelf(kind: SearchKind, search_on: _OnShelf) -> OpenSolver[Query, Ranking]:
    @contextmanager
    def opened(dataset: Dataset[Query], scratch: Scratch) -> Iterator[Search]:
        documents = tuple(document for document in dataset.documents if isinstance(document, Document))
        yield search_on(scratch.shared(("shelf", kind, dataset.digest), partial(shelf_of, documents, kind, scratch)))

    return opened


def _library(dataset: Dataset[Query], scratch: Scratch) -> Solve[Query, Ranking]:
    """The product over its own library, where what a message is about is read first."""
    coach = scratch.coach
    shortlist = Shortlist(coach.knowledge, coach.retrieval)

    def search(query: Query) -> Ranking:
        asked = coach.retrieval.query(query.text)
        topics = coach.impressions.of(asked).topics
        return [hit.id for hit in shortlist.records(asked, "card", topics=topics, top_k=DEPTH)]

    return search


@contextmanager
def _open_library(dataset: Dataset[Query], scratch: Scratch) -> Iterator[Search]:
    yield _library(dataset, scratch)


def retrieval_task(kind: SearchKind) -> Task[Query, Ranking]:
    """The task over a BEIR folder, taken as knowledge or as somebody's notes."""

    def load(_: Split, data: Path | None) -> Dataset[Query]:
        if data is None:
            return Dataset((), "")
        beir = read_beir(data)
        files = [data / "corpus.jsonl", data / "queries.jsonl", data / "qrels" / "test.tsv"]
        return Dataset(beir.queries, digest_of(files), beir.documents)

    return Task(
        name="retrieval",
        purpose="a BEIR folder of yours through the product's chunking, index and fusion (--data, --kind)",
        load=load,
        solvers={
            "coach": _on_shelf(kind, lambda shelf: shelf.coach),
            **{name: _on_shelf(kind, search_on) for name, search_on in _BASELINES.items()},
            "langchain-default": langchain_default,
        },
        scorers=(measured,),
        has_own_data=False,
        setup={"kind": kind},
    )


def _load_knowledge(split: Split, data: Path | None) -> Dataset[Query]:
    from coach.adapters.knowledge_files import load_knowledge
    from coach.adapters.packaged_data import data_folder

    path = data or DATA / f"knowledge-{split}.jsonl"
    texts = load_knowledge([data_folder("knowledge")]).indexed_texts()
    documents = [
        Document(_id=record_id, title=text.partition("\n")[0], text=text.partition("\n")[2])
        for kind, record_id, text in texts
        if kind == "card"
    ]
    known = {document.id for document in documents}

    def unknown_card(row: Query) -> str:
        unknown = sorted(row.relevant.keys() - known)
        return f"{', '.join(unknown)} is not a card of the library" if unknown else ""

    return Dataset(read_samples(path, Query, fault_in=unknown_card), digest_of([path]), documents)


KNOWLEDGE: Task[Query, Ranking] = Task(
    name="knowledge",
    purpose="practice cards for needs as people put them, graded 1 to 3",
    load=_load_knowledge,
    solvers={
        "coach": _open_library,
        **{name: _on_shelf("knowledge", search_on) for name, search_on in _BASELINES.items()},
        "langchain-default": langchain_default,
    },
    scorers=(measured,),
)


class NoteQuestion(Query):
    """A question to the notes of one relationship: which sessions answer it, and in which words."""

    relationship: str
    kind: str = Field(pattern="^(fact|date|promise|change|unanswerable)$")
    quote: str = ""


def load_notes(split: Split, data: Path | None) -> Dataset[NoteQuestion]:
    """The questions of a split, with the notes of its relationships as documents `name/date`."""
    path = data or DATA / f"notes-{split}.jsonl"
    rows = [_scoped(row) for row in read_samples(path, NoteQuestion, fault_in=_unknown_note)]
    folders = [DATA / "notes" / name for name in sorted({row.relationship for row in rows})]
    files = [file for folder in folders for file in sorted(folder.glob("*.md"))]
    documents = [
        Document(
            _id=f"{file.parent.name}/{file.stem}",
            title="",
            text=file.read_text(encoding="utf-8"),
            date=Day.fromisoformat(file.stem),
        )
        for file in files
    ]
    return Dataset(rows, digest_of([path, *files]), documents)


def _unknown_note(row: NoteQuestion) -> str:
    sessions = {file.stem for file in (DATA / "notes").glob("*/*.md") if file.parent.name == row.relationship}
    if not sessions:
        return f"there are no notes about {row.relationship!r}"
    unknown = sorted(row.relevant.keys() - sessions)
    return f"there is no session {', '.join(unknown)} with {row.relationship}" if unknown else ""


def _scoped(row: NoteQuestion) -> NoteQuestion:
    relevant = {f"{row.relationship}/{day}": grade for day, grade in row.relevant.items()}
    return row.model_copy(update={"relevant": relevant, "scope": row.relationship, "group": row.group})


NOTES: Task[Any, Ranking] = Task(
    name="notes",
    purpose="sessions in one's own notes that answer a question",
    load=load_notes,
    solvers={
        "coach": _on_shelf("notes", lambda shelf: shelf.coach),
        **{name: _on_shelf("notes", search_on) for name, search_on in _BASELINES.items()},
        "langchain-default": langchain_default,
    },
    scorers=(measured,),
)
