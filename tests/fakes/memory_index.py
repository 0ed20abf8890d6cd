"""Both indexes in memory: exact, small, and bound by the same contract suites as the real ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from coach.domain.errors import IndexMismatch
from coach.domain.people import Owner
from coach.ports import EVERYWHERE, EmbedderIdentity, EntryKind, IndexEntry, Scope, Vector

_Key = tuple[Owner, EntryKind, str]


def passes(entry: IndexEntry, scope: Scope) -> bool:
    """Whether an entry is within a scope."""
    if scope.relationship_id is not None and entry.relationship_id != scope.relationship_id:
        return False
    if scope.note_id is not None and entry.note_id != scope.note_id:
        return False
    if scope.since is None and scope.until is None:
        return True
    return (
        entry.date is not None
        and (scope.since is None or scope.since <= entry.date)
        and (scope.until is None or entry.date <= scope.until)
    )


def _best(scores: dict[str, float], top_k: int) -> dict[str, float]:
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[: max(top_k, 0)])


class MemoryVectorIndex:
    """A VectorIndex that compares with every vector."""

    def __init__(self, identity: EmbedderIdentity | None = None) -> None:
        self._identity = identity
        self._rows: dict[_Key, tuple[IndexEntry, Vector]] = {}

    def identity(self) -> EmbedderIdentity | None:
        return self._identity

    def check(self, identity: EmbedderIdentity) -> None:
        if self._identity not in (None, identity):
            raise IndexMismatch("The vectors came from another embedder.")

    def reset(self, identity: EmbedderIdentity) -> None:
        self._identity = identity
        self._rows.clear()

    def upsert(self, entries: Sequence[IndexEntry], vectors: Sequence[Vector]) -> None:
        for entry, vector in zip(entries, vectors, strict=True):
            self._check_dimension(vector)
            self._rows[entry.owner, entry.kind, entry.id] = entry, list(vector)

    def remove(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> None:
        for id_ in ids:
            self._rows.pop((owner, kind, id_), None)

    def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
        return {entry.id: entry.digest for entry, _ in self._of(owner, kind)}

    def search(
        self, vector: Vector, *, owner: Owner, kind: EntryKind, top_k: int, scope: Scope = EVERYWHERE
    ) -> dict[str, float]:
        self._check_dimension(vector)
        scores = {
            entry.id: sum(a * b for a, b in zip(vector, stored, strict=True))
            for entry, stored in self._of(owner, kind)
            if passes(entry, scope)
        }
        return _best(scores, top_k)

    def vectors(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> dict[str, Vector]:
        return {entry.id: vector for entry, vector in self._of(owner, kind) if entry.id in set(ids)}

    def _of(self, owner: Owner, kind: EntryKind) -> list[tuple[IndexEntry, Vector]]:
        return [row for (of, what, _), row in self._rows.items() if (of, what) == (owner, kind)]

    def _check_dimension(self, vector: Vector) -> None:
        if self._identity is None or len(vector) != self._identity.dimension:
            raise IndexMismatch("The vector is not of the index's embedder.")


class MemoryLexicalIndex:
    """A LexicalIndex with textbook BM25 (k1 1.2, b 0.75) over whole words in lower case, without stems."""

    def __init__(self) -> None:
        self._rows: dict[_Key, tuple[IndexEntry, Counter[str]]] = {}

    def upsert(self, entries: Sequence[IndexEntry], texts: Sequence[str]) -> None:
        for entry, text in zip(entries, texts, strict=True):
            self._rows[entry.owner, entry.kind, entry.id] = entry, Counter(_words(text))

    def remove(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> None:
        for id_ in ids:
            self._rows.pop((owner, kind, id_), None)

    def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
        return {entry.id: entry.digest for entry, _ in self._of(owner, kind)}

    def search(
        self, query: str, *, owner: Owner, kind: EntryKind, top_k: int, scope: Scope = EVERYWHERE
    ) -> dict[str, float]:
        rows = self._of(owner, kind)
        mean = sum(counts.total() for _, counts in rows) / max(len(rows), 1)
        found: dict[str, float] = {}
        for word in set(_words(query)):
            holding = [(entry, counts) for entry, counts in rows if word in counts]
            weight = math.log1p((len(rows) - len(holding) + 0.5) / (len(holding) + 0.5))
            for entry, counts in holding:
                if passes(entry, scope):
                    saturation = counts[word] + 1.2 * (0.25 + 0.75 * counts.total() / mean)
                    found[entry.id] = found.get(entry.id, 0.0) + weight * counts[word] * 2.2 / saturation
        return _best(found, top_k)

    def _of(self, owner: Owner, kind: EntryKind) -> list[tuple[IndexEntry, Counter[str]]]:
        return [row for (of, what, _), row in self._rows.items() if (of, what) == (owner, kind)]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
