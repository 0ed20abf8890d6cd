"""The Settings page: where its pieces stand and which event goes where.

What an event does is `coach.ui.preferences`; how a piece looks is `coach.ui.render_settings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import gradio as gr
from gradio.components.navbar import Navbar

from coach.ui import render
from coach.ui.pages.pieces import PRIVATE, action_box, owner_of, piece
from coach.ui.preferences import Screen
from coach.ui.view import action_in

if TYPE_CHECKING:
    from coach.ui.downloads import Identify
    from coach.ui.preferences import Preferences


def build(page: gr.Blocks, preferences: Preferences, identify: Identify) -> None:
    """Lay the page out inside `page`, which is open."""
    Navbar(visible=False)
    with gr.Column(elem_id="app"):
        piece("bar", render.page_bar("settings"))
        where = piece("where", preferences.at_start())
        with gr.Column(elem_id="settings"):
            notice, model, connection = piece("notice"), piece("model"), piece("connection")
            notes, used, search = piece("notes-policy"), piece("used"), piece("search-by")
    action = action_box()
    tick = gr.Timer(0.7, active=False)
    outputs = [where, notice, model, connection, notes, used, search]

    def show(request: gr.Request) -> list[object]:
        screen = preferences.show(owner=owner_of(request, identify))
        return [*_updates(screen), gr.Timer(active=not preferences.is_ready)]

    def act(message: str, request: gr.Request) -> Iterator[list[object]]:
        for screen in preferences.perform(action_in(message), owner=owner_of(request, identify)):
            yield _updates(screen)

    page.load(show, None, [*outputs, tick], **PRIVATE)
    tick.tick(show, None, [*outputs, tick], **PRIVATE)
    action.change(act, [action], outputs, trigger_mode="multiple", **PRIVATE)


def _updates(screen: Screen) -> list[object]:
    """What Gradio is to change, in the order of the outputs."""
    pieces = [screen.where, screen.notice, screen.model, screen.connection, screen.notes, screen.used, screen.search]
    return [gr.skip() if text is None else text for text in pieces]
