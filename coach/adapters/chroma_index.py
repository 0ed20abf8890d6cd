"""The vector index on Chroma: ids, owners, filters and vectors, embedded in a folder or on a server.

It holds no text and can be rebuilt from the note store at any time, which is for `coach.services.ingest`; the words of
the same entries are in `coach.adapters.full_text`.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from coach.adapters.chroma_client import (
    close_client,
    embedded_client,
    import_chroma,
    memory_client,
    server_address,
    server_client,
)
from coach.adapters.chroma_files import blank_unused_places, compact
from coach.domain.errors import IndexMismatch, RetrievalFailed, StorageFailed
from coach.domain.people import LIBRARY, Owner
from coach.ports import EVERYWHERE, EmbedderIdentity, EntryKind, IndexEntry, Scope, Vector

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import Metadata, Where
    from numpy.typing import NDArray

_Item = TypeVar("_Item")

BUCKETS = 64
"""Collections onto which private owners are hashed: each in use costs four file handles, and the time of a search by a
small owner grows with what shares its collection (11 ms at 16,000 vectors)."""

_PREFIX = "coach-"
_EMBEDDER = f"{_PREFIX}embedder"
_SYNC_EVERY = 1000
_BLANK_KEY = "blank"


class ChromaIndex:
    """`coach.ports.VectorIndex` on Chroma; made by `embedded`, `on_server` or `in_memory`, connected at the first use.

    Only one process may use an embedded folder at a time (several lose vectors silently); who holds the folder's lock
    is for `coach.bootstrap`. Any number of threads may use one instance.
    """

    def __init__(self, connect: Callable[[], Client], *, folder: Path | None = None) -> None:
        self._connect = connect
        self._folder = folder
        self._lock = threading.RLock()
        self._client: Client | None = None
        self._collections: dict[str, Collection] = {}
        self._identity: EmbedderIdentity | None = None

    @classmethod
    def embedded(cls, folder: Path) -> ChromaIndex:
        """An index in a folder of its own, in which removed entries leave no trace."""
        return cls(lambda: embedded_client(folder), folder=folder)

    @classmethod
    def on_server(cls, url: str) -> ChromaIndex:
        """An index on a Chroma server. What is removed there stays in the server's files until `chroma vacuum`.

        Raises:
            ConfigurationError: The address is not one of a server.
        """
        host, port, is_encrypted = server_address(url)
        return cls(lambda: server_client(host, port, is_encrypted))

    @classmethod
    def in_memory(cls) -> ChromaIndex:
        """An index for tests; all of one process share one memory until the last is closed."""
        return cls(memory_client)

    def close(self) -> None:
        """Let go of files and connections; the next use opens them again."""
        with self._lock:
            self._collections.clear()
            self._identity = None
            if self._client is not None:
                close_client(self._client)
                self._client = None
                if self._folder is not None:
                    blank_unused_places(self._folder)

    def check(self, identity: EmbedderIdentity) -> None:
        """Make sure that stored vectors and this embedder's belong together.

        Raises:
            IndexMismatch: The vectors came from another embedder.
            StorageFailed: The index cannot be read.
        """
        stored = self.identity()
        if stored is not None and stored != identity:
            raise IndexMismatch(
                f"The index was made with the embedder {stored.name} ({stored.digest[:12]}), but {identity.name} "
                f"({identity.digest[:12]}) is in use. Rebuild the index with `coach doctor --rebuild`; notes and knowledge stay as they are."
            )

    def identity(self) -> EmbedderIdentity | None:
        """The embedder that the stored vectors came from; None for an index without any.

        Raises:
            StorageFailed: The index cannot be read.
        """
        with self._lock, _translated(StorageFailed, "opened"):
            return self._stored_identity()

    def reset(self, identity: EmbedderIdentity) -> None:
        """Drop every vector and take vectors of this embedder from now on.

        Raises:
            StorageFailed: The index cannot be written.
        """
        with self._lock, _translated(StorageFailed, "written"):
            client = self._open()
            self._identity = None
            self._collections.clear()
            names = [collection.name for collection in client.list_collections() if _is_ours(collection.name)]
            # The embedder goes first and comes back last: a reset that breaks off leaves an index without one.
            for name in sorted(names, key=lambda name: name != _EMBEDDER):
                client.delete_collection(name)
            if names:
                self._compact()
            self._open().create_collection(
                _EMBEDDER,
                metadata={"name": identity.name, "dimension": identity.dimension, "digest": identity.digest},
                embedding_function=None,
            )
            self._identity = identity

    def upsert(self, entries: Sequence[IndexEntry], vectors: Sequence[Vector]) -> None:
        """Add or replace, one unit-length vector an entry.

        Raises:
            IndexMismatch: The vectors are not of the index's embedder.
            StorageFailed: The index cannot be written.
        """
        grouped: dict[str, dict[str, tuple[IndexEntry, Vector]]] = {}
        with self._lock, _translated(StorageFailed, "written"):
            for entry, vector in zip(entries, vectors, strict=True):
                self._check_dimension(vector)
                name = collection_name(entry.owner, entry.kind)
                grouped.setdefault(name, {})[_key(entry.owner, entry.id)] = (entry, vector)
            for name, rows in grouped.items():
                collection = self._existing(name) or self._create(name)
                for keys in self._batches(list(rows)):
                    collection.upsert(
                        ids=keys,
                        embeddings=_matrix([rows[key][1] for key in keys]),
                        metadatas=[_metadata(rows[key][0]) for key in keys],
                    )

    def remove(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> None:
        """Remove; an id that is not there is no error. In an embedded index a private owner's entries leave no trace.

        Raises:
            StorageFailed: The index cannot be written.
        """
        name = collection_name(owner, kind)
        with self._lock, _translated(StorageFailed, "written"):
            collection = self._existing(name)
            if collection is None:
                return
            for keys in self._batches([_key(owner, id_) for id_ in dict.fromkeys(ids)]):
                present = list(collection.get(ids=keys, include=[])["ids"])
                if not present:
                    continue
                if self._folder is None or owner == LIBRARY:
                    collection.delete(ids=present)
                else:
                    self._erase(name, present)
                    collection = self._existing(name) or self._create(name)

    def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
        """Digest by id of all entries of an owner and kind.

        Raises:
            StorageFailed: The index cannot be read.
        """
        with self._lock, _translated(StorageFailed, "read"):
            collection = self._existing(collection_name(owner, kind))
            if collection is None:
                return {}
            rows = collection.get(where={"owner": owner}, include=["metadatas"])
        return {_id(key): str(row["digest"]) for key, row in zip(rows["ids"], rows["metadatas"] or (), strict=True)}

    def search(
        self, vector: Vector, *, owner: Owner, kind: EntryKind, top_k: int, scope: Scope = EVERYWHERE
    ) -> dict[str, float]:
        """Cosine similarity by id of the nearest `top_k` entries, nearest first.

        Raises:
            IndexMismatch: The vector is not of the index's embedder.
            RetrievalFailed: The index does not answer.
        """
        with self._lock, _translated(RetrievalFailed, "searched"):
            self._check_dimension(vector)
            collection = self._existing(collection_name(owner, kind))
            if collection is None or top_k < 1:
                return {}
            # Chroma's filter lists every entry that passes before it looks for near ones: 28 ms for an owner of 10,000
            # entries. The nearest of all owners take 2 ms and are enough for an owner who fills most of a collection.
            nearest = _query(collection, vector, 2 * top_k, None)
            mine = [(key, score) for key, score, row in nearest if _passes(row, owner, scope)]
            if len(mine) < top_k and len(nearest) == 2 * top_k:
                mine = [(key, score) for key, score, _ in _query(collection, vector, top_k, _where(owner, scope))]
        return {_id(key): score for key, score in mine[:top_k]}

    def vectors(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> dict[str, Vector]:
        """Stored vectors by id; ids that are not there are left out.

        Raises:
            RetrievalFailed: The index does not answer.
        """
        with self._lock, _translated(RetrievalFailed, "read"):
            collection = self._existing(collection_name(owner, kind))
            if collection is None or not ids:
                return {}
            rows = collection.get(ids=[_key(owner, id_) for id_ in dict.fromkeys(ids)], include=["embeddings"])
            stored = rows["embeddings"]
            if stored is None:
                return {}
            return {_id(key): [float(x) for x in row] for key, row in zip(rows["ids"], stored, strict=True)}

    def _open(self) -> Client:
        if self._client is None:
            if self._folder is not None:
                # Of a process that was killed before it could close.
                blank_unused_places(self._folder)
            self._client = self._connect()
        return self._client

    def _existing(self, name: str) -> Collection | None:
        from chromadb.errors import NotFoundError

        if name not in self._collections:
            try:
                self._collections[name] = self._open().get_collection(name, embedding_function=None)
            except NotFoundError:
                return None
        return self._collections[name]

    def _create(self, name: str) -> Collection:
        self._collections[name] = self._open().get_or_create_collection(
            name,
            configuration={"hnsw": {"space": "cosine", "sync_threshold": _SYNC_EVERY}},
            embedding_function=None,
        )
        return self._collections[name]

    def _stored_identity(self) -> EmbedderIdentity | None:
        if self._identity is None:
            collection = self._existing(_EMBEDDER)
            stored = collection.metadata if collection else None
            if stored:
                self._identity = EmbedderIdentity(
                    str(stored["name"]), int(str(stored["dimension"])), str(stored["digest"])
                )
        return self._identity

    def _check_dimension(self, vector: Vector) -> None:
        identity = self._stored_identity()
        if identity is None:
            raise IndexMismatch("The index does not know yet which embedder its vectors come from. Rebuild the index.")
        if len(vector) != identity.dimension:
            raise IndexMismatch(
                f"The index holds vectors of {identity.dimension} dimensions ({identity.name}), but was given one of "
                f"{len(vector)}. Rebuild the index."
            )

    def _batches(self, items: list[_Item]) -> Iterator[list[_Item]]:
        size = self._open().get_max_batch_size()
        return (items[start : start + size] for start in range(0, len(items), size))

    def _erase(self, name: str, keys: list[str]) -> None:
        """Remove so that neither the graph's file nor the write-ahead log nor a free page keeps the vectors.

        Deleting marks a place in the graph's file as free and leaves the vector in it, and the log is emptied only when
        the graph is written. So the entries are overwritten first, the graph is made to be written at once, and the
        database is rewritten without its free pages. Takes 0.09 s at 500 entries and 0.15 s at 10,000.
        """
        identity = self._stored_identity()
        blank = _matrix([[1.0] + [0.0] * ((identity.dimension if identity else 1) - 1)])
        empty = _metadata(IndexEntry("", Owner(""), "note"))
        self._sync_every(name, 2)
        # A threshold counts from the next opening of the collection.
        self.close()
        collection = self._existing(name) or self._create(name)
        collection.upsert(ids=keys, embeddings=blank.repeat(len(keys), axis=0), metadatas=[empty] * len(keys))
        collection.delete(ids=keys)
        for _ in range(2):
            collection.upsert(ids=[_BLANK_KEY], embeddings=blank, metadatas=[empty])
            collection.delete(ids=[_BLANK_KEY])
        self._sync_every(name, _SYNC_EVERY)
        self._compact()

    def _sync_every(self, name: str, operations: int) -> None:
        collection = self._existing(name)
        if collection is not None:
            with warnings.catch_warnings():
                # It is Chroma's word for a collection without an embedding function, which is what is wanted here.
                warnings.filterwarnings("ignore", "legacy embedding function config", DeprecationWarning)
                collection.modify(configuration={"hnsw": {"sync_threshold": operations}})

    def _compact(self) -> None:
        if self._folder is not None:
            self.close()
            compact(self._folder)


@contextmanager
def _translated(failure: type[RetrievalFailed] | type[StorageFailed], done: str) -> Iterator[None]:
    """Chroma's failures become the coach's: `done` completes "The index could not be …"."""
    import_chroma()
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except httpx.HTTPError as error:
        raise failure(f"The index could not be {done}: its server does not answer ({error}).") from error
    except (ChromaError, OSError, sqlite3.Error) as error:
        raise failure(
            f"The index could not be {done}: {error}. See that its folder or server can be reached, is not full and "
            "may be written to; if it is damaged, rebuild it."
        ) from error


def _query(
    collection: Collection, vector: Vector, top_k: int, where: Where | None
) -> list[tuple[str, float, Metadata]]:
    """Key, cosine similarity and metadata of the nearest entries, nearest first."""
    found = collection.query(
        query_embeddings=_matrix([vector]), n_results=top_k, where=where, include=["distances", "metadatas"]
    )
    distances, rows = found["distances"] or [[]], found["metadatas"] or [[]]
    return [
        (key, 1.0 - distance, row) for key, distance, row in zip(found["ids"][0], distances[0], rows[0], strict=True)
    ]


def _matrix(vectors: Sequence[Vector]) -> NDArray[np.float32]:
    import numpy as np

    return np.asarray(vectors, dtype=np.float32)


def _metadata(entry: IndexEntry) -> Metadata:
    # Every key is always written: Chroma keeps the keys of an earlier version that a later one leaves out.
    return {
        "owner": entry.owner,
        "relationship": entry.relationship_id or "",
        "note": entry.note_id or "",
        "day": entry.date.toordinal() if entry.date else 0,
        "digest": entry.digest,
    }


def _where(owner: Owner, scope: Scope) -> Where:
    """The filter of Chroma that `_passes` says in Python."""
    limits: list[Where] = [{"owner": owner}]
    if scope.relationship_id is not None:
        limits.append({"relationship": scope.relationship_id})
    if scope.note_id is not None:
        limits.append({"note": scope.note_id})
    if scope.since is not None or scope.until is not None:
        days = [{"day": {"$gte": _first_day(scope)}}, {"day": {"$lte": _last_day(scope)}}]
        limits += cast("list[Where]", days)
    return {"$and": limits} if len(limits) > 1 else limits[0]


def _passes(row: Metadata, owner: Owner, scope: Scope) -> bool:
    """The filter in Python that `_where` says for Chroma."""
    is_dated = scope.since is not None or scope.until is not None
    return (
        row["owner"] == owner
        and scope.relationship_id in (None, row["relationship"])
        and scope.note_id in (None, row["note"])
        and (not is_dated or _first_day(scope) <= int(str(row["day"])) <= _last_day(scope))
    )


def _first_day(scope: Scope) -> int:
    return (scope.since or date.min).toordinal()


def _last_day(scope: Scope) -> int:
    return (scope.until or date.max).toordinal()


def _is_ours(name: str) -> bool:
    return name.startswith(_PREFIX)


def collection_name(owner: Owner, kind: EntryKind) -> str:
    if owner == LIBRARY:
        return f"{_PREFIX}library-{kind}"
    return f"{_PREFIX}private-{kind}-{int(_digest(owner), 16) % BUCKETS:02d}"


def _key(owner: Owner, id_: str) -> str:
    """Two owners may use the same id."""
    return f"{_digest(owner)}:{id_}"


def _id(key: str) -> str:
    return key.partition(":")[2]


def _digest(owner: Owner) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:16]
