"""The steps from any older schema to the newest, run by Alembic.

A new step is a new file in `versions`; its id becomes `coach.adapters.sql_engine.HEAD`, and the tables it leads to are
`coach.adapters.sql_tables`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coach.domain.errors import StorageFailed

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


def configuration() -> Config:
    """Where Alembic finds `env.py` and the versions."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).resolve().parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection, *, found: str | None, wanted: str) -> None:
    """Run every step from the version found to the one wanted, in the connection's transaction.

    Raises:
        StorageFailed: The version found is none of this program's.
    """
    from alembic import command
    from alembic.script import ScriptDirectory

    config = configuration()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StorageFailed(
            f"The database has version {found}, which this program does not know: a newer one made it. Install the "
            "newest version, or set COACH_HOME to another folder."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, wanted)
