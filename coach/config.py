"""Settings, read once from the COACH_* variables of the environment.

No file is read for them, and nothing else of the environment is: what parts are made from them is `coach.bootstrap`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from coach.domain.errors import ConfigurationError

PREFIX = "COACH_"


class Settings(BaseModel):
    """Everything that can be set. Each field is the variable `COACH_` plus its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    """Data folder; default: the platform's user data folder."""
    knowledge: tuple[Path, ...] = ()
    """Folders of knowledge that stand beside the bundled one, separated as in PATH."""
    model: str = ""
    """A chat model as provider:model; empty for the built-in composer."""
    model_url: str = ""
    api_key: SecretStr = SecretStr("")
    embeddings: str = "bundled"
    database_url: str = ""
    """SQLAlchemy address; default: a SQLite file in the data folder."""
    chroma_url: str = ""
    """Address of a Chroma server; default: embedded, in the data folder."""
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    """0 takes any free port."""


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: naming every unknown variable and every value out of range.
    """
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    fields = {PREFIX + field.upper(): field for field in Settings.model_fields}
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise ConfigurationError(
            f"{', '.join(unknown)} is not a setting. The settings are {', '.join(sorted(fields))}."
        )
    values: dict[str, object] = {fields[name]: value for name, value in given.items() if value.strip()}
    if "knowledge" in values:
        values["knowledge"] = tuple(Path(part) for part in str(values["knowledge"]).split(os.pathsep) if part)
    if "home" not in values:
        import platformdirs

        values["home"] = Path(platformdirs.user_data_dir("session-coach", appauthor=False))
    if given.get("COACH_HOME", "").strip():
        values["home"] = Path(given["COACH_HOME"]).expanduser()
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{PREFIX}{str(f['loc'][0]).upper()}: {f['msg'].lower()}" for f in error.errors())
        raise ConfigurationError(f"A setting has a value that cannot be used: {faults}.") from error
    _refuse_what_is_not_built(settings)
    return settings


def _refuse_what_is_not_built(settings: Settings) -> None:
    """A setting without effect would be a broken promise: say so instead of ignoring it."""
    for name in ("model", "model_url", "api_key"):
        if getattr(settings, name):
            raise ConfigurationError(
                f"{PREFIX}{name.upper()} is set, but this version writes with the built-in composer only. Unset it to go on."
            )
    if settings.embeddings != "bundled":
        raise ConfigurationError(
            f"COACH_EMBEDDINGS is {settings.embeddings!r}, but this version has the bundled embedder only. Unset it."
        )
