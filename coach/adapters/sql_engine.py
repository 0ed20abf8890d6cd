"""Opening the database: its settings, its schema's version, and the plain sentences for its failures.

What is kept in it is for `coach.adapters.sql_store` and `coach.adapters.full_text`.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from coach.domain.errors import ConfigurationError, RetrievalFailed, StorageFailed

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

log = logging.getLogger(__name__)

HEAD = "0002"
"""The newest version of the schema; a test holds it against the files in `coach/adapters/migrations/versions`."""

BUSY_TIMEOUT_MS = 5_000

_PRAGMAS = (
    f"busy_timeout = {BUSY_TIMEOUT_MS}",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    # What is deleted is overwritten with zeros, and nothing is sorted in a file.
    "secure_delete = ON",
    "temp_store = MEMORY",
    "cache_size = -16000",
)


def open_engine(url: str) -> Engine:
    """An engine for a database address; connects at the first use.

    Raises:
        ConfigurationError: The address is malformed, or its driver is not installed.
    """
    try:
        address = make_url(url)
        is_sqlite = address.get_backend_name() == "sqlite"
        is_in_memory = is_sqlite and address.database in (None, "", ":memory:")
        # Parameters hold what people wrote: they must not come into an error's text, nor from there into a log.
        engine = (
            create_engine(
                address, hide_parameters=True, poolclass=StaticPool, connect_args={"check_same_thread": False}
            )
            if is_in_memory
            else create_engine(address, hide_parameters=True)
        )
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise ConfigurationError(f"COACH_DATABASE_URL cannot be used: {error}.") from error
    if is_sqlite:
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def writing(engine: Engine) -> Engine:
    """The same database for transactions that write: they take the lock when they begin, and wait for it if need be."""
    return engine.execution_options(is_writing=True)


def migrate(engine: Engine) -> None:
    """Bring the schema, from nothing or from an older version, to `HEAD`.

    Raises:
        StorageFailed: The database cannot be read or written, or a newer program made it.
    """
    with storage_errors():
        with engine.connect() as connection:
            if _version(connection) == HEAD:
                return
        # Alembic takes longer to import than the whole look above.
        from coach.adapters.migrations import upgrade

        with writing(engine).begin() as connection:
            upgrade(connection, found=_version(connection), wanted=HEAD)
    log.info("database brought to version %s", HEAD)


def leave_no_trace(engine: Engine) -> None:
    """Empty the write-ahead log, which still holds deleted rows; to be called after the deleting transaction."""
    if engine.dialect.name != "sqlite":
        return
    with storage_errors(), engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        is_busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
    if is_busy:
        log.warning("the write-ahead log is in use and will be emptied by a later deletion or when the program ends")


@contextmanager
def storage_errors(failure: type[StorageFailed] | type[RetrievalFailed] = StorageFailed) -> Iterator[None]:
    """The database's failures become the coach's, in words that say what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        raise failure(_sentence(getattr(error, "orig", None) or error)) from error
    except sqlite3.Error as error:
        raise failure(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
    name = str(getattr(error, "sqlite_errorname", "")).removeprefix("SQLITE_")
    sentences = {
        "FULL": "The disk is full, so nothing more can be saved. Free some space and try again.",
        "READONLY": "The data folder is read-only, so nothing can be saved. Make it writable or set COACH_HOME.",
        "PERM": "The data folder may not be used by this account. Change its permissions or set COACH_HOME.",
        "CANTOPEN": "The database cannot be opened. See that the data folder exists and may be read and written.",
        "BUSY": "Another program is using the database. Close it and try again.",
        "LOCKED": "Another program is using the database. Close it and try again.",
        "CORRUPT": "The database is damaged. Put back a copy of the data folder, or move it away to start afresh.",
        "NOTADB": "The database file is not a database. Move it away, or set COACH_HOME to another folder.",
        "IOERR": "The disk could not be read or written. See that it is still connected and healthy.",
    }
    known = next((sentence for start, sentence in sentences.items() if name.startswith(start)), None)
    return known or f"The database did not do what was asked: {_first_line(error)}."


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _set_pragmas(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    # The driver's own transactions would begin too late: `_begin` begins them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return str(found) if found is not None else None
