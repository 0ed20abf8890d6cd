"""Full-text search on SQLite's FTS5, in the same database as the notes.

The search by meaning over the same entries is `coach.adapters.chroma_index`; the tables are made by
`coach.adapters.migrations`.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import Connection, Engine, text

from coach.adapters.sql_engine import leave_no_trace, storage_errors, writing
from coach.domain.errors import ConfigurationError, RetrievalFailed
from coach.domain.people import LIBRARY, Owner
from coach.ports import EVERYWHERE, EntryKind, IndexEntry, Scope

MAX_WORDS = 32
"""Distinct words of a query that are searched for. Each costs 0.3 ms at 10,000 entries; more are in no question, and of
a page of text the first ones say what it is about."""

_WORD = re.compile(r"[^\W_]+")
_NO_MEANING = frozenset(
    "a about after again all also am an and any are aren as at be because been before being but by can cannot could couldn"
    " d did didn do does doesn doing don down during each few for from further had hadn has hasn have haven having he her"
    " here hers herself him himself his how i if in into is isn it its itself just ll m me might more most much must my"
    " myself no nor not now of off on once only or other our ours ourselves out over own re s same shall she should"
    " shouldn so some such t than that the their theirs them themselves then there these they this those through to too"
    " under until up upon us ve very was wasn we were weren what when where which while who whom whose why will with won"
    " would wouldn you your yours yourself yourselves".split()
)
"""English words that say nothing about a text on their own; a query of nothing else is searched for as it is."""

_ERASES_AT_ONCE = sqlite3.sqlite_version_info >= (3, 42)
"""From this version on FTS5 takes deleted words out of its lists; before it, they stay until all lists are merged anew,
which takes 0.1 s at 10,000 entries and 18 s at a million."""

_SEARCH = """
    SELECT entries.id, -bm25({table}, 0.0, 1.0) AS score
    FROM {table} JOIN full_text_entries AS entries ON entries.row = {table}.rowid
    WHERE {table} MATCH :match AND entries.owner = :owner AND entries.kind = :kind {limits}
    ORDER BY score DESC, entries.id LIMIT :top_k
