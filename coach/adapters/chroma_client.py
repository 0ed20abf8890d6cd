"""Connections to Chroma that read neither the environment nor a `.env` file, and report to nobody.

What is stored through them is `coach.adapters.chroma_index`.
"""

from __future__ import annotations

import functools
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from coach.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.config import Settings
    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

_importing = threading.Lock()


def server_address(url: str) -> tuple[str, int, bool]:
    """Host, port and whether the connection is encrypted.

    Raises:
        ConfigurationError: The address is not one of a server.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"COACH_CHROMA_URL is {url!r}, which is not an address: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ConfigurationError(f"COACH_CHROMA_URL is {url!r}; it must look like http://127.0.0.1:8000.")
    is_encrypted = parts.scheme == "https"
    return parts.hostname, port or (443 if is_encrypted else 8000), is_encrypted


def embedded_client(folder: Path) -> Client:
    """Chroma inside this process, in a folder that is made where it is missing.

    Raises:
        OSError, ChromaError: The folder cannot be used.
    """
    import_chroma()
    import chromadb

    folder.mkdir(parents=True, exist_ok=True)
    return cast("Client", chromadb.PersistentClient(folder, settings=_settings()))


def server_client(host: str, port: int, is_encrypted: bool) -> Client:
    """Chroma on a server.

    Raises:
        ConnectionError: No Chroma server answers there.
    """
    import_chroma()
    import chromadb

    try:
        return cast("Client", chromadb.HttpClient(host, port, ssl=is_encrypted, settings=_settings()))
    except ValueError as error:
        raise ConnectionError(f"no Chroma server answers at {host}:{port} ({error})") from error


def memory_client() -> Client:
    """Chroma inside this process, without files."""
    import_chroma()
    import chromadb

    return cast("Client", chromadb.EphemeralClient(settings=_settings()))


def close_client(client: Client) -> None:
    """Let go of files and connections; those to a server Chroma itself leaves open."""
    client.close()
    for part in (client, getattr(client, "_admin_client", None)):
        session = getattr(getattr(part, "_server", None), "_session", None)
        if session is not None:
            session.close()


def import_chroma() -> None:
    """Import Chroma with its settings deaf: several of its modules make settings, from all sources, when imported."""
    with _importing:
        if "chromadb" in sys.modules:
            return
        from pydantic_settings import BaseSettings

        usual = BaseSettings.__dict__["settings_customise_sources"]
        BaseSettings.settings_customise_sources = _only_given  # type: ignore[method-assign, assignment]
        try:
            import chromadb  # noqa: F401
        finally:
            BaseSettings.settings_customise_sources = usual  # type: ignore[method-assign]


def _only_given(
    settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **others: object
) -> tuple[PydanticBaseSettingsSource, ...]:
    return (init_settings,)


def _settings() -> Settings:
    return _sealed_settings()(anonymized_telemetry=False, chroma_otel_granularity="none")


@functools.cache
def _sealed_settings() -> type[Settings]:
    """Chroma's settings without their sources: as they come, they read `.env` and bare names such as `MIGRATIONS`."""
    from chromadb.config import Settings

    class SealedSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings,)

    return SealedSettings
