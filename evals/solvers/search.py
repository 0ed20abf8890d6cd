"""Search solvers, side by side on the same documents: the product's retrieval, its two indexes alone, and what others use.

Each takes a query to a ranking of document ids. What rankings are worth is judged in `evals.tasks.retrieval`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from coach.domain.people import Owner
from coach.ports import EVERYWHERE, Scope
from coach.services.library_index import LibraryText, synchronise
from coach.services.retrieval import Candidates, Retrieval
from evals.datasets import Document, Query
from evals.grammar import Dataset, Solve
from evals.scratch import Scratch

SearchKind = Literal["knowledge", "notes"]
DEPTH = 100
"""Documents ranked a query."""
RRF_CONSTANT = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)."""
OWNER = Owner("evals")

Ranking = list[str]
Search = Solve[Query, Ranking]


class Shelf:
    """Documents in the product's own indexes: notes as somebody's notes, knowledge as records of the library.

    `documents_of` turns the id of what is found (a chunk, a record) into those of its documents: the same text twice is one
    note.
    """

    def __init__(self, retrieval: Retrieval, kind: SearchKind, documents_of: Callable[[str], Sequence[str]]) -> None:
        self._retrieval = retrieval
        self._kind = kind
        self._documents_of = documents_of
        self._scopes: dict[str, Scope] = {}

    def with_scopes(self, scopes: Mapping[str, Scope]) -> Shelf:
        """Limits of a search by the name that queries give them."""
        self._scopes = dict(scopes)
        return self

    def coach(self, query: Query) -> Ranking:
        """The product."""
        asked = self._retrieval.query(query.text)
        if self._kind == "knowledge":
            return self._ranked(hit.id for hit in self._retrieval.knowledge(asked, "card", top_k=DEPTH))
        found = self._retrieval.notes(asked, owner=OWNER, scope=self._scope(query), top_k=4 * DEPTH, is_diverse=False)
        return self._ranked(hit.hit.id for hit in found)

    def bm25(self, query: Query) -> Ranking:
        """The words alone."""
        return self._ranked(_by_score(self._candidates(query).lexical))

    def dense(self, query: Query) -> Ranking:
        """The embedding alone."""
        return self._ranked(_by_score(self._candidates(query).dense))

    def rrf(self, query: Query) -> Ranking:
        """Both, by reciprocal rank."""
        found = self._candidates(query)
        scores: dict[str, float] = {}
        for ranked in (_by_score(found.dense), _by_score(found.lexical)):
            for rank, key in enumerate(ranked, start=1):
                scores[key] = scores.get(key, 0.0) + 1 / (RRF_CONSTANT + rank)
        return self._ranked(_by_score(scores))

    def _candidates(self, query: Query) -> Candidates:
        asked = self._retrieval.query(query.text)
        if self._kind == "knowledge":
            return self._retrieval.knowledge_candidates(asked, "card")
        return self._retrieval.note_candidates(asked, owner=OWNER, scope=self._scope(query))

    def _scope(self, query: Query) -> Scope:
        return self._scopes[query.scope] if query.scope else EVERYWHERE

    def _ranked(self, found: Sequence[str] | Iterator[str]) -> Ranking:
        """Documents in the order of their best chunk."""
        return list(dict.fromkeys(document for key in found for document in self._documents_of(key)))[:DEPTH]


def _by_score(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda key: (-scores[key], key))


@dataclass(frozen=True, slots=True)
class _Parts:
    retrieval: Retrieval
    add_note: Callable[[Document, str | None], str]
    add_records: Callable[[Sequence[Document]], None]
    add_relationship: Callable[[str], str]


@contextmanager
def shelf_of(documents: Sequence[Document], kind: SearchKind, scratch: Scratch) -> Iterator[Shelf]:
    """The documents pushed through the product's chunking into indexes of their own."""
    with _empty_store(scratch) as parts:
        if kind == "knowledge":
            parts.add_records(documents)
            yield Shelf(parts.retrieval, kind, lambda key: [key])
            return
        people = {
            name: parts.add_relationship(name)
            for name in sorted({d.id.partition("/")[0] for d in documents if "/" in d.id})
        }
        documents_by_note: dict[str, list[str]] = {}
        for number, document in enumerate(documents, start=1):
            note_id = parts.add_note(document, people.get(document.id.partition("/")[0]))
            documents_by_note.setdefault(note_id, []).append(document.id)
            scratch.say("Indexing", number, len(documents))
        shelf = Shelf(parts.retrieval, kind, lambda key: documents_by_note[key.rpartition(":")[0]])
        yield shelf.with_scopes({name: Scope(relationship_id=person) for name, person in people.items()})


@contextmanager
def _empty_store(scratch: Scratch) -> Iterator[_Parts]:
    from coach.adapters.chroma_index import ChromaIndex
    from coach.adapters.document_readers import read_text
    from coach.adapters.full_text import FullText
    from coach.adapters.minilm import MiniLM
    from coach.adapters.sql_store import SqlStore, migrate, open_engine
    from coach.services.ingest import Ingest

    folder = scratch.folder("search")
    with ExitStack() as closing:
        engine = open_engine(f"sqlite:///{folder / 'coach.db'}")
        closing.callback(engine.dispose)
        migrate(engine)
        store, words, embedder = SqlStore(engine), FullText(engine), MiniLM()
        vectors = ChromaIndex.embedded(folder / "vectors")
        closing.callback(vectors.close)
        vectors.reset(embedder.identity())
        ingest = Ingest(store, vectors, words, embedder, embedder.token_offsets)

        def add_note(document: Document, relationship_id: str | None) -> str:
            note = ingest.add(
                read_text(document.text),
                owner=OWNER,
                relationship_id=relationship_id,
                title=document.title or None,
                date=document.date,
            ).note
            return note.id

        def add_records(documents: Sequence[Document]) -> None:
            texts: list[LibraryText] = [
                ("card", document.id, f"{document.title}\n{document.text}".strip()) for document in documents
            ]
            synchronise(texts, vectors, words, embedder, scratch.progress)

        yield _Parts(
            Retrieval(vectors, words, embedder, store),
            add_note,
            add_records,
            lambda name: store.add_relationship(name, owner=OWNER).id,
        )


@contextmanager
def langchain_default(dataset: Dataset[Query], scratch: Scratch) -> Iterator[Search]:
    """The pipeline of `make bench`: what LangChain's own tutorial builds, with the coach's embedder."""
    from coach.adapters.minilm import MiniLM
    from evals.reference_pipeline import LangChainDefault

    documents = [document for document in dataset.documents if isinstance(document, Document)]
    pipeline = LangChainDefault(scratch.folder("langchain"), MiniLM())
    for start in range(0, len(documents), 500):
        batch = documents[start : start + 500]
        pipeline.add(
            [f"{document.title}\n\n{document.text}" for document in batch],
            [{"id": document.id, "scope": document.id.partition("/")[0]} for document in batch],
        )

    def search(query: Query) -> Ranking:
        limit = {"scope": query.scope} if query.scope else None
        found = pipeline.search(query.text, top_k=DEPTH, limit=limit)
        return list(dict.fromkeys(str(item.metadata["id"]) for item in found))

    yield search
