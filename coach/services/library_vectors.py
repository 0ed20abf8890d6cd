"""The library's vectors in memory, searched exactly: a few thousand are quicker to multiply than to look up.

They are read from the index once; bringing the index in step with the files is `coach.services.library_index`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coach.domain.errors import RetrievalFailed
from coach.domain.people import LIBRARY
from coach.ports import EntryKind, Vector, VectorIndex

_Matrix = tuple[list[str], NDArray[np.float32]]


class LibraryVectors:
    """Unit vectors by kind, loaded when a kind is first asked for; any number of threads may search."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._loaded: dict[EntryKind, _Matrix] = {}
        self._lock = threading.Lock()

    def search(self, vector: Vector, kind: EntryKind, *, top_k: int) -> dict[str, float]:
        """Cosine similarity by id of the nearest `top_k` entries, nearest first."""
        ids, matrix = self._matrix(kind)
        if not ids:
            return {}
        similarities = matrix @ np.asarray(vector, dtype=np.float32)
        nearest = np.argsort(-similarities, kind="stable")[:top_k]
        return {ids[place]: float(similarities[place]) for place in nearest}

    def by_id(self, kind: EntryKind, ids: Sequence[str]) -> list[Vector]:
        """The vectors of these ids, in their order.

        Raises:
            RetrievalFailed: where the index holds none for one of them.
        """
        known, matrix = self._matrix(kind)
        places = {key: place for place, key in enumerate(known)}
        if not places.keys() >= set(ids):
            raise RetrievalFailed("The index of the library is incomplete. Rebuild it with: coach doctor --rebuild")
        return [matrix[places[key]] for key in ids]

    def _matrix(self, kind: EntryKind) -> _Matrix:
        with self._lock:
            if kind not in self._loaded:
                ids = sorted(self._index.digests(owner=LIBRARY, kind=kind))
                vectors = self._index.vectors(ids, owner=LIBRARY, kind=kind)
                kept = [key for key in ids if key in vectors]
                self._loaded[kind] = (kept, np.array([vectors[key] for key in kept], dtype=np.float32))
            return self._loaded[kind]
