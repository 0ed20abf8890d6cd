"""Opening the coach: what is refused in plain words, and what an earlier run left undone."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from coach.adapters.chroma_index import ChromaIndex
from coach.adapters.sql_store import SqlStore, migrate, open_engine
from coach.bootstrap import Coach, examine, model_of, open_coach
from coach.config import Settings
from coach.domain.conversation import Failed, Turn
from coach.domain.errors import (
    ConfigurationError,
    DataFolderBusy,
    IndexMismatch,
    KnowledgeError,
    ModelUnavailable,
    NotFound,
)
from coach.domain.notes import Chunk, IndexState, Note
from coach.domain.people import LOCAL_OWNER, Owner
from coach.ports import EmbedderIdentity
from coach.services.model_setup import Price
from tests.fakes.chat_server import ChatServer, fail, unused_url
from tests.fakes.embedding_server import embed

TEXT = "Priya called it her marzipan moment."
SOURCES = """\
- id: our-handbook
  authors: [Our programme]
  year: 2025
  title: "Handbook for mentors"
  confirmed_in: "The shelf in the office"
"""
QUESTIONS = """\
- id: our-marzipan
  text: "What would be the marzipan on this year for you?"
  purpose: open
  audience: [mentor]
  to: other
  stages: [first-session]
  topics: [first-session]
  why: "It asks for the treat, not for the target."
  follow_up: "Who would share it with you?"
  sources: [our-handbook]
