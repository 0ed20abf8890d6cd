"""Wires the parts together: the one place that knows which adapter stands behind which port.

Settings come from `coach.config`; nothing here is done at import.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coach.config import Settings
from coach.domain.errors import DataFolderBusy, StorageFailed
from coach.domain.notes import Document
from coach.ports import KnowledgeBase, NoteStore, Progress

if TYPE_CHECKING:
    from filelock import FileLock

    from coach.services.ingest import Ingest
    from coach.services.passages import Passages
    from coach.services.retrieval import Retrieval
    from coach.services.session_coach import SessionCoach

log = logging.getLogger(__name__)


class Documents:
    """Turns files and pasted text into documents, so that screens and commands need not know the readers."""

    def read(self, path: Path) -> Document:
        """Raises UnreadableDocument."""
        from coach.adapters.document_readers import read_document

        return read_document(path)

    def read_text(self, text: str, *, file_name: str = "") -> Document:
        """Raises UnreadableDocument."""
        from coach.adapters.document_readers import read_text

        return read_text(text, file_name=file_name)

    def files_in(self, path: Path) -> list[Path]:
        """The file itself, or the readable files of a folder."""
        from coach.adapters.document_readers import documents_in

        return documents_in(path)


@dataclass(frozen=True, slots=True)
class Coach:
    """Everything that a screen or a command needs, ready to use."""

    settings: Settings
    knowledge: KnowledgeBase
    store: NoteStore
    retrieval: Retrieval
    ingest: Ingest
    session: SessionCoach
    passages: Passages
    documents: Documents


def knowledge_of(settings: Settings) -> KnowledgeBase:
    """The bundled library with the folders that stand beside it.

    Raises:
        KnowledgeError: listing every fault with file and line.
    """
    from coach.adapters.knowledge_files import load_knowledge
    from coach.adapters.packaged_data import data_folder

    return load_knowledge([data_folder("knowledge"), *settings.knowledge])


@contextmanager
def open_coach(settings: Settings, progress: Progress | None = None) -> Iterator[Coach]:
    """The coach on its data folder, which it holds until the block ends.

    The library's index is brought up to date and an interrupted import is completed before it is handed out.

    Raises:
        ConfigurationError, DataFolderBusy, StorageFailed, KnowledgeError, IndexMismatch.
    """
    with _data_folder(settings):
        yield _wired(settings, progress)


def _wired(settings: Settings, progress: Progress | None) -> Coach:
    from coach.adapters.chroma_index import open_index
    from coach.adapters.full_text import FullText
    from coach.adapters.minilm import MiniLM
    from coach.adapters.packaged_data import data_folder
    from coach.adapters.prompt_files import PromptFiles
    from coach.adapters.sql_store import SqlStore, migrate, open_engine
    from coach.services.ingest import Ingest
    from coach.services.library_index import synchronise
    from coach.services.passages import Passages
    from coach.services.retrieval import Retrieval
    from coach.services.session_coach import SessionCoach

    knowledge = knowledge_of(settings)
    prompts = PromptFiles(data_folder("prompts"))
    engine = open_engine(settings.database_url or f"sqlite:///{settings.home / 'coach.db'}")
    migrate(engine)
    store, words, embedder = SqlStore(engine), FullText(engine), MiniLM()
    vectors = open_index(settings.chroma_url or settings.home / "vectors")
    if vectors.identity() is None:
        vectors.reset(embedder.identity())
    vectors.check(embedder.identity())
    ingest = Ingest(store, vectors, words, embedder, embedder.token_offsets)
    synchronise(knowledge, vectors, words, embedder, progress)
    ingest.complete(progress)
    retrieval = Retrieval(vectors, words, embedder, store)
    return Coach(
        settings=settings,
        knowledge=knowledge,
        store=store,
        retrieval=retrieval,
        ingest=ingest,
        session=SessionCoach(knowledge=knowledge, store=store, retrieval=retrieval, prompts=prompts),
        passages=Passages(knowledge, store),
        documents=Documents(),
    )


@contextmanager
def _data_folder(settings: Settings) -> Iterator[None]:
    """Make the folder, readable by its owner only, and hold it: two processes on one index lose vectors."""
    from filelock import Timeout

    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _lock(settings.home)
        lock.acquire()
    except Timeout as error:
        raise DataFolderBusy(
            f"Another coach is using {settings.home}. Close it first, or set COACH_HOME to another folder."
        ) from error
    except OSError as error:
        raise StorageFailed(
            f"The data folder {settings.home} cannot be written ({error.strerror}). Set COACH_HOME to another folder."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _lock(home: Path) -> FileLock:
    from filelock import FileLock

    return FileLock(home / "coach.lock", timeout=0)
