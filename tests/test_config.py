"""Settings come from the environment, all of them by name, and from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coach.config import PREFIX, Settings, read_settings
from coach.domain.errors import ConfigurationError

GIVEN = {
    "COACH_HOME": "/data/coach",
    "COACH_KNOWLEDGE": os.pathsep.join(["/data/ours", "/data/theirs"]),
    "COACH_DATABASE_URL": "sqlite:////data/coach.db",
    "COACH_CHROMA_URL": "http://127.0.0.1:8000",
    "COACH_HOST": "0.0.0.0",
    "COACH_PORT": "0",
}


def test_every_setting_that_this_version_has_is_read() -> None:
    settings = read_settings(GIVEN)
    assert settings.home == Path("/data/coach")
    assert settings.knowledge == (Path("/data/ours"), Path("/data/theirs"))
    assert settings.database_url == GIVEN["COACH_DATABASE_URL"]
    assert settings.chroma_url == GIVEN["COACH_CHROMA_URL"]
    assert (settings.host, settings.port) == ("0.0.0.0", 0)


def test_without_any_the_coach_listens_on_this_computer_only_and_finds_its_folder() -> None:
    settings = read_settings({})
    assert settings.home.is_absolute()
    assert settings.home.name == "session-coach"
    assert settings.model_dump(exclude={"home"}) == Settings(home=settings.home).model_dump(exclude={"home"})
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)


@pytest.mark.parametrize("name", sorted(PREFIX + field.upper() for field in Settings.model_fields))
def test_an_empty_value_is_none_at_all(name: str) -> None:
    assert read_settings({name: "  "}) == read_settings({})


def test_only_variables_of_the_coach_are_looked_at() -> None:
    foreign = {"PORT": "1", "HOST": "example", "OPENAI_API_KEY": "k", "coach_port": "2", "GRADIO_SERVER_PORT": "3"}
    assert read_settings(foreign) == read_settings({})


def test_every_unknown_setting_is_named_beside_those_there_are() -> None:
    with pytest.raises(ConfigurationError) as failure:
        read_settings({"COACH_MODLE": "x", "COACH_": "y", "COACH_PORT": "1"})
    assert "COACH_MODLE" in str(failure.value)
    assert "COACH_," in str(failure.value)
    for field in Settings.model_fields:
        assert PREFIX + field.upper() in str(failure.value)


@pytest.mark.parametrize("port", ["-1", "65536", "http", "78.5"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    with pytest.raises(ConfigurationError, match="COACH_PORT"):
        read_settings({"COACH_PORT": port})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COACH_MODEL", "openai:gpt"),
        pytest.param("COACH_MODEL_URL", "http://127.0.0.1:1234"),
        ("COACH_EMBEDDINGS", "openai:small"),
    ],
)
def test_a_reserved_setting_is_refused_by_its_own_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{name}\b"):
        read_settings({name: value})


def test_a_key_for_a_model_is_refused_too() -> None:
    with pytest.raises(ConfigurationError, match="COACH_API_KEY"):
        read_settings({"COACH_API_KEY": "secret"})


def test_a_key_is_not_printed() -> None:
    settings = Settings.model_validate({"home": "/data", "api_key": "xylophonquark"})
    assert "xylophonquark" not in f"{settings!r} {settings}"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings({}).port = 1  # type: ignore[misc]


def test_a_file_in_the_working_folder_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("COACH_PORT=99999\nCOACH_MODLE=x\nPORT=1\n", encoding="utf-8")
    before = read_settings({})
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    assert read_settings() == before


def test_a_tilde_is_the_home_folder() -> None:
    assert read_settings({"COACH_HOME": "~/coach"}).home == Path.home() / "coach"
