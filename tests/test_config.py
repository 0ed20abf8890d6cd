"""Settings come from the environment, all of them by name, and from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coach.config import PREFIX, Settings, read_settings
from coach.domain.errors import ConfigurationError

KEY = "sk-xylophonquark"
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


def test_a_model_is_set_with_its_address_key_patience_window_and_price() -> None:
    given = {
        "COACH_MODEL": " openai:llama3.2:3b\n",
        "COACH_MODEL_URL": " http://127.0.0.1:11434/v1 ",
        "COACH_API_KEY": f"{KEY}\n",
        "COACH_EMBEDDINGS": "openai:nomic-embed-text",
        "COACH_MODEL_FIRST_TOKEN_S": "2.5",
        "COACH_MODEL_WINDOW": "32768",
        "COACH_MODEL_PRICE": "0.15/0.60",
    }
    settings = read_settings(given)
    assert settings.model == "openai:llama3.2:3b"
    assert settings.model_url == "http://127.0.0.1:11434/v1"
    assert settings.api_key.get_secret_value() == KEY
    assert settings.embeddings == "openai:nomic-embed-text"
    assert (settings.model_first_token_s, settings.model_window, settings.model_price) == (2.5, 32768, "0.15/0.60")


def test_without_any_there_is_no_model_and_the_first_word_would_have_eight_seconds() -> None:
    settings = read_settings({})
    assert (settings.model, settings.embeddings) == ("", "bundled")
    assert (settings.model_first_token_s, settings.model_window, settings.model_price) == (8.0, 8192, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COACH_MODEL", "gpt-5-mini"),
        ("COACH_MODEL", "openai:"),
        ("COACH_MODEL", ":gpt-5-mini"),
        ("COACH_MODEL", "openai: gpt"),
        ("COACH_EMBEDDINGS", "text-embedding-3-small"),
        ("COACH_EMBEDDINGS", "openai:"),
        ("COACH_EMBEDDINGS", "Bundled"),
        ("COACH_MODEL_PRICE", "cheap"),
        ("COACH_MODEL_FIRST_TOKEN_S", "0"),
        ("COACH_MODEL_FIRST_TOKEN_S", "nan"),
        ("COACH_MODEL_FIRST_TOKEN_S", "soon"),
        ("COACH_MODEL_WINDOW", "12"),
        ("COACH_MODEL_WINDOW", "8k"),
    ],
)
def test_a_value_of_another_form_is_refused_by_its_own_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^\D*{name}\b"):
        read_settings({name: value})


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8080",
        "ftp://127.0.0.1/v1",
        "http://",
        "http:///v1",
        f"http://me:{KEY}@example.org/v1",
        f"https://example.org/v1?key={KEY}",
        f"https://example.org/v1#{KEY}",
        "http://127.0.0.1\\@example.org/v1",
        "http://127.0.0.1 .example.org/v1",
        "http://example.org:port/v1",
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"COACH_MODEL_URL is not .*http://127\.0\.0\.1:8080/v1") as failure:
        read_settings({"COACH_MODEL": "openai:small", "COACH_MODEL_URL": url})
    assert KEY not in str(failure.value)
    assert "example.org" not in str(failure.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/v1", "https://api.example.org", "http://[::1]:8080/v1/"])
def test_an_address_goes_with_openai_as_model_or_as_embedder(url: str) -> None:
    assert read_settings({"COACH_MODEL": "openai:small", "COACH_MODEL_URL": url}).model_url == url
    assert read_settings({"COACH_EMBEDDINGS": "openai:small", "COACH_MODEL_URL": url}).model_url == url
    for others in ({}, {"COACH_MODEL": "anthropic:small"}, {"COACH_EMBEDDINGS": "ollama:small"}):
        with pytest.raises(ConfigurationError, match=r"COACH_MODEL_URL .*openai:"):
            read_settings({**others, "COACH_MODEL_URL": url})


def test_a_key_that_nothing_uses_is_refused() -> None:
    for others in ({}, {"COACH_EMBEDDINGS": "bundled"}):
        with pytest.raises(ConfigurationError, match=r"COACH_API_KEY .*no COACH_MODEL") as failure:
            read_settings({**others, "COACH_API_KEY": KEY})
        assert KEY not in str(failure.value)
    for others in ({"COACH_MODEL": "openai:small"}, {"COACH_EMBEDDINGS": "openai:small"}):
        assert read_settings({**others, "COACH_API_KEY": KEY}).api_key.get_secret_value() == KEY


@pytest.mark.parametrize("key", [f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"{KEY}é", f"“{KEY}”"])
def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigurationError, match="COACH_API_KEY") as failure:
        read_settings({"COACH_MODEL": "openai:small", "COACH_API_KEY": key})
    assert KEY not in str(failure.value)


def test_a_key_is_not_printed() -> None:
    settings = read_settings({"COACH_MODEL": "openai:small", "COACH_API_KEY": KEY})
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_the_error_of_another_setting_does_not_repeat_the_key() -> None:
    given = {"COACH_MODEL": "openai:small", "COACH_API_KEY": KEY, "COACH_PORT": "x", "COACH_MODEL_WINDOW": "y"}
    with pytest.raises(ConfigurationError) as failure:
        read_settings(given)
    assert KEY not in f"{failure.value} {failure.value.__cause__!r}"


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
