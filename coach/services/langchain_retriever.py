"""The library and an owner's notes as LangChain retrievers, for programs that are not ours.

What is found, and in which order, is `coach.services.retrieval`.
"""

from __future__ import annotations

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from coach.domain.citations import Evidence
from coach.domain.people import LIBRARY, Owner
from coach.ports import EVERYWHERE, Scope
from coach.services.passages import Citable, Passages
from coach.services.retrieval import Retrieval


class KnowledgeRetriever(BaseRetriever):
    """Records of one kind of the library; `metadata` holds id, kind, title, byline and score (0..1)."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)
    retrieval: Retrieval
    passages: Passages
    kind: Citable = "card"
    top_k: int = 8

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        hits = self.retrieval.knowledge(self.retrieval.query(query), self.kind, top_k=self.top_k)
        return [self._document(self.passages.of_record(self.kind, hit.id), hit.score) for hit in hits]

    def _document(self, evidence: Evidence, score: float) -> Document:
        return Document(
            page_content=self.passages.text_of(evidence, owner=LIBRARY) or "",
            metadata={
                "id": evidence.id,
                "kind": evidence.kind,
                "title": evidence.title,
                "byline": evidence.byline,
                "score": score,
            },
        )


class NotesRetriever(BaseRetriever):
    """One owner's chunks; `metadata` holds note_id, title, date, start, end and score (0..1)."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)
    retrieval: Retrieval
    owner: Owner
    scope: Scope = EVERYWHERE
    top_k: int = 8

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        hits = self.retrieval.notes(self.retrieval.query(query), owner=self.owner, scope=self.scope, top_k=self.top_k)
        return [
            Document(
                page_content=hit.chunk.text,
                metadata={
                    "note_id": hit.note.id,
                    "title": hit.note.title,
                    "date": hit.note.date.isoformat() if hit.note.date else None,
                    "start": hit.chunk.start,
                    "end": hit.chunk.end,
                    "score": hit.hit.score,
                },
            )
            for hit in hits
        ]
