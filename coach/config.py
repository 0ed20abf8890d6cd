"""Settings, read once from the COACH_* variables of the environment.

No file is read for them, and nothing else of the environment is: what parts are made from them is `coach.bootstrap`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from coach.domain.errors import ConfigurationError
from coach.services.model_setup import BUNDLED, Price, provider_of

PREFIX = "COACH_"

_MODEL = re.compile(r"[A-Za-z][\w-]*:\S.*")
_ADDRESS = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
"""Neither a name and password nor a question mark: a key in an address would be seen wherever the address is shown."""
_KEY = re.compile(r"[\x21-\x7e]+")


class Settings(BaseModel):
    """Everything that can be set. Each field is the variable `COACH_` plus its name in capitals."""

    # What was given is left out of errors: it may be a key.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path
    """Data folder; default: the platform's user data folder."""
    knowledge: tuple[Path, ...] = ()
    """Folders of knowledge that stand beside the bundled one, separated as in PATH."""
    model: str = ""
    """A chat model as provider:model; empty for the built-in composer."""
    model_url: str = ""
    """Address of a server that speaks OpenAI's protocol, for `openai:`."""
    api_key: SecretStr = SecretStr("")
    """Of the chat model's provider; of the embedder's where there is no model or it is the same provider's."""
    model_first_token_s: float = Field(default=8.0, gt=0, le=600, allow_inf_nan=False)
    """How long the model's first word is waited for before the built-in composer writes."""
    model_window: int = Field(default=8192, ge=1024, le=10_000_000)
    """Tokens that the model can read and write in one turn."""
    model_price: str = ""
    """Of a million tokens, sent and written, as in 0.15/0.60."""
    embeddings: str = BUNDLED
    """"bundled", or an embedder as provider:model."""
    database_url: str = ""
    """SQLAlchemy address; default: a SQLite file in the data folder."""
    chroma_url: str = ""
    """Address of a Chroma server; default: embedded, in the data folder."""
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    """0 takes any free port."""


_STRIPPED = ("model", "model_url", "api_key", "model_price", "embeddings")


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
    # Copied with a line break, as a key mostly is.
    values.update({name: str(values[name]).strip() for name in _STRIPPED if name in values})
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{PREFIX}{str(f['loc'][0]).upper()}: {f['msg'].lower()}" for f in error.errors())
        raise ConfigurationError(f"A setting has a value that cannot be used: {faults}.") from error
    _check_names(settings)
    _check_address(settings)
    _check_key(settings)
    Price.read(settings.model_price)
    return settings


def _check_names(settings: Settings) -> None:
    if settings.model and not _MODEL.fullmatch(settings.model):
        raise ConfigurationError(
            f"COACH_MODEL is {settings.model!r}, which lacks the provider or the model. Write provider:model, for example "
            "openai:gpt-5-mini, or for a server of your own openai: with the name of its model and its address in "
            "COACH_MODEL_URL."
        )
    if settings.embeddings != BUNDLED and not _MODEL.fullmatch(settings.embeddings):
        raise ConfigurationError(
            f"COACH_EMBEDDINGS is {settings.embeddings!r}. Write bundled, or provider:model, for example "
            "openai:text-embedding-3-small."
        )


def _check_address(settings: Settings) -> None:
    if not settings.model_url:
        return
    if "openai" not in (provider_of(settings.model), provider_of(settings.embeddings)):
        raise ConfigurationError(
            "COACH_MODEL_URL is set, but it is for servers that speak OpenAI's protocol: it goes with a COACH_MODEL or "
            "COACH_EMBEDDINGS that begins with openai:. Set one of them, or unset COACH_MODEL_URL."
        )
    # The address itself is not repeated: it may hold a key.
    if not _ADDRESS.fullmatch(settings.model_url):
        raise ConfigurationError(
            "COACH_MODEL_URL is not the address of a server. It looks like http://127.0.0.1:8080/v1, with no name, "
            "password or question mark in it; a key goes into COACH_API_KEY."
        )


def _check_key(settings: Settings) -> None:
    key = settings.api_key.get_secret_value()
    if not key:
        return
    if not settings.model and settings.embeddings == BUNDLED:
        raise ConfigurationError(
            "COACH_API_KEY is set, but nothing uses it: there is no COACH_MODEL, and COACH_EMBEDDINGS is bundled. Set one "
            "of them, or unset COACH_API_KEY."
        )
    if not _KEY.fullmatch(key):
        raise ConfigurationError(
            "COACH_API_KEY holds a space, a line break or a letter that no key has. Copy the key again."
        )
