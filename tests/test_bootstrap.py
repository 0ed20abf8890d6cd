"""Opening the coach: what is refused in plain words, and what an earlier run left undone."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from coach.adapters.chroma_index import ChromaIndex
from coach.adapters.sql_store import SqlStore, migrate, open_engine
from coach.bootstrap import Coach, examine, open_coach
from coach.config import Settings
from coach.domain.errors import DataFolderBusy, IndexMismatch, KnowledgeError, NotFound
from coach.domain.notes import Chunk, IndexState, Note
from coach.domain.people import LOCAL_OWNER, Owner
from coach.ports import EmbedderIdentity

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
    assert reports == []


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
    reports: list[int] = []
    with open_coach(settings, lambda _, __, total: reports.append(total)) as coach:
        assert reports == [1]
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
