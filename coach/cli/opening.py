"""Opens the coach for one command, with progress on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from coach.config import read_settings

if TYPE_CHECKING:
    from coach.bootstrap import Coach

PATIENCE_S = 1.0
"""Nothing is said about work that takes less than this."""


@contextmanager
def opened() -> Iterator[Coach]:
    """The coach on the data folder of the settings."""
    from coach.bootstrap import open_coach

    with open_coach(read_settings(), progress_on_stderr()) as coach:
        yield coach


class progress_on_stderr:  # noqa: N801 - reads as a function where it is used
    """A progress callback: one line that is rewritten on a terminal, a line at the start and end elsewhere."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}

    def __call__(self, doing: str, done: int, total: int) -> None:
        """See `coach.ports.Progress`."""
        started = self._started.setdefault(doing, time.monotonic())
        if time.monotonic() - started < PATIENCE_S:
            return
        stream = click.get_text_stream("stderr")
        if stream.isatty():
            click.echo(f"\r{doing}: {done} of {total}", err=True, nl=done >= total)
        elif done >= total:
            click.echo(f"{doing}: {total} done", err=True)
