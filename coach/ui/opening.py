"""Opens the coach in the background, so that the page answers before the library has been read.

What is opened is `coach.bootstrap`'s; showing how far it is, is for the pages.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from coach.bootstrap import Coach
from coach.domain.errors import CoachError, StorageFailed
from coach.ports import Progress

log = logging.getLogger(__name__)

Start = Callable[[Progress | None], AbstractContextManager[Coach]]


class _Closed(Exception):
    """Nobody waits for the coach any more."""


class Opening:
    """The coach as it is being opened: how far it is, then the coach or why there is none."""

    def __init__(self, start: Start, *, on_failure: Callable[[CoachError], None] = lambda _: None) -> None:
        self._start = start
        self._on_failure = on_failure
        self._settled = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._coach: Coach | None = None
        self._error: CoachError | None = None
        self._status = "Opening the library…"

    def begin(self) -> None:
        """Start opening; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="opening", daemon=True)
            self._thread.start()

    def close(self, *, timeout_s: float = 10.0) -> None:
        """Give the data folder back; opening that is still under way ends at its next step."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    @property
    def status(self) -> str:
        """A sentence on how far it is; empty once the coach is there."""
        if self._error is not None:
            return str(self._error)
        return "" if self._coach is not None else self._status

    @property
    def is_settled(self) -> bool:
        """Whether there is a coach, or will be none."""
        return self._settled.is_set()

    def coach(self, *, timeout_s: float = 0.0) -> Coach | None:
        """The coach, waiting up to `timeout_s` for it; None while it is not there.

        Raises:
            CoachError: It could not be opened.
        """
        self._settled.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return self._coach

    def _run(self) -> None:
        # The same thread opens and closes: a file lock belongs to the thread that took it.
        with ExitStack() as stack:
            try:
                self._coach = stack.enter_context(self._start(self._tell))
            except _Closed:
                return
            except CoachError as error:
                self._fail(error)
                return
            except Exception as error:
                log.exception("the coach could not be opened")
                self._fail(StorageFailed(f"The coach could not be opened ({type(error).__name__}). The log says more."))
                return
            self._settled.set()
            self._closing.wait()

    def _fail(self, error: CoachError) -> None:
        self._error = error
        self._settled.set()
        self._on_failure(error)

    def _tell(self, doing: str, done: int, total: int) -> None:
        if self._closing.is_set():
            raise _Closed
        self._status = f"{doing}… {done:,} of {total:,}"
