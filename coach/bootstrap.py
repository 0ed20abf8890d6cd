"""Wires the parts together: the one place that knows which adapter stands behind which port.

Settings come from `coach.config`; nothing here is done at import.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from coach.config import Settings
from coach.domain.errors import CoachError, ConfigurationError, DataFolderBusy, ModelUnavailable, StorageFailed
from coach.domain.notes import Document
from coach.domain.people import LOCAL_OWNER
from coach.ports import KnowledgeBase, NoteStore, Progress
from coach.services.model_setup import (
    BUNDLED,
    THIS_MACHINE,
    ModelSetup,
    address_for,
    model_setup,
    place_of,
    provider_of,
)

if TYPE_CHECKING:
    from filelock import FileLock
    from langchain_core.language_models import BaseChatModel

    from coach.adapters.chroma_index import ChromaIndex
    from coach.adapters.embedders import ProviderEmbedder
    from coach.adapters.minilm import MiniLM
    from coach.adapters.prompt_files import PromptFiles
    from coach.services.impressions import Impressions
    from coach.services.ingest import Ingest
    from coach.services.knowledge_check import Finding
    from coach.services.model_writer import ModelWriter
    from coach.services.passages import Passages
    from coach.services.retrieval import Retrieval
    from coach.services.session_coach import SessionCoach

log = logging.getLogger(__name__)


class Documents:
    """Turns files and pasted text into documents, so that screens and commands need not know the readers."""

    def read(self, path: Path, *, known_names: Sequence[str] = ()) -> Document:
        """A file as a document; `known_names` are people whose name in it counts as theirs. Raises UnreadableDocument."""
        from coach.adapters.document_readers import read_document

        return read_document(path, known_names=known_names)

    def read_text(self, text: str, *, file_name: str = "", known_names: Sequence[str] = ()) -> Document:
        """Pasted text as a document. Raises UnreadableDocument."""
        from coach.adapters.document_readers import read_text

        return read_text(text, file_name=file_name, known_names=known_names)

    def files_in(self, path: Path) -> list[Path]:
        """The file itself, or the readable files of a folder."""
        from coach.adapters.document_readers import documents_in

        return documents_in(path)

    def examples(self) -> list[Document]:
        """The example notes that come with the program, oldest first.

        Raises:
            ConfigurationError: The installation is incomplete.
        """
        from coach.adapters.packaged_data import data_folder

        return [self.read(path) for path in sorted(data_folder("examples").glob("*.md"))]


@dataclass(frozen=True, slots=True)
class Coach:
    """Everything that a screen or a command needs, ready to use."""

    settings: Settings
    knowledge: KnowledgeBase
    store: NoteStore
    retrieval: Retrieval
    impressions: Impressions
    ingest: Ingest
    session: SessionCoach
    passages: Passages
    documents: Documents
    model: ModelSetup | None = None
    """The chat model that is set; without one the built-in composer writes."""

    @property
    def embeddings_place(self) -> str:
        """Where the text of notes and messages is embedded; "this machine" for the bundled embedder."""
        return place_of(self.settings.embeddings, self.settings.model_url)


def knowledge_of(settings: Settings) -> KnowledgeBase:
    """The bundled library with the folders that stand beside it.

    Raises:
        KnowledgeError: listing every fault with file and line.
    """
    from coach.adapters.knowledge_files import load_knowledge
    from coach.adapters.packaged_data import data_folder

    return load_knowledge([data_folder("knowledge"), *settings.knowledge])


@contextmanager
def open_coach(settings: Settings, progress: Progress | None = None, *, is_rebuilt: bool = False) -> Iterator[Coach]:
    """The coach on its data folder, which it holds until the block ends.

    The library's index is brought up to date and an interrupted import is completed before it is handed out; with
    `is_rebuilt`, every vector is made anew first.

    Raises:
        ConfigurationError, DataFolderBusy, StorageFailed, KnowledgeError, IndexMismatch; RetrievalFailed where an
            embedder of a provider fails while the library is read.
    """
    with _data_folder(settings), ExitStack() as closing:
        yield _wired(settings, progress, closing, is_rebuilt=is_rebuilt)


def _wired(settings: Settings, progress: Progress | None, closing: ExitStack, *, is_rebuilt: bool) -> Coach:
    from coach.adapters.array_files import ArrayFiles
    from coach.adapters.full_text import FullText
    from coach.adapters.minilm import MiniLM
    from coach.adapters.packaged_data import data_folder
    from coach.adapters.prompt_files import PromptFiles
    from coach.adapters.sql_store import SqlStore, migrate, open_engine
    from coach.services.impressions import Impressions
    from coach.services.ingest import Ingest
    from coach.services.library_index import synchronise
    from coach.services.passages import Passages
    from coach.services.retrieval import Retrieval
    from coach.services.session_coach import SessionCoach

    knowledge = knowledge_of(settings)
    prompts = PromptFiles(data_folder("prompts"))
    engine = open_engine(settings.database_url or f"sqlite:///{settings.home / 'coach.db'}")
    closing.callback(engine.dispose)
    migrate(engine)
    store, words, bundled = SqlStore(engine), FullText(engine), MiniLM()
    embedder = _embedder(settings, bundled)
    identity = embedder.identity()
    if place_of(settings.embeddings, settings.model_url) != THIS_MACHINE:
        log.warning("%s", _leaves_by_embedding(settings))
    vectors = _vector_index(settings)
    closing.callback(vectors.close)
    # Notes are cut by the bundled tokenizer in any case: another embedder's may not be here.
    ingest = Ingest(store, vectors, words, embedder, bundled.token_offsets)
    if is_rebuilt or vectors.identity() is None:
        ingest.rebuild(identity, progress)
    vectors.check(identity)
    synchronise(knowledge.indexed_texts(), vectors, words, embedder, progress)
    ingest.complete(progress)
    retrieval = Retrieval(vectors, words, embedder, store)
    setup = model_of(settings)
    impressions = Impressions(knowledge, retrieval, ArrayFiles(settings.home / "readers"))
    impressions.prepare(progress)
    return Coach(
        settings=settings,
        knowledge=knowledge,
        store=store,
        retrieval=retrieval,
        impressions=impressions,
        ingest=ingest,
        session=SessionCoach(
            knowledge=knowledge,
            store=store,
            retrieval=retrieval,
            impressions=impressions,
            prompts=prompts,
            writer=_writer(settings, setup, knowledge, store, prompts, bundled) if setup else None,
        ),
        passages=Passages(knowledge, store),
        documents=Documents(),
        model=setup,
    )


def _writer(
    settings: Settings,
    setup: ModelSetup,
    knowledge: KnowledgeBase,
    store: NoteStore,
    prompts: PromptFiles,
    bundled: MiniLM,
) -> ModelWriter:
    """Has the model write; what it needs is imported now, its own package when it is first asked."""
    from coach.services.compose import BuiltInComposer
    from coach.services.model_stream import Limits
    from coach.services.model_writer import ModelWriter
    from coach.services.passages import Passages

    @cache
    def count() -> Callable[[str], int]:
        from coach.adapters.token_counts import TokenCounts

        return TokenCounts.of(setup.name, bundled=bundled.count_tokens).count

    return ModelWriter(
        setup,
        _chat_model(settings),
        translate=_model_fault,
        count=count,
        limits=Limits(first_token_s=settings.model_first_token_s),
        knowledge=knowledge,
        store=store,
        prompts=prompts,
        composer=BuiltInComposer(knowledge, Passages(knowledge, store), prompts),
    )


def _vector_index(settings: Settings) -> ChromaIndex:
    from coach.adapters.chroma_index import ChromaIndex

    if settings.chroma_url:
        return ChromaIndex.on_server(settings.chroma_url)
    return ChromaIndex.embedded(settings.home / "vectors")


def model_of(settings: Settings) -> ModelSetup | None:
    """The chat model that is set, if one is; it is opened, and its package imported, when it is first asked.

    Raises:
        ConfigurationError: Its price is none.
    """
    if not settings.model:
        return None
    return model_setup(
        settings.model,
        url=settings.model_url,
        window=settings.model_window,
        price=settings.model_price,
        model=_chat_model(settings),
        translate=_model_fault,
    )


def _chat_model(settings: Settings) -> Callable[[], BaseChatModel]:
    """Opens the model at the first call. Where that fails, the model does not answer and the built-in composer does."""

    @cache
    def opened() -> BaseChatModel:
        from coach.adapters.chat_models import open_chat_model

        try:
            return open_chat_model(
                settings.model,
                url=address_for(settings.model, settings.model_url),
                api_key=settings.api_key,
                first_token_s=settings.model_first_token_s,
            )
        except ConfigurationError as error:
            raise ModelUnavailable(str(error)) from error

    return opened


def _model_fault(error: BaseException) -> ModelUnavailable:
    from coach.adapters.chat_models import fault_of

    return fault_of(error)


def _embedder(settings: Settings, bundled: MiniLM) -> MiniLM | ProviderEmbedder:
    """The embedder that is set. Raises ConfigurationError."""
    if settings.embeddings == BUNDLED:
        return bundled
    from coach.adapters.embedders import open_embedder

    return open_embedder(
        settings.embeddings,
        url=address_for(settings.embeddings, settings.model_url),
        api_key=_embedder_key(settings),
        place=place_of(settings.embeddings, settings.model_url),
        token_offsets=bundled.token_offsets,
    )


def _embedder_key(settings: Settings) -> SecretStr:
    """One provider's key is not shown to another."""
    if settings.model and provider_of(settings.model) != provider_of(settings.embeddings):
        return SecretStr("")
    return settings.api_key