"""


KEY = "sk-xylophonquark"


def note(state: IndexState, *, note_id: str = "n1") -> Note:
    written = datetime(2026, 10, 12, tzinfo=UTC)
    return Note(note_id, LOCAL_OWNER, "Session", TEXT, date(2026, 10, 12), None, "text", written, state)


def leave_behind(home: Path, state: IndexState) -> None:
    """A note as a process leaves it that is killed before the indexes know of it."""
    engine = open_engine(f"sqlite:///{home / 'coach.db'}")
    migrate(engine)
    SqlStore(engine).save_note(note(state), [Chunk("c1", "n1", 0, len(TEXT), TEXT)])
    engine.dispose()


def found_in_notes(coach: Coach, text: str, *, owner: Owner = LOCAL_OWNER) -> list[str]:
    return [hit.note.id for hit in coach.retrieval.notes(coach.retrieval.query(text), owner=owner)]


def our_folder(folder: Path) -> Path:
    (folder / "questions").mkdir(parents=True)
    (folder / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (folder / "questions" / "ours.yaml").write_text(QUESTIONS, encoding="utf-8")
    return folder


def make_with_another_embedder(home: Path) -> None:
    index = ChromaIndex.embedded(home / "vectors")
    index.reset(EmbedderIdentity("another", 4, "0123456789abcdef"))
    index.close()


def test_an_interrupted_import_is_completed_at_the_next_start(home: Path) -> None:
    leave_behind(home, "pending")
    with open_coach(Settings(home=home)) as coach:
        assert found_in_notes(coach, "marzipan") == ["n1"]
        assert found_in_notes(coach, "marzipan", owner=Owner("somebody-else")) == []
        assert coach.store.unfinished_notes() == []


def test_an_interrupted_deletion_is_completed_at_the_next_start(home: Path) -> None:
    leave_behind(home, "deleting")
    with open_coach(Settings(home=home)) as coach:
        assert found_in_notes(coach, "marzipan") == []
        with pytest.raises(NotFound):
            coach.store.note("n1", owner=LOCAL_OWNER)
    assert not any(b"marzipan" in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_the_next_start_embeds_nothing_of_the_library(home: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    with open_coach(Settings(home=home), lambda *report: reports.append(report)):
        pass
    assert [report for report in reports if report[0] in ("Reading the library", "Reading your notes")] == []


def test_the_next_start_learns_nothing_anew(home: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (home / "readers").iterdir()}
    assert set(before) == {"situations.npz", "alarms.npz"}
    with open_coach(Settings(home=home)):
        pass
    assert {path.name: path.stat().st_mtime_ns for path in (home / "readers").iterdir()} == before


def test_damaged_readers_are_made_anew_at_the_next_start(home: Path) -> None:
    for path in (home / "readers").iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    with open_coach(Settings(home=home)) as coach:
        query = coach.retrieval.query("Our last session with my mentee is on Friday")
        stages = coach.impressions.of(query).readings["stage"]
    assert max(stages, key=lambda stage: stages[stage]) == "ending"
    assert all(path.stat().st_size > 1000 for path in (home / "readers").iterdir())


def test_an_index_of_another_embedder_is_refused_with_both_names(home: Path) -> None:
    make_with_another_embedder(home)
    with (
        pytest.raises(IndexMismatch, match=r"another \(0123456789ab\).*Rebuild") as failure,
        open_coach(Settings(home=home)),
    ):
        pass
    assert "MiniLM" in str(failure.value)


def test_the_refusal_names_the_command_that_mends_it(home: Path) -> None:
    make_with_another_embedder(home)
    with pytest.raises(IndexMismatch, match="coach doctor --rebuild"), open_coach(Settings(home=home)):
        pass


def test_an_index_of_another_embedder_is_a_finding_of_the_doctor(home: Path) -> None:
    make_with_another_embedder(home)
    findings = {finding.check: finding for finding in examine(Settings(home=home))}
    assert [name for name, finding in findings.items() if not finding.is_well] == ["index"]
    assert "another" in findings["index"].message


@pytest.mark.slow
def test_a_rebuilt_index_serves_library_and_notes_again(home: Path) -> None:
    leave_behind(home, "pending")
    make_with_another_embedder(home)
    reports: set[str] = set()
    with open_coach(Settings(home=home), lambda doing, *_: reports.add(doing), is_rebuilt=True) as coach:
        assert found_in_notes(coach, "marzipan") == ["n1"]
        assert coach.retrieval.knowledge(coach.retrieval.query("he keeps cancelling"), "card", top_k=1)
    assert "Reading the library" in reports
    with open_coach(Settings(home=home)):
        pass


def test_the_data_folder_is_held_while_the_coach_is_open_and_free_afterwards(home: Path) -> None:
    with (
        open_coach(Settings(home=home)),
        pytest.raises(DataFolderBusy, match="COACH_HOME"),
        open_coach(Settings(home=home)),
    ):
        pass
    with open_coach(Settings(home=home)):
        pass


def test_an_error_inside_lets_go_of_the_data_folder(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_coach(Settings(home=home)):
        1 / 0
    with open_coach(Settings(home=home)):
        pass


def test_faulty_knowledge_lets_go_of_the_data_folder(home: Path, tmp_path: Path) -> None:
    missing = Settings(home=home, knowledge=(tmp_path / "missing",))
    with pytest.raises(KnowledgeError, match="no such folder"), open_coach(missing):
        pass
    with open_coach(Settings(home=home)):
        pass


def test_the_data_folder_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "data", knowledge=(tmp_path / "missing",))
    with pytest.raises(KnowledgeError), open_coach(settings):
        pass
    assert settings.home.stat().st_mode & 0o077 == 0


def test_a_folder_of_ones_own_stands_beside_the_library_and_goes_again(home: Path, tmp_path: Path) -> None:
    settings = Settings(home=home, knowledge=(our_folder(tmp_path / "ours"),))
    reports: list[tuple[str, int]] = []
    with open_coach(settings, lambda doing, _, total: reports.append((doing, total))) as coach:
        assert [total for doing, total in reports if doing == "Reading the library"] == [1]
        first, *_ = coach.retrieval.knowledge(coach.retrieval.query("marzipan on this year"), "question", top_k=3)
        assert first.id == "our-marzipan"
        assert "Handbook for mentors" in coach.passages.of_record("question", first.id).byline
    with open_coach(Settings(home=home)) as coach:
        assert "our-marzipan" not in coach.knowledge.questions
        hits = coach.retrieval.knowledge(coach.retrieval.query("marzipan on this year"), "question", top_k=30)
        assert "our-marzipan" not in {hit.id for hit in hits}


def test_a_fault_in_a_folder_of_ones_own_is_named_with_file_and_line(home: Path, tmp_path: Path) -> None:
    folder = our_folder(tmp_path / "ours")
    path = folder / "questions" / "ours.yaml"
    path.write_text(QUESTIONS.replace("purpose: open", "purpose: opne"), encoding="utf-8")
    with (
        pytest.raises(KnowledgeError, match=r"ours/questions/ours\.yaml:3: .*opne"),
        open_coach(Settings(home=home, knowledge=(folder,))),
    ):
        pass


def test_an_id_of_the_library_cannot_be_taken(home: Path, tmp_path: Path) -> None:
    folder = our_folder(tmp_path / "ours")
    with open_coach(Settings(home=home)) as coach:
        taken = next(iter(coach.knowledge.questions))
    path = folder / "questions" / "ours.yaml"
    path.write_text(QUESTIONS.replace("our-marzipan", taken), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=taken), open_coach(Settings(home=home, knowledge=(folder,))):
        pass


def test_a_file_in_the_working_folder_changes_nothing(home: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "COACH_PORT=99999\nCOACH_MODLE=x\nCHROMA_SERVER_HOST=nowhere\nis_persistent=false\nanonymized_telemetry=true\n"
        "persist_directory=elsewhere\nchroma_api_impl=none\n",
        encoding="utf-8",
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COACH_")}
    checkout = str(Path(__file__).parent.parent)
    result = subprocess.run(
        [sys.executable, "-m", "coach", "notes", "list", "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**environment, "COACH_HOME": str(home), "PYTHONPATH": checkout},
    )
    assert (result.returncode, result.stdout.strip()) == (0, "[]"), result.stderr
    assert not (tmp_path / "elsewhere").exists()


# chat models


def elsewhere(url: str) -> str:
    """The same address in a form that only resolves to this machine, which does not count as being here."""
    return url.replace("//127.0.0.1:", "//127.1:")


def test_without_a_model_nothing_that_belongs_to_models_is_imported(home: Path) -> None:
    program = (
        "import json, pathlib, sys; from coach.bootstrap import open_coach; from coach.config import Settings\n"
        f"with open_coach(Settings(home=pathlib.Path({str(home)!r}))) as coach:\n"
        "    assert coach.model is None\n"
        "    print(json.dumps(sorted(sys.modules)))"
    )
    checkout = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": checkout},
    )
    imported = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert "coach" in imported
    assert imported & {"openai", "langchain", "langchain_openai", "tiktoken", "httpx2"} == set()


def test_a_model_is_described_as_it_is_set_and_asked_only_when_it_is_tested(home: Path) -> None:
    with ChatServer() as server:
        settings = Settings(
            home=home,
            model="openai:small-model",
            model_url=server.url,
            api_key=SecretStr(KEY),
            model_window=4096,
            model_price="1/2",
        )
        with open_coach(settings) as coach:
            model = coach.model
            assert model is not None
            assert (model.name, model.place, model.is_local) == ("openai:small-model", "this machine", True)
            assert (model.window, model.price) == (4096, Price(sent=1.0, written=2.0))
            assert server.requests == []
            assert "openai:small-model on this machine began to answer" in model.connection_test()
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert server.requests[0].body["model"] == "small-model"


def test_an_address_that_only_resolves_to_this_machine_is_elsewhere(home: Path) -> None:
    model = model_of(Settings(home=home, model="openai:small", model_url=elsewhere(unused_url())))
    assert model is not None
    assert (model.place, model.is_local) == ("127.1", False)


def test_a_model_that_cannot_be_opened_keeps_nobody_from_the_coach(home: Path) -> None:
    with open_coach(Settings(home=home, model="nobody:small")) as coach:
        assert coach.model is not None
        with pytest.raises(ModelUnavailable, match="no provider of models"):
            coach.model.connection_test()


def test_a_model_without_a_key_says_what_to_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    model = model_of(Settings(home=home, model="openai:small"))
    assert model is not None
    with pytest.raises(ModelUnavailable, match=r"no key.*COACH_API_KEY"):
        model.connection_test()


def test_the_key_is_in_no_log_and_no_file_and_no_text(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ChatServer() as server:
        server.otherwise = fail(401, f"Incorrect API key provided: {KEY}")
        settings = Settings(home=home, model="openai:small", model_url=server.url, api_key=SecretStr(KEY))
        with open_coach(settings) as coach:
            assert coach.model is not None
            with pytest.raises(ModelUnavailable) as failure:
                coach.model.connection_test()
            shown = f"{coach!r} {coach.model!r} {failure.value!r} {examine(settings)!r}"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "COACH_API_KEY" in shown
    assert KEY not in shown
    assert KEY not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("coach"))
    assert not any(KEY.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())


# embedders


@pytest.mark.slow
def test_another_embedder_is_offered_a_rebuild_serves_and_fails_in_plain_words(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave_behind(home, "pending")
    with ChatServer() as server:
        server.otherwise = embed()
        url = elsewhere(server.url)
        settings = Settings(home=home, embeddings="openai:small", model_url=url, api_key=SecretStr(KEY))
        with pytest.raises(IndexMismatch, match=r"openai:small.*coach doctor --rebuild"), open_coach(settings):
            pass
        with open_coach(settings, is_rebuilt=True) as coach:
            assert coach.embeddings_place == "127.1"
            assert "notes and messages goes to 127.1" in caplog.text
            assert found_in_notes(coach, "marzipan") == ["n1"]
            assert found_in_notes(coach, "marzipan", owner=Owner("somebody-else")) == []
            server.otherwise = fail(503)
            *_, last = coach.session.reply(Turn("I meet Priya tomorrow"), owner=LOCAL_OWNER)
            assert isinstance(last, Failed)
            assert "openai:small at 127.1 is overloaded" in last.message
        with pytest.raises(ConfigurationError, match=r"openai:small at 127\.1 is overloaded"), open_coach(settings):
            pass
        server.otherwise = embed()
        findings = {finding.check: finding for finding in examine(settings)}
        assert all(finding.is_well for finding in findings.values())
        assert re.search(r"64 dimensions, at 127\.1\. .*notes", findings["embeddings"].message)


def test_an_embedder_that_does_not_answer_is_a_setting_that_is_wrong_at_the_start(home: Path) -> None:
    settings = Settings(home=home, embeddings="openai:small", model_url=unused_url())
    with (
        pytest.raises(ConfigurationError, match=r"openai:small on this machine does not answer.*COACH_EMBEDDINGS"),
        open_coach(settings),
    ):
        pass
    with open_coach(Settings(home=home)):
        pass


def test_the_key_of_one_provider_is_not_shown_to_another(home: Path) -> None:
    with ChatServer() as server:
        server.otherwise = embed()
        for model, authorization in (
            ("", f"Bearer {KEY}"),
            ("openai:x", f"Bearer {KEY}"),
            ("anthropic:x", "Bearer none"),
        ):
            settings = Settings(
                home=home, model=model, embeddings="openai:small", model_url=server.url, api_key=SecretStr(KEY)
            )
            with pytest.raises(IndexMismatch), open_coach(settings):
                pass
            assert server.requests[-1].headers["authorization"] == authorization
