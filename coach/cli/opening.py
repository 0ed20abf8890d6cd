"""Opens the coach for one command, with progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from coach.config import read_settings

if TYPE_CHECKING:
    from coach.bootstrap import Coach
    from coach.ports import Progress

PATIENCE_S = 1.0
"""Nothing is said about work that takes less than this."""


@contextmanager
def opened() -> Iterator[Coach]:
    """The coach on the data folder of the settings."""
    from coach.bootstrap import open_coach

    with open_coach(read_settings(), progress_on_stderr()) as coach:
        yield coach


def progress_on_stderr() -> Progress:
    """A progress callback: one line that is rewritten on a terminal, one line at the end elsewhere."""
    started: dict[str, float] = {}
    stream = sys.stderr

    def report(doing: str, done: int, total: int) -> None:
        if time.monotonic() - started.setdefault(doing, time.monotonic()) < PATIENCE_S:
            return
        if stream.isatty():
            click.echo(f"\r{doing}: {done} of {total}", err=True, nl=done >= total)
        elif done >= total:
            click.echo(f"{doing}: {total} done", err=True)

    return report
