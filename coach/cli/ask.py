"""`coach ask`: one turn of a conversation of its own, that leaves nothing in the store."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from coach.cli.json_documents import print_json, reply_document
from coach.cli.opening import opened
from coach.domain.conversation import Event, Failed, Finished, Reply, Turn
from coach.domain.people import LOCAL_OWNER, Role
from coach.domain.suggestions import Correction


@click.command()
@click.argument("text")
@click.option("--as", "role", type=click.Choice(["mentor", "mentee"]), help="The chair you sit in.")
@click.option("--with", "name", help="The person it is about.")
@click.option("--built-in", is_flag=True, help="Answer without the chat model.")
@click.option("--json", "as_json", is_flag=True, help="Print the reply as one JSON document.")
def ask(text: str, role: Role | None, name: str | None, built_in: bool, as_json: bool) -> None:
    """Ask once, get one reply. TEXT may be - to read it from standard input."""
    if text == "-":
        text = sys.stdin.read()
    with opened() as coach:
        if coach.model is not None and not coach.model.is_local and not built_in:
            click.echo(f"Your message goes to {coach.model.place} ({coach.model.name}).", err=True)
        known = coach.store.relationships(owner=LOCAL_OWNER)
        relationship = next((r for r in known if name and r.name.casefold() == name.strip().casefold()), None)
        turn = Turn(
            text=text,
            relationship_id=relationship.id if relationship else None,
            counterpart=name.strip() if name and relationship is None else None,
            correction=Correction(role=role),
            is_built_in_only=built_in,
        )
        reply = _reply(coach.session.reply(turn, owner=LOCAL_OWNER))
    if reply.notice:
        click.echo(reply.notice, err=True)
    if as_json:
        print_json(reply_document(reply))
        return
    click.echo(reply.markdown)
    for citation in reply.citations:
        evidence = citation.evidence
        click.echo(f"[{citation.marker}] {evidence.title}" + (f" · {evidence.byline}" if evidence.byline else ""))


def _reply(events: Iterable[Event]) -> Reply:
    for event in events:
        if isinstance(event, Failed):
            click.echo(event.message, err=True)
            sys.exit(1)
        if isinstance(event, Finished):
            return event.reply
    raise AssertionError("a turn ends with Finished or Failed")