"""


class FullText:
    """`coach.ports.LexicalIndex` with Porter stems, without accents, over a database that `migrate` brought up to date.

    The library and the private entries have tables of their own, so that what somebody writes down does not move the
    library's scores. Among private entries a word's weight comes from those of all owners, which costs a look through the
    word's whole list. Every method raises StorageFailed where the database cannot be read or written.

    Args:
        engine: The database of the note store.

    Raises:
        ConfigurationError: The database is not SQLite.
    """

    def __init__(self, engine: Engine) -> None:
        if engine.dialect.name != "sqlite":
            raise ConfigurationError(
                f"COACH_DATABASE_URL names a {engine.dialect.name} database, in which this version cannot search. "
                "Unset it to use SQLite in the data folder."
            )
        self._engine = engine

    def upsert(self, entries: Sequence[IndexEntry], texts: Sequence[str]) -> None:
        """Add or replace, one text an entry, in one transaction."""
        latest = {
            (entry.owner, entry.kind, entry.id): (entry, words) for entry, words in zip(entries, texts, strict=True)
        }
        replaced: dict[tuple[Owner, EntryKind], list[str]] = {}
        for owner, kind, id_ in latest:
            replaced.setdefault((owner, kind), []).append(id_)
        with self._writing() as connection:
            removed = [_remove(connection, ids, owner, kind) for (owner, kind), ids in replaced.items()]
            for entry, words in latest.values():
                _insert(connection, entry, words)
        if any(removed):
            leave_no_trace(self._engine)

    def remove(self, ids: Sequence[str], *, owner: Owner, kind: EntryKind) -> None:
        """Remove, leaving none of the words behind; an id that is not there is no error."""
        if not ids:
            return
        with self._writing() as connection:
            is_removed = _remove(connection, ids, owner, kind)
        if is_removed:
            leave_no_trace(self._engine)

    def digests(self, *, owner: Owner, kind: EntryKind) -> dict[str, str]:
        """Digest by id of all entries of an owner and kind."""
        statement = text("SELECT id, digest FROM full_text_entries WHERE owner = :owner AND kind = :kind")
        with storage_errors(), self._engine.connect() as connection:
            return {row.id: row.digest for row in connection.execute(statement, {"owner": owner, "kind": kind})}

    def search(
        self, query: str, *, owner: Owner, kind: EntryKind, top_k: int, scope: Scope = EVERYWHERE
    ) -> dict[str, float]:
        """BM25 by id, higher is better, of the best `top_k` entries sharing a word with the query, best first.

        Any text is a valid query: operators of the index's own language mean nothing.

        Raises:
            RetrievalFailed: The index does not answer.
        """
        words = query_words(query)
        if not words or top_k < 1:
            return {}
        limits = ("AND entries.day >= :since " if scope.since else "") + (
            "AND entries.day <= :until" if scope.until else ""
        )
        statement = text(_SEARCH.format(table=_table(owner), limits=limits))
        values = {
            "match": _match(words, owner, kind, scope),
            "owner": owner,
            "kind": kind,
            "since": scope.since.toordinal() if scope.since else None,
            "until": scope.until.toordinal() if scope.until else None,
            "top_k": top_k,
        }
        with storage_errors(RetrievalFailed), self._engine.connect() as connection:
            return {row.id: row.score for row in connection.execute(statement, values)}

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with storage_errors(), writing(self._engine).begin() as connection:
            yield connection


def query_words(query: str) -> list[str]:
    """Distinct words of a query, at most `MAX_WORDS`; words without meaning only where there are no others."""
    every = dict.fromkeys(match[0].casefold() for match in _WORD.finditer(query))
    meaningful = (word for word in every if word not in _NO_MEANING)
    return list(islice(meaningful, MAX_WORDS)) or list(islice(every, MAX_WORDS))


def _match(words: Sequence[str], owner: Owner, kind: EntryKind, scope: Scope) -> str:
    """The words as an FTS5 query. The scope's tokens come first: their lists are short, so the words' are skipped in."""
    tokens = [_token("owner", owner, kind)]
    if scope.relationship_id is not None:
        tokens.append(_token("relationship", owner, kind, scope.relationship_id))
    if scope.note_id is not None:
        tokens.append(_token("note", owner, kind, scope.note_id))
    limits = " AND ".join(f"scope : {token}" for token in tokens)
    alternatives = " OR ".join(f'"{word}"' for word in words)
    return f"{limits} AND body : ({alternatives})"


def _scope_tokens(entry: IndexEntry) -> str:
    tokens = [_token("owner", entry.owner, entry.kind)]
    if entry.relationship_id is not None:
        tokens.append(_token("relationship", entry.owner, entry.kind, entry.relationship_id))
    if entry.note_id is not None:
        tokens.append(_token("note", entry.owner, entry.kind, entry.note_id))
    return " ".join(tokens)


def _token(*parts: str) -> str:
    """A word that no text holds, for a part of the index; of digits alone, which the stemmer leaves alone."""
    return f"{parts[0]}{int(hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16], 16):020d}"


def _table(owner: Owner) -> str:
    return "library_words" if owner == LIBRARY else "private_words"


def _remove(connection: Connection, ids: Sequence[str], owner: Owner, kind: EntryKind) -> bool:
    """Remove those that are there; whether there were any."""
    find = text("SELECT row FROM full_text_entries WHERE owner = :owner AND kind = :kind AND id = :id")
    rows = [
        {"row": row}
        for id_ in dict.fromkeys(ids)
        for row in connection.execute(find, {"owner": owner, "kind": kind, "id": id_}).scalars()
    ]
    if not rows:
        return False
    table = _table(owner)
    if _ERASES_AT_ONCE:
        connection.execute(text(f"INSERT INTO {table} ({table}, rank) VALUES ('secure-delete', 1)"))
    connection.execute(text(f"DELETE FROM {table} WHERE rowid = :row"), rows)
    connection.execute(text("DELETE FROM full_text_entries WHERE row = :row"), rows)
    if not _ERASES_AT_ONCE and owner != LIBRARY:
        connection.execute(text(f"INSERT INTO {table} ({table}) VALUES ('optimize')"))
    return True


def _insert(connection: Connection, entry: IndexEntry, words: str) -> None:
    made = connection.execute(
        text(
            "INSERT INTO full_text_entries (owner, kind, id, digest, day)"
            " VALUES (:owner, :kind, :id, :digest, :day) RETURNING row"
        ),
        {
            "owner": entry.owner,
            "kind": entry.kind,
            "id": entry.id,
            "digest": entry.digest,
            "day": entry.date.toordinal() if entry.date else None,
        },
    ).scalar_one()
    connection.execute(
        text(f"INSERT INTO {_table(entry.owner)} (rowid, scope, body) VALUES (:row, :scope, :body)"),
        {"row": made, "scope": _scope_tokens(entry), "body": words.encode("utf-8", "replace").decode()},
    )
