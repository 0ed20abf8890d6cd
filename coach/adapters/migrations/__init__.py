"""The steps from any older schema to the newest, run by Alembic.

A new step is a new file in `versions`, and its id is the new `coach.adapters.sql_engine.HEAD`.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from coach.domain.errors import StorageFailed


def scripts_folder() -> Path:
    """Where Alembic finds `env.py` and the versions."""
    return Path(__file__).resolve().parent


def upgrade(connection: Connection, *, found: str | None, wanted: str) -> None:
    """Run every step from the version found to the one wanted, in the connection's transaction.

    Raises:
        StorageFailed: The version found is none of this program's.
    """
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import RevisionStep, StampStep
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(scripts_folder()))
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise StorageFailed(
            f"The database has version {found}, which this program does not know: a newer one made it. Install the "
            "newest version, or set COACH_HOME to another folder."
        )