def _leaves_by_embedding(settings: Settings) -> str:
    place = place_of(settings.embeddings, settings.model_url)
    return f"The text of your notes and messages goes to {place} to be embedded, as COACH_EMBEDDINGS says."


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


def check_knowledge(settings: Settings, *, with_meaning: bool) -> list[Finding]:
    """Everything that is wrong with the library beyond its schema.

    Raises:
        KnowledgeError: for faults of the schema, all at once.
    """
    from coach.adapters.minilm import MiniLM
    from coach.services.knowledge_check import check
    from coach.services.knowledge_ids import drift

    knowledge = knowledge_of(settings)
    findings = check(knowledge, embed=MiniLM() if with_meaning else None, coverage="error")
    accepted = _ids_file()
    return findings + (drift(knowledge, accepted.read_text(encoding="utf-8")) if accepted.exists() else [])


def accept_ids(settings: Settings) -> None:
    """Write down what every id stands for now."""
    from coach.services.knowledge_ids import accepted_ids

    _ids_file().write_text(accepted_ids(knowledge_of(settings)), encoding="utf-8")


def _ids_file() -> Path:
    from coach.adapters.packaged_data import data_folder

    return data_folder("knowledge") / "ids.txt"


def write_heatmap(path: Path, tables: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
    """Coverage as an image. Raises StorageFailed."""
    from coach.adapters.heatmap import write_heatmap as write

    try:
        write(path, tables)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written ({error.strerror}).") from error


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing that `coach doctor` looked at."""

    check: str
    is_well: bool
    message: str


def examine(settings: Settings) -> list[HealthFinding]:
    """Look at everything that the coach needs; a fault is a finding, not an error."""
    checks: dict[str, Callable[[], str]] = {
        "library": lambda: f"{len(knowledge_of(settings).questions)} questions, no faults",
        "model": lambda: _model_works(settings),
        "embeddings": lambda: _embedder_works(settings),
        "data folder": lambda: _data_folder_works(settings),
        "index": lambda: _index_works(settings),
    }
    findings = []
    for name, look in checks.items():
        try:
            findings.append(HealthFinding(name, True, look()))
        except CoachError as error:
            findings.append(HealthFinding(name, False, str(error)))
    return findings


def _model_works(settings: Settings) -> str:
    model = model_of(settings)
    return model.connection_test() if model else "none: the built-in composer writes"


def _embedder_works(settings: Settings) -> str:
    from coach.adapters.minilm import MiniLM

    embedder = _embedder(settings, MiniLM())
    name = embedder.identity().name
    dimensions = f"{len(embedder.embed_query('Is anybody there?'))} dimensions"
    place = place_of(settings.embeddings, settings.model_url)
    if place == THIS_MACHINE:
        return f"{name}, {dimensions}, on this machine"
    return f"{name}, {dimensions}, at {place}. {_leaves_by_embedding(settings)}"


def _data_folder_works(settings: Settings) -> str:
    with _data_folder(settings):
        return f"{settings.home} can be written"


def _index_works(settings: Settings) -> str:
    with open_coach(settings) as coach:
        notes = len(coach.store.notes(owner=LOCAL_OWNER))
    return f"complete, {notes} notes"
