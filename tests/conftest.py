"""A coach on the real library, built once a run: its index takes half a minute."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path

import pytest
from filelock import FileLock

from coach.bootstrap import Coach, open_coach
from coach.config import Settings
from coach.domain.conversation import Finished, Reply, Turn
from coach.domain.people import Owner

_owners = count()


@pytest.fixture(scope="session")
def library_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose library is indexed and which holds nothing else."""
    # One build for all workers: the folder above a worker's own is the run's.
    shared = (
        tmp_path_factory.getbasetemp().parent
        if os.environ.get("PYTEST_XDIST_WORKER")
        else tmp_path_factory.getbasetemp()
    )
    home = shared / "library"
    with FileLock(shared / "library.lock"):
        if not (home / "built").exists():
            with open_coach(Settings(home=home)):
                pass
            (home / "built").touch()
    return home


@pytest.fixture(scope="session")
def coach(library_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coach]:
    """The coach on the real library; keep apart by owner."""
    home = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(library_home, home)
    with open_coach(Settings(home=home)) as opened:
        yield opened


@pytest.fixture
def home(library_home: Path, tmp_path: Path) -> Path:
    """A data folder of this test alone, with the library indexed."""
    return Path(shutil.copytree(library_home, tmp_path / "home"))


@pytest.fixture
def owner() -> Owner:
    """An owner of this test alone."""
    return Owner(f"owner-{next(_owners)}")


class Talk:
    """A conversation in a test: says something, gives the reply."""

    def __init__(self, coach: Coach, owner: Owner) -> None:
        self.coach, self.owner = coach, owner
        self.conversation_id = coach.store.start_conversation(owner=owner, title="Test").id

    def say(self, text: str, **turn: object) -> Reply:
        """The reply to one turn of this conversation."""
        made = Turn(text, conversation_id=self.conversation_id, **turn)  # type: ignore[arg-type]
        events = list(self.coach.session.reply(made, owner=self.owner))
        assert isinstance(events[-1], Finished), events[-1]
        return events[-1].reply

    def add_note(self, text: str, *, name: str | None = None, day: date | None = None) -> str:
        """Its id."""
        relationship = self.coach.store.add_relationship(name, owner=self.owner) if name else None
        document = self.coach.documents.read_text(text)
        added = self.coach.ingest.add(
            document, owner=self.owner, relationship_id=relationship.id if relationship else None, date=day
        )
        return added.note.id


@pytest.fixture
def talk(coach: Coach, owner: Owner) -> Talk:
    """A fresh conversation of a fresh owner."""
    return Talk(coach, owner)
