"""Notes and the small library, to be found by word and by meaning: a real store in memory, the fake embedder and indexes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from coach.adapters.knowledge_files import FileKnowledge, load_knowledge
from coach.adapters.sql_store import SqlStore, migrate, open_engine
from coach.domain.notes import Document, Note
from coach.domain.people import Owner
from coach.services.ingest import Ingest
from coach.services.library_index import synchronise
from coach.services.passages import Passages
from coach.services.retrieval import Retrieval
from tests.fakes.knowledge import write_small_library
from tests.fakes.memory_index import MemoryLexicalIndex, MemoryVectorIndex
from tests.fakes.word_embedder import IDENTITY, WordEmbedder

EXEMPLARS = """\
- {id: x1, text: "I meet my mentee for the first time tomorrow and I am nervous", role: mentor, stage: first-session, topics: [first-session], intent: plan-session, feeling: nervous, whose: mine}
- {id: x2, text: "what should we agree at our first meeting as mentor and mentee", role: mentor, stage: first-session, topics: [agreements], intent: plan-session, feeling: calm, whose: mine}
- {id: x3, text: "I want to lead better but my goal is vague", role: mentee, stage: goal-setting, topics: [goal-clarity], intent: clarify-goal, feeling: calm, whose: mine}
- {id: x4, text: "she is nervous about the goal we set", role: mentor, stage: ongoing, topics: [goal-clarity], intent: plan-session, feeling: nervous, whose: theirs}
"""
ALARMS = """\
- {id: a1, text: "I want to die", decision: crisis, about: self}
- {id: a2, text: "this deadline will be the death of me", decision: none, about: self}
"""


@dataclass(frozen=True, slots=True)
class SmallWorld:
    """All parts, filled with the small library and no notes."""

    knowledge: FileKnowledge
    store: SqlStore
    retrieval: Retrieval
    ingest: Ingest
    passages: Passages
    embedder: WordEmbedder
    engine: Engine

    def add_note(self, text: str, *, owner: Owner, name: str | None = None, day: date | None = None) -> Note:
        """A note of an owner, about a person where one is named."""
        relationship = self.store.add_relationship(name, owner=owner) if name else None
        document = Document(text, "Session", day, name, "text")
        return self.ingest.add(document, owner=owner, relationship_id=relationship.id if relationship else None).note

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()


def small_world(folder: Path) -> SmallWorld:
    """A world whose library lies in `folder`, which must not exist: the small library with a few labelled messages."""
    write_small_library(folder)
    for name, text in (("exemplars", EXEMPLARS), ("alarms", ALARMS)):
        (folder / name).mkdir()
        (folder / name / "all.yaml").write_text(text, encoding="utf-8")
    knowledge = load_knowledge([folder])
    engine = open_engine("sqlite://")
    migrate(engine)
    store, words, vectors, embedder = (
        SqlStore(engine),
        MemoryLexicalIndex(),
        MemoryVectorIndex(IDENTITY),
        WordEmbedder(),
    )
    synchronise(knowledge.indexed_texts(), vectors, words, embedder)
    return SmallWorld(
        knowledge=knowledge,
        store=store,
        retrieval=Retrieval(vectors, words, embedder, store),
        ingest=Ingest(store, vectors, words, embedder, _token_offsets),
        passages=Passages(knowledge, store),
        embedder=embedder,
        engine=engine,
    )


def _token_offsets(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
