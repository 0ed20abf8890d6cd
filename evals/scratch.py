"""Scratch stores: a coach on a data folder that is thrown away, and fresh owners in it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TypeVar, cast

from coach.bootstrap import Coach, knowledge_of, open_coach
from coach.config import Settings
from coach.domain.people import Owner
from coach.ports import Progress
from coach.services.compose import BUILT_IN

Opened = TypeVar("Opened")


class Scratch:
    """Opens what solvers ask for, once a run, below one folder."""

    def __init__(self, folder: Path, closing: ExitStack, settings: Settings | None, progress: Progress | None) -> None:
        self._folder = folder
        self._closing = closing
        self._settings = settings
        self.progress = progress
        self._coach: Coach | None = None
        self._numbers = count(1)
        self._shared: dict[Hashable, object] = {}

    @property
    def coach(self) -> Coach:
        """The product as it ships, with its library indexed and no notes; opened at the first use."""
        if self._coach is None:
            settings = (self._settings or Settings(home=self._folder)).model_copy(update={"home": self.folder("coach")})
            self._coach = self._closing.enter_context(open_coach(settings, self.progress))
        return self._coach

    @property
    def composer(self) -> str:
        """What writes the replies: a model's name, or built-in."""
        return (self._settings.model if self._settings else "") or BUILT_IN

    @cached_property
    def knowledge_digest(self) -> str:
        """Of the bundled library's files, 16 hex digits."""
        return knowledge_of(self._settings or Settings(home=self._folder)).digest[:16]

    def owner(self) -> Owner:
        """Somebody who has nothing yet."""
        return Owner(f"evals-{next(self._numbers)}")

    def shared(self, key: Hashable, opening: Callable[[], AbstractContextManager[Opened]]) -> Opened:
        """What was opened under this key before, or now; closed with the scratch."""
        if key not in self._shared:
            self._shared[key] = self._closing.enter_context(opening())
        return cast("Opened", self._shared[key])

    def say(self, what: str, done: int, total: int) -> None:
        """Report progress, where somebody listens."""
        if self.progress:
            self.progress(what, done, total)

    def folder(self, name: str) -> Path:
        """A folder of that name, made anew with a number behind it where it is there already."""
        path = self._folder / name
        while path.exists():
            path = self._folder / f"{name}-{next(self._numbers)}"
        path.mkdir(parents=True)
        return path


@contextmanager
def scratch_store(*, settings: Settings | None = None, progress: Progress | None = None) -> Iterator[Scratch]:
    """A scratch that lasts as long as the block. `settings` are the coach's, but for the data folder."""
    with tempfile.TemporaryDirectory(prefix="evals-") as folder, ExitStack() as closing:
        yield Scratch(Path(folder), closing, settings, progress)
