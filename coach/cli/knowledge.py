"""`coach knowledge`: is the library sound, and what does it cover?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from coach.cli.json_documents import print_json
from coach.config import read_settings


@click.group()
def knowledge() -> None:
    """The library of practice."""


@knowledge.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON document.")
@click.option("--meaning", is_flag=True, help="Also look for questions that mean the same; takes half a minute.")
@click.option("--accept", is_flag=True, help="Take the ids as they now are into ids.txt.")
def check(as_json: bool, meaning: bool, accept: bool) -> None:
    """Find every fault at once: schema, links, wording, length, repetition, coverage, changed ids."""
    from coach.bootstrap import accept_ids, check_knowledge

    settings = read_settings()
    if accept:
        accept_ids(settings)
    findings = check_knowledge(settings, with_meaning=meaning)
    errors = [finding for finding in findings if finding.severity == "error"]
    if as_json:
        print_json(
            [
                {"kind": f.kind, "id": f.id, "rule": f.rule, "message": f.message, "severity": f.severity}
                for f in findings
            ]
        )
    else:
        for finding in findings:
            click.echo(f"{finding.severity}: {finding.kind} {finding.id}: {finding.message}")
        click.echo(f"{len(errors)} errors, {len(findings) - len(errors)} warnings")
    sys.exit(1 if errors else 0)


@knowledge.command()
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON document.")
@click.option(
    "--heatmap", type=click.Path(path_type=Path, dir_okay=False), help="Also write the coverage as an SVG image."
)
def stats(as_json: bool, heatmap: Path | None) -> None:
    """Show how much there is, for which stages and topics, and where it is thin."""
    from coach.bootstrap import knowledge_of, write_heatmap
    from coach.services.knowledge_stats import as_table
    from coach.services.knowledge_stats import stats as count

    counted = count(knowledge_of(read_settings()))
    if heatmap is not None:
        write_heatmap(heatmap, {"Questions by stage and purpose": counted.stages, "Records by topic": counted.topics})
    if as_json:
        print_json(counted.as_json())
    else:
        click.echo(as_table(counted))
