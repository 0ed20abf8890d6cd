"""`coach serve`: the page."""

from __future__ import annotations

import click

from coach.config import read_settings


@click.command()
@click.option("--host", help="Address to listen on; COACH_HOST, else this computer only.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; COACH_PORT, else 7860. 0 takes a free one.")
def serve(host: str | None, port: int | None) -> None:
    """Open the coach as a page in the browser."""
    from coach.ui.host import serve as serve_page

    changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    serve_page(read_settings().model_copy(update=changes))
