"""The commands: documents on stdout, reasons on stderr, exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from coach.adapters.packaged_data import data_folder
from coach.bootstrap import open_coach
from coach.cli.program import program
from coach.config import Settings, read_settings
from coach.domain.errors import ConfigurationError, DataFolderBusy
from tests.fakes.chat_server import ChatServer, answer, fail, unused_url

NOTE = "# Session with Priya\n12 October 2026\n\nP will talk to Dan by the 20th. She went quiet about executives.\n"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COACH_HOME", str(home))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(program, list(arguments))

    return run


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "2026-10-12-priya.md"
    path.write_text(NOTE, encoding="utf-8")
    return path


def test_ask_prints_one_document_of_the_promised_shape(run) -> None:  # type: ignore[no-untyped-def]
    result = run("ask", "I meet Priya tomorrow, I'm nervous", "--as", "mentor", "--with", "Priya", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert set(document) == {
        "reply", "grounding", "composer", "situation", "questions", "framings", "resources", "citations", "safety",
        "timings_ms",
    }  # fmt: skip
    assert document["composer"] == "built-in"
    assert document["situation"] | {"topics": []} == {
        "role": "mentor", "stage": "first-session", "topics": [], "intent": "plan-session", "relationship": "Priya",
    }  # fmt: skip
    assert set(document["questions"][0]) == {"text", "purpose", "why", "citations"}
    assert set(document["citations"][0]) == {"marker", "kind", "id", "title", "quote", "start", "end"}


def test_notes_are_added_found_shown_and_deleted(run, note: Path) -> None:  # type: ignore[no-untyped-def]
    added = json.loads(run("notes", "add", str(note), "--json").stdout)
    assert [item["status"] for item in added] == ["added"]
    found = json.loads(run("notes", "search", "executives", "-k", "2", "--json").stdout)
    assert set(found[0]) == {"note_id", "title", "date", "relationship", "score", "text", "start", "end"}
    assert (found[0]["date"], found[0]["relationship"]) == ("2026-10-12", "Priya")
    note_id = found[0]["note_id"]
    text = json.loads(run("notes", "show", note_id, "--json").stdout)["text"]
    assert text[found[0]["start"] : found[0]["end"]] == found[0]["text"]
    asked = json.loads(run("ask", "I see Priya again tomorrow, she seemed flat", "--with", "Priya", "--json").stdout)
    assert "note" in {citation["kind"] for citation in asked["citations"]}
    assert run("notes", "delete", note_id).exit_code == 0
    assert json.loads(run("notes", "search", "executives", "--json").stdout) == []


def test_the_same_note_twice_is_one_note(run, note: Path) -> None:  # type: ignore[no-untyped-def]
    run("notes", "add", str(note))
    again = json.loads(run("notes", "add", str(note), "--json").stdout)
    assert again[0]["status"] == "already there"
    assert len(json.loads(run("notes", "list", "--json").stdout)) == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["notes", "show", "no-such-id"], 1),
        (["notes", "delete", "no-such-id"], 1),
        (["notes", "add", "no-such-file.md"], 1),
        (["notes", "list", "--with", "Nobody"], 1),
        (["ask", "   "], 1),
        (["ask"], 2),
        (["ask", "hi", "--as", "boss"], 2),
        (["notes", "search", "x", "-k", "0"], 2),
        (["notes", "add", "x", "--date", "soon"], 2),
        (["nonsense"], 2),
    ],
)
def test_a_failure_has_its_status_and_a_reason_in_plain_words(home: Path, arguments: list[str], status: int) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "coach", *arguments], capture_output=True, text=True, check=False, env=_environment(home)
    )
    assert result.returncode == status
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr
    assert not result.stdout


def test_a_second_process_on_the_same_data_is_refused_in_a_sentence(home: Path) -> None:
    with open_coach(Settings(home=home)):
        result = subprocess.run(
            [sys.executable, "-m", "coach", "notes", "list"],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(home),
        )
    assert result.returncode == 1
    assert "Another coach is using" in result.stderr


def test_a_second_coach_in_this_process_is_refused_too(home: Path) -> None:
    with open_coach(Settings(home=home)), pytest.raises(DataFolderBusy), open_coach(Settings(home=home)):
        pass


def test_an_unwritable_data_folder_is_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    result = subprocess.run(
        [sys.executable, "-m", "coach", "notes", "list"],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(blocked / "home"),
    )
    assert result.returncode == 1
    assert "cannot be written" in result.stderr


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match="COACH_MODLE"):
        read_settings({"COACH_MODLE": "x"})


def test_a_port_out_of_range_is_named() -> None:
    with pytest.raises(ConfigurationError, match="COACH_PORT"):
        read_settings({"COACH_PORT": "99999"})


def test_stats_count_what_the_library_holds(run) -> None:  # type: ignore[no-untyped-def]
    document = json.loads(run("knowledge", "stats", "--json").stdout)
    assert document["questions"] >= 500
    assert {
        "cards",
        "framings",
        "plans",
        "acknowledgements",
        "resources",
        "sources",
        "scenarios",
        "journeys",
        "coverage",
    } < set(document)


def test_export_writes_notes_that_read_back_the_same(run, note: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run("notes", "add", str(note))
    assert run("export", str(tmp_path / "out")).exit_code == 0
    (exported,) = (tmp_path / "out" / "notes").iterdir()
    assert "She went quiet about executives." in exported.read_text(encoding="utf-8")


def test_erase_leaves_no_word_of_a_note_in_the_data_folder(run, home: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    secret = tmp_path / "secret.md"
    secret.write_text("The codeword is xylophonquark, said Priya.\n", encoding="utf-8")
    run("notes", "add", str(secret))
    assert any(b"xylophonquark" in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert run("erase", "--yes").exit_code == 0
    assert not any(b"xylophonquark" in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_doctor_finds_a_healthy_folder_well(run) -> None:  # type: ignore[no-untyped-def]
    findings = json.loads(run("doctor", "--json").stdout)
    assert all(finding["is_well"] for finding in findings)
    messages = {finding["check"]: finding["message"] for finding in findings}
    assert messages["model"] == "none: the built-in composer writes"
    assert messages["embeddings"].endswith("384 dimensions, on this machine")


def test_doctor_tests_the_connection_to_the_model(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COACH_MODEL", "openai:small-model")
    with ChatServer() as server:
        monkeypatch.setenv("COACH_MODEL_URL", server.url)
        well = run("doctor")
        server.otherwise = fail(401, "Incorrect API key provided")
        ill = run("doctor", "--json")
    assert (well.exit_code, ill.exit_code) == (0, 1)
    assert "ok    model: openai:small-model on this machine began to answer" in well.stdout
    (finding,) = (finding for finding in json.loads(ill.stdout) if not finding["is_well"])
    assert finding == {
        "check": "model",
        "is_well": False,
        "message": "The model's provider does not accept the key. Check COACH_API_KEY.",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("COACH_MODEL", "gpt"), ("COACH_API_KEY", "sk-xylophonquark"), ("COACH_MODEL_URL", "http://127.0.0.1:1/v1")],
)
def test_a_setting_of_a_model_that_cannot_be_is_one_line(run, monkeypatch, name: str, value: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv(name, value)
    result = run("ask", "hello there")
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert name in result.stderr
    assert "xylophonquark" not in result.stderr


def test_an_embedder_that_does_not_answer_is_one_line(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COACH_EMBEDDINGS", "openai:small")
    monkeypatch.setenv("COACH_MODEL_URL", unused_url())
    result = run("ask", "hello there")
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert "The embedder openai:small on this machine does not answer" in result.stderr


def test_ask_says_where_a_message_goes_that_leaves_the_machine(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    here = unused_url()
    monkeypatch.setenv("COACH_MODEL", "openai:small-model")
    leaves = "Your message goes to 127.1 (openai:small-model)."
    # It only resolves to this machine, which does not count as being here.
    monkeypatch.setenv("COACH_MODEL_URL", here.replace("//127.0.0.1:", "//127.1:"))
    asked, kept = run("ask", "I meet Priya tomorrow"), run("ask", "I meet Priya tomorrow", "--built-in", "--json")
    with ChatServer() as server:
        server.otherwise = answer("What would make tomorrow a good start", " for both of you?")
        monkeypatch.setenv("COACH_MODEL_URL", server.url)
        local = run("ask", "I meet Priya tomorrow", "--json")
    assert (asked.exit_code, kept.exit_code, local.exit_code) == (0, 0, 0)
    assert asked.stderr.splitlines()[0] == leaves
    assert "built-in composer wrote this" in asked.stderr.splitlines()[-1]
    assert leaves not in asked.stdout
    assert kept.stderr == ""
    assert json.loads(kept.stdout)["composer"] == "built-in"
    assert "goes to" not in local.stderr
    assert json.loads(local.stdout)["composer"] == "openai:small-model"


def test_help_needs_none_of_the_heavy_libraries() -> None:
    code = "import sys; from coach.cli.program import main\ntry: main(['--help'])\nexcept SystemExit: pass\nprint(sorted(m for m in ('gradio','chromadb','onnxruntime','langchain_core') if m in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("[]")


def test_the_data_that_comes_along_is_found() -> None:
    assert (data_folder("prompts") / "replies" / "plan.md").is_file()


def _environment(home: Path) -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if not k.startswith("COACH_")}, "COACH_HOME": str(home)}
