"""The notes page: where its pieces stand and which event goes where.

What an event does is `coach.ui.shelf`; how a piece looks is `coach.ui.render_notes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from gradio.components.navbar import Navbar

from coach.ui import render, render_notes
from coach.ui.pages.pieces import PRIVATE, action_box, owner_of, piece
from coach.ui.shelf import Screen
from coach.ui.view import action_in

if TYPE_CHECKING:
    from coach.ui.downloads import Identify
    from coach.ui.preferences import Preferences
    from coach.ui.shelf import Shelf


def build(page: gr.Blocks, shelf: Shelf, preferences: Preferences, identify: Identify) -> None:
    """Lay the page out inside `page`, which is open."""
    Navbar(visible=False)
    with gr.Column(elem_id="app"):
        piece("bar", render.page_bar("notes"))
        where = piece("where", preferences.at_start())
        with gr.Row(elem_id="library"):
            with gr.Column(elem_id="shelf"):
                files = gr.File(
                    elem_id="drop", label="Drop notes here", show_label=False, file_count="multiple", height=132
                )
                form, results = piece("paste"), piece("results")
                piece("search", render_notes.search_form())
                found, listing = piece("found"), piece("listing")
            with gr.Column(elem_id="reader"):
                notice, note = piece("notice"), piece("note")
    action = action_box()
    tick = gr.Timer(0.7, active=False)
    outputs = [form, results, found, listing, note, notice]

    def show(request: gr.Request) -> list[object]:
        owner = owner_of(request, identify)
        screen = shelf.show(request.query_params.get("note"), owner=owner)
        return [*_updates(screen), preferences.where(owner=owner), gr.Timer(active=not shelf.is_ready)]

    def act(message: str, request: gr.Request) -> list[object]:
        return _updates(shelf.act(action_in(message), owner=owner_of(request, identify)))

    def take_in(uploads: list[str] | None, request: gr.Request) -> Iterator[list[object]]:
        paths = [Path(upload) for upload in uploads or []]
        for screen in shelf.take_in(paths, owner=owner_of(request, identify)):
            yield [*_updates(screen), None]

    page.load(show, None, [*outputs, where, tick], **PRIVATE)
    tick.tick(show, None, [*outputs, where, tick], **PRIVATE)
    action.change(act, [action], outputs, trigger_mode="multiple", **PRIVATE)
    files.upload(take_in, [files], [*outputs, files], **PRIVATE)


def _updates(screen: Screen) -> list[object]:
    """What Gradio is to change, in the order of the outputs."""
    pieces = [screen.form, screen.results, screen.found, screen.listing, screen.note, screen.notice]
    return [gr.skip() if text is None else text for text in pieces]
