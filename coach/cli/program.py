"""The program: its commands by name, and what becomes of an error.

Each group of commands is a module of its own, imported when it is called, so that `coach --help` is instant.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

import click

from coach.domain.errors import CoachError

_COMMANDS = {
    "serve": ("coach.cli.serve", "Open the coach as a page in the browser."),
    "ask": ("coach.cli.ask", "Ask once, get one reply; nothing is kept."),
    "notes": ("coach.cli.notes", "Add, list, search, show and delete your session notes."),
    "knowledge": ("coach.cli.knowledge", "Check the library of practice, or show what it covers."),
    "export": ("coach.cli.data:export", "Write notes and conversations to a folder as Markdown."),
    "erase": ("coach.cli.data:erase", "Delete everything that the coach keeps about you."),
    "doctor": ("coach.cli.data:doctor", "Say whether everything that the coach needs is there."),
}


class _Lazy(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        place, _, attribute = _COMMANDS[name][0].partition(":")
        command = getattr(importlib.import_module(place), attribute or name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, context: click.Context) -> object:
        """A foreseen failure ends the command with its reason and status 1."""
        try:
            return super().invoke(context)
        except CoachError as error:
            raise click.ClickException(str(error)) from error

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, to stderr; never the text of notes or messages.")
def program(verbose: bool) -> None:
    """A coach for mentoring conversations: questions, framings and resources from cited practice and your own notes."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave: 0 done, 1 failed with a reason on stderr, 2 wrong usage."""
    program.main(args=list(arguments) if arguments is not None else None, prog_name="coach")
