"""`coach export`, `coach erase`, `coach doctor`: what the coach keeps, and whether it is well."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from coach.cli.json_documents import print_json
from coach.cli.opening import opened, progress_on_stderr
from coach.config import read_settings
from coach.domain.people import LOCAL_OWNER


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def export(folder: Path) -> None:
    """Write notes and conversations to FOLDER as Markdown."""
    from coach.services.export import export_everything

    with opened() as coach:
        files = export_everything(coach.store, folder, owner=LOCAL_OWNER)
    click.echo(f"{len(files)} files written to {folder}.")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(yes: bool) -> None:
    """Delete every note, conversation and saved plan. There is no way back."""
    home = read_settings().home
    if not yes:
        click.confirm(f"Delete everything that the coach keeps about you in {home}?", abort=True)
    with opened() as coach:
        coach.ingest.erase_everything(owner=LOCAL_OWNER)
    click.echo("Everything is deleted.")


@click.command()
@click.option("--rebuild", is_flag=True, help="First make the index anew from the notes and the library.")
@click.option("--json", "as_json", is_flag=True)
def doctor(rebuild: bool, as_json: bool) -> None:
    """Say whether everything that the coach needs is there."""
    from coach.bootstrap import examine, open_coach

    if rebuild:
        with open_coach(read_settings(), progress_on_stderr(), is_rebuilt=True):
            click.echo("The index is rebuilt.", err=True)
    findings = examine(read_settings())
    if as_json:
        print_json([{"check": f.check, "is_well": f.is_well, "message": f.message} for f in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok  ' if finding.is_well else 'FAIL'}  {finding.check}: {finding.message}")
    sys.exit(0 if all(finding.is_well for finding in findings) else 1)
